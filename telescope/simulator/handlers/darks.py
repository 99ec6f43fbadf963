"""Darks: the commands of module 3 that take, list and delete them."""

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Astro
from telescope.dwarf.proto.astro_pb2 import (
    CaliFrameInfo,
    DarkFrameInfo,
    ResCheckDarkFrame,
    ResGetCaliFrameList,
    ResGetDarkFrameInfoList,
)
from telescope.dwarf.values import Camera, Filter, Parameter, Resolution, ShootingMode
from telescope.simulator.profile import GAIN_INDEX
from telescope.simulator.wire import Answer, Call, RefusedError, on

AUTOMATIC_FRAMES = 10
"""Frames of the old dark library's runs [chosen]."""
DARK = 0
"""`cali_frame_type`; the numbers of flat and bias are not known, those frames are made at the factory."""
INDEX_OF_GAIN = {gain: index for index, gain in GAIN_INDEX.items()}

_WIDE = (
    Astro.START_CAPTURE_WIDE_RAW_DARK_WITH_PARAM,
    Astro.GET_WIDE_DARK_FRAME_LIST,
    Astro.DEL_WIDE_DARK_FRAME_LIST,
)


def _camera(call: Call) -> Camera:
    return Camera.WIDE if call.cmd in _WIDE else Camera.TELE


@on(Astro.START_CAPTURE_CALI_FRAME)
async def capture_cali_frame(call: Call) -> Answer:
    request = call.request
    if request.cali_frame_type != DARK or request.camera_type not in tuple(Camera):
        raise RefusedError(Code.WS_INVAID_PARAM)
    camera = Camera(request.camera_type)
    await call.device.darks.start(camera, request.exp_index, request.gain, request.cap_size, new=True)
    return Code.WS_OK


@on(Astro.STOP_CAPTURE_CALI_FRAME, Astro.STOP_CAPTURE_RAW_DARK, Astro.STOP_CAPTURE_RAW_DARK_WITH_PARAM)
@on(Astro.STOP_CAPTURE_WIDE_RAW_DARK_WITH_PARAM)
async def stop_darks(call: Call) -> Answer:
    await call.device.darks.stop()
    return Code.WS_OK


@on(Astro.START_CAPTURE_RAW_DARK_WITH_PARAM, Astro.START_CAPTURE_WIDE_RAW_DARK_WITH_PARAM)
async def capture_dark_with_param(call: Call) -> Answer:
    request = call.request
    gain = GAIN_INDEX.get(request.gain_index, -1)
    await call.device.darks.start(_camera(call), request.exp_index, gain, request.cap_size, new=False)
    return Code.WS_OK


@on(Astro.START_CAPTURE_RAW_DARK)
async def capture_dark(call: Call) -> Answer:
    """The old automatic library: darks for the present exposure and gain."""
    exposure, gain = _present(call)
    await call.device.darks.start(Camera.TELE, exposure, gain, AUTOMATIC_FRAMES, new=False)
    return Code.WS_OK


@on(Astro.CHECK_GOT_DARK, control=False)
def check_dark(call: Call) -> Answer:
    exposure, gain = _present(call)
    missing = call.device.darks.check(Camera.TELE, exposure, gain)
    if missing is None:
        return ResCheckDarkFrame(progress=10000)
    return ResCheckDarkFrame(progress=0, code=missing.code)


def _present(call: Call) -> tuple[int, int]:
    get = call.device.params.get
    mode = ShootingMode.DEEP_SKY
    return get(mode, Camera.TELE, Parameter.EXPOSURE).value, get(mode, Camera.TELE, Parameter.GAIN).value


@on(Astro.GET_CALI_FRAME_LIST, control=False)
def list_cali_frames(call: Call) -> Answer:
    """Flats and biases come from the factory and are not listed."""
    camera, kind = call.request.camera_type, call.request.cali_frame_type
    profiles = call.device.profile.cameras
    results = [
        CaliFrameInfo(
            exp_name=profiles[dark.camera].exposures[dark.exposure], gain=dark.gain,
            resolution=Resolution.UHD if camera == Camera.TELE else Resolution.FULL_HD,
            camera_type=dark.camera, progress=100, cali_frame_type=DARK, filter_type=Filter.DARK,
            info_id=dark.number, temp_value=dark.temperature,
        )
        for dark in call.device.darks.library
        if dark.camera == camera and kind == DARK
    ]  # fmt: skip
    return ResGetCaliFrameList(results=results, camera_type=camera, cali_frame_type=kind)


@on(Astro.DEL_CALI_FRAME_LIST)
def delete_cali_frames(call: Call) -> Answer:
    darks = call.device.darks
    darks.library = [dark for dark in darks.library if dark.number not in call.request.info_ids]
    return Code.WS_OK


@on(Astro.GET_DARK_FRAME_LIST, Astro.GET_WIDE_DARK_FRAME_LIST, control=False)
def list_darks(call: Call) -> Answer:
    camera = _camera(call)
    names = call.device.profile.cameras[camera].exposures
    results = [
        DarkFrameInfo(
            exp_index=dark.exposure, gain_index=INDEX_OF_GAIN.get(dark.gain, -1), bin_index=0,
            exp_name=names[dark.exposure], gain_name=str(dark.gain), bin_name="4k",
            temperature=dark.temperature,
        )
        for dark in call.device.darks.library
        if dark.camera == camera
    ]  # fmt: skip
    return ResGetDarkFrameInfoList(results=results)


@on(Astro.DEL_DARK_FRAME_LIST, Astro.DEL_WIDE_DARK_FRAME_LIST)
def delete_darks(call: Call) -> Answer:
    camera, darks = _camera(call), call.device.darks
    gone = {(key.exp_index, GAIN_INDEX.get(key.gain_index), key.temp_value) for key in call.request.dark_list}
    darks.library = [
        dark
        for dark in darks.library
        if dark.camera != camera or (dark.exposure, dark.gain, dark.temperature) not in gone
    ]
    return Code.WS_OK
