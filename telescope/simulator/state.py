"""The device's complete state, as 16405 (V3) and 10039 (V2) tell it."""

from typing import TYPE_CHECKING, Any

from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import task_pb2 as task
from telescope.dwarf.values import Camera, Charging, FocusState, OperationState, ShootingTech
from telescope.simulator.clients import Client
from telescope.simulator.device import WIDE_OFFSET
from telescope.simulator.params import MODES

if TYPE_CHECKING:
    from telescope.simulator.device import Dwarf

MATCHING = (1920, 1080)


def state_message(device: "Dwarf", client: Client) -> task.ResGetDeviceStateInfo:
    """The reply to 16405 for this client."""
    role = device.clients.role(client)
    info = task.ResGetDeviceStateInfo(
        shooting_mode=device.shooting_mode,
        tele=_camera(device, Camera.TELE),
        wide=_camera(device, Camera.WIDE),
        focus_motor=_focus(device),
        motion_motor=task.MotionMotorState(exclusive_state=_motion(device)),
        device=_device(device),
        connection_state_info=task.ConnectionState(
            host_slave_mode=task.HostSlaveMode(mode=role.mode, lock=role.lock)
        ),
    )
    for mode, (_, parent) in MODES.items():
        info.shooting_modes.append(
            task.ShootingModeInfo(
                shooting_mode=mode, parent_shooting_mode=parent, shooting_techs=[int(t) for t in ShootingTech]
            )
        )
    return info


def _camera(device: "Dwarf", camera: Camera) -> task.CameraState:
    profile = device.profile.cameras[camera]
    return task.CameraState(
        exclusive_state=_work(device, camera),
        stream_type=task.StreamType(stream_type=device.stream, cam_id=camera),
        h_fov=profile.width * profile.scale,
        v_fov=profile.height * profile.scale,
        width=profile.width,
        height=profile.height,
        cmos_temperature=task.CmosTemperature(
            temperature=round(device.environment.sensor()), camera_type=camera
        ),
    )


def _work(device: "Dwarf", camera: Camera) -> task.CameraExclusiveState | None:
    capture = device.captures[camera].state
    if capture != OperationState.IDLE:
        state = task.CameraOperation(state=capture, camera_type=camera)
        return task.CameraExclusiveState(raw_capture=state)
    running = task.CameraOperation(state=OperationState.RUNNING, camera_type=camera)
    if device.photos[camera].running == Notify.PHOTO_STATE:
        return task.CameraExclusiveState(photo=running)
    if device.photos[camera].running == Notify.BURST_STATE:
        return task.CameraExclusiveState(burst=running)
    if device.darks.running == camera:
        return task.CameraExclusiveState(calibration_frame=running)
    return None


def _focus(device: "Dwarf") -> task.FocusMotorState:
    running = task.State(state=FocusState.RUNNING)
    names = {
        Notify.ASTRO_AUTO_FOCUS_STATE: "astro_auto_focus",
        Notify.NORMAL_AUTO_FOCUS_STATE: "normal_auto_focus",
        Notify.ASTRO_AUTO_FOCUS_FAST_STATE: "fast_astro_auto_focus",
        Notify.AREA_AUTO_FOCUS_STATE: "area_auto_focus",
    }
    operation = device.focuser.operation
    work = task.FocusExclusiveState(**{names[operation]: running}) if operation is not None else None
    return task.FocusMotorState(
        exclusive_state=work, focus_position=task.FocusPosition(pos=device.focuser.position)
    )


