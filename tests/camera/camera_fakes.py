"""A clock that jumps, a camera that obeys, a session that remembers: for tests of what is around a
driver.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from camera.drivers.base import (
    Applied,
    Capabilities,
    Choice,
    Counters,
    DriverState,
    Frame,
    GainCapability,
    Original,
    Settings,
    Standing,
    Status,
)
from camera.errors import CameraError, ExposureAbortedError, NotConnectedError
from camera.plan import Wish

START = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)


class JumpingClock:
    """Time stands still until everybody sleeps, then jumps to the first who wakes."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return START + timedelta(seconds=self._now)

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, duration: float) -> None:
        if duration <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + duration, next(self._numbers), future))
        await future

    async def run(self, until: float) -> None:
        """Let the others live until the clock shows `until` seconds."""
        while True:
            for _ in range(50):
                await asyncio.sleep(0)
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > until:
                self._now = until
                return
            self._now, _, future = heapq.heappop(self._sleepers)
            future.set_result(None)


class FakeCamera:
    """A `CameraDriver` whose failures are listed beforehand.

    Attributes:
        failures: by number of the exposure, from 0: the error it raises.
        exposed: when each exposure began, seconds of the clock.
        overhead: seconds beyond the exposure that each picture takes.
    """

    def __init__(self, clock: JumpingClock, folder: Path) -> None:
        self._clock, self._folder = clock, folder
        self.standing = Standing(DriverState.ABSENT, clock.now())
        self.counters, self.status = Counters(), Status(battery_percent=70, card_free_images=900)
        self.on_change: Callable[[], None] = lambda: None
        self.on_event: Callable[[str, Mapping[str, Any]], None] = lambda name, details: None
        self.exposing_s: float | None = None
        self.connected, self.model, self.address = False, "Fake", "auto"
        self.capabilities = Capabilities(gain=GainCapability(Choice.ENUM, "ISO", 100, 6400, 100, (100, 6400)))
        self.failures: dict[int, CameraError] = {}
        self.open_failures: list[CameraError] = []
        self.leftovers: list[Frame] = []
        self.exposed: list[float] = []
        self.settings: list[Settings] = []
        self.acknowledged: list[Frame] = []
        self.overhead = 0.0
        self.refreshed = 0
        self.picture = folder / "picture.jpg"
        Image.new("RGB", (64, 48), (30, 60, 90)).save(self.picture)
        self._aborted = asyncio.Event()

    def stand(self, state: DriverState, reason: str | None = None) -> None:
        self.standing = Standing(state, self._clock.now(), reason)
        self.on_change()

    async def open(self) -> Capabilities:
        if self.open_failures:
            error = self.open_failures.pop(0)
            self.stand(DriverState.ABSENT, str(error))
            raise error
        self.connected = True
        self.stand(DriverState.IDLE)
        return self.capabilities

    async def recover(self) -> Capabilities:
        if not self.connected:
            await self._clock.sleep(1.0)
            self.counters.restarts += 1
        return await self.open()

    async def close(self) -> None:
        self.connected = False
        self.stand(DriverState.ABSENT)

    async def apply(self, settings: Settings) -> Applied:
        return Applied(settings.exposure_s, settings.gain, "ISO", settings.aperture_f)

    def frame(self, number: int, settings: Settings, start: float, recovered: bool = False) -> Frame:
        path = self._folder / f"{number:06d}-FAKE.JPG"
        path.write_bytes(self.picture.read_bytes())
        begin = START + timedelta(seconds=start)
        end = begin + timedelta(seconds=settings.exposure_s or 0)
        return Frame(
            Original(path, "image/jpeg"),
            Applied(settings.exposure_s, settings.gain, "ISO", settings.aperture_f),
            begin,
            end,
            None if recovered else start,
            None if recovered else self._clock.monotonic(),
            download_s=0.0,
            recovered=recovered,
            token=number,
        )

    async def expose(self, settings: Settings) -> Frame:
        if not self.connected:
            raise NotConnectedError("fake: not connected")
        number, start = len(self.exposed), self._clock.monotonic()
        self.exposed.append(start)
        self.settings.append(settings)
        self.exposing_s = settings.exposure_s
        self.stand(DriverState.EXPOSING)
        self._aborted.clear()
        exposure = asyncio.ensure_future(self._clock.sleep((settings.exposure_s or 0) + self.overhead))
        aborted = asyncio.ensure_future(self._aborted.wait())
        try:
            await asyncio.wait({exposure, aborted}, return_when=asyncio.FIRST_COMPLETED)
            stopped = aborted.done()
        finally:
            exposure.cancel()
            aborted.cancel()
            self.stand(DriverState.IDLE)
        if stopped:
            raise ExposureAbortedError("fake: stopped")
        if error := self.failures.get(number):
            if error.reopen:
                self.connected = False
                self.stand(DriverState.FAULT, str(error))
            raise error
        return self.frame(number, settings, start)

    async def acknowledge(self, frame: Frame) -> None:
        self.acknowledged.append(frame)
        frame.path.unlink(missing_ok=True)

    async def recovered(self) -> list[Frame]:
        left, self.leftovers = self.leftovers, []
        return left

    async def abort(self) -> None:
        self._aborted.set()

    async def preview(self) -> bytes:
        return self.picture.read_bytes()

    async def refresh(self) -> Status:
        self.refreshed += 1
        return self.status


class FakeSession:
    """A `FrameSink` that keeps bytes and words.

    Attributes:
        failures: errors raised by the next frames, in order.
    """

    def __init__(self) -> None:
        self.frames: list[tuple[str, bytes, Frame]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.logs: list[tuple[int, str]] = []
        self.failures: list[Exception] = []
        self.moves = False
        """Frames are moved away, and one that fails after that is offered again."""
        self.runs = 0
        self._moved: dict[Path, bytes] = {}

    async def begin_run(self) -> None:
        self.runs += 1

    async def end_run(self) -> None:
        return

    async def begin_calibration(self, purpose: str) -> None:
        return

    async def end_calibration(self) -> None:
        return

    async def frame(self, frame: Frame) -> str:
        if self.moves and frame.path.exists():
            self._moved[frame.path] = _read(frame.path)
            frame.path.unlink()
        if self.failures:
            raise self.failures.pop(0)
        number = f"{len(self.frames):06d}"
        data = self._moved.pop(frame.path, None)
        self.frames.append((number, _read(frame.path) if data is None else data, frame))
        return number

    def event(self, name: str, **details: Any) -> None:
        self.events.append((name, details))

    def measured(self, frame: Frame, stars: int | None) -> None:
        self.stars = stars

    def log(self, level: int, message: str, **context: Any) -> None:
        self.logs.append((level, message))

    def session(self) -> dict[str, Any] | None:
        return {"id": "observation_20261120_200000", "type": "observation", "frames": len(self.frames)}

    def named(self, name: str) -> list[dict[str, Any]]:
        """Details of the events of that name."""
        return [details for each, details in self.events if each == name]


def _read(path: Path) -> bytes:
    return path.read_bytes()  # in no thread: the jumping clock cannot see one at work


class MemoryWishes:
    """A `WishStore` that outlives hosts."""

    def __init__(self, wish: Wish | None = None) -> None:
        self.wish = wish or Wish()
        self.broken = False

    def load(self) -> Wish:
        return Wish.from_dict(self.wish.as_dict())

    def save(self, wish: Wish) -> None:
        if self.broken:
            raise OSError("the disk is full")
        self.wish = wish
