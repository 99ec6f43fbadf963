"""Task center: module 14 (V3), shooting mode and technique, the complete state."""

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Task
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.task_pb2 import ResEnterCamera, ResSwitchShootingMode, ResSwitchShootingTech
from telescope.dwarf.values import Camera, OperationState, ShootingMode, ShootingTech
from telescope.simulator.params import MODES
from telescope.simulator.state import state_message
from telescope.simulator.wire import Answer, Call, on

V3 = (3,)


@on(Task.SWITCH_SHOOTING_MODE, dialects=V3)
def switch_mode(call: Call) -> Answer:
    device, mode = call.device, call.request.mode
    if device.faults.strict_order and not device.entered:
        device.spawn(device.power_off())
        return None
    if mode not in MODES:
        return ResSwitchShootingMode(code=Code.WS_INVAID_PARAM, shooting_mode_id=device.shooting_mode)
    source, device.shooting_mode = device.shooting_mode, mode
    device.notify(Notify.SWITCH_SHOOTING_MODE, state=0, source_mode=source, dst_mode=mode)
    return ResSwitchShootingMode(shooting_mode_id=mode)


@on(Task.SWITCH_SHOOTING_TECH, dialects=V3)
def switch_tech(call: Call) -> Answer:
    device, tech = call.device, call.request.tech
    if tech not in tuple(ShootingTech):
        return ResSwitchShootingTech(code=Code.WS_INVAID_PARAM, shooting_tech_id=device.shooting_tech)
    device.shooting_tech = tech
    device.notify(Notify.TELE_SHOOTING_TECH_STATE, state=OperationState.IDLE)
    return ResSwitchShootingTech(shooting_tech_id=tech)


@on(Task.ENTER_CAMERA, dialects=V3)
def enter_camera(call: Call) -> Answer:
    device = call.device
    device.entered = True
    if device.shooting_mode not in MODES:
        device.shooting_mode = ShootingMode.NORMAL
    for camera in Camera:
        device.publish(camera, call.request.client_param.encode_type)
    return ResEnterCamera(shooting_mode_id=device.shooting_mode)


@on(Task.GET_DEVICE_STATE_INFO, control=False, dialects=V3)
def get_state(call: Call) -> Answer:
    return state_message(call.device, call.client)
