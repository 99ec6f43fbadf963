"""What a DWARF 3 is: optics, sensors, tables of exposures and gains, identity, and how long things take.

Figures are those of public sources (see docs/simulator-dwarf3.md); [chosen] marks what nobody published.
"""

from dataclasses import dataclass, field

from skycam_project.common.units import Degrees, Micrometres, Millimetres, Seconds
from telescope.dwarf.values import Camera

_STEP3 = [
    "1/10000", "1/8000", "1/6400", "1/5000", "1/4000", "1/3200", "1/2500", "1/2000", "1/1600", "1/1250",
    "1/1000", "1/800", "1/640", "1/500", "1/400", "1/320", "1/250", "1/200", "1/160", "1/125",
    "1/100", "1/80", "1/60", "1/50", "1/40", "1/30", "1/25", "1/20", "1/15", "1/13",
    "1/10", "1/8", "1/6", "1/5", "1/4", "1/3", "0.4", "0.5", "0.6", "0.8",
    "1", "1.3", "1.6", "2", "2.5", "3.2", "4", "5", "6", "8",
    "10", "13", "15", "30",
]  # fmt: skip

EXPOSURE_NAMES: dict[int, str] = {3 * n: name for n, name in enumerate(_STEP3)} | {
    160: "45",
    162: "60",
    163: "90",
    165: "120",
}
"""Exposure index to the name the device shows; indices go in steps of three up to 30 s."""

DEFAULT_EXPOSURE_INDEX = 75
ASTRO_EXPOSURE_INDEX = 156
"""Exposure of the deep-sky mode before anybody set one: 15 s [chosen]."""

GAINS = (0, 2, 5, *range(10, 241, 10))
"""Gains that the tables offer; 16701 takes every whole number of 0-240."""
MAX_GAIN = 240
DEFAULT_GAIN = 60

GAIN_INDEX: dict[int, int] = {0: 0, 1: 2, 2: 5} | {3 * n: 10 * n for n in range(1, 25)}
"""Gain index of the V2 dialect to the gain."""

FILTER_NAMES = {0: "VIS", 1: "Astro", 2: "Duo-Band"}
"""Filter number to the text of file names and FITS headers."""


def exposure_seconds(index: int) -> Seconds:
    """Seconds of an exposure index. Raises `KeyError` for one that is not in the table."""
    numerator, _, denominator = EXPOSURE_NAMES[index].partition("/")
    return float(numerator) / float(denominator or 1)


@dataclass(frozen=True)
class CameraProfile:
    """One of the two cameras.

    Attributes:
        width, height: pixels of a raw frame.
        max_exposure_index: last entry of the exposure table that this camera offers.
        app_width: horizontal field of view that the vendor's configuration claims, which is not the true one.
    """

    camera: Camera
    name: str
    width: int
    height: int
    pixel: Micrometres
    focal_length: Millimetres
    max_exposure_index: int
    app_width: Degrees

    @property
    def scale(self) -> Degrees:
        """Degrees per pixel in the centre."""
        return 57.29577951308232 * self.pixel * 1e-3 / self.focal_length

    @property
    def exposures(self) -> dict[int, str]:
        """The part of `EXPOSURE_NAMES` that this camera offers."""
        return {index: name for index, name in EXPOSURE_NAMES.items() if index <= self.max_exposure_index}


TELE = CameraProfile(Camera.TELE, "Tele", 3840, 2160, 2.0, 150.0, 165, 3.188)
WIDE = CameraProfile(Camera.WIDE, "Wide", 1920, 1080, 2.9, 6.7, 163, 43.292)


@dataclass(frozen=True)
class Timing:
    """Simulated seconds; those marked [chosen] are not published.

    Attributes:
        stacking_folder: from 11005 to the session folder [chosen].
        first_exposure: from the folder to the start of the first exposure (4.1 in a device's session).
        write: from the end of an exposure to its file [chosen].
        solve: exposing, detecting and solving one pointing picture [chosen].
        phantom: how long a stacking run without a goto pretends to go on.
        slow_stop: finishing the stack [chosen].
        reboot: until the device accepts connections again [chosen].
    """

    stacking_folder: Seconds = 4.0
    first_exposure: Seconds = 4.1
    write: Seconds = 2.0
    solve: Seconds = 3.0
    phantom: Seconds = 20.0
    slow_stop: Seconds = 3.0
    photo: Seconds = 0.5
    slow_focus: Seconds = 40.0
    fast_focus: Seconds = 12.0
    settle: Seconds = 0.5
    telemetry: Seconds = 30.0
    reboot: Seconds = 25.0
    slew_rate: Degrees = 10.0
    """Degrees per second of a goto [chosen]."""
    max_rate: Degrees = 32.0
    """Degrees per second, highest speed of the motors."""


@dataclass(frozen=True)
class Profile:
    """A whole device.

    Attributes:
        card_gb: size of the SD card in GB.
        raw_photo_limit: longest exposure of a raw photo; longer ones answer -10515 [chosen].
        dark_tolerance: a dark of this many degrees more or less still fits [chosen].
    """

    serial: str = "D3SIM0000001"
    name: str = "DWARF3_SIM001"
    firmware: str = "1.5.0.1"
    mac: str = "02:00:00:d3:00:01"
    card_gb: int = 64
    raw_photo_limit: Seconds = 15.0
    dark_tolerance: int = 5
    cameras: dict[Camera, CameraProfile] = field(
        default_factory=lambda: {Camera.TELE: TELE, Camera.WIDE: WIDE}
    )
    timing: Timing = field(default_factory=Timing)
