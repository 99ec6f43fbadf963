"""Movements by hand: axes at a rate (MoveAxis), the joystick of the page, and the watch over both.

What we know of the place afterwards is reckoned from rates and times, so it is only good for a few per cent
of the way. While an axis moves, the sun exclusion looks ahead; a joystick stops by itself when its page falls
silent.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress

from skycam_project.common.clock import Clock
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.units import Seconds
from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Motor
from telescope.dwarf.proto import motor_pb2
from telescope.dwarf.session.connection import Connection
from telescope.dwarf.session.position import Position
from telescope.dwarf.sun import LIMIT, Axes, SunGuard
from telescope.dwarf.values import MotorId
from telescope.errors import MotorError, NearSunError, TelescopeError

logger = logging.getLogger(__name__)

FASTEST = 10.0
"""Degrees per second; the motors could do 30."""
SPEED_LIMITED = (Code.STEP_MOTOR_LIMIT_SPEED_TO_MAX, Code.STEP_MOTOR_LIMIT_SPEED_TO_MIN)
STOPPED = (Code.STEP_MOTOR_IS_STOPPED,)
JOYSTICK_SILENCE: Seconds = 1.5
WATCH: Seconds = 0.25
LOOK_AHEAD: Seconds = 1.0
MOTORS = (MotorId.ROTATION, MotorId.PITCH)
"""Axis 0 turns in azimuth, axis 1 in altitude."""


class HandMovement:
    """Runs and stops the axes.

    Args:
        connection: of the session.
        position: told of every movement.
        guard: the sun exclusion.
        clock: for reckoning.

    Attributes:
        rates: of both axes, degrees per second, positive to the right and up.
        stopped: called when a movement stopped by itself: joystick silent, sun near.
    """

    def __init__(self, connection: Connection, position: Position, guard: SunGuard, clock: Clock) -> None:
        self._connection, self._position, self._guard, self._clock = connection, position, guard, clock
        self.rates = (0.0, 0.0)
        self.stopped: Callable[[], None] = lambda: None
        self._since = 0.0
        self._watch: asyncio.Task[None] | None = None
        self._silence: asyncio.TimerHandle | None = None

    @property
    def moving(self) -> bool:
        """An axis runs."""
        return self.rates != (0.0, 0.0)

    def rates_with(self, axis: int, rate: float) -> tuple[float, float]:
        """The rates when one axis is changed. Raises `InvalidValueError` when there is no such axis."""
        if axis not in (0, 1):
            raise InvalidValueError("axis", axis, "0 (azimuth) or 1 (altitude)")
        return (rate, self.rates[1]) if axis == 0 else (self.rates[0], rate)

    def joystick_rates(self, angle_deg: float, length: float) -> tuple[float, float]:
        """The rates of a joystick: the app's curve over its 40 gears, to both axes.

        Args:
            angle_deg: 0 is right, 90 up.
            length: 0 … 1.

        Raises:
            InvalidValueError: not an angle, or a length out of range.
        """
        if not (math.isfinite(angle_deg) and 0 <= length <= 1):
            raise InvalidValueError("length", length, "0 … 1, with an angle in degrees")
        speed = min(29.9 * length**3 + 0.1, FASTEST) if length else 0.0
        return speed * math.cos(math.radians(angle_deg)), speed * math.sin(math.radians(angle_deg))

    def check(self, rates: tuple[float, float]) -> None:
        """Raise what forbids these rates now: `InvalidValueError` or `NearSunError`."""
        for rate in rates:
            if not math.isfinite(rate) or abs(rate) > FASTEST:
                raise InvalidValueError("rate_deg_s", rate, f"-{FASTEST:g} … {FASTEST:g}")
        moment = self._clock.now()
        if rates == (0.0, 0.0) or self._guard.solar_mode or not self._guard.is_up(moment):
            return
        if (axes := self._position.axes_now()) is None:
            self._guard.check_way("any direction", None, Axes(0.0, 0.0), moment)
            return
        ahead = self._guard.distance(_ahead(axes, rates), moment)
        if ahead < min(LIMIT, self._guard.distance(axes, moment)):
            raise NearSunError(f"this movement leads closer than {LIMIT:g}° to the sun")

    async def run(self, axis: int, rate: float) -> None:
        """Run one axis at a rate, 0 stops it; the other goes on.

        Raises:
            InvalidValueError: no such axis, or too fast.
            NearSunError: it leads to the sun.
            MotorError: the axis stands at the end of its travel.
        """
        rates = self.rates_with(axis, rate)
        self.check(rates)
        motor = MOTORS[axis]
        try:
            if rate == 0:
                await self._connection.command(Motor.STOP, motor_pb2.ReqMotorStop(id=motor), accept=STOPPED)
            else:
                message = motor_pb2.ReqMotorRun(
                    id=motor, speed=abs(rate), direction=rate > 0, speed_ramping=100, resolution_level=3
                )
                await self._connection.command(Motor.RUN, message, accept=SPEED_LIMITED)
        finally:
            self._reckon(rates)

    async def joystick(self, angle_deg: float, length: float) -> None:
        """Move like a joystick; to be repeated at least every 1.5 s, else the movement stops.

        Args:
            angle_deg: 0 is right, 90 up.
            length: 0 … 1; 0 stops.
        """
        rates = self.joystick_rates(angle_deg, length)
        if length == 0:
            await self.stop()
            return
        self.check(rates)
        length = min(length, ((FASTEST - 0.1) / 29.9) ** (1 / 3))
        message = motor_pb2.ReqMotorServiceJoystick(vector_angle=angle_deg % 360, vector_length=length)
        try:
            await self._connection.command(Motor.SERVICE_JOYSTICK, message)
        finally:
            self._reckon(rates)
        self._cancel_silence()
        loop = asyncio.get_running_loop()
        self._silence = loop.call_later(JOYSTICK_SILENCE, lambda: loop.create_task(self._fell_silent()))

    async def stop(self) -> None:
        """Stop both axes, whatever runs them; raises what the telescope refuses."""
        self._cancel_silence()
        try:
            await self._connection.command(Motor.SERVICE_JOYSTICK_STOP, accept=STOPPED)
            for motor in MOTORS:
                await self._connection.command(Motor.STOP, motor_pb2.ReqMotorStop(id=motor), accept=STOPPED)
        finally:
            self._reckon((0.0, 0.0))

    async def _fell_silent(self) -> None:
        logger.warning("joystick silent for %g s: stopped", JOYSTICK_SILENCE)
        with suppress(TelescopeError):
            await self.stop()
        self.stopped()

    def _cancel_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _reckon(self, rates: tuple[float, float]) -> None:
        """Account for the movement so far; `rates` are valid from now on."""
        now = self._clock.monotonic()
        if self.moving:
            seconds = now - self._since
            self._position.moved(self.rates[0] * seconds, self.rates[1] * seconds)
        elif rates != (0.0, 0.0):
            self._position.stand()
        self.rates, self._since = rates, now
        self._connection.board.set("mount", moving=self.moving)
        if self.moving and self._watch is None:
            self._watch = asyncio.create_task(self._watch_sun())
        elif not self.moving and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _watch_sun(self) -> None:
        while True:
            await self._clock.sleep(WATCH)
            self._reckon(self.rates)
            try:
                self.check(self.rates)
            except NearSunError as error:
                logger.warning("axes stopped reason=%s", error)
                self._connection.board.set("mount", problem=str(error))
                self._watch = None
                with suppress(TelescopeError):
                    await self.stop()
                self.stopped()
                return


class Barrel:
    """Folds the barrel into the body.

    Args:
        connection: of the session.
    """

    CLOSED = 317.0
    """Angle of the pitch motor."""
    SPEED = 10.0
    DONE = 1.0
    """Degrees from the wanted angle."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def close(self) -> None:
        """Run the pitch motor to its closed position.

        Raises:
            MotorError: it did not get there.
        """
        message = motor_pb2.ReqMotorRunTo(
            id=MotorId.PITCH,
            end_position=self.CLOSED,
            speed=self.SPEED,
            speed_ramping=100,
            resolution_level=3,
        )
        limit = self._connection.settings.patience.goto
        accept = (Code.STEP_MOTOR_NEED_RESET, Code.STEP_MOTOR_LIMIT_POSITION_WARNING)
        reply = await self._connection.command(Motor.RUN_TO, message, deadline=limit, accept=accept)
        if reply.code == Code.STEP_MOTOR_NEED_RESET:
            reset = motor_pb2.ReqMotorReset(id=MotorId.PITCH)
            await self._connection.command(Motor.RESET, reset, deadline=limit)
            await self._connection.command(Motor.RUN_TO, message, deadline=limit, accept=accept)
        where = motor_pb2.ResMotorPosition()
        for _ in range(60):  # firmware that replies before the movement has ended
            query = motor_pb2.ReqMotorGetPosition(id=MotorId.PITCH)
            where = await self._connection.read(Motor.GET_POSITION, query)
            if abs(where.position - self.CLOSED) <= self.DONE:
                return
            await self._connection.clock.sleep(1.0)
        raise MotorError(
            f"the barrel stands at {where.position:.0f}° instead of {self.CLOSED:.0f}°; is it blocked?"
        )


def _ahead(axes: Axes, rates: tuple[float, float]) -> Axes:
    return Axes((axes.azimuth_deg + rates[0] * LOOK_AHEAD) % 360, axes.pitch_deg + rates[1] * LOOK_AHEAD)
