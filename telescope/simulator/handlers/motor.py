"""Motors: module 6. Motor angles are 158° + azimuth and 169° + altitude of the mount's own frame."""

import math

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Motor
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.motor_pb2 import ResMotor, ResMotorPosition
from telescope.dwarf.values import Camera, MotorId, OperationState
from telescope.simulator.device import WIDE_OFFSET
from telescope.simulator.mount import READY
from telescope.simulator.paths import Axes
from telescope.simulator.wire import Answer, Call, RefusedError, on

ZERO = {MotorId.ROTATION: 158.0, MotorId.PITCH: 169.0}
"""Motor angle at which the axis angle is 0."""
FIXED_STEP = 0.2
"""Degrees of one 14007 at full length [chosen]."""
LINKAGE_SIZE = (1920, 1080)


def _motor(call: Call) -> MotorId:
    """The motor that is meant. Raises `RefusedError` with -14504 for another number."""
    if call.request.id not in tuple(MotorId):
        raise RefusedError(Code.STEP_MOTOR_INVALID_PARAMETER_ID, id=call.request.id)
    return MotorId(call.request.id)


def _speed(call: Call, speed: float) -> float:
    if not 0 < speed <= call.device.profile.timing.max_rate:
        raise RefusedError(Code.STEP_MOTOR_INVALID_PARAMETER_SPEED, id=call.request.id)
    return speed


def _along(motor: MotorId, value: float, other: Axes) -> Axes:
    return (value, other[1]) if motor == MotorId.ROTATION else (other[0], value)


def gear_speed(length: float) -> float:
    """Degrees per second of a joystick pushed by `length` (0-1): the app's curve over its 40 gears."""
    return 29.9 / 40**3 * (40 * length) ** 3 + 0.1


@on(Motor.RUN)
def run(call: Call) -> Answer:
    motor = _motor(call)
    if not 0 <= call.request.speed_ramping <= 1000:
        raise RefusedError(Code.STEP_MOTOR_INVALID_PARAMETER_SPEED_RAMPING, id=motor)
    if not 0 <= call.request.resolution_level <= 8:
        raise RefusedError(Code.STEP_MOTOR_INVALID_PARAMETER_RESOLUTION, id=motor)
    speed = _speed(call, call.request.speed) * (1 if call.request.direction else -1)
    call.device.motion.turn(_along(motor, speed, call.device.motion.rates()))
    return ResMotor(id=motor)


@on(Motor.CHANGE_SPEED)
def change_speed(call: Call) -> Answer:
    motor, motion = _motor(call), call.device.motion
    old = motion.rates()[motor - 1]
    if old == 0:
        return ResMotor(id=motor, code=Code.STEP_MOTOR_IS_STOPPED)
    motion.turn(_along(motor, math.copysign(_speed(call, call.request.speed), old), motion.rates()))
    return ResMotor(id=motor)


@on(Motor.CHANGE_DIRECTION)
def change_direction(call: Call) -> Answer:
    motor, motion = _motor(call), call.device.motion
    old = motion.rates()[motor - 1]
    if old == 0:
        return ResMotor(id=motor, code=Code.STEP_MOTOR_IS_STOPPED)
    motion.turn(_along(motor, abs(old) if call.request.direction else -abs(old), motion.rates()))
    return ResMotor(id=motor)


@on(Motor.STOP)
def stop(call: Call) -> Answer:
    motor, motion = _motor(call), call.device.motion
    motion.require_free()
    rates = _along(motor, 0.0, motion.rates())
    if rates == (0.0, 0.0):
        motion.stand()
    else:
        motion.turn(rates)
    return ResMotor(id=motor)


@on(Motor.RUN_TO)
async def run_to(call: Call) -> Answer:
    motor, motion = _motor(call), call.device.motion
    _speed(call, call.request.speed)
    here = motion.mount.path.axes(call.device.now())
    await motion.move_to(_along(motor, call.request.end_position - ZERO[motor], here))
    return ResMotor(id=motor)


@on(Motor.RESET)
async def reset(call: Call) -> Answer:
    """Find the zero and stand ready."""
    motor, motion = _motor(call), call.device.motion
    here = motion.mount.path.axes(call.device.now())
    await motion.move_to(_along(motor, READY[motor - 1], here))
    return ResMotor(id=motor)


@on(Motor.GET_POSITION, control=False)
def get_position(call: Call) -> Answer:
    motor = _motor(call)
    axes = call.device.motion.mount.path.axes(call.device.now())
    position = axes[motor - 1] + ZERO[motor]
    return ResMotorPosition(id=motor, position=position % 360.0 if motor == MotorId.ROTATION else position)


def _vector(call: Call) -> Axes:
    """Rates (or a step) of a joystick request per unit of speed: angle 0 is right, counter-clockwise."""
    angle, length = math.radians(call.request.vector_angle), call.request.vector_length
    if not (math.isfinite(angle) and 0 <= length <= 1):
        raise RefusedError(Code.WS_INVAID_PARAM)
    return math.cos(angle), math.sin(angle)


@on(Motor.SERVICE_JOYSTICK)
def joystick(call: Call) -> Answer:
    x, y = _vector(call)
    length = call.request.vector_length
    speed = length * call.request.speed if call.request.speed > 0 else gear_speed(length)
    speed = min(speed, call.device.profile.timing.max_rate) if length > 0 else 0.0
    call.device.motion.turn((x * speed, y * speed))
    return Code.WS_OK


@on(Motor.SERVICE_JOYSTICK_FIXED_ANGLE)
async def joystick_step(call: Call) -> Answer:
    x, y = _vector(call)
    step = FIXED_STEP * call.request.vector_length
    here = call.device.motion.mount.path.axes(call.device.now())
    await call.device.motion.move_to((here[0] + x * step, here[1] + y * step))
    return Code.WS_OK


@on(Motor.SERVICE_JOYSTICK_STOP)
def joystick_stop(call: Call) -> Answer:
    call.device.motion.require_free()
    call.device.motion.stand()
    return Code.WS_OK


@on(Motor.SERVICE_DUAL_CAMERA_LINKAGE)
async def linkage(call: Call) -> Answer:
    """Turn until the tele camera looks at a pixel of the wide picture."""
    device, request = call.device, call.request
    if not (0 <= request.x < LINKAGE_SIZE[0] and 0 <= request.y < LINKAGE_SIZE[1]):
        raise RefusedError(Code.WS_INVAID_PARAM)
    scale = (
        device.profile.cameras[Camera.WIDE].scale
        * device.profile.cameras[Camera.WIDE].width
        / LINKAGE_SIZE[0]
    )
    here = device.motion.mount.path.axes(device.now())
    up = WIDE_OFFSET[1] + (LINKAGE_SIZE[1] / 2 - request.y) * scale
    right = WIDE_OFFSET[0] + (request.x - LINKAGE_SIZE[0] / 2) * scale / max(
        0.05, math.cos(math.radians(here[1] + up))
    )
    device.notify(Notify.DUAL_CAMERA_LINKAGE_STATE, state=OperationState.RUNNING)
    try:
        await device.motion.move_to((here[0] + right, here[1] + up))
    finally:
        device.notify(Notify.DUAL_CAMERA_LINKAGE_STATE, state=OperationState.IDLE)
    return Code.WS_OK


@on(Motor.START_ATTITUDE_NOTIFY, Motor.STOP_ATTITUDE_NOTIFY)
def attitude(call: Call) -> Answer:
    call.device.attitude_wanted = call.cmd == Motor.START_ATTITUDE_NOTIFY
    return Code.WS_OK
