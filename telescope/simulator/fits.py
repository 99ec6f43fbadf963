"""The FITS files of a DWARF 3: 16 bit, BZERO 32768, cards in the device's order."""

import sys
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from skycam_project.common.units import Celsius, Degrees, Seconds
from telescope.simulator.profile import CameraProfile

BLOCK = 2880

Value = bool | int | float | str


@dataclass(frozen=True)
class Header:
    """What the cards of a frame say.

    Attributes:
        end: END of the exposure in the device's local time; goes into DATE-OBS as it is.
        ra, dec: of the goto target, degrees J2000; 0 in darks.
        filter: text, empty in darks and for the wide camera.
        target: empty in darks.
    """

    camera: CameraProfile
    end: datetime
    exposure: Seconds
    gain: int
    filter: str
    temperature: Celsius
    ra: Degrees
    dec: Degrees
    target: str

    def cards(self) -> list[tuple[str, Value, str]]:
        """Name, value and comment in the device's order (firmware of October 2025)."""
        return [
            ("DATE-OBS", self.end.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.end.microsecond // 1000:03d}",
             "time of the END of the exposure"),
            ("EXPTIME", float(self.exposure), "exposure time in seconds"),
            ("GAIN", self.gain, ""),
            ("RESTACK", 0, ""),
            ("XBINNING", 1, ""),
            ("YBINNING", 1, ""),
            ("FILTER", self.filter, ""),
            ("CAMERA", self.camera.name.upper(), ""),
            ("XPIXSZ", self.camera.pixel, "pixel size in microns"),
            ("YPIXSZ", self.camera.pixel, "pixel size in microns"),
            ("FOCALLEN", self.camera.focal_length, "focal length in mm"),
            ("DET-TEMP", int(self.temperature), "sensor temperature in Celsius"),
            ("RA", float(self.ra), "target right ascension in degrees"),
            ("DEC", float(self.dec), "target declination in degrees"),
            ("OBJECT", self.target, ""),
            ("BAYERPAT", "RGGB", ""),
            ("TELESCOP", "DWARF 3", ""),
            ("INSTRUME", "DWARF 3", ""),
            ("ORIGIN", "DWARFLAB", ""),
        ]  # fmt: skip


def encode(pixels: np.ndarray, cards: list[tuple[str, Value, str]]) -> bytes:
    """A complete FITS file.

    Args:
        pixels: uint16, shape (height, width) or (3, height, width).
        cards: what follows the structural cards.
    """
    axes = [(f"NAXIS{n}", size, "") for n, size in enumerate(reversed(pixels.shape), 1)]
    structure: list[tuple[str, Value, str]] = [
        ("SIMPLE", True, "file does conform to FITS standard"),
        ("BITPIX", 16, "number of bits per data pixel"),
        ("NAXIS", pixels.ndim, "number of data axes"),
        *axes,
        ("EXTEND", True, "FITS dataset may contain extensions"),
        ("BZERO", 32768, "offset data range to that of unsigned short"),
        ("BSCALE", 1, "default scaling factor"),
    ]
    text = "".join(_card(*card) for card in structure + cards) + "END".ljust(80)
    head = text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii", "replace")
    # Signed with BZERO 32768 is the unsigned value with its highest bit turned over; FITS is big-endian.
    data = np.ascontiguousarray(pixels) ^ np.uint16(0x8000)
    if sys.byteorder == "little":
        data.byteswap(inplace=True)
    return b"".join((head, data.data, bytes(-data.nbytes % BLOCK)))


def _card(name: str, value: Value, comment: str) -> str:
    if isinstance(value, bool):
        text = ("T" if value else "F").rjust(20)
    elif isinstance(value, str):
        # A card holds 68 characters between the quotes, and a quote counts twice.
        short = value[: 34 if "'" in value else 68]
        text = ("'" + short.replace("'", "''").ljust(8) + "'").ljust(20)
    elif isinstance(value, float):
        text = (repr(value) if "e" not in repr(value) else f"{value:.15E}").rjust(20)
        text = text.replace(".0", ".").rjust(20) if text.endswith(".0") else text
    else:
        text = str(value).rjust(20)
    line = f"{name:<8}= {text}"
    return (f"{line} / {comment}" if comment else line)[:80].ljust(80)
