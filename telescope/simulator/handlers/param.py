"""Camera parameters: module 15 (V3). Each setter is echoed to every client, from module 15."""

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Module, Param
from telescope.dwarf.notifications import Notify
from telescope.dwarf.values import Camera, Parameter, ParamMode, ShootingTech
from telescope.simulator.params import RANGES, Setting
from telescope.simulator.wire import Answer, Call, RefusedError, on

_WHOLE = tuple(parameter for parameter in RANGES if parameter != Parameter.WHITE_BALANCE)
V3 = (3,)


@on(Param.SET_EXPOSURE, dialects=V3)
def set_exposure(call: Call) -> Answer:
    return _set(call, Parameter.EXPOSURE)


@on(Param.SET_GAIN, dialects=V3)
def set_gain(call: Call) -> Answer:
    return _set(call, Parameter.GAIN)


def _set(call: Call, parameter: Parameter) -> Answer:
    request = call.request
    call.device.params.put_id(request.param_id, Setting(request.value, _mode(request.mode)), (parameter,))
    call.device.notify(
        Notify.GENERAL_INT_PARAM, Module.PARAM, param_id=request.param_id, mode=request.mode,
        value=request.value,
    )  # fmt: skip
    return Code.WS_OK


def _mode(number: int) -> ParamMode:
    if number not in tuple(ParamMode):
        raise RefusedError(Code.WS_INVAID_PARAM)
    return ParamMode(number)


@on(Param.SET_WB, dialects=V3)
def set_white_balance(call: Call) -> Answer:
    request = call.request
    setting = Setting(request.value, request.mode)
    given = call.device.params.put_id(request.param_id, setting, (Parameter.WHITE_BALANCE,))
    call.device.notify(Notify.WB, mode=request.mode, ct=request.value, camera_type=given.camera)
    return Code.WS_OK


@on(Param.SET_GENERAL_INT_PARAM, dialects=V3)
def set_int(call: Call) -> Answer:
    request = call.request
    call.device.params.put_id(request.param_id, Setting(request.value), _WHOLE)
    call.device.notify(
        Notify.GENERAL_INT_PARAM, Module.PARAM, param_id=request.param_id, mode=ParamMode.MANUAL,
        value=request.value,
    )  # fmt: skip
    return Code.WS_OK


@on(Param.SET_GENERAL_FLOAT_PARAM, Param.SET_GENERAL_BOOL_PARAM, dialects=V3)
def set_other(call: Call) -> Answer:
    """No parameter of these types is documented for a DWARF 3."""
    raise RefusedError(Code.WS_INVAID_PARAM)


@on(Param.SET_AUTO_PARAMS, dialects=V3)
def set_auto(call: Call) -> Answer:
    """Exposure and gain of a camera automatic or not, in the present shooting mode."""
    request, device = call.request, call.device
    if request.camera_type not in tuple(Camera) or request.shooting_tech not in tuple(ShootingTech):
        raise RefusedError(Code.WS_INVAID_PARAM)
    mode = ParamMode.AUTO if request.is_auto else ParamMode.MANUAL
    for parameter in (Parameter.EXPOSURE, Parameter.GAIN):
        old = device.params.get(device.shooting_mode, request.camera_type, parameter)
        device.params.put(device.shooting_mode, request.camera_type, parameter, Setting(old.value, mode))
    return Code.WS_OK
