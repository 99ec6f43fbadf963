"""The flat panel as a calibrator: a brightness, and whether the outputs have confirmed that it shines."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from lighting.engine.engine import Engine
from lighting.engine.rig import FULL, Fixture
from lighting.errors import AbsentError, InvalidError
from lighting.outputs.base import Output
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

ROLE = "flat-panel"
CONFIRM: Seconds = 5.0
"""Without an output that has sent the frame by then, the panel counts as failed."""
LOOK: Seconds = 0.05
OFF, CHANGING, READY, FAULT = "off", "changing", "ready", "fault"


class Panel:
    """The first fixture of role `flat-panel`. Follows it whoever sets it: a client, the page, a blackout.

    Args:
        engine: whose fixture it is.
        outputs: what carries frames to it.
        timeout_s: it goes off by itself so long after it was last set; 0: never.
        changed: called when `state` changed without the engine.
    """

    def __init__(
        self, engine: Engine, outputs: Sequence[Output], timeout_s: Seconds, changed: Callable[[], None]
    ) -> None:
        self._engine, self._outputs, self._timeout, self._changed = engine, outputs, timeout_s, changed
        self._standing, self._problem = OFF, ""
        self._seen: tuple[str, int] | None = None
        self._on = False
        self._settling: asyncio.Task[None] | None = None
        self._end: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def fixture(self) -> Fixture | None:
        """The panel, if the patch has one."""
        return next((f for f in self._engine.rig.fixtures.values() if f.role == ROLE), None)

    @property
    def maximum(self) -> int:
        """The highest brightness: 255, or 65535 where the panel takes 16 bits."""
        return FULL if (fixture := self.fixture) and fixture.bits == 16 else 255

    def state(self) -> dict[str, Any]:
        """`fixture` (None without one), `standing` (off, changing, ready, fault), `brightness` of `maximum`, `problem`."""
        fixture = self.fixture
        level = self._engine.rig.level(fixture.name) if fixture else 0
        return {
            "fixture": fixture.name if fixture else None,
            "standing": self._standing if fixture else OFF,
            "brightness": level * self.maximum // FULL,
            "maximum": self.maximum,
            "problem": self._problem if fixture else "",
        }

    # ---- what may be asked of it

    async def turn_on(self, brightness: object, by: str) -> None:
        """Shine; accepted when it returns, `standing` tells the rest.

        Raises `AbsentError`, `InvalidError` (0 to `maximum`), `InterlockedError` naming the exposure.
        """
        name = self.name()
        if (
            isinstance(brightness, bool)
            or not isinstance(brightness, int)
            or not 0 <= brightness <= self.maximum
        ):
            raise InvalidError(f"brightness must be a whole number from 0 to {self.maximum}")
        level = brightness * FULL // self.maximum
        await self._engine.control(self._set, name, level, by, True)

    async def turn_off(self, by: str) -> None:
        """Go dark. Raises `AbsentError`."""
        await self._engine.control(self._set, self.name(), 0, by, False)

    def name(self) -> str:
        """The panel's fixture. Raises `AbsentError`."""
        if (fixture := self.fixture) is None:
            raise AbsentError("no fixture of the patch has the role flat-panel; add one on the page Lights")
        return fixture.name

    def _set(self, name: str, level: int, by: str, on: bool) -> None:
        """For the writer."""
        self._engine.set_fixture(name, by, level=level)
        self._on, self._seen = on, (name, level)
        self._begin()

    # ---- what becomes of it

    def follow(self) -> None:
        """To be called after every change of the engine: somebody else may have set the panel."""
        fixture = self.fixture
        seen = (fixture.name, self._engine.rig.level(fixture.name)) if fixture else None
        if seen == self._seen:
            return
        self._seen = seen
        self._on = bool(seen and seen[1])
        self._begin()

    def _begin(self) -> None:
        """The panel was set: see whether it arrives, and start its time anew."""
        if self._settling:
            self._settling.cancel()
        if self._end:
            self._end.cancel()
            self._end = None
        self._standing, self._problem = CHANGING if self._on else OFF, ""
        loop = asyncio.get_running_loop()
        if self._on:
            self._settling = loop.create_task(self._settle(), name="flat-panel")
            if self._timeout:
                self._end = loop.call_later(self._timeout, self._time_is_over)

    async def _settle(self) -> None:
        """Until an output has sent what is wanted. Held back by an exposure, it is on its way until that ends."""
        end = asyncio.get_running_loop().time() + CONFIRM
        while not self._shines():
            if self._held_back():
                end = asyncio.get_running_loop().time() + CONFIRM
            elif asyncio.get_running_loop().time() > end:
                self._standing, self._problem = FAULT, self._reason()
                log.warning("panel_error", extra={"reason": self._problem})
                self._changed()
                return
            await asyncio.sleep(LOOK)
        self._standing = READY
        self._changed()

    def _carriers(self) -> list[Output]:
        fixture = self.fixture
        return [output for output in self._outputs if fixture and output.carries(fixture.universe)]

    def _shines(self) -> bool:
        return not self._held_back() and any(output.is_settled for output in self._carriers())

    def _held_back(self) -> bool:
        fixture, engine = self.fixture, self._engine
        if fixture is None:
            return False
        return engine.mode == "blackout" or not engine.interlock.allows(
            fixture, engine.rig.level(fixture.name)
        )

    def _reason(self) -> str:
        carriers = self._carriers()
        if not carriers:
            return "no output sends the panel's universe; set one up, such as DMX_ARTNET_ENABLED"
        return "; ".join(f"{output.driver}: {output.problem or 'it does not send'}" for output in carriers)

    def _time_is_over(self) -> None:
        log.warning("panel_timeout", extra={"reason": f"nobody set it for {self._timeout / 60:g} min"})
        self._ending = asyncio.ensure_future(self.turn_off("timeout"))

    def close(self) -> None:
        """Follow nothing any longer."""
        for waiting in (self._settling, self._end):
            if waiting:
                waiting.cancel()
