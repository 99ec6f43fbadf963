"""Beacons: one colour, steady or blinking, for all fixtures of role `beacon`; dim while a camera exposes."""

import asyncio
from typing import Any

from lighting.engine.engine import Engine
from lighting.errors import InvalidError
from skycam_project.common.units import Seconds

SHORTEST: Seconds = 0.2
"""Of a blink, on and off together: 5 a second at most, for people with epilepsy."""
LOOK: Seconds = 0.1
Colour = tuple[int, int, int]


class Beacons:
    """Makes the pattern here, so that nobody has to send it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._colour: Colour = (0, 0, 0)
        self._period: Seconds = 0.0
        self.why = ""
        """What they show, in a word; empty when nobody has said."""
        self._shown: Any = None

    def show(self, colour: Colour, period: object, why: str) -> None:
        """Show a colour (0..255 each); `period` 0 is steady. Raises `InvalidError`."""
        if (
            isinstance(period, bool)
            or not isinstance(period, int | float)
            or not (period == 0 or SHORTEST <= period <= 60)
        ):
            raise InvalidError(f"period_s must be 0 or {SHORTEST:g} to 60")
        self._colour, self._period, self.why, self._shown = colour, period, why[:64], None

    async def run(self) -> None:
        """Blink until cancelled."""
        began = asyncio.get_running_loop().time()
        while True:
            elapsed = asyncio.get_running_loop().time() - began
            lit = not self._period or elapsed % self._period < self._period / 2
            wanted = self._allowed(self._colour if lit else (0, 0, 0))
            if self.why and wanted != self._shown:
                await self._engine.control(self._set, wanted)
                self._shown = wanted
            await asyncio.sleep(min(LOOK, self._period / 4) if self._period else LOOK)

    def _allowed(self, colour: Colour) -> Colour:
        """No brighter than a beacon may be during an exposure of the sky; dark in all others."""
        interlock = self._engine.interlock
        if interlock.policy == "off" or not interlock.leases:
            return colour
        if any(lease.kind != "light" for lease in interlock.leases.values()):
            return (0, 0, 0)
        brightest = max(colour)
        if brightest <= interlock.beacon_max:
            return colour
        r, g, b = (part * interlock.beacon_max // brightest for part in colour)
        return r, g, b

    def _set(self, colour: Colour) -> None:
        """For the writer. Scenes and hands keep what they have set elsewhere."""
        rig = self._engine.rig
        for name, fixture in rig.fixtures.items():
            if fixture.role == "beacon":
                wanted = rig.darkened(name, colour) if self._engine.mode == "dark" else colour
                if rig.colour(name) != wanted:
                    rig.set_colour(name, wanted)
                    self._engine.touch()
