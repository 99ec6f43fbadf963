"""A camera and its sessions that aren't there, for the real camera host."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from prometheus_client import CollectorRegistry

from camera.drivers.base import (
    Applied,
    Capabilities,
    Choice,
    Counters,
    DriverState,
    ExposureCapability,
    Frame,
    GainCapability,
    Original,
    Settings,
    Standing,
    Status,
)
from camera.errors import CameraError, ExposureAbortedError
from camera.host import CameraHost
from camera.metrics import CameraMetrics
from camera.plan import Wish
from camera.preview import PreviewFolder
from skycam_project.common.clock import SystemClock
from skycam_project.common.link import CallError, NotConnected

WIDTH, HEIGHT = 64, 48
CAPABILITIES = Capabilities(
    exposure=ExposureCapability(
        Choice.ENUM, 0.001, 30.0, (0.001, 0.5, 1.0, 2.0, 30.0), bulb=True, bulb_max=900.0
    ),
    gain=GainCapability(Choice.ENUM, "ISO", 100, 6400, 100, (100.0, 800.0, 6400.0)),
)


class FakeDriver:
    """A `CameraDriver` that exposes for `takes_s` real seconds, whatever it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._clock = folder, SystemClock()
        self.standing = Standing(DriverState.ABSENT, self._clock.now())
        self.counters, self.status = Counters(), Status(temperature_c=12.5)
        self.on_change = self.on_event = lambda *_details: None
        self.connected, self.model, self.address = False, "Fake D1", "auto"
        self.capabilities = CAPABILITIES
        self.exposing_s: float | None = None
        self.failure: CameraError | None = None
        self.absent: CameraError | None = None
        self.takes_s = 0.05
        self.settings: list[Settings] = []
        self._aborted = asyncio.Event()
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        picture = np.stack([4 * x, 5 * y, (x + y) % 256], axis=2).astype(np.uint8)
        self.picture = folder / "picture.jpg"
        Image.fromarray(picture).save(self.picture, quality=95)

    def stand(self, state: DriverState, reason: str | None = None) -> None:
        self.standing = Standing(state, self._clock.now(), reason)
        self.on_change()

    async def open(self) -> Capabilities:
        if self.absent:
            self.stand(DriverState.ABSENT, str(self.absent))
            raise self.absent
        self.connected = True
        self.stand(DriverState.IDLE)
        return self.capabilities

    async def recover(self) -> Capabilities:
        await asyncio.sleep(0.01)
        return await self.open()

    async def close(self) -> None:
        self.connected = False
        self.stand(DriverState.ABSENT)

    async def apply(self, settings: Settings) -> Applied:
        return Applied(settings.exposure_s, settings.gain, "ISO")

    async def expose(self, settings: Settings) -> Frame:
        self.settings.append(settings)
        start, self.exposing_s = self._clock.now(), settings.exposure_s
        self._aborted.clear()
        self.stand(DriverState.EXPOSING)
        try:
            async with asyncio.timeout(self.takes_s):
                await self._aborted.wait()
            raise ExposureAbortedError("aborted")
        except TimeoutError:
            if self.failure:
                raise self.failure from None
        finally:
            self.exposing_s = None
            self.stand(DriverState.IDLE)
        path = self._folder / f"{len(self.settings):06d}.jpg"
        path.write_bytes(self.picture.read_bytes())
        end = start + timedelta(seconds=settings.exposure_s or 0.0)
        return Frame(
            Original(path, "image/jpeg"), Applied(settings.exposure_s, settings.gain, "ISO"), start, end,
            self._clock.monotonic(), self._clock.monotonic(), download_s=0.0,
        )  # fmt: skip

    async def acknowledge(self, frame: Frame) -> None:
        frame.path.unlink()

    async def recovered(self) -> list[Frame]:
        return []

    async def abort(self) -> None:
        self._aborted.set()

    async def preview(self) -> bytes:
        return self.picture.read_bytes()

    async def refresh(self) -> Status:
        return self.status


class FakeSink:
    """Sessions that only count."""

    def __init__(self) -> None:
        self.frames = 0

    async def begin_run(self) -> None: ...

    async def end_run(self) -> None: ...

    async def begin_calibration(self, purpose: str) -> None: ...

    async def end_calibration(self) -> None: ...

    async def frame(self, frame: Frame) -> str:
        self.frames += 1
        return f"night/{self.frames:06d}"

    def event(self, name: str, **details: Any) -> None: ...

    def measured(self, frame: Any, stars: int | None) -> None: ...

    def log(self, level: int, message: str, **context: Any) -> None: ...

    def session(self) -> dict[str, Any] | None:
        return {"id": "night"}


class Wishes:
    """The user's wish, in memory."""

    def __init__(self) -> None:
        self.wish = Wish()

    def load(self) -> Wish:
        return self.wish

    def save(self, wish: Wish) -> None:
        self.wish = wish


class CameraMirror:
    """A real camera host in the place of its mirror."""

    def __init__(self, folder: Path) -> None:
        self.problem = ""
        self.driver, self.wishes, self.sink = FakeDriver(folder), Wishes(), FakeSink()
        (folder / "state").mkdir(exist_ok=True)
        self.host = CameraHost(
            camera="dslr", name="Meadow camera", driver=self.driver, driver_name="fake", sink=self.sink,
            wishes=self.wishes, previews=PreviewFolder(folder / "previews"), run_file=folder / "state" / "run.json",
            publish=lambda state: None, images=folder / "images", metrics=CameraMetrics(CollectorRegistry()),
        )  # fmt: skip

    @property
    def state(self) -> Mapping[str, Any]:
        if self.problem:
            raise NotConnected(self.problem)
        return self.host.state()

    async def call(self, name: str, /, timeout: float = 10.0, **args: Any) -> Any:
        if name not in self.host.calls:
            raise CallError(f"no call {name}", code="unknown_call")
        async with asyncio.timeout(timeout):
            return await self.host.calls[name](**args)
