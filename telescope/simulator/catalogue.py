"""What the device says of its parameters over HTTP: the V3 catalogue of a mode, and the V2 configuration."""

from typing import Any

from telescope.dwarf.values import Camera, Filter, Parameter, ParamMode, SupportParam
from telescope.simulator.device import Dwarf
from telescope.simulator.params import RANGES
from telescope.simulator.profile import (
    DEFAULT_EXPOSURE_INDEX,
    FILTER_NAMES,
    GAIN_INDEX,
    GAINS,
    CameraProfile,
)

_GENERAL = {
    "brightness": Parameter.BRIGHTNESS,
    "contrast": Parameter.CONTRAST,
    "saturation": Parameter.SATURATION,
    "hue": Parameter.HUE,
    "sharpness": Parameter.SHARPNESS,
}


def params_of_mode(device: Dwarf, mode: int) -> dict[str, Any]:
    """`data` of getParamAndSetting: what 16700-16703 take in this mode, and what is set."""
    return {
        "modeId": mode,
        "cameraParams": [_camera_params(device, mode, camera) for camera in Camera],
        "shootingTechSettings": [
            {"cameraId": int(camera), "generalParams": [_frame_count(device, mode, camera)]}
            for camera in Camera
        ],
    }


def _parameter(device: Dwarf, mode: int, camera: Camera, parameter: Parameter) -> dict[str, Any]:
    setting = device.params.get(mode, camera, parameter)
    number = device.params.id(mode, camera, parameter).pack()
    return {"paramId": number, "currentMode": int(setting.mode), "currentValue": int(setting.value)}


def _camera_params(device: Dwarf, mode: int, camera: Camera) -> dict[str, Any]:
    profile = device.profile.cameras[camera]
    exposures = [{"name": name, "value": index} for index, name in profile.exposures.items()]
    general = []
    for name, parameter in _GENERAL.items():
        low, high, default = RANGES[parameter]
        general.append(
            {"name": name, **_parameter(device, mode, camera, parameter)}
            | {"minValue": low, "maxValue": high, "defaultValue": default}
        )
    if camera == Camera.TELE:
        filters = [{"name": name, "value": number} for number, name in FILTER_NAMES.items()]
        filter_ = _parameter(device, mode, camera, Parameter.FILTER)
        general.append({"name": "filter", **filter_, "values": filters, "defaultValue": int(Filter.VIS)})
    return {
        "cameraId": int(camera),
        "specialParams": {
            "exp": {**_parameter(device, mode, camera, Parameter.EXPOSURE), "values": exposures},
            "gain": {**_parameter(device, mode, camera, Parameter.GAIN), "values": list(GAINS)},
        },
        "generalParams": general,
    }


def _frame_count(device: Dwarf, mode: int, camera: Camera) -> dict[str, Any]:
    low, high, _ = RANGES[Parameter.FRAME_COUNT]
    count = _parameter(device, mode, camera, Parameter.FRAME_COUNT)
    return {"name": "stackCount", **count, "minValue": low, "maxValue": high}


def default_config(device: Dwarf) -> dict[str, Any]:
    """`data` of getDefaultParamsConfig, the V2 description that V3 firmware still serves."""
    cameras = [_config_camera(profile) for profile in device.profile.cameras.values()]
    features = [
        {"id": 0, "name": "Astro binning", "hasAuto": False, **_gear([(0, "4k")], 0)},
        {"id": 2, "name": "Astro format", "hasAuto": False, **_gear([(0, "FITS")], 0)},
    ]
    return {"cameras": cameras, "featureParams": features}


def _config_camera(profile: CameraProfile) -> dict[str, Any]:
    exposures = list(profile.exposures.items())
    gains = [(index, str(gain)) for index, gain in GAIN_INDEX.items()]
    supports = [
        _support(SupportParam.EXPOSURE, "Exposure", _gear(exposures, DEFAULT_EXPOSURE_INDEX), True),
        _support(SupportParam.GAIN, "Gain", _gear(gains, 18), True),
    ]
    if profile.camera == Camera.TELE:
        gear = _gear([(number, f"{name} Filter") for number, name in FILTER_NAMES.items()], 0)
        supports.append(_support(SupportParam.IR_CUT, "IR Cut", gear, False))
    return {
        "id": int(profile.camera),
        "name": profile.name,
        "fvWidth": profile.app_width,
        "fvHeight": round(profile.app_width * profile.height / profile.width, 3),
        "previewWidth": 1920,
        "previewHeight": 1080,
        "supportParams": supports,
    }


def _support(number: SupportParam, name: str, gear: dict[str, Any], automatic: bool) -> dict[str, Any]:
    return {
        "id": int(number),
        "name": name,
        "hasAuto": automatic,
        "autoMode": int(ParamMode.AUTO),
        "supportMode": [{"index": 0, "name": "gear"}],
        **gear,
    }


def _gear(values: list[tuple[int, str]], default: int) -> dict[str, Any]:
    entries = [{"index": index, "name": name} for index, name in values]
    return {"gearMode": {"defaultValueIndex": default, "values": entries}}
