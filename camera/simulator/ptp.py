"""PTP datasets and PTP/IP packets, as the camera's side packs and reads them.

Sources: PTP (ISO 15740) for operations, datasets and strings; PTP/IP (CIPA DC-005) for packets. Everything
is little endian. A packet is `u32 length, u32 type, payload`, the length counting the eight bytes before
the payload.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

HEADER: Final = struct.Struct("<II")
LONGEST_REQUEST: Final = 64 * 1024
"""Bytes. What a client sends are commands and property values; anything longer is not a client."""
NO_TRANSACTION: Final = 0xFFFFFFFF
GENERIC: Final = 0
NIKON: Final = 0xA
"""Vendor extension ids: Nikon's adds live view, bulb and the capture target to what libgphoto2 offers."""


class PtpError(ValueError):
    """Bytes that are no PTP."""


class Packet(IntEnum):
    """PTP/IP packet types."""

    INIT_COMMAND_REQUEST = 1
    INIT_COMMAND_ACK = 2
    INIT_EVENT_REQUEST = 3
    INIT_EVENT_ACK = 4
    INIT_FAIL = 5
    OPERATION_REQUEST = 6
    OPERATION_RESPONSE = 7
    EVENT = 8
    START_DATA = 9
    DATA = 10
    END_DATA = 12
    PROBE_REQUEST = 13
    PROBE_RESPONSE = 14


class Op(IntEnum):
    """Operations this camera knows; 0x9000 and above are Nikon's."""

    GET_DEVICE_INFO = 0x1001
    OPEN_SESSION = 0x1002
    CLOSE_SESSION = 0x1003
    GET_STORAGE_IDS = 0x1004
    GET_STORAGE_INFO = 0x1005
    GET_NUM_OBJECTS = 0x1006
    GET_OBJECT_HANDLES = 0x1007
    GET_OBJECT_INFO = 0x1008
    GET_OBJECT = 0x1009
    GET_THUMB = 0x100A
    DELETE_OBJECT = 0x100B
    INITIATE_CAPTURE = 0x100E
    GET_PROP_DESC = 0x1014
    GET_PROP_VALUE = 0x1015
    SET_PROP_VALUE = 0x1016
    GET_PARTIAL_OBJECT = 0x101B
    NIKON_CONTROL_MODE = 0x90C2
    NIKON_CHECK_EVENT = 0x90C7
    NIKON_DEVICE_READY = 0x90C8
    NIKON_START_LIVE_VIEW = 0x9201
    NIKON_END_LIVE_VIEW = 0x9202
    NIKON_GET_LIVE_VIEW = 0x9203
    NIKON_CAPTURE_TO_MEDIA = 0x9207
    NIKON_TERMINATE_CAPTURE = 0x920C


class Code(IntEnum):
    """Response codes."""

    OK = 0x2001
    GENERAL_ERROR = 0x2002
    NOT_SUPPORTED = 0x2005
    INVALID_STORAGE = 0x2008
    INVALID_HANDLE = 0x2009
    PROP_NOT_SUPPORTED = 0x200A
    STORE_FULL = 0x200C
    ACCESS_DENIED = 0x200F
    NO_THUMBNAIL = 0x2010
    DEVICE_BUSY = 0x2019
    INVALID_PROP_VALUE = 0x201C
    INVALID_PARAMETER = 0x201D


class Event(IntEnum):
    """Event codes."""

    OBJECT_ADDED = 0x4002
    OBJECT_REMOVED = 0x4003
    PROP_CHANGED = 0x4006
    STORE_FULL = 0x400A
    CAPTURE_COMPLETE = 0x400D


class Prop(IntEnum):
    """Device properties."""

    BATTERY = 0x5001
    IMAGE_SIZE = 0x5003
    QUALITY = 0x5004
    WHITE_BALANCE = 0x5005
    F_NUMBER = 0x5007
    FOCUS_MODE = 0x500A
    EXPOSURE_TIME = 0x500D
    PROGRAM = 0x500E
    ISO = 0x500F
    DATE_TIME = 0x5011
    NIKON_LIVE_VIEW_STATUS = 0xD1A2
    NIKON_LIVE_VIEW_PROHIBITED = 0xD1A4


class Format(IntEnum):
    """Object formats."""

    UNDEFINED = 0x3000
    FOLDER = 0x3001
    JPEG = 0x3801


_NUMBERS: Final = {0x0002: "<B", 0x0003: "<h", 0x0004: "<H", 0x0006: "<I"}
U8, I16, U16, U32, STRING = 0x0002, 0x0003, 0x0004, 0x0006, 0xFFFF
"""Data types of properties."""


