"""Astro: module 3, calibration, gotos, stacking."""

import math
from typing import cast

from sky.ephemeris import BodyName
from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Astro
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.astro_pb2 import (
    QuickSet,
    ResGetAstroShootingTime,
    ResGetQuikSetList,
    ResGotoSolarSystem,
    ResOneClickGoto,
    ResOneClickGotoSolarSystem,
    ResSetQuickSet,
    ResStartEqSolving,
    ResStartSkyTargetFinder,
)
from telescope.dwarf.proto.notify_pb2 import ResNotifyOneClickGotoState
from telescope.dwarf.values import (
    AstroState,
    Camera,
    Filter,
    FocusState,
    OneClickStep,
    OperationState,
    Parameter,
    ShootingMode,
    SolarSystem,
    SpecialTarget,
    StreamType,
)
from telescope.simulator.geometry import separation, vector_axes
from telescope.simulator.motion import Target
from telescope.simulator.params import Setting
from telescope.simulator.profile import exposure_seconds
from telescope.simulator.wire import Answer, Call, RefusedError, on

QUICK_EXPOSURES = {Camera.TELE: (156, 159, 162, 163), Camera.WIDE: (150, 159)}
"""Exposures of the quick sets: 15, 30, 60, 90 s; wide camera 10 and 30 s [chosen after a mini's list]."""
QUICK_GAIN = {Camera.TELE: 60, Camera.WIDE: 40}


# --- targets


def deep_sky(call: Call, ra: float, dec: float, name: str) -> Target:
    """A fixed target. Raises `RefusedError` with -3 for coordinates that are none."""
    degrees = ra if call.device.setup.ra_degrees and call.cmd == Astro.START_GOTO_DSO else ra * 15.0
    if not (math.isfinite(degrees) and 0 <= degrees < 360 and math.isfinite(dec) and abs(dec) <= 90):
        raise RefusedError(Code.WS_INVAID_PARAM)
    return Target(name, lambda _moment: (degrees, dec))


def solar(call: Call, index: int, name: str) -> Target:
    """A solar system target. Raises `RefusedError` with -3 for a number that is none."""
    try:
        body = SolarSystem(index)
    except ValueError as error:
        raise RefusedError(Code.WS_INVAID_PARAM) from error
    horizon, word = call.device.horizon, cast("BodyName", body.name.lower())
    return Target(name or body.name.capitalize(), lambda moment: horizon.body(word, moment), index)


# --- calibration, gotos


@on(Astro.START_CALIBRATION)
async def calibrate(call: Call) -> Answer:
    call.device.require_idle()
    await call.device.motion.calibrate()
    return Code.WS_OK


@on(Astro.STOP_CALIBRATION, Astro.STOP_GOTO, Astro.STOP_ONE_CLICK_GOTO, Astro.STOP_EQ_SOLVING)
@on(Astro.STOP_SKY_TARGET_FINDER)
async def stop_motion(call: Call) -> Answer:
    """Stops what its name says and stands still; 11004 ends tracking too."""
    motion = call.device.motion
    if call.cmd == Astro.STOP_GOTO or motion.operation is not None:
        await motion.stop()
    return Code.WS_OK


@on(Astro.START_GOTO_DSO)
async def goto_dso(call: Call) -> Answer:
    request = call.request
    target = deep_sky(call, request.ra, request.dec, request.target_name)
    call.device.require_idle()
    await call.device.motion.goto(target)
    return Code.WS_OK


@on(Astro.START_GOTO_SOLAR_SYSTEM)
async def goto_solar(call: Call) -> Answer:
    request = call.request
    target = solar(call, request.index, request.target_name)
    call.device.require_idle()
    try:
        await call.device.motion.goto(target, solve=target.index not in (SolarSystem.SUN, SolarSystem.MOON))
    except RefusedError as error:
        return ResGotoSolarSystem(code=error.code, request=request)
    return ResGotoSolarSystem(request=request)


@on(Astro.START_TRACK_SPECIAL_TARGET)
async def track_special(call: Call) -> Answer:
    """The sun or the moon must already be in the picture."""
    device = call.device
    device.require_idle()
    body = SolarSystem.MOON if call.request.index == SpecialTarget.MOON else SolarSystem.SUN
    target = solar(call, body, "")
    now = device.now()
    seen = device.horizon.direction(target.aim(now), now)
    if separation(device.motion.mount.true_direction(now), seen) > 2.0:
        return Code.ASTRO_SUN_MOON_NOT_FOUND
    device.motion.track(target)
    device.notify(
        Notify.STATE_ASTRO_TRACKING_SPECIAL, state=OperationState.RUNNING, target_name=target.name,
        index=call.request.index,
    )  # fmt: skip
    return Code.WS_OK


