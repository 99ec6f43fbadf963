"""Names on the SD card, as the device writes them."""

import re
from datetime import datetime

from telescope.dwarf.values import Camera
from telescope.simulator.profile import FILTER_NAMES

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]")


def safe_target(text: str) -> str:
    """A target's name as it appears in file names: spaces stay, separators and control characters go.

    The result is never empty, never begins with a dot, and is at most 60 characters long.
    """
    cleaned = _FORBIDDEN.sub("_", text).strip().lstrip(".")[:60].strip()
    return cleaned or "unknown"


def exposure_text(name: str) -> str:
    """An exposure's name in file names: fractions lose their slash."""
    return name.replace("/", "-")


def session_stamp(moment: datetime) -> str:
    """`YYYY-MM-DD-HH-MM-SS-mmm`, as folders and photos have it."""
    return moment.strftime("%Y-%m-%d-%H-%M-%S-") + f"{moment.microsecond // 1000:03d}"


def frame_stamp(moment: datetime) -> str:
    """`YYYYMMDD-HHMMSSmmm`, as sub-exposures have it."""
    return moment.strftime("%Y%m%d-%H%M%S") + f"{moment.microsecond // 1000:03d}"


def session_folder(camera: Camera, target: str, exposure: str, gain: int, moment: datetime) -> str:
    """Folder of a stacking run below `Astronomy`."""
    kind = "WIDE" if camera == Camera.WIDE else "TELE"
    return f"DWARF_RAW_{kind}_{target}_EXP_{exposure_text(exposure)}_GAIN_{gain}_{session_stamp(moment)}"


def frame_core(target: str, exposure: str, gain: int, filter_: int, moment: datetime) -> str:
    """Common part of the names of sub-exposures and stacks; the wide camera has no filter part."""
    parts = [target, f"{exposure_text(exposure)}s{gain}"]
    if filter_ in FILTER_NAMES:
        parts.append(FILTER_NAMES[filter_])
    return "_".join([*parts, frame_stamp(moment)])


def frame_name(core: str, temperature: int, failed: bool) -> str:
    """File of one sub-exposure; `core` carries the end of the exposure."""
    return f"{'failed_' if failed else ''}{core}_{temperature}C.fits"


def photo_name(camera: Camera, moment: datetime, suffix: str) -> str:
    """File of a photo below `Normal_Photos`."""
    return f"DWARF3_{'WIDE' if camera == Camera.WIDE else 'TELE'}_{session_stamp(moment)}.{suffix}"
