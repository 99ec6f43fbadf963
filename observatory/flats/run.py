"""One flat run: search the brightness between camera and panel, then take the flats."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from observatory.errors import FlatsError
from observatory.flats.cameras import FlatCamera
from observatory.flats.search import Limits, Probe, Search
from skycam_project.common.errors import InvalidValueError, SkycamError
from skycam_project.common.link import Mirror
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

PANEL_PATIENCE: Seconds = 8.0
BY = "flats"
"""The sender's name in the lights' state."""
MODES = ("panel", "exposure")
SEARCHING, TAKING, DONE, FAILED, STOPPED = "searching", "taking", "done", "failed", "stopped"


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants. Raises `InvalidValueError`.

    Attributes:
        frames: flats after the search, 1 to 100.
        mode: `panel` searches the panel's brightness, `exposure` the exposure time (a panel of another make, the sky).
        target: level, share of full scale, 0.1 to 0.8.
        exposure_s: to begin with, 0.001 to 600.
        shortest_s: no flat is exposed shorter.
    """

    frames: int = 10
    mode: str = "panel"
    target: float = 0.5
    exposure_s: Seconds = 1.0
    shortest_s: Seconds = 0.1

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InvalidValueError("mode", self.mode, " or ".join(MODES))
        for name, least, most in (("frames", 1, 100), ("target", 0.1, 0.8), ("exposure_s", 0.001, 600)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise InvalidValueError(name, value, f"{least} to {most}")


class FlatRun:
    """Runs an order; `state` tells how far it is.

    Args:
        camera: takes the pictures.
        lights: mirror of the lights; started.
        order: what is wanted.
        changed: called when `state` changed.
    """

    def __init__(self, camera: FlatCamera, lights: Mirror, order: Order, changed: Callable[[], None]) -> None:
        self._camera, self._lights, self._order, self._changed = camera, lights, order, changed
        self._facts: dict[str, Any] = {"phase": SEARCHING, "problem": "", "frames_taken": 0, "steps": []}

    def state(self) -> dict[str, Any]:
        """`phase`, `problem`, `camera`, `mode`, `target`, `frames`, `frames_taken`; `steps`: brightness, exposure_s, level."""
        order = self._order
        return {
            "camera": self._camera.key, "mode": order.mode, "target": order.target, "frames": order.frames, **self._facts,
        }  # fmt: skip

    def _say(self, **facts: Any) -> None:
        self._facts |= facts
        self._changed()

    async def run(self) -> None:
        """To the end, whatever it is; afterwards the panel is dark and the camera given back."""
        try:
            await self._camera.hold()
            try:
                await self._work()
            finally:
                await asyncio.shield(self._clean_up())
            self._say(phase=DONE)
        except SkycamError as error:
            log.warning("flats failed: %s", error)
            self._say(phase=FAILED, problem=str(error))
        except asyncio.CancelledError:
            self._say(phase=STOPPED, problem="the run was stopped")
            raise
        except Exception as error:
            log.exception("flats failed")
            self._say(phase=FAILED, problem=f"internal error: {error}")

    async def _work(self) -> None:
        order, camera = self._order, self._camera
        camera.check()
        search = Search(self._limits(), order.exposure_s, order.target)
        await camera.begin("flat search")
        while not search.found:
            level = await self._picture(search.probe)
            search.tell(level)
        log.info("flats: %s pictures to %s", len(search.taken), search.probe)
        await camera.begin("flats")
        self._say(phase=TAKING)
        for number in range(order.frames):
            await self._picture(search.probe)
            self._say(frames_taken=number + 1)

    def _limits(self) -> Limits:
        _, least, most = self._camera.times()
        shortest = max(least, self._order.shortest_s)
        maximum = self._panel()["maximum"] if self._order.mode == "panel" else None
        return Limits(maximum, shortest, most, lambda wished: self._camera.snap(max(wished, shortest)))

    def _panel(self) -> dict[str, Any]:
        panel = self._lights.state["panel"]
        if panel["fixture"] is None:
            raise FlatsError(
                "no light has the role flat-panel; add one on the page Lights, or search the exposure"
            )
        return panel

    async def _picture(self, probe: Probe) -> float:
        if probe.brightness is not None:
            await self._shine(probe.brightness)
        level = await self._camera.expose(probe.exposure_s)
        step = {"brightness": probe.brightness, "exposure_s": probe.exposure_s, "level": round(level, 4)}
        self._say(steps=[*self._facts["steps"][-199:], step])
        return level

    async def _shine(self, brightness: int) -> None:
        """Set the panel and wait until it is so. Raises `FlatsError` with the panel's reason."""
        await self._lights.call("panel_on", brightness=brightness, by=BY)
        try:
            async with asyncio.timeout(PANEL_PATIENCE):
                async for _ in self._lights.changes():
                    panel = self._panel()
                    if panel["standing"] == "fault":
                        raise FlatsError(f"the flat panel does not shine: {panel['problem']}")
                    if panel["standing"] == "ready" and panel["brightness"] == brightness:
                        return
        except TimeoutError:
            raise FlatsError(
                "the flat panel is not ready; does an exposure of another camera hold it back?"
            ) from None

    async def _clean_up(self) -> None:
        """Each on its own: a camera that is gone must not leave the panel on."""
        steps = [self._camera.abort, self._camera.end, self._camera.release]
        if self._order.mode == "panel":
            steps.insert(0, lambda: self._lights.call("panel_off", by=BY))
        for step in steps:
            try:
                await step()
            except SkycamError as error:
                log.warning("after the flats: %s", error)