@on(Astro.STOP_TRACK_SPECIAL_TARGET)
def stop_special(call: Call) -> Answer:
    call.device.motion.stand()
    return Code.WS_OK


async def one_click(call: Call, target: Target, solve: bool) -> tuple[OneClickStep, Code]:
    """Focus and calibrate if needed, then go; returns the last step and how it ended."""
    device = call.device

    def say(step: str, **values: int | str) -> None:
        message = ResNotifyOneClickGotoState(**{step: values})  # pyright: ignore[reportArgumentType]
        device.clients.broadcast(Notify.STATE_ASTRO_ONE_CLICK_GOTO, message)

    step = OneClickStep.SKY
    try:
        device.require_idle()
        if solve and not device.motion.sky_is_dark():
            raise RefusedError(Code.ASTRO_SKY_SEARCH_FAILED)
        if not device.motion.mount.calibrated:
            step = OneClickStep.CALIBRATION
            say("calibration", state=AstroState.RUNNING)
            await device.motion.calibrate()
            say("calibration", state=AstroState.IDLE, plate_solving_times=device.motion.solves)
            step = OneClickStep.FOCUS
            say("auto_focus", state=FocusState.RUNNING)
            seconds = device.profile.timing.slow_focus
            code = await device.focuser.auto(
                Notify.ASTRO_AUTO_FOCUS_STATE, seconds, Code.FOCUS_ASTRO_AUTO_FOCUS_SLOW_ERROR
            )
            say("auto_focus", state=FocusState.DONE)
            if code != Code.WS_OK:
                raise RefusedError(code)
        step = OneClickStep.GOTO
        say("goto", state=AstroState.RUNNING, target_name=target.name)
        await device.motion.goto(target, solve)
        say("goto", state=AstroState.IDLE, target_name=target.name)
    except RefusedError as error:
        return step, error.code
    say("tracking", state=OperationState.RUNNING, target_name=target.name)
    return step, Code.WS_OK


@on(Astro.START_ONE_CLICK_GOTO_DSO)
async def one_click_dso(call: Call) -> Answer:
    request = call.request
    target = deep_sky(call, request.ra, request.dec, request.target_name)
    step, code = await one_click(call, target, solve=True)
    return ResOneClickGoto(step=step, code=code, all_end=True)


@on(Astro.START_ONE_CLICK_GOTO_SOLAR_SYSTEM)
async def one_click_solar(call: Call) -> Answer:
    request = call.request
    target = solar(call, request.index, request.target_name)
    solve = target.index not in (SolarSystem.SUN, SolarSystem.MOON)
    step, code = await one_click(call, target, solve)
    return ResOneClickGotoSolarSystem(step=step, code=code, all_end=True, request=request)


@on(Astro.START_EQ_SOLVING)
async def eq_solving(call: Call) -> Answer:
    device = call.device
    device.require_idle()
    # The streams must be opened again afterwards.
    device.streams.clear()
    azimuth, altitude = await device.motion.solve_polar()
    return ResStartEqSolving(azi_err=azimuth, alt_err=altitude)


@on(Astro.START_SKY_TARGET_FINDER)
async def sky_finder(call: Call) -> Answer:
    """One plate solve without moving: the zenith in the device's frame, where it looks, how it is turned."""
    device, motion = call.device, call.device.motion
    device.require_idle()
    device.notify(Notify.SKY_TARGET_FINDER_STATE, state=OperationState.RUNNING)
    try:
        work = device.clock.sleep(2 * device.profile.timing.solve)
        await motion.run(Notify.SKY_TARGET_FINDER_STATE, work, Code.ASTRO_SKY_SEARCH_FAILED)
    finally:
        device.notify(Notify.SKY_TARGET_FINDER_STATE, state=OperationState.IDLE)
    if not motion.can_solve():
        return Code.ASTRO_SKY_SEARCH_FAILED
    zenith = vector_axes(motion.mount.true_model[2])
    center = vector_axes(motion.mount.true_direction(device.now()))
    roll = device.pointing(Camera.TELE, device.clock.now()).roll
    return ResStartSkyTargetFinder(
        zenith_azi=zenith[0],
        zenith_alt=zenith[1],
        center_azi=center[0],
        center_alt=center[1],
        center_roll=roll,
    )


