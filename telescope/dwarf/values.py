"""Numbers inside the messages of the DWARF protocol: states, modes, filters, parameter ids, the envelope."""

from enum import IntEnum
from typing import NamedTuple

MAJOR_VERSION = 1
MINOR_VERSION_V3 = 20
"""`WsPacket.minor_version` of a V3 request."""
MINOR_VERSION_DEVICE = 8
"""`WsPacket.minor_version` that firmware 1.5 puts into its replies and notifications."""
DEVICE_ID_DWARF3 = 2


class PacketType(IntEnum):
    """`WsPacket.type`. V2 devices reply with RESPONSE, V3 firmware with REPLY: take both."""

    REQUEST = 0
    RESPONSE = 1
    NOTIFICATION = 2
    REPLY = 3


class Camera(IntEnum):
    """`camera_type` and `cam_id`."""

    TELE = 0
    WIDE = 1


class OperationState(IntEnum):
    """State of a work that the device does."""

    IDLE = 0
    RUNNING = 1
    STOPPING = 2
    STOPPED = 3


class AstroState(IntEnum):
    """State of a calibration (15210) or goto (15211)."""

    IDLE = 0
    RUNNING = 1
    STOPPING = 2
    STOPPED = 3
    PLATE_SOLVING = 4


class FocusState(IntEnum):
    """State of an auto focus (15278-15281)."""

    IDLE = 0
    RUNNING = 1
    DONE = 3


class HostMode(IntEnum):
    """Who may give commands (15223): this client, or another one."""

    HOST = 0
    SLAVE = 1


class Filter(IntEnum):
    """Filter of the tele camera; in FITS headers `VIS`, `Astro`, `Duo-Band`. DARK is of other models."""

    NONE = -1
    VIS = 0
    ASTRO = 1
    DUO_BAND = 2
    DARK = 3


class Resolution(IntEnum):
    """`resolution` of quick sets and calibration frames."""

    UHD = 0
    FULL_HD = 1
    HD = 2


class StreamType(IntEnum):
    """What the live picture is (15234); exposures of 1 s and longer switch to JPEG."""

    RTSP = 1
    JPEG = 2


class StreamEncoding(IntEnum):
    """What an RTSP stream carries (`rtsp_encode_type` of 10000 and 12000, `encode_type` of 16404)."""

    H264 = 0
    H265 = 1


class BodyStatus(IntEnum):
    """How the device stands (15262)."""

    UNKNOWN = 0
    EQUATORIAL = 1
    AZIMUTHAL = 2


class Charging(IntEnum):
    """Notification 15202."""

    NO = 0
    SLOW = 1
    FAST = 2


class StackUpdate(IntEnum):
    """`update_type` of a stacking progress (15209, 15237)."""

    TAKEN = 0
    STACKED = 1
    BOTH = 2


class OneClickStep(IntEnum):
    """`step` of the reply to a one-click goto."""

    SKY = 10
    FOCUS = 20
    CALIBRATION = 30
    GOTO = 40


class SolarSystem(IntEnum):
    """`index` of 11003 and 11014."""

    MERCURY = 1
    VENUS = 2
    MARS = 3
    JUPITER = 4
    SATURN = 5
    URANUS = 6
    NEPTUNE = 7
    MOON = 8
    SUN = 9


class SpecialTarget(IntEnum):
    """`index` of 11011 and 15228."""

    SUN = 0
    MOON = 1


class MotorId(IntEnum):
    """`id` of the motor messages."""

    ROTATION = 1
    PITCH = 2


class FocusDirection(IntEnum):
    """`direction` of the focus commands: FAR counts the position up, NEAR down."""

    FAR = 0
    NEAR = 1


class AutoFocusMode(IntEnum):
    """`mode` of the astro auto focus (15004)."""

    SLOW = 0
    FAST = 1


class ShootingMode(IntEnum):
    """`mode` of 16402 and bits 56-63 of a parameter id. 11 and 13 appear in parameter ids while capturing."""

    NORMAL = 1
    DEEP_SKY = 2
    SOLAR_SYSTEM = 3
    MILKY_WAY = 4
    SUN = 8
    MOON = 9
    PLANET = 10


class ShootingTech(IntEnum):
    """`tech` of 16403."""

    PHOTO = 1
    STACKING = 2
    BURST = 3
    VIDEO = 4
    TIME_LAPSE = 5
    PANORAMA = 6


class TaskId(IntEnum):
    """`task_id` of the task center."""

    IDLE = 0
    PANORAMA_UPLOAD = 1
    FITS_THUMBNAILS = 2
    MULTI_STACK = 3
    CALIBRATION_FRAME = 4


class SupportParam(IntEnum):
    """`CommonParam.id` of camera parameters (V2)."""

    EXPOSURE = 0
    GAIN = 1
    WHITE_BALANCE = 2
    BRIGHTNESS = 3
    CONTRAST = 4
    HUE = 5
    SATURATION = 6
    SHARPNESS = 7
    IR_CUT = 8


class FeatureParam(IntEnum):
    """`CommonParam.id` of feature parameters (V2, 10037)."""

    BINNING = 0
    IMAGES_TO_TAKE = 1
    FORMAT = 2
    BURST_COUNT = 3
    TIME_LAPSE_INTERVAL = 4
    TIME_LAPSE_TOTAL = 5
    PANORAMA_ROWS = 6
    PANORAMA_COLUMNS = 7
    DISPLAY_SOURCE = 8
    BURST_INTERVAL = 9
    TELE_RESOLUTION = 10
    TELE_FPS = 11
    WIDE_RESOLUTION = 12
    WIDE_FPS = 13
    AI_ENHANCE = 14
    MOSAIC_IMAGES = 15


class ParamMode(IntEnum):
    """`mode` of 16700-16702."""

    AUTO = 0
    MANUAL = 1


class ParamSection(IntEnum):
    """Bits 48-55 of a parameter id."""

    OPTICAL = 1
    CAPTURE = 2


class Parameter(IntEnum):
    """Bits 0-15 of a parameter id. FRAME_COUNT belongs to section CAPTURE, the others to OPTICAL."""

    EXPOSURE = 1
    GAIN = 2
    WHITE_BALANCE = 3
    BRIGHTNESS = 4
    CONTRAST = 5
    SATURATION = 6
    HUE = 7
    SHARPNESS = 8
    FILTER = 13
    FRAME_COUNT = 16
    BURST_COUNT = 21


class ParamId(NamedTuple):
    """The parts of a 64-bit parameter id: bits 56-63 mode, 48-55 section, 44-47 camera, 0-15 parameter.

    Examples: `ParamId(2, 1, 0, 1).pack() == 144396663052566529` is the tele exposure of the deep-sky mode,
    its filter 144396663052566541, its frame count (section 2) 144678138029277200.
    """

    mode: int
    section: int
    camera: int
    parameter: int

    def pack(self) -> int:
        """The number for `param_id`. Raises `ValueError` when a part does not fit its bits."""
        if not (0 <= self.mode < 128 and 0 <= self.section < 256 and 0 <= self.camera < 16):
            raise ValueError(f"{self} does not fit a parameter id")
        if not 0 <= self.parameter < 65536:
            raise ValueError(f"{self} does not fit a parameter id")
        return self.mode << 56 | self.section << 48 | self.camera << 44 | self.parameter

    @classmethod
    def unpack(cls, number: int) -> "ParamId":
        """The parts of `number`; bits 16-43, which no source explains, are left out."""
        return cls(number >> 56 & 0xFF, number >> 48 & 0xFF, number >> 44 & 0xF, number & 0xFFFF)
