"""Names of the files that a DWARF writes on its card, read from the right, because targets hold anything.

/Astronomy/DWARF_RAW_TELE_M 31_EXP_15_GAIN_60_2026-03-24-20-37-14-021/
    M 31_15s60_Astro_20260324-203732172_36C.fits             a sub-exposure; the stamp is its end
    failed_M 31_15s60_Astro_20260324-203747170_36C.fits      one that the telescope left out of its stack
    stacked-16_….fits  stacked.jpg  shotsInfo.json  …        not sub-exposures
/Normal_Photos/DWARF3_TELE_2026-03-24-20-37-14-021.fits      a photo
"""

import re
from dataclasses import dataclass
from datetime import datetime

ASTRONOMY = "/Astronomy"
PHOTOS = "/Normal_Photos"
WEB_ROOT = "DWARF3"
"""Folder of port 80 below which the card appears."""

_FOLDER = re.compile(
    r"DWARF_RAW_(?:TELE_)?(?P<target>.*)_EXP_(?P<exposure>[0-9./-]+)_GAIN_(?P<gain>[0-9]{1,3})_"
    r"(?P<stamp>[0-9]{4}(?:-[0-9]{2}){5}-[0-9]{3})"
)
_FRAME = re.compile(
    r"(?P<failed>failed_)?(?P<target>.*)_(?P<exposure>[0-9.-]+)s(?P<gain>[0-9]{1,3})_(?:(?P<filter>[A-Za-z-]+)_)?"
    r"(?P<stamp>[0-9]{8}-[0-9]{9})_(?P<temperature>-?[0-9]{1,3})C\.fits"
)
_PHOTO = re.compile(r"DWARF.*_?TELE_(?P<stamp>[0-9]{4}(?:-[0-9]{2}){5}-[0-9]{3})\.(?P<suffix>fits)")


@dataclass(frozen=True, slots=True)
class SessionFolder:
    """Folder of one tele stacking run.

    Attributes:
        name: name of the folder.
        target: as the telescope wrote it.
        gain: gain setting.
        stamp: when it was made, by the telescope's clock, naive.
    """

    name: str
    target: str
    gain: int
    stamp: datetime

    @property
    def path(self) -> str:
        """Absolute path on the card."""
        return f"{ASTRONOMY}/{self.name}"


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """One sub-exposure or raw photo.

    Attributes:
        name: file name.
        stamp: end of the exposure by the telescope's clock, naive.
        rejected: the telescope left it out of its own stack.
    """

    name: str
    stamp: datetime
    rejected: bool = False


def session_folder(name: str) -> SessionFolder | None:
    """Read the name of a folder below `ASTRONOMY`; None when it is not a tele stacking run."""
    if not (found := _FOLDER.fullmatch(name)) or name.startswith("DWARF_RAW_WIDE_"):
        return None
    stamp = _stamp(found["stamp"], "%Y-%m-%d-%H-%M-%S-%f")
    return stamp and SessionFolder(name, found["target"], int(found["gain"]), stamp)


def sub_exposure(name: str) -> CaptureFile | None:
    """Read the name of a file in a session folder; None when it is not a sub-exposure."""
    if name.startswith("stacked") or not (found := _FRAME.fullmatch(name)):
        return None
    stamp = _stamp(found["stamp"], "%Y%m%d-%H%M%S%f")
    return stamp and CaptureFile(name, stamp, found["failed"] is not None)


def photo(name: str) -> CaptureFile | None:
    """Read the name of a file in `PHOTOS`; None when it is not a raw tele photo."""
    if not (found := _PHOTO.fullmatch(name)):
        return None
    stamp = _stamp(found["stamp"], "%Y-%m-%d-%H-%M-%S-%f")
    return stamp and CaptureFile(name, stamp)


def target_name(text: str) -> str:
    """A target's name that survives being a folder's: letters, digits, spaces and `+-.`, 1 to 40 long."""
    cleaned = re.sub(r"[^A-Za-z0-9 +.-]+", " ", text).strip(" .")[:40].strip(" .")
    return cleaned or "Target"


def _stamp(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # naive: device_clock knows the zone
    except ValueError:
        return None
