"""System (4), lights and power (5), device (17), and the list of schedules (13)."""

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Device, RgbPower, Schedule, System
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.schedule_pb2 import ResGetAllShootingSchedule
from telescope.dwarf.proto.system_pb2 import ResDeviceActivateInfo
from telescope.simulator.wire import Answer, Call, RefusedError, on


@on(System.SET_TIME)
def set_time(call: Call) -> Answer:
    call.device.set_clock(call.request.timestamp)
    return Code.WS_OK


@on(System.SET_TIME_ZONE)
def set_zone(call: Call) -> Answer:
    call.device.set_zone(call.request.timezone)
    return Code.WS_OK


@on(System.SET_LOCATION)
def set_location(call: Call) -> Answer:
    """Taken note of; the device stands where `--lat` and `--lon` put it, whatever a client believes."""
    if not (abs(call.request.latitude) <= 90 and abs(call.request.longitude) <= 180):
        raise RefusedError(Code.WS_INVAID_PARAM)
    call.device.told_location = (call.request.latitude, call.request.longitude)
    return Code.WS_OK


@on(System.SET_MASTER, control=False)
def set_master(call: Call) -> Answer:
    call.device.clients.lock(call.client, call.request.lock)
    return Code.WS_OK


@on(System.GET_DEVICE_ACTIVATE_INFO, control=False)
def activation(call: Call) -> Answer:
    return ResDeviceActivateInfo(activate_state=1)


_SWITCHES: dict[int, tuple[str, Notify, str]] = {
    System.SET_MTP_MODE: ("mtp", Notify.MTP_STATE, "mode"),
    System.SET_CPU_MODE: ("cpu", Notify.CPU_MODE, "mode"),
    System.SET_LOW_TEMP_PROTECTION_MODE: ("cold_protection", Notify.LOW_TEMP_PROTECTION_MODE, "mode"),
    Device.LENS_DEFOG: ("defog", Notify.LENS_DEFOG_STATE, "state"),
    Device.AUTO_COOLING: ("cooling", Notify.AUTO_COOLING_STATE, "state"),
    Device.AUTO_SHUTDOWN: ("shutdown", Notify.AUTO_SHUTDOWN_STATE, "state"),
}


@on(*_SWITCHES)
def switch(call: Call) -> Answer:
    name, number, field = _SWITCHES[call.cmd]
    value = getattr(call.request, field)
    setattr(call.device.switches, name, value)
    call.device.notify(number, **{field: value})
    return Code.WS_OK


_LIGHTS: dict[int, tuple[str, Notify, int]] = {
    RgbPower.OPEN_RGB: ("ring", Notify.RGB_STATE, 1),
    RgbPower.CLOSE_RGB: ("ring", Notify.RGB_STATE, 0),
    RgbPower.POWERIND_ON: ("indicator", Notify.POWER_IND_STATE, 1),
    RgbPower.POWERIND_OFF: ("indicator", Notify.POWER_IND_STATE, 0),
}


@on(*_LIGHTS)
def light(call: Call) -> Answer:
    name, number, state = _LIGHTS[call.cmd]
    setattr(call.device.switches, name, state)
    call.device.notify(number, state=state)
    return Code.WS_OK


@on(RgbPower.POWER_DOWN)
def power_down(call: Call) -> Answer:
    call.device.spawn(call.device.power_off())
    return Code.WS_OK


@on(RgbPower.REBOOT)
def reboot(call: Call) -> Answer:
    call.device.spawn(call.device.reboot())
    return Code.WS_OK


@on(Schedule.GET_ALL_SHOOTING_SCHEDULE, control=False)
def schedules(call: Call) -> Answer:
    """Clients ask for the list when they connect; there is none."""
    return ResGetAllShootingSchedule()
