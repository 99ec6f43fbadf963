"""The observatory's host: flats, beacons and scenes of the night. It owns no device and follows all."""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from observatory.beacons import Signal, signal
from observatory.errors import BusyError
from observatory.flats.cameras import FlatCamera, StillFlatCamera, TelescopeFlatCamera
from observatory.flats.run import FlatRun, Order
from observatory.night import NightScenes, moment
from observatory.standing import Standing, standing
from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import InvalidValueError, SkycamError
from skycam_project.common.link import Mirror, NotConnected
from skycam_project.common.units import Degrees, Seconds

log = logging.getLogger(__name__)

LOOK: Seconds = 0.5
SEQUENCE: Seconds = 60.0
"""So long after the last exposure a sequence of single frames counts as going on."""
PERIODS = 10
"""Of the panel's dimming, that every flat covers."""


class ObservatoryHost:
    """What spans devices. Calls come over its link.

    Args:
        mirrors: by the names of the live interface: `camera/<id>`, `telescope/<n>`, `lighting`; started by `run`.
        images: folder of pixel files.
        pwm_hz: how often the flat panel's dimming switches.
        scenes: which scene each moment of the night begins with.
        publish: called with each new state.
        sun: the Sun's altitude now; None without a place.
        beacons: whether to tell the beacons.
    """

    def __init__(
        self,
        mirrors: Mapping[str, Mirror],
        images: Path,
        pwm_hz: float,
        scenes: NightScenes,
        publish: Callable[[Mapping[str, Any]], None],
        sun: Callable[[], Degrees | None] = lambda: None,
        beacons: bool = True,
    ) -> None:
        self.mirrors, self.images, self.publish, self._scenes = mirrors, images, publish, scenes
        self._shortest: Seconds = PERIODS / pwm_hz
        self._sun, self._beacons = sun, beacons
        self._run: FlatRun | None = None
        self._task: asyncio.Task[None] | None = None
        self._signal: Signal | None = None
        self._moment, self._waits = "", ""
        self._captured_at: Seconds = -math.inf

    @property
    def calls(self) -> dict[str, Any]:
        """What others may ask for, by name."""
        return {call.__name__: call for call in (self.start_flats, self.stop_flats, self.set_scenes)}

    async def run(self) -> None:
        """Follow everything until cancelled."""
        await asyncio.gather(*(mirror.start() for mirror in self.mirrors.values()))
        try:
            while True:
                await self._look()
                await asyncio.sleep(LOOK)
        finally:
            await self.stop_flats()
            await asyncio.gather(*(mirror.stop() for mirror in self.mirrors.values()))

    def state(self) -> dict[str, Any]:
        """`flats`: the run that goes on or the last one (None before the first); `moment`, its `scenes`, why one `waits`."""
        return {
            "moment": self._moment,
            "scenes": self._scenes.scenes,
            "waits": self._waits,
            "beacons": self._signal.why if self._signal else "",
            "flats": self._run.state() | {"running": self._running} if self._run else None,
            "updated_at": iso_utc(datetime.now(UTC)),
        }

    def _changed(self) -> None:
        self.publish(self.state())

    # ---- beacons and scenes

    async def _look(self) -> None:
        """Tell the lights what has changed; lights that do not answer are told when they are back."""
        before = self._moment, self._signal, self._waits
        now = self._standing()
        try:
            await self._tell_beacons(now)
            await self._begin_scene(now)
        except NotConnected:
            self._signal = None
        except (SkycamError, OSError) as error:  # a full disk too: tried again
            log.warning("beacons or scene: %s", error)
        if before != (self._moment, self._signal, self._waits):
            self._changed()

    def _standing(self) -> Standing:
        """The pauses between the frames of a sequence are part of it."""
        now, seconds = standing(self.mirrors), asyncio.get_running_loop().time()
        if now.capturing:
            self._captured_at = seconds
        return replace(now, capturing=seconds - self._captured_at < SEQUENCE)

    async def _tell_beacons(self, now: Standing) -> None:
        wanted, lights = signal(now), self.mirrors["lighting"]
        if self._beacons and (wanted != self._signal or lights.state["beacons"] != wanted.why):
            colour = dict(zip("rgb", wanted.colour, strict=True))
            await lights.call("beacons", colour=colour, period_s=wanted.period_s, why=wanted.why)
            self._signal = wanted

    async def _begin_scene(self, now: Standing) -> None:
        """Each moment begins with its scene once, so that people may choose another; a refused one is tried again."""
        self._moment = moment(self._sun(), now, self._moment)
        scenes = self._scenes
        if scenes.begun == self._moment:
            return
        self._waits = ""
        scene = scenes.scenes.get(self._moment)
        if scene is not None:
            try:
                await self.mirrors["lighting"].call("recall", scene=scene)
                log.info("scene %s begins with %s", scene, self._moment)
            except NotConnected:
                raise
            except SkycamError as error:
                self._waits = str(error)
                if error.code == "interlocked":
                    return
        await asyncio.to_thread(scenes.note, self._moment)

    async def set_scenes(self, scenes: object) -> None:
        """Choose the scenes of the night, moment to scene id; the present one begins at its next start."""
        await asyncio.to_thread(self._scenes.replace, scenes)
        self._changed()

    # ---- flats

    @property
    def _running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start_flats(self, camera: str, gain: float | None = None, **order: Any) -> None:
        """Begin a run; the state tells the rest. `order` as `Order`.

        Raises `BusyError`, `InvalidValueError`, `NotConnected`.
        """
        if self._running:
            raise BusyError("flats are being taken already; stop them first")
        order = {name: value for name, value in order.items() if value is not None}
        try:
            wanted = Order(shortest_s=self._shortest, **order)
        except TypeError:
            unknown = sorted(order.keys() - set(Order.__slots__))
            raise InvalidValueError("order", ", ".join(unknown), ", ".join(Order.__slots__)) from None
        self._run = FlatRun(self._camera(camera, gain), self.mirrors["lighting"], wanted, self._changed)
        self._task = asyncio.create_task(self._run.run(), name="flats")
        self._task.add_done_callback(lambda task: self._changed())
        self._changed()

    async def stop_flats(self) -> None:
        """End the run; harmless when there is none."""
        if self._running and self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _camera(self, key: str, gain: float | None) -> FlatCamera:
        kinds = {"camera": StillFlatCamera, "telescope": TelescopeFlatCamera}
        kind = kinds.get(key.partition("/")[0])
        if kind is None or key not in self.mirrors:
            names = ", ".join(name for name in self.mirrors if name.partition("/")[0] in kinds)
            raise InvalidValueError("camera", key, names)
        self.mirrors[key].state  # noqa: B018 - raises when it is not connected
        return kind(key, self.mirrors[key], self.images, gain)
