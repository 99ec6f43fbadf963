"""What the device does with its axes: gotos with its own plate solving, calibration, tracking, joystick."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from skycam_project.common.units import Seconds
from telescope.dwarf.codes import Code
from telescope.dwarf.notifications import Notify
from telescope.dwarf.values import AstroState, BodyStatus, OperationState
from telescope.simulator.geometry import RaDec, axes_vector, separation
from telescope.simulator.mount import ALTITUDE_LIMITS, READY, Mount
from telescope.simulator.paths import Axes, Slew, Slip, Still, Track, Turn
from telescope.simulator.wire import RefusedError

if TYPE_CHECKING:
    from telescope.simulator.device import Dwarf

logger = logging.getLogger(__name__)

T = TypeVar("T")
Aim = Callable[[Seconds], RaDec]
"""ICRS place of a target at a unix time."""

MAX_TRIES = 6
TWILIGHT = -5.0
"""Altitude of the sun above which the device sees no stars [chosen]."""
CALIBRATION_AXES: tuple[Axes, ...] = ((0.0, 55.0), (30.0, 55.0), (60.0, 55.0))
"""Where a calibration looks, in the mount's own frame [chosen]."""


@dataclass(frozen=True)
class Target:
    """What is being followed.

    Attributes:
        index: number of the solar system object, 0 for others.
    """

    name: str
    aim: Aim
    index: int = 0


