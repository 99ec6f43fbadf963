"""How a camera is named in settings."""

import ipaddress
import re

from skycam_project.common.errors import InvalidValueError

PTPIP_PORT = 15740
"""The registered port of PTP/IP."""
ALLOWED = "auto, usb:BUS,DEVICE (usb:001,004), usb:MODEL (usb:Nikon DSC D750), ptpip:IPv4[:port[:event port]]"
_PLACE = re.compile(r"usb:\d{1,3},\d{1,3}")
_MODEL = re.compile(r"usb:[\w .()/+-]{2,80}")


def parse_address(text: str) -> str:
    """The address as drivers use it: `auto`, `usb:…` or `ptpip:ip:port:event port` with both ports.

    `usb:BUS,DEVICE` changes whenever the camera is plugged in; `usb:MODEL` or `auto` does not. PTP/IP takes
    no host names, and libgphoto2 assumes 15740 for the event connection unless told.

    Raises:
        InvalidValueError: for anything else.
    """
    text = text.strip()
    if text in ("", "auto"):
        return "auto"
    if _PLACE.fullmatch(text) or _MODEL.fullmatch(text):
        return text
    scheme, *parts = text.split(":")
    if scheme == "ptpip" and 1 <= len(parts) <= 3:
        try:
            host = ipaddress.IPv4Address(parts[0])
            port = _port(parts[1]) if len(parts) > 1 else PTPIP_PORT
            event_port = _port(parts[2]) if len(parts) > 2 else port
        except ValueError:
            raise InvalidValueError("camera address", text, ALLOWED) from None
        return f"ptpip:{host}:{port}:{event_port}"
    raise InvalidValueError("camera address", text, ALLOWED)


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if not 1 <= port <= 65535:
        raise ValueError(f"{text!r} is no port")
    return port
