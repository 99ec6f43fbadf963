"""Scenes fade in, shows run: values between two looks, stepped at the output rate through the one queue."""

import asyncio
import contextlib
import itertools
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lighting.engine.engine import Engine
from lighting.engine.rig import MAIN
from lighting.engine.scenes import Library, targets
from lighting.errors import InterlockedError, InvalidError, MissingError, QueueFullError
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

STEP: Seconds = 1 / 40
SAY_EVERY: Seconds = 0.1
"""Between two states in the middle of a fade."""
SHORTEST_STEP: Seconds = 0.05
"""Of a show: one of no length would only burn CPU."""
ASK_AGAIN: Seconds = 0.2

Place = tuple[int, int]


@dataclass(slots=True)
class Fade:
    """Channels on their way: place to (from, to), 0..255."""

    places: dict[Place, tuple[int, int]]
    by: str
    begun: Seconds
    duration: Seconds
    said: Seconds
    moves_main: bool
    of_show: bool


class Player:
    """Recalls scenes and runs the show of a library."""

    def __init__(self, engine: Engine, library: Library) -> None:
        self.engine, self.library = engine, library
        self.step: int | None = None
        """Number of the show's step that runs; `None` while none does."""
        self._fades: list[Fade] = []
        self._stepped: Seconds = 0.0
        self._moving = asyncio.Event()
        self._show: asyncio.Task[None] | None = None
        self._pausing, self._going = asyncio.Event(), asyncio.Event()
        self._going.set()
        self.scene: str | None = None
        engine.on_manual = self._released

    async def run(self) -> None:
        """Step fades until cancelled; starts the show if it says so."""
        if self.library.show.get("autostart"):
            self.start()
        try:
            while True:
                await self._moving.wait()
                try:
                    await self.engine.control(self._step_all)
                except QueueFullError:
                    log.debug("a step of a fade was left out, the queue is full")
                await asyncio.sleep(STEP)
        finally:
            self.stop()

    # ---- scenes

    @property
    def fading(self) -> bool:
        """Whether values are on their way: none of those in between was chosen by anybody."""
        return bool(self._fades)

    async def recall(self, scene_id: str, fade_ms: int | None = None, *, of_show: bool = False) -> None:
        """Bring a scene; channels that it does not name stay. Raises `MissingError`, `InterlockedError`."""
        scene = self.library.scene(scene_id)
        duration = (scene["fadeMs"] if fade_ms is None else fade_ms) / 1000
        await self.engine.control(self._begin, scene, duration, of_show)

    def _begin(self, scene: dict[str, Any], duration: Seconds, of_show: bool) -> None:
        engine, rig = self.engine, self.engine.rig
        values, by = targets(scene, rig), f"scene:{scene['id']}"[:64]
        engine.check_channels(values)
        self._drop(values.keys())
        self.scene = scene["id"]
        if not duration:
            engine.set_channels(values, by)
            return
        now = time.monotonic()
        moves_main = bool(rig.channels_of(MAIN) & values.keys())
        places = {place: (rig.channel(*place), value) for place, value in values.items()}
        self._stepped = now if not self._fades else self._stepped
        self._fades.append(Fade(places, by, now, duration, now, moves_main, of_show))
        if moves_main:
            engine.number(by)
        self._moving.set()

    def _step_all(self) -> None:
        """One step of all fades; for the writer."""
        now = time.monotonic()
        waits = self.engine.interlock.enforced or self.engine.mode == "blackout"
        still = [fade for fade in self._fades if waits or (fade.of_show and self.paused)]
        for fade in still:  # the time of an exposure does not count, nor that of a pause
            fade.begun += now - self._stepped
        self._stepped = now
        for fade in self._fades:
            if fade in still:
                continue
            share = min(1.0, (now - fade.begun) / fade.duration)
            values = {place: round(a + (b - a) * share) for place, (a, b) in fade.places.items()}
            say = fade.moves_main and (share == 1.0 or now - fade.said >= SAY_EVERY)
            if say:
                fade.said = now
            self.engine.set_channels(values, fade.by, seq=say)
        self._fades = [fade for fade in self._fades if now - fade.begun < fade.duration and fade.places]
        if not self._fades:
            self._moving.clear()

    def _released(self, places: set[Place]) -> None:
        """Somebody set these channels: the latest takes precedence."""
        self.scene = None
        self._drop(places)

    def _drop(self, places: Any) -> None:
        main = self.engine.rig.channels_of(MAIN)
        for fade in self._fades:
            for place in fade.places.keys() & set(places):
                del fade.places[place]
            fade.moves_main = bool(main & fade.places.keys())
        self._fades = [fade for fade in self._fades if fade.places]
        if not self._fades:
            self._moving.clear()

    # ---- the show

    def start(self) -> None:
        """Run the show from its first step. Raises `InvalidError` when it has none."""
        steps = self.library.show["steps"]
        if not steps:
            raise InvalidError("the show has no steps")
        self.stop()
        self._show = asyncio.create_task(self._play(steps, self.library.show["order"]), name="show")

    @property
    def paused(self) -> bool:
        """Whether a show has been halted in the middle of a step."""
        return self._pausing.is_set()

    def pause(self) -> None:
        """Halt the show: the light stays, its fades too. Raises `InvalidError` when none runs."""
        self._running()
        self._going.clear()
        self._pausing.set()

    def resume(self) -> None:
        """Go on where `pause` halted. Raises `InvalidError` when no show runs."""
        self._running()
        self._go_on()

    def _running(self) -> None:
        if self._show is None or self._show.done():
            raise InvalidError("no show is running")

    def _go_on(self) -> None:
        self._pausing.clear()
        self._going.set()

    def stop(self) -> None:
        """End the show; the light stays as it is."""
        self._go_on()
        if self._show:
            self._show.cancel()
            self._show = None
        self.step = None
        self._fades.clear()
        self._moving.clear()

    async def blackout(self, by: str) -> None:
        """End everything, all channels to 0."""
        self.stop()
        await self.engine.control(self.engine.blackout, by)

    async def _play(self, steps: list[dict[str, Any]], order: str) -> None:
        for number in sequence(len(steps), order):
            step, self.step = steps[number], number
            self.engine.on_change()
            fade, hold = int(step.get("fadeMs", 0)), int(step.get("holdMs", 0))
            await self._enter(step["sceneId"], fade)
            await self._last(max(SHORTEST_STEP, (fade + hold) / 1000))
        self.step = None
        self.engine.on_change()

    async def _last(self, left: Seconds) -> None:
        """Sleep; a pause does not count."""
        while left > 0:
            await self._going.wait()
            begun = time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pausing.wait(), left)
            left -= time.monotonic() - begun

    async def _enter(self, scene: str, fade: int) -> None:
        while True:
            try:
                await self.recall(scene, fade, of_show=True)
                return
            except MissingError as error:
                log.warning("show: %s; the step is left out", error)
                return
            except (InterlockedError, QueueFullError):  # between the frames it goes on
                await asyncio.sleep(ASK_AGAIN)


def sequence(count: int, order: str) -> Iterator[int]:
    """Numbers of steps in the order of a show, without an end except for `single`."""
    if order == "single":
        yield from range(count)
    elif order == "pingpong":
        there = list(range(count))
        yield from itertools.cycle(there + there[-2:0:-1])
    elif order == "random":
        while True:
            yield random.randrange(count)  # noqa: S311 - a show
    else:
        yield from itertools.cycle(range(count))