class Motion:
    """The axes' only user: one operation at a time.

    Attributes:
        operation: notification of what is going on (15210, 15211, 15239, 15296), or None.
        state: of that operation.
        target: what is tracked, None when nothing is.
        goal: name of what a running goto goes to.
        closest_sun: smallest angle so far between the open barrel's line of sight and the sun, degrees.
    """

    def __init__(self, device: "Dwarf", mount: Mount) -> None:
        self._device = device
        self.mount = mount
        self.operation: Notify | None = None
        self.state = AstroState.IDLE
        self.solves = 0
        self.target: Target | None = None
        self.goal = ""
        self.body = BodyStatus.UNKNOWN
        self.result: Axes | None = None
        self.closest_sun = 180.0
        self._task: asyncio.Task[Any] | None = None

    # --- one operation at a time

    def require_free(self) -> None:
        """Raises `RefusedError` with the code that names the running operation."""
        busy = {
            Notify.STATE_ASTRO_CALIBRATION: Code.ASTRO_CALIBRATION_RUNNING,
            Notify.STATE_ASTRO_GOTO: Code.ASTRO_GOTO_RUNNING,
        }
        if self.operation is not None:
            raise RefusedError(busy.get(self.operation, Code.ASTRO_FUNCTION_BUSY))

    async def run(self, operation: Notify, work: Coroutine[Any, Any, T], stopped: Code) -> T:
        """Do `work` as the one operation; `stop` ends it, then this raises `RefusedError` with `stopped`."""
        self.operation = operation
        self._task = task = asyncio.create_task(work)
        try:
            await asyncio.wait({task})
            if task.cancelled():
                raise RefusedError(stopped)
            return task.result()
        finally:
            if not task.done():
                task.cancel()
            self.operation, self.state, self.goal = None, AstroState.IDLE, ""

    async def stop(self) -> None:
        """End whatever is going on and stand still; says so where a client would wait for it."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, RefusedError):
                await self._task
        self.stand()

    def stand(self) -> None:
        """Stop the axes where they are; tracking ends."""
        moment = self._device.now()
        path = self.mount.path
        self.mount.follow(Still(moment, path.axes(moment), path.slip(moment)))
        if self.target is not None:
            name, special = self.target.name, self.target.index
            self.target = None
            self._device.notify(Notify.STATE_ASTRO_TRACKING, state=OperationState.IDLE, target_name=name)
            if special:
                self._device.notify(
                    Notify.STATE_ASTRO_TRACKING_SPECIAL, state=OperationState.IDLE, target_name=name
                )

    def _say_goto(self, state: AstroState, name: str) -> None:
        self.state = state
        self._device.notify(Notify.STATE_ASTRO_GOTO, state=state, target_name=name)

    # --- moving

    async def slew(self, goal: Axes) -> None:
        """Go to axis angles, as well as the mount can."""
        moment = self._device.now()
        path = self.mount.path
        slew = Slew(
            moment, path.axes(moment), goal, self._device.profile.timing.slew_rate,
            path.slip(moment), self.mount.arrival_slip(goal, moment),
        )  # fmt: skip
        self.mount.follow(slew)
        self._watch_sun(moment, moment + slew.duration)
        try:
            await self._device.clock.sleep(slew.duration + self._device.profile.timing.settle)
        finally:
            now = self._device.now()
            self.mount.follow(Still(now, slew.axes(now), slew.slip(now)))

    def _watch_sun(self, start: Seconds, end: Seconds) -> None:
        where = self.mount.horizon.direction(self.mount.horizon.body("sun", start), start)
        steps = max(1, math.ceil((end - start) * 5))
        for step in range(steps + 1):
            moment = start + (end - start) * step / steps
            if self.mount.is_open(moment):
                self.closest_sun = min(self.closest_sun, self.mount.sun_distance(where, moment))

    def can_solve(self) -> bool:
        """True when a plate solve of this moment would succeed."""
        moment = self._device.now()
        return self.sky_is_dark() and self.mount.true_direction(moment)[2] > 0

    def sky_is_dark(self) -> bool:
        """True when there are stars to solve with, wherever the device looks."""
        moment = self._device.now()
        if self._device.faults.solve_failure:
            return False
        if self.mount.horizon.altitude(self.mount.horizon.body("sun", moment), moment) > TWILIGHT:
            logger.warning("plate solving fails: it is day at the site")
            return False
        return True

    async def point(self, target: Target, solve: bool = True) -> None:
        """Slew to a target, solve and correct until the device is content; raises `RefusedError`."""
        device, mount = self._device, self.mount
        if mount.horizon.altitude(target.aim(device.now()), device.now()) <= 0:
            raise RefusedError(Code.ASTRO_GOTO_FAILED)
        failures = 0
        for _ in range(MAX_TRIES):
            await self.slew(self._axes_on_arrival(target))
            # While it exposes and solves, the device already follows the sky by its model.
            self._follow(target, mount.path.slip(device.now()))
            if not (solve and mount.errors.solve):
                return
            self._say_goto(AstroState.PLATE_SOLVING, target.name)
            await device.clock.sleep(device.profile.timing.solve)
            if not self.can_solve():
                failures += 1
                if failures == 3:
                    raise RefusedError(Code.ASTRO_PLATE_SOLVING_FAILED)
                continue
            moment = device.now()
            measured = mount.measure(moment)
            mount.synchronise(measured, moment)
            wanted = mount.axes_for(target.aim(moment), moment)
            if separation(axes_vector(*measured), axes_vector(*wanted)) * 3600 <= mount.errors.tolerance:
                return
            self._say_goto(AstroState.RUNNING, target.name)

    def _axes_on_arrival(self, target: Target) -> Axes:
        """Where the target will be when the axes are there."""
        moment = arrival = self._device.now()
        origin = self.mount.path.axes(moment)
        for _ in range(2):
            goal = self.mount.axes_for(target.aim(arrival), arrival)
            way = Slew(moment, origin, goal, self._device.profile.timing.slew_rate, (0, 0), (0, 0)).duration
            arrival = moment + way + self._device.profile.timing.settle
        return self.mount.axes_for(target.aim(arrival), arrival)

    def track(self, target: Target) -> None:
        """Follow a target from where the axes stand; what is missing to it stays missing."""
        mount, moment = self.mount, self._device.now()
        true, wanted = mount.true_axes(moment), mount.axes_for(target.aim(moment), moment)
        self._follow(target, ((true[0] - wanted[0] + 180.0) % 360.0 - 180.0, true[1] - wanted[1]))
        self.target = target

    def _follow(self, target: Target, slip: Slip) -> None:
        mount, moment = self.mount, self._device.now()
        model = mount.model
        mount.follow(
            Track(
                moment,
                lambda at: mount.axes_for(target.aim(at), at, model),
                lambda at: mount.tracking_slip(slip, moment, at),
            )
        )

    async def goto(self, target: Target, solve: bool = True) -> None:
        """The whole goto with its notifications; raises `RefusedError` when it fails or is stopped."""
        self.require_free()
        if not self.mount.calibrated:
            raise RefusedError(Code.ASTRO_NEED_CALIBRATION)
        if self.target is not None:
            self.stand()
        self.goal = target.name
        self._say_goto(AstroState.RUNNING, target.name)
        try:
            await self.run(Notify.STATE_ASTRO_GOTO, self.point(target, solve), Code.ASTRO_GOTO_FAILED)
            self.track(target)
        finally:
            self._say_goto(AstroState.IDLE, target.name)
        self._device.notify(
            Notify.STATE_ASTRO_TRACKING, state=OperationState.RUNNING, target_name=target.name
        )

    # --- learning how the device stands

    def _say_calibration(self, state: AstroState) -> None:
        self.state = state
        self._device.notify(Notify.STATE_ASTRO_CALIBRATION, state=state, plate_solving_times=self.solves)

    async def calibrate(self) -> None:
        """Look at three places of the sky; raises `RefusedError` when too many plate solves fail."""
        self.require_free()
        if self.target is not None:
            self.stand()
        self.solves = 0
        self._say_calibration(AstroState.RUNNING)
        last = AstroState.STOPPED
        try:
            await self.run(Notify.STATE_ASTRO_CALIBRATION, self._calibrate(), Code.ASTRO_CALIBRATION_FAILED)
            last = AstroState.IDLE
        finally:
            self._say_calibration(last)

    async def _calibrate(self) -> None:
        await self._learn(self._say_calibration)
        azimuth, altitude = self.mount.calibrate(self._device.now())
        self.result = (azimuth, altitude)
        self.body = BodyStatus.EQUATORIAL if self.mount.wedge else BodyStatus.AZIMUTHAL
        self._device.notify(Notify.CALIBRATION_RESULT, azi=azimuth, alt=altitude)
        self._device.notify(Notify.BODY_STATUS, status=self.body)

    async def _learn(self, say: Callable[[AstroState], None]) -> None:
        device, failures = self._device, 0
        for axes in CALIBRATION_AXES:
            await self.slew((self.mount.path.axes(device.now())[0] + axes[0], axes[1]))
            while True:
                self.solves += 1
                say(AstroState.PLATE_SOLVING)
                await device.clock.sleep(2 * device.profile.timing.solve)
                if self.can_solve():
                    break
                failures += 1
                if failures == 4:
                    raise RefusedError(Code.ASTRO_CALIBRATION_PLATE_SOLVING_FAILED_TOO_MUCH)

    async def solve_polar(self) -> Axes:
        """Measure the polar error (azimuth clockwise, altitude up, degrees); learn the equatorial model."""
        self.require_free()
        if self.target is not None:
            self.stand()
        self.solves = 0
        self._device.notify(Notify.EQ_SOLVING_STATE, state=OperationState.RUNNING)
        try:
            await self.run(
                Notify.EQ_SOLVING_STATE, self._learn(lambda _state: None), Code.ASTRO_EQ_SOLVING_FAILED
            )
        except RefusedError as error:
            raise RefusedError(Code.ASTRO_EQ_SOLVING_FAILED) from error
        finally:
            self._device.notify(Notify.EQ_SOLVING_STATE, state=OperationState.IDLE)
        self.mount.calibrate(self._device.now())
        self.body = BodyStatus.EQUATORIAL
        self._device.notify(Notify.BODY_STATUS, status=self.body)
        return self.mount.polar_error()

    # --- by hand

    def turn(self, rates: Axes) -> None:
        """Run the axes at constant rates, degrees per second, until stopped or at a limit; tracking ends.

        Raises `RefusedError` with -14519 when the altitude axis stands at the limit it would run into.
        """
        self.require_free()
        self.stand()
        moment = self._device.now()
        path = self.mount.path
        origin = path.axes(moment)
        low, high = ALTITUDE_LIMITS
        if (rates[1] < 0 and origin[1] <= low) or (rates[1] > 0 and origin[1] >= high):
            raise RefusedError(Code.STEP_MOTOR_LIMIT_POSITION_HIT)
        self.mount.follow(Turn(moment, origin, rates, path.slip(moment), ALTITUDE_LIMITS))
        self._watch_sun(moment, moment)

    def rates(self) -> Axes:
        """Rates of a movement by hand, (0, 0) otherwise."""
        path = self.mount.path
        return path.rates if isinstance(path, Turn) else (0.0, 0.0)

    async def move_to(self, goal: Axes) -> None:
        """Slew by motor command. Raises `RefusedError` with -14519 for a goal beyond the limits."""
        self.require_free()
        self.stand()
        if not ALTITUDE_LIMITS[0] <= goal[1] <= ALTITUDE_LIMITS[1]:
            raise RefusedError(Code.STEP_MOTOR_LIMIT_POSITION_HIT)
        await self.slew(goal)

    async def make_ready(self) -> None:
        """Raise the barrel from the body when it is folded in."""
        if not self.mount.is_open(self._device.now()):
            await self.slew(READY)

    def check_horizon(self) -> None:
        """Called now and then: a tracked target that has set is given up."""
        moment = self._device.now()
        self._watch_sun(moment, moment)
        if self.target is not None and self.mount.horizon.altitude(self.target.aim(moment), moment) <= 0:
            logger.info("%s has set: tracking ends", self.target.name)
            self.stand()
