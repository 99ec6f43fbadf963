"""Serial ports of this machine, and which of them is a DMX USB PRO."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SerialPort:
    """One port; `None` for what the system does not know, and for ports that are not USB."""

    port: str
    vendor: int | None = None
    product_id: int | None = None
    manufacturer: str | None = None
    product: str | None = None
    serial: str | None = None

    def body(self) -> dict[str, Any]:
        """As document 004's `/usb/devices` has it."""
        names = ("port", "vendorId", "productId", "manufacturer", "product", "serialNumber")
        return dict(zip(names, asdict(self).values(), strict=True))


def list_ports() -> list[SerialPort]:
    """All serial ports that the system lists; takes a few milliseconds. A pty or a link to a port is not among them."""
    from serial.tools import list_ports as tools

    return [
        SerialPort(p.device, p.vid, p.pid, p.manufacturer, p.product, p.serial_number)
        for p in sorted(tools.comports(), key=lambda port: port.device)
    ]


def find_widget(
    ports: Iterable[SerialPort], vendors: Collection[int], products: Collection[int]
) -> SerialPort | None:
    """The first port with a listed vendor *and* product, else the first whose product calls itself ENTTEC or DMX USB PRO."""
    usb = [port for port in ports if port.vendor is not None]
    for port in usb:
        if port.vendor in vendors and port.product_id in products:
            return port
    for port in usb:
        if any(word in (port.product or "").lower() for word in ("enttec", "dmx usb pro")):
            return port
    return None