def pack_string(text: str) -> bytes:
    """A PTP string: u8 number of UTF-16 units with the final NUL, then the units; one zero byte when empty.

    Raises `PtpError` above 254 units.
    """
    if not text:
        return b"\0"
    units = text.encode("utf-16-le") + b"\0\0"
    if len(units) > 2 * 255:
        raise PtpError(f"a PTP string holds 254 characters, this one {len(units) // 2 - 1}")
    return bytes([len(units) // 2]) + units


def unpack_string(data: bytes, offset: int = 0) -> tuple[str, int]:
    """The string at `offset` and the offset behind it. Raises `PtpError` when it is cut or no text."""
    if offset >= len(data):
        raise PtpError("the bytes end before the string")
    end = offset + 1 + 2 * data[offset]
    if end > len(data):
        raise PtpError("the bytes end inside the string")
    try:
        text = data[offset + 1 : end].decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise PtpError(f"not UTF-16: {error}") from None
    return text.removesuffix("\0"), end


def pack_array(values: Iterable[int], width: str = "H") -> bytes:
    """u32 count and the elements: `width` is "H" for u16, "I" for u32."""
    elements = list(values)
    return struct.pack(f"<I{len(elements)}{width}", len(elements), *elements)


def pack_value(kind: int, value: int | str) -> bytes:
    """A property's value as data type `kind`. Raises `PtpError` when it does not fit."""
    try:
        return pack_string(str(value)) if kind == STRING else struct.pack(_NUMBERS[kind], value)
    except (KeyError, struct.error) as error:
        raise PtpError(f"{value!r} is no value of data type {kind:#06x}: {error}") from None


def unpack_value(kind: int, data: bytes) -> int | str:
    """The inverse of `pack_value`. Raises `PtpError`."""
    if kind == STRING:
        return unpack_string(data)[0]
    try:
        return struct.unpack_from(_NUMBERS[kind], data)[0]
    except (KeyError, struct.error) as error:
        raise PtpError(f"no value of data type {kind:#06x}: {error}") from None


def packet(kind: int, payload: bytes = b"") -> bytes:
    """A whole packet."""
    return HEADER.pack(HEADER.size + len(payload), kind) + payload


def response(code: int, transaction: int, parameters: Sequence[int] = ()) -> bytes:
    """The packet that ends an operation."""
    return packet(
        Packet.OPERATION_RESPONSE, struct.pack(f"<HI{len(parameters)}I", code, transaction, *parameters)
    )


def event(code: int, parameters: Sequence[int] = ()) -> bytes:
    """The packet of an event."""
    return packet(Packet.EVENT, struct.pack(f"<HI{len(parameters)}I", code, NO_TRANSACTION, *parameters))


@dataclass(frozen=True, slots=True)
class Request:
    """An operation as the client asks for it.

    Attributes:
        sends_data: the client's data phase follows (a property's new value).
        parameters: at most five u32.
    """

    sends_data: bool
    op: int
    transaction: int
    parameters: tuple[int, ...]

    @classmethod
    def unpack(cls, payload: bytes) -> "Request":
        """From the payload of an operation request. Raises `PtpError`."""
        count, rest = divmod(len(payload) - 10, 4)
        if rest or not 0 <= count <= 5:
            raise PtpError(f"an operation request of {len(payload)} bytes")
        phase, op, transaction, *parameters = struct.unpack(f"<IHI{count}I", payload)
        return cls(phase == 2, op, transaction, tuple(parameters))


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What the camera says of itself (GetDeviceInfo)."""

    vendor: int
    operations: Sequence[int]
    events: Sequence[int]
    properties: Sequence[int]
    manufacturer: str
    model: str
    version: str
    serial: str

    def pack(self) -> bytes:
        """The dataset: standard version 1.00, functional mode 0, JPEG captures."""
        return b"".join(
            [
                struct.pack("<HIH", 100, self.vendor, 100),
                pack_string(""),
                struct.pack("<H", 0),
                pack_array(self.operations),
                pack_array(self.events),
                pack_array(self.properties),
                pack_array([Format.JPEG]),
                pack_array([Format.JPEG, Format.UNDEFINED]),
                *map(pack_string, (self.manufacturer, self.model, self.version, self.serial)),
            ]
        )


def pack_storage_info(capacity: int, free: int, free_images: int, label: str) -> bytes:
    """StorageInfo of a removable card with a DCF file system, sizes in bytes."""
    return struct.pack("<HHHQQI", 4, 3, 0, capacity, free, free_images) + pack_string(label) + pack_string("")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file or folder on the card.

    Attributes:
        parent: handle of its folder, 0 for the root.
        taken: `YYYYMMDDThhmmss` of the camera's clock.
        image_size: width and height in pixels.
    """

    name: str
    parent: int
    taken: str
    format: int = Format.JPEG
    data: bytes = field(default=b"", repr=False)
    image_size: tuple[int, int] = (0, 0)

    def pack_info(self, storage: int) -> bytes:
        """The ObjectInfo dataset."""
        folder = self.format == Format.FOLDER
        numbers = (
            storage,
            self.format,
            0,
            len(self.data),
            Format.JPEG,
            0,
            0,
            0,
            *self.image_size,
            24,
            self.parent,
        )
        texts = (self.name, self.taken, self.taken, "")
        return (
            struct.pack("<IHHIHIIIIIII", *numbers)
            + struct.pack("<HII", 1 if folder else 0, 0, 0)
            + b"".join(map(pack_string, texts))
        )


@dataclass(slots=True)
class Property:
    """One device property: its type, value and what may be set.

    Attributes:
        allowed: the values of its enumeration; empty for a property without form.
    """

    kind: int
    value: int | str
    writable: bool = False
    allowed: Sequence[int | str] = ()

    def pack_description(self, code: int) -> bytes:
        """The DevicePropDesc dataset; the default shown is the present value."""
        value = pack_value(self.kind, self.value)
        head = struct.pack("<HHB", code, self.kind, self.writable) + value + value
        if not self.allowed:
            return head + b"\0"
        values = b"".join(pack_value(self.kind, allowed) for allowed in self.allowed)
        return head + struct.pack("<BH", 2, len(self.allowed)) + values
