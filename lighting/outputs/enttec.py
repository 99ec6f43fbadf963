"""ENTTEC DMX USB PRO (API specification 1.44): `0x7E label length data 0xE7`; label 6 sends DMX."""

import contextlib
import logging
from typing import Any

from lighting.errors import DeviceError, MissingError
from lighting.outputs.base import Output
from lighting.outputs.ports import SerialPort, find_widget, list_ports
from skycam_project.common.units import Seconds
from skycam_project.config.lights import LightsConfiguration

log = logging.getLogger(__name__)

SEND_DMX = 6
WRITE_TIMEOUT: Seconds = 0.5
PAUSES: tuple[Seconds, ...] = (0.2, 1.0, 5.0)


def frame(slots: bytes) -> bytes:
    """512 slots as the widget's message: start code 0 before them, 518 bytes in all."""
    data = b"\0" + slots
    return bytes([0x7E, SEND_DMX, len(data) & 0xFF, len(data) >> 8]) + data + b"\xe7"


class Enttec(Output):
    """Universe 0 on the widget's port; found by its ids, opened for this process alone, opened again when it fails.

    The widget repeats its last frame by itself; ours is repeated each second, which also notices an unplugged one.
    """

    driver = "enttec"
    refresh: Seconds | None = 1.0

    def __init__(self, config: LightsConfiguration) -> None:
        super().__init__(config.dmx_usb_fps)
        self._fixed = None if config.dmx_usb_port in (None, "auto") else config.dmx_usb_port
        self._ids = config.dmx_usb_vendor_ids, config.dmx_usb_product_ids
        self._baudrate, self._scan_interval = config.dmx_usb_baudrate, config.dmx_usb_scan_interval
        self._port: Any = None
        self._absent = False

    def choose(self) -> str:
        """The port to open. Raises `MissingError`."""
        if self._fixed:
            return self._fixed
        found = find_widget(list_ports(), *self._ids)
        self._absent = found is None
        if found is None:
            raise MissingError(
                "no DMX USB PRO is plugged in (DMX_USB_PORT names one that is not found by itself)"
            )
        return found.port

    def send(self, data: bytes) -> None:
        import serial

        if self._port is None:
            self.open()
        port: Any = self._port
        try:
            port.write(frame(data))
        except (OSError, serial.SerialException) as error:
            name = port.port
            self.close()
            raise DeviceError(f"{name} does not take data: {error}") from None

    def open(self) -> str:
        """Open the widget; its port. Raises `MissingError`, `DeviceError`."""
        import serial

        name = self.choose()
        try:
            self._port = serial.Serial(name, self._baudrate, write_timeout=WRITE_TIMEOUT, exclusive=True)
        except (OSError, ValueError, serial.SerialException) as error:
            raise DeviceError(f"{name} cannot be opened: {error}") from None
        log.info("usb_open", extra={"driver": self.driver, "port": name})
        return name

    def close(self) -> None:
        if self._port is not None:
            with contextlib.suppress(OSError):
                self._port.close()
            self._port = None
            log.info("usb_close", extra={"driver": self.driver})

    async def reconnect(self) -> str:
        """Close, open, send the current frame; the port. Raises `MissingError`, `DeviceError`; it keeps trying then."""
        await self.in_thread(self.close)
        name = await self.in_thread(self.open)
        await self.try_now(self.select(self._newest))
        if self.problem:
            raise DeviceError(self.problem)
        return name

    def pause(self, failures: int) -> Seconds:
        if self._absent and not self._fixed:
            return self._scan_interval
        return PAUSES[min(failures, len(PAUSES)) - 1]

    def facts(self) -> dict[str, Any]:
        return {
            "name": "ENTTEC",
            "detail": self._port.port if self._port else self._fixed or "looking for it",
        }


def devices() -> list[dict[str, Any]]:
    """All serial ports, as `/usb/devices` has them."""
    return [SerialPort.body(port) for port in list_ports()]
