"""The V2 dialect of the cameras. On V3 firmware its setters drop the socket and its getters are silent."""

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Tele, Wide
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.camera_pb2 import ResGetAllFeatureParams, ResGetAllParams
from telescope.dwarf.proto.common_pb2 import CommonParam, ComResWithInt
from telescope.dwarf.values import (
    Camera,
    FeatureParam,
    Parameter,
    ParamMode,
    ShootingMode,
    SupportParam,
)
from telescope.simulator.handlers.camera import camera_of
from telescope.simulator.params import Setting
from telescope.simulator.profile import GAIN_INDEX
from telescope.simulator.wire import Answer, Call, RefusedError, on

V2 = (2,)
MODE = ShootingMode.DEEP_SKY
"""The old dialect knows no shooting modes; everything goes to the one that stacking uses."""

_INDEX_OF_GAIN = {gain: index for index, gain in GAIN_INDEX.items()}

_SUPPORT: dict[SupportParam, Parameter] = {
    SupportParam.EXPOSURE: Parameter.EXPOSURE,
    SupportParam.GAIN: Parameter.GAIN,
    SupportParam.WHITE_BALANCE: Parameter.WHITE_BALANCE,
    SupportParam.BRIGHTNESS: Parameter.BRIGHTNESS,
    SupportParam.CONTRAST: Parameter.CONTRAST,
    SupportParam.HUE: Parameter.HUE,
    SupportParam.SATURATION: Parameter.SATURATION,
    SupportParam.SHARPNESS: Parameter.SHARPNESS,
    SupportParam.IR_CUT: Parameter.FILTER,
}

_VALUE: dict[int, SupportParam] = {
    Tele.SET_EXP: SupportParam.EXPOSURE,
    Tele.SET_GAIN: SupportParam.GAIN,
    Tele.SET_BRIGHTNESS: SupportParam.BRIGHTNESS,
    Tele.SET_CONTRAST: SupportParam.CONTRAST,
    Tele.SET_SATURATION: SupportParam.SATURATION,
    Tele.SET_HUE: SupportParam.HUE,
    Tele.SET_SHARPNESS: SupportParam.SHARPNESS,
    Tele.SET_WB_CT: SupportParam.WHITE_BALANCE,
    Tele.SET_IRCUT: SupportParam.IR_CUT,
    Wide.SET_EXP: SupportParam.EXPOSURE,
    Wide.SET_GAIN: SupportParam.GAIN,
    Wide.SET_BRIGHTNESS: SupportParam.BRIGHTNESS,
    Wide.SET_CONTRAST: SupportParam.CONTRAST,
    Wide.SET_SATURATION: SupportParam.SATURATION,
    Wide.SET_HUE: SupportParam.HUE,
    Wide.SET_SHARPNESS: SupportParam.SHARPNESS,
    Wide.SET_WB_CT: SupportParam.WHITE_BALANCE,
}
_MODES: dict[int, SupportParam] = {
    Tele.SET_EXP_MODE: SupportParam.EXPOSURE,
    Tele.SET_GAIN_MODE: SupportParam.GAIN,
    Tele.SET_WB_MODE: SupportParam.WHITE_BALANCE,
    Wide.SET_EXP_MODE: SupportParam.EXPOSURE,
    Wide.SET_WB_MODE: SupportParam.WHITE_BALANCE,
}
# A getter's number follows its setter's.
_GET_VALUE = {number + 1: support for number, support in _VALUE.items()}
_GET_MODE = {number + 1: support for number, support in _MODES.items()}

_FEATURES: dict[FeatureParam, Parameter | None] = {
    FeatureParam.BINNING: None,
    FeatureParam.IMAGES_TO_TAKE: Parameter.FRAME_COUNT,
    FeatureParam.FORMAT: None,
    FeatureParam.BURST_COUNT: Parameter.BURST_COUNT,
}
"""Feature parameters that the simulation knows; binning and format have the one value 0 (4K, FITS)."""


def _put(call: Call, camera: Camera, support: SupportParam, setting: Setting) -> None:
    value = setting.value
    if support == SupportParam.GAIN:
        if value not in GAIN_INDEX:
            raise RefusedError(Code.WS_INVAID_PARAM)
        value = GAIN_INDEX[value]
    call.device.params.put(MODE, camera, _SUPPORT[support], Setting(value, setting.mode))
    number = Notify.TELE_SET_PARAM if camera == Camera.TELE else Notify.WIDE_SET_PARAM
    call.device.notify(number, param=[_common(call, camera, support)])


def _get(call: Call, camera: Camera, support: SupportParam) -> Setting:
    setting = call.device.params.get(MODE, camera, _SUPPORT[support])
    if support == SupportParam.GAIN:
        # A gain that a V3 client set between two table entries shows as the entry below.
        below = max(gain for gain in _INDEX_OF_GAIN if gain <= setting.value)
        return Setting(_INDEX_OF_GAIN[below], setting.mode)
    return setting


