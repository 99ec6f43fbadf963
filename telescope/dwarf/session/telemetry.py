"""What the telescope tells of itself: battery, card, temperatures, going down; a loop refreshes it."""

from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import common_pb2, notify_pb2
from telescope.dwarf.session.connection import Connection, Info
from telescope.dwarf.values import Camera

REFRESH = 30.0
"""Seconds between complete states."""


class Telemetry:
    """Keeps `board.telemetry` and the sensor's temperature.

    Args:
        connection: of the session.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._board = connection, connection.board
        connection.on(Notify.ELE, self._battery)
        connection.on(Notify.CHARGE, self._charge)
        connection.on(Notify.SDCARD_INFO, self._card)
        connection.on(Notify.TEMPERATURE, self._temperature)
        connection.on(Notify.CMOS_TEMPERATURE, self._sensor)
        connection.on(Notify.POWER_OFF, self._power_off)
        connection.on_state(self._adopt)
        connection.in_background(self._refresh)

    def _battery(self, message: common_pb2.ComResWithInt) -> None:
        self._board.set("telemetry", battery_percent=_within(message.value, 0, 100))

    def _charge(self, message: common_pb2.ComResWithInt) -> None:
        self._board.set("telemetry", charging=message.value != 0)

    def _card(self, message: notify_pb2.ResNotifySDcardInfo) -> None:
        self._board.set(
            "telemetry",
            storage_free_gb=float(message.available_size) if message.is_valid else None,
            storage_total_gb=float(message.total_size) if message.is_valid else None,
        )

    def _temperature(self, message: notify_pb2.ResNotifyTemperature) -> None:
        if message.code == 0:
            self._board.set("telemetry", temperature_c=float(message.temperature))

    def _sensor(self, message: notify_pb2.CmosTemperature) -> None:
        if message.camera_type == Camera.TELE:
            self._board.set("camera", sensor_temperature_c=float(message.temperature))

    def _power_off(self, _: common_pb2.Empty) -> None:
        self._board.set("telemetry", powering_off=True)

    def _adopt(self, info: Info) -> None:
        device = info.device
        if device.HasField("storage"):
            valid = device.storage.is_valid
            self._board.set(
                "telemetry",
                storage_free_gb=float(device.storage.available_size) if valid else None,
                storage_total_gb=float(device.storage.total_size) if valid else None,
            )
        if device.HasField("battery"):
            self._board.set("telemetry", battery_percent=_within(device.battery.percent, 0, 100))
        if device.HasField("charging"):
            self._board.set("telemetry", charging=device.charging.state != 0)
        if device.HasField("temperature") and device.temperature.code == 0:
            self._board.set("telemetry", temperature_c=float(device.temperature.temperature))
        if info.tele.HasField("cmos_temperature"):
            self._board.set("camera", sensor_temperature_c=float(info.tele.cmos_temperature.temperature))

    async def _refresh(self) -> None:
        while True:
            await self._connection.clock.sleep(REFRESH)
            await self._connection.refresh()


def _within(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)
