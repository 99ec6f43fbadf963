"""The focus motor of the tele camera: steps, the best position that drifts with temperature, auto focus."""

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING

from skycam_project.common.units import Celsius
from telescope.dwarf.codes import Code
from telescope.dwarf.notifications import Notify
from telescope.dwarf.values import FocusState
from telescope.simulator.wire import RefusedError

if TYPE_CHECKING:
    from telescope.simulator.device import Dwarf

RANGE = (0, 20000)
BEST = 9800
"""Best position at `BEST_AT` degrees; a focused device sits in the middle of the range."""
BEST_AT: Celsius = 15.0
PER_KELVIN = -1.75
"""Steps per kelvin: an aluminium tube of 150 mm moves 3.5 µm/K, a step is taken as 2 µm [chosen]."""
CONTINUOUS = 200.0
"""Steps per second of the continuous movement [chosen]."""
RESULT_SPREAD = 2.0
"""Standard deviation of an auto focus, steps [chosen]."""


class Focuser:
    """Position and movements.

    Attributes:
        position: motor steps.
        infinity: what the user stored as infinity.
        operation: notification of a running auto focus, None when there is none.
    """

    def __init__(self, device: "Dwarf", seed: int) -> None:
        self._device = device
        self._random = Random(f"focus {seed}")  # noqa: S311
        self.position = BEST + self._random.randint(-150, 150)
        self.infinity = BEST
        self.operation: Notify | None = None
        self._slow_done = False
        self._task: asyncio.Task[None] | None = None

    def best(self) -> float:
        """The position of sharp stars at the present temperature."""
        return BEST + PER_KELVIN * (self._device.environment.air() - BEST_AT)

    def error(self) -> float:
        """Steps away from the best position."""
        return self.position - self.best()

    def require_free(self) -> None:
        """Raises `RefusedError` while an auto focus runs."""
        if self.operation is not None:
            raise RefusedError(Code.ASTRO_FUNCTION_BUSY)

    def move(self, steps: int) -> None:
        """Change the position at once, as far as the range goes, and say so."""
        self.position = min(max(self.position + steps, RANGE[0]), RANGE[1])
        self._device.notify(Notify.FOCUS_POSITION, pos=self.position)

    async def start(self, direction: int) -> None:
        """Move on until `stop` or the end of the range; direction +1 or -1."""
        self.require_free()
        await self.stop()
        self._task = self._device.spawn(self._run(direction))

    async def _run(self, direction: int) -> None:
        clock = self._device.clock
        last = clock.monotonic()
        rest = 0.0
        while RANGE[0] < self.position + direction < RANGE[1]:
            await clock.sleep(0.1)
            now = clock.monotonic()
            rest += CONTINUOUS * (now - last)
            last = now
            self.move(direction * int(rest))
            rest -= int(rest)

    async def stop(self) -> None:
        """End a movement or auto focus."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def auto(self, operation: Notify, seconds: float, failure: Code) -> Code:
        """Run an auto focus; returns its late reply.

        Args:
            operation: 15278 (slow astro), 15280 (fast astro), 15279 or 15281 (daylight).
            seconds: how long it takes.
            failure: code when it fails.
        """
        self.require_free()
        astro = operation in (Notify.ASTRO_AUTO_FOCUS_STATE, Notify.ASTRO_AUTO_FOCUS_FAST_STATE)
        if operation == Notify.ASTRO_AUTO_FOCUS_FAST_STATE and not self._slow_done:
            return Code.FOCUS_ASTRO_AUTO_FOCUS_FAST_ERROR
        await self.stop()
        self.operation = operation
        self._device.notify(operation, state=FocusState.RUNNING)
        self._task = task = asyncio.create_task(self._search(seconds))
        try:
            await asyncio.wait({task})
            blind = astro and not self._device.motion.can_solve()
            if task.cancelled() or self._device.faults.focus_failure or blind:
                self.move(self._before - self.position)
                return failure
            self.move(round(self.best() + self._random.gauss(0.0, RESULT_SPREAD)) - self.position)
            self._slow_done |= operation == Notify.ASTRO_AUTO_FOCUS_STATE
            return Code.WS_OK
        finally:
            task.cancel()
            self.operation = None
            self._device.notify(operation, state=FocusState.DONE)
            self._device.notify(operation, state=FocusState.IDLE)

    async def _search(self, seconds: float) -> None:
        """Walk through the positions around the best one."""
        self._before = self.position
        steps = 10
        for step in range(steps):
            await self._device.clock.sleep(seconds / steps)
            self.move(round(self.best() + 40 * (step - steps / 2)) - self.position)