def _common(call: Call, camera: Camera, support: SupportParam) -> CommonParam:
    setting = _get(call, camera, support)
    automatic = support in (SupportParam.EXPOSURE, SupportParam.GAIN, SupportParam.WHITE_BALANCE)
    return CommonParam(has_auto=automatic, auto_mode=setting.mode, id=support, index=setting.value)


@on(*_VALUE, dialects=V2, drops=True)
def set_value(call: Call) -> Answer:
    camera, support = camera_of(call), _VALUE[call.cmd]
    request = call.request
    value = request.index if hasattr(request, "index") else request.value
    mode = ParamMode.MANUAL if support != SupportParam.WHITE_BALANCE else _get(call, camera, support).mode
    _put(call, camera, support, Setting(value, mode))
    return Code.WS_OK


@on(*_MODES, dialects=V2, drops=True)
def set_mode(call: Call) -> Answer:
    camera, support = camera_of(call), _MODES[call.cmd]
    if call.request.mode not in tuple(ParamMode):
        raise RefusedError(Code.WS_INVAID_PARAM)
    _put(call, camera, support, Setting(_get(call, camera, support).value, call.request.mode))
    return Code.WS_OK


@on(*_GET_VALUE, control=False, dialects=V2)
def get_value(call: Call) -> Answer:
    return ComResWithInt(value=_get(call, camera_of(call), _GET_VALUE[call.cmd]).value)


@on(*_GET_MODE, control=False, dialects=V2)
def get_mode(call: Call) -> Answer:
    return ComResWithInt(value=_get(call, camera_of(call), _GET_MODE[call.cmd]).mode)


@on(Tele.SET_ALL_PARAMS, Wide.SET_ALL_PARAMS, dialects=V2, drops=True)
def set_all(call: Call) -> Answer:
    camera, r = camera_of(call), call.request
    wanted = {
        SupportParam.EXPOSURE: Setting(r.exp_index, r.exp_mode),
        SupportParam.GAIN: Setting(r.gain_index, r.gain_mode),
        SupportParam.WHITE_BALANCE: Setting(r.wb_index, r.wb_mode),
        SupportParam.BRIGHTNESS: Setting(r.brightness),
        SupportParam.CONTRAST: Setting(r.contrast),
        SupportParam.HUE: Setting(r.hue),
        SupportParam.SATURATION: Setting(r.saturation),
        SupportParam.SHARPNESS: Setting(r.sharpness),
    }
    if camera == Camera.TELE:
        wanted[SupportParam.IR_CUT] = Setting(r.ircut_value)
    for support, setting in wanted.items():
        _put(call, camera, support, setting)
    return Code.WS_OK


@on(Tele.GET_ALL_PARAMS, Wide.GET_ALL_PARAMS, control=False, dialects=V2)
def get_all(call: Call) -> Answer:
    camera = camera_of(call)
    supports = [s for s in SupportParam if s != SupportParam.IR_CUT or camera == Camera.TELE]
    return ResGetAllParams(all_params=[_common(call, camera, support) for support in supports])


def _feature(call: Call, feature: FeatureParam) -> CommonParam:
    parameter = _FEATURES[feature]
    value = 0 if parameter is None else call.device.params.get(MODE, Camera.TELE, parameter).value
    return CommonParam(id=feature, index=value, continue_value=value)


@on(Tele.SET_FEATURE_PARAM, dialects=V2, drops=True)
def set_feature(call: Call) -> Answer:
    wanted = call.request.param
    if wanted.id not in tuple(_FEATURES):
        raise RefusedError(Code.WS_INVAID_PARAM)
    feature = FeatureParam(wanted.id)
    parameter = _FEATURES[feature]
    # Whole numbers come as an index or, for counts, as the continuous value.
    value = int(wanted.continue_value) if wanted.continue_value else wanted.index
    if parameter is None:
        if value != 0:
            raise RefusedError(Code.WS_INVAID_PARAM)
    else:
        call.device.params.put(MODE, Camera.TELE, parameter, Setting(value))
    call.device.notify(Notify.SET_FEATURE_PARAM, param=[_feature(call, feature)])
    return Code.WS_OK


@on(Tele.GET_ALL_FEATURE_PARAMS, control=False, dialects=V2)
def get_features(call: Call) -> Answer:
    return ResGetAllFeatureParams(all_feature_params=[_feature(call, feature) for feature in _FEATURES])


@on(Tele.SET_WB_SCENE, Wide.SET_WB_SCENE, dialects=V2, drops=True)
def set_scene(call: Call) -> Answer:
    camera = camera_of(call)
    call.device.notify(Notify.WB, scene=call.request.value, camera_type=camera)
    return Code.WS_OK