def _motion(device: "Dwarf") -> task.MotionExclusiveState | None:
    motion = device.motion
    if motion.operation == Notify.STATE_ASTRO_CALIBRATION:
        return task.MotionExclusiveState(
            calibration=task.CalibrationState(state=motion.state, plate_solving_times=motion.solves)
        )
    if motion.operation == Notify.STATE_ASTRO_GOTO:
        return task.MotionExclusiveState(goto=task.NamedState(state=motion.state, target_name=motion.goal))
    if motion.operation == Notify.EQ_SOLVING_STATE:
        return task.MotionExclusiveState(eq_solving=task.State(state=OperationState.RUNNING))
    if motion.operation == Notify.SKY_TARGET_FINDER_STATE:
        return task.MotionExclusiveState(sky_target_finder=task.State(state=OperationState.RUNNING))
    if motion.target is not None:
        tracking = task.NamedState(state=OperationState.RUNNING, target_name=motion.target.name)
        return task.MotionExclusiveState(tracking=tracking)
    return None


def _device(device: "Dwarf") -> task.DeviceState:
    switches, result = device.switches, device.motion.result
    x, y, width, height = picture_matching(device)
    return task.DeviceState(
        rgb=task.State(state=switches.ring),
        power_indicator=task.State(state=switches.indicator),
        charging=task.State(state=Charging.NO),
        storage=task.Storage(**device.storage()),
        mtp=task.Mode(mode=switches.mtp),
        cpu_mode=task.Mode(mode=switches.cpu),
        temperature=task.Temperature(temperature=round(device.environment.air() + 5)),
        body_status=task.BodyStatus(status=device.motion.body),
        battery=task.Battery(percent=device.battery()),
        calibration_result=task.CalibrationResult(azi=result[0], alt=result[1]) if result else None,
        picture_matching=task.PictureMatching(x=x, y=y, w=width, h=height),
    )


def picture_matching(device: "Dwarf") -> tuple[int, int, int, int]:
    """Box of the tele camera in the wide picture of 1920 x 1080 pixels: left, top, width, height."""
    tele, wide = device.profile.cameras[Camera.TELE], device.profile.cameras[Camera.WIDE]
    per_pixel = wide.scale * wide.width / MATCHING[0]
    width, height = tele.width * tele.scale / per_pixel, tele.height * tele.scale / per_pixel
    left = MATCHING[0] / 2 - WIDE_OFFSET[0] / per_pixel - width / 2
    top = MATCHING[1] / 2 + WIDE_OFFSET[1] / per_pixel - height / 2
    return round(left), round(top), round(width), round(height)


def working_states(device: "Dwarf") -> list[tuple[Notify, dict[str, Any]]]:
    """What 10039 brings about, besides the telemetry."""
    motion, switches = device.motion, device.switches
    x, y, width, height = picture_matching(device)
    tracking = OperationState.RUNNING if motion.target else OperationState.IDLE
    name = motion.target.name if motion.target else ""
    going = motion.state if motion.operation == Notify.STATE_ASTRO_GOTO else 0
    calibrating = motion.state if motion.operation == Notify.STATE_ASTRO_CALIBRATION else 0
    return [
        (Notify.TELE_WIDE_PICTURE_MATCHING, {"x": x, "y": y, "width": width, "height": height}),
        (Notify.STATE_CAPTURE_RAW_LIVE_STACKING, {"state": device.captures[Camera.TELE].state}),
        (
            Notify.STATE_WIDE_CAPTURE_RAW_LIVE_STACKING,
            {"state": device.captures[Camera.WIDE].state, "camera_type": Camera.WIDE},
        ),
        (Notify.STATE_ASTRO_CALIBRATION, {"state": calibrating, "plate_solving_times": motion.solves}),
        (Notify.STATE_ASTRO_GOTO, {"state": going, "target_name": motion.goal}),
        (Notify.STATE_ASTRO_TRACKING, {"state": tracking, "target_name": name}),
        (Notify.RGB_STATE, {"state": switches.ring}),
        (Notify.POWER_IND_STATE, {"state": switches.indicator}),
        (Notify.MTP_STATE, {"mode": switches.mtp}),
        (Notify.CPU_MODE, {"mode": switches.cpu}),
        (Notify.FOCUS_POSITION, {"pos": device.focuser.position}),
    ]
