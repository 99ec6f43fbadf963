"""Focus: module 8. The wide camera of a DWARF 3 has a fixed lens and there is no guide camera."""

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Focus
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.focus_pb2 import ResGetUserInfinityPos
from telescope.dwarf.values import AutoFocusMode, FocusDirection
from telescope.simulator.focuser import RANGE
from telescope.simulator.wire import Answer, Call, RefusedError, on


def _direction(call: Call) -> int:
    if call.request.direction not in tuple(FocusDirection):
        raise RefusedError(Code.WS_INVAID_PARAM)
    return 1 if call.request.direction == FocusDirection.FAR else -1


@on(Focus.MANUAL_SINGLE_STEP_FOCUS)
def single_step(call: Call) -> Answer:
    focuser, direction = call.device.focuser, _direction(call)
    focuser.require_free()
    focuser.move(direction)
    return Code.WS_OK


@on(Focus.START_MANUAL_CONTINU_FOCUS)
async def start_continuous(call: Call) -> Answer:
    await call.device.focuser.start(_direction(call))
    return Code.WS_OK


@on(Focus.STOP_MANUAL_CONTINU_FOCUS, Focus.STOP_ASTRO_AUTO_FOCUS)
async def stop_focus(call: Call) -> Answer:
    await call.device.focuser.stop()
    return Code.WS_OK


@on(Focus.START_ASTRO_AUTO_FOCUS)
async def astro_focus(call: Call) -> Answer:
    """Slow or fast; the reply comes at the end."""
    device, timing = call.device, call.device.profile.timing
    device.require_idle()
    if call.request.mode == AutoFocusMode.FAST:
        return await device.focuser.auto(
            Notify.ASTRO_AUTO_FOCUS_FAST_STATE, timing.fast_focus, Code.FOCUS_ASTRO_AUTO_FOCUS_FAST_ERROR
        )
    return await device.focuser.auto(
        Notify.ASTRO_AUTO_FOCUS_STATE, timing.slow_focus, Code.FOCUS_ASTRO_AUTO_FOCUS_SLOW_ERROR
    )


@on(Focus.AUTO_FOCUS)
async def normal_focus(call: Call) -> Answer:
    area = call.request.mode == 1
    kind = Notify.AREA_AUTO_FOCUS_STATE if area else Notify.NORMAL_AUTO_FOCUS_STATE
    seconds = call.device.profile.timing.fast_focus
    return await call.device.focuser.auto(kind, seconds, Code.FOCUS_GET_NOW_POS_FAILED)


@on(Focus.AUTO_INFINITY_FOCUS)
def infinity_focus(call: Call) -> Answer:
    focuser = call.device.focuser
    focuser.require_free()
    focuser.move(focuser.infinity - focuser.position)
    return Code.WS_OK


@on(Focus.GET_USER_INFINITY_POS, control=False)
def get_infinity(call: Call) -> Answer:
    return ResGetUserInfinityPos(pos=call.device.focuser.infinity)


@on(Focus.SET_USER_INFINITY_POS)
def set_infinity(call: Call) -> Answer:
    if not RANGE[0] <= call.request.pos <= RANGE[1]:
        return Code.FOCUS_INFINITY_POS_ERROR
    call.device.focuser.infinity = call.request.pos
    return Code.WS_OK