# --- stacking


@on(Astro.START_CAPTURE_RAW_LIVE_STACKING)
async def start_stacking(call: Call) -> Answer:
    device, request = call.device, call.request
    # An absent number is 0 on the wire: VIS for a V3 client; the V2 message has no such field.
    wanted = Filter.NONE if device.setup.v2 else request.ir_index
    if wanted != Filter.NONE:
        device.params.put(ShootingMode.DEEP_SKY, Camera.TELE, Parameter.FILTER, Setting(wanted))
    return await device.captures[Camera.TELE].start(request.force_start)


@on(Astro.START_WIDE_CAPTURE_LIVE_STACKING)
async def start_wide_stacking(call: Call) -> Answer:
    return await call.device.captures[Camera.WIDE].start(call.request.force_start)


@on(Astro.CONTINUE_SHOOTING)
async def continue_shooting(call: Call) -> Answer:
    """Go on without the dark that was missing."""
    for capture in call.device.captures.values():
        if capture.waiting:
            return await capture.start(force=True)
    raise RefusedError(Code.ASTRO_FUNCTION_BUSY)


_STOPS: dict[int, tuple[Camera, bool]] = {
    Astro.STOP_CAPTURE_RAW_LIVE_STACKING: (Camera.TELE, False),
    Astro.FAST_STOP_CAPTURE_RAW_LIVE_STACKING: (Camera.TELE, True),
    Astro.STOP_WIDE_CAPTURE_LIVE_STACKING: (Camera.WIDE, False),
    Astro.FAST_STOP_WIDE_CAPTURE_LIVE_STACKING: (Camera.WIDE, True),
}


@on(*_STOPS)
async def stop_stacking(call: Call) -> Answer:
    camera, fast = _STOPS[call.cmd]
    await call.device.captures[camera].stop(fast)
    return Code.WS_OK


@on(Astro.GO_LIVE, Astro.WIDE_GO_LIVE)
def go_live(call: Call) -> Answer:
    device = call.device
    if not device.is_capturing():
        device.set_stream(StreamType.RTSP)
    return Code.WS_OK


@on(Astro.GET_ASTRO_SHOOTING_TIME, control=False)
def shooting_time(call: Call) -> Answer:
    """How long a whole run will take; index -1 means the present exposure."""
    device, request = call.device, call.request
    camera = Camera.WIDE if request.cam_id == Camera.WIDE else Camera.TELE
    index, get = request.exp_index, device.params.get
    if index < 0:
        index = get(ShootingMode.DEEP_SKY, camera, Parameter.EXPOSURE).value
    if index not in device.profile.cameras[camera].exposures:
        raise RefusedError(Code.WS_INVAID_PARAM)
    seconds = get(ShootingMode.DEEP_SKY, camera, Parameter.FRAME_COUNT).value * exposure_seconds(index)
    return ResGetAstroShootingTime(shooting_time=round(seconds), cam_id=camera)


def quick_sets(call: Call, camera: Camera) -> list[QuickSet]:
    """The quick sets of a camera."""
    profile = call.device.profile.cameras[camera]
    gain = QUICK_GAIN[camera]
    return [
        QuickSet(
            exp_name=profile.exposures[index], exp_index=index, gain=gain, resolution=0, camera_type=camera,
            info_id=f"{int(camera)}|0|{profile.exposures[index]}|{gain}|0|null",
        )
        for index in QUICK_EXPOSURES[camera]
    ]  # fmt: skip


@on(Astro.GET_QUICK_SET_LIST, control=False)
def quick_set_list(call: Call) -> Answer:
    camera = Camera.WIDE if call.request.camera_type == Camera.WIDE else Camera.TELE
    return ResGetQuikSetList(results=quick_sets(call, camera), camera_type=camera)


@on(Astro.SET_QUICK_SET)
def set_quick_set(call: Call) -> Answer:
    """Takes only what the list offers; it sets exposure and gain of the deep-sky mode."""
    for camera in Camera:
        for entry in quick_sets(call, camera):
            if entry.info_id == call.request.info_id:
                put = call.device.params.put
                put(ShootingMode.DEEP_SKY, camera, Parameter.EXPOSURE, Setting(entry.exp_index))
                put(ShootingMode.DEEP_SKY, camera, Parameter.GAIN, Setting(entry.gain))
                return ResSetQuickSet(info_id=entry.info_id)
    return ResSetQuickSet(code=Code.WS_INVAID_PARAM, info_id=call.request.info_id)
