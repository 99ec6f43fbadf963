"""Enumerations of the device interfaces, with the interface's own names and numbers."""

from enum import IntEnum


class AlignmentMode(IntEnum):
    """How a telescope's axes stand."""

    ALT_AZ = 0
    POLAR = 1
    GERMAN_POLAR = 2


class EquatorialSystem(IntEnum):
    """What right ascension and declination refer to."""

    OTHER = 0
    TOPOCENTRIC = 1
    J2000 = 2
    J2050 = 3
    B1950 = 4


class DriveRate(IntEnum):
    """Tracking rates."""

    SIDEREAL = 0
    LUNAR = 1
    SOLAR = 2
    KING = 3


class TelescopeAxis(IntEnum):
    """Axes of `MoveAxis`; for an alt-az mount azimuth, altitude, none."""

    PRIMARY = 0
    SECONDARY = 1
    TERTIARY = 2


class CameraState(IntEnum):
    """What a camera is doing."""

    IDLE = 0
    WAITING = 1
    EXPOSING = 2
    READING = 3
    DOWNLOAD = 4
    ERROR = 5


class SensorType(IntEnum):
    """Colour filters on a sensor; `COLOR` means finished colour, three planes."""

    MONOCHROME = 0
    COLOR = 1
    RGGB = 2
    CMYG = 3
    CMYG2 = 4
    LRGB = 5


class CoverStatus(IntEnum):
    """Where a cover is."""

    NOT_PRESENT = 0
    CLOSED = 1
    MOVING = 2
    OPEN = 3
    UNKNOWN = 4
    ERROR = 5


class CalibratorStatus(IntEnum):
    """How a flat panel stands."""

    NOT_PRESENT = 0
    OFF = 1
    NOT_READY = 2
    READY = 3
    UNKNOWN = 4
    ERROR = 5
