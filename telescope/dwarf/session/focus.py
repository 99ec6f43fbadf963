"""The focuser: absolute moves made of the telescope's steps and continuous movement, halt, autofocus.

The motor knows only "one step" and "go on until stopped"; where it is, it tells by notification 15257. A move
runs continuously while it is far away and ends in single steps, always counted by what the telescope says,
never by what was sent.
"""

import asyncio
import logging

from skycam_project.common.clock import Clock
from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Focus
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import focus_pb2, notify_pb2
from telescope.dwarf.session.connection import Connection, Info
from telescope.dwarf.values import AutoFocusMode, FocusDirection
from telescope.errors import DwarfCommandError, FocusError, InvalidStateError, NoAnswerError

logger = logging.getLogger(__name__)

FAR_AWAY = 100
"""Steps from which on a move runs continuously."""
STOP_BEFORE = 60
"""Steps before the goal at which a continuous move is stopped; it runs on a little."""
STEP_PAUSE = 0.015
"""Seconds between single steps."""
STEP_ANSWER = 2.0
"""Seconds to wait for the position after a step."""
AUTO_LIMIT = 180.0
"""Seconds that an autofocus may take."""


class Focuser:
    """Moves the focus.

    Args:
        connection: of the session.
        clock: for the pauses between steps.
    """

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection, self._board, self._clock = connection, connection.board, clock
        self._turn = asyncio.Lock()
        self._halted = False
        self._auto_running = self._auto_active = False
        self._told = 0
        connection.on(Notify.FOCUS_POSITION, self._position)
        connection.on(Notify.ASTRO_AUTO_FOCUS_STATE, self._auto_state)
        connection.on(Notify.ASTRO_AUTO_FOCUS_FAST_STATE, self._auto_state)
        connection.on_state(self._adopt)
        connection.on_ready(self._read_infinity)

    async def move(self, position: int) -> None:
        """Move to an absolute position.

        Args:
            position: motor steps; below 0 and above the maximum the nearest possible one is meant.

        Raises:
            InvalidStateError: the position is not known.
            FocusError: it did not get there.
            TelescopeError: the telescope refused.
        """
        if self._turn.locked():
            await self.halt()
        async with self._turn:
            goal = min(max(position, 0), self._board.focus.maximum)
            if self._board.focus.position is None:
                raise InvalidStateError(
                    "the telescope has not told its focus position yet; try again in a moment"
                )
            self._halted = False
            self._board.set("focus", moving=True, problem="")
            try:
                await self._approach(goal)
                await self._step_to(goal)
            except BaseException as error:
                self._board.set("focus", problem=str(error) or "interrupted")
                raise
            finally:
                self._board.set("focus", moving=False)

    async def halt(self) -> None:
        """Stop a move or an autofocus at once; harmless when nothing moves."""
        self._halted = True
        if self._auto_running:
            await self._connection.command(Focus.STOP_ASTRO_AUTO_FOCUS)
        elif self._board.focus.moving:
            await self._connection.command(Focus.STOP_MANUAL_CONTINU_FOCUS)
        self._connection.recheck()

    async def autofocus(self, fast: bool = False) -> int:
        """Let the telescope focus on stars.

        Args:
            fast: a short search about the present position; the telescope wants a slow one before the first.

        Returns:
            The position found.

        Raises:
            FocusError: it found no better position; too few stars, clouds, or far out of focus.
        """
        async with self._turn:
            self._board.set("focus", moving=True, autofocus=True, problem="")
            try:
                await self._auto(AutoFocusMode.FAST if fast else AutoFocusMode.SLOW)
            except DwarfCommandError as error:
                problem = f"autofocus failed: {error.meaning}"
                self._board.set("focus", problem=problem)
                raise FocusError(problem) from error
            except BaseException as error:
                self._board.set("focus", problem=str(error) or "interrupted")
                raise
            finally:
                self._board.set("focus", moving=False, autofocus=False)
        return self._board.focus.position or 0

    # ---- inside

    def _here(self) -> int:
        return self._board.focus.position or 0

    async def _approach(self, goal: int) -> None:
        """Run continuously until a little before the goal."""
        distance = goal - self._here()
        if abs(distance) < FAR_AWAY:
            return
        sign = 1 if distance > 0 else -1
        message = focus_pb2.ReqManualFocus(direction=_direction(distance))
        await self._connection.command(Focus.START_MANUAL_CONTINU_FOCUS, message)
        try:
            await self._connection.until(
                lambda: self._halted or (goal - self._here()) * sign <= STOP_BEFORE, AUTO_LIMIT, "focusing"
            )
        finally:
            await self._connection.command(Focus.STOP_MANUAL_CONTINU_FOCUS)

    async def _step_to(self, goal: int) -> None:
        silent = 0
        while (distance := goal - self._here()) and not self._halted:
            told = self._told
            message = focus_pb2.ReqManualFocus(direction=_direction(distance))
            await self._connection.command(Focus.MANUAL_SINGLE_STEP_FOCUS, message)
            try:
                await self._connection.until(lambda told=told: self._told > told, STEP_ANSWER, "a focus step")
                silent = 0
            except NoAnswerError as error:
                silent += 1
                if silent == 3:
                    raise FocusError(f"the focus motor stands at {self._here()} and does not move") from error
            await self._clock.sleep(STEP_PAUSE)

    async def _auto(self, mode: AutoFocusMode) -> None:
        message = focus_pb2.ReqAstroAutoFocus(mode=mode)
        command = self._connection.command
        self._auto_running = True
        try:
            reply = await command(
                Focus.START_ASTRO_AUTO_FOCUS, message, deadline=AUTO_LIMIT,
                accept=[Code.FOCUS_ASTRO_AUTO_FOCUS_FAST_ERROR] if mode == AutoFocusMode.FAST else (),
            )  # fmt: skip
            if reply.code == Code.FOCUS_ASTRO_AUTO_FOCUS_FAST_ERROR:
                slow = focus_pb2.ReqAstroAutoFocus(mode=AutoFocusMode.SLOW)
                await command(Focus.START_ASTRO_AUTO_FOCUS, slow, deadline=AUTO_LIMIT)
            # The answer may come before the work: wait for the notification that it is over.
            await self._connection.until(lambda: not self._auto_active, AUTO_LIMIT, "autofocus")
        finally:
            self._auto_running = False

    def _auto_state(self, message: notify_pb2.ResNotifyOperationState) -> None:
        self._auto_active = message.state == 1

    def _position(self, message: notify_pb2.ResNotifyFocus) -> None:
        self._told += 1
        self._board.set("focus", position=message.pos)

    def _adopt(self, info: Info) -> None:
        if info.focus_motor.HasField("focus_position"):
            self._board.set("focus", position=info.focus_motor.focus_position.pos)

    async def _read_infinity(self) -> None:
        reply = await self._connection.read(Focus.GET_USER_INFINITY_POS)
        self._board.set("focus", infinity=reply.pos)


def _direction(distance: int) -> FocusDirection:
    return FocusDirection.FAR if distance > 0 else FocusDirection.NEAR
