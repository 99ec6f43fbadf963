"""One file that may become a frame, and what its place and its header say of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any

from skycam_project.common.units import Seconds

FITS = frozenset({".fits", ".fit", ".fts", ".fz"})
RAW = frozenset({".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw"})
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"}) | RAW
LONGEST: Seconds = 1e6
"""An exposure that a header may claim; more is not believed."""
MOST_CARDS = 1000
"""Cards of a header that are kept."""
YEARS = (1900, 2200)
"""A time outside of these is not believed."""
KINDS = {"dark": "Dark Frame", "flat": "Flat Frame", "bias": "Bias Frame", "offset": "Bias Frame"}


@dataclass(slots=True)
class Item:
    """A file.

    Attributes:
        path: where it lies.
        group: files of one group become one session; what is not known yet (the night) is added later.
        camera: name of the camera in the session.
        instrument: name of the instrument.
        target: what was looked at.
        kind: `Light Frame`, `Dark Frame`, …, `Stacked` for what a device made of its frames.
        time: start of the exposure, UTC.
        time_from: where that was found: `header`, `exif`, `name`, `modified`.
        values: of the frame: `exposure_us`, `gain`, …, and further details.
        info: of the camera.
        meta: of the session.
        sha256: of the file.
        size: bytes.
    """

    path: Path
    group: tuple[str, ...] = ()
    camera: str = "main"
    instrument: str = ""
    target: str | None = None
    kind: str = "Light Frame"
    time: datetime | None = None
    time_from: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    size: int = 0


def frame_kind(text: str) -> str:
    """The kind of frame that an IMAGETYP, or a folder's name, says."""
    return next((kind for word, kind in KINDS.items() if word in text.lower()), "Light Frame")


def take_cards(item: Item, cards: Mapping[str, Any], *, end_stamp: bool = False, zone: tzinfo = UTC) -> None:
    """Fill an item from FITS cards.

    Args:
        item: changed.
        cards: of the header.
        end_stamp: DATE-OBS is the end of the exposure (DWARF).
        zone: of times without one.
    """
    exposure = _seconds(cards.get("EXPTIME"), cards.get("EXPOSURE"))
    if exposure is not None:
        item.values["exposure_us"] = round(exposure * 1e6)
    known = {
        "gain": number(cards.get("GAIN"), cards.get("ISOSPEED")),
        "offset": number(cards.get("OFFSET"), cards.get("BLKLEVEL")),
        "sensor_temp_c": number(cards.get("CCD-TEMP"), cards.get("DET-TEMP"), cards.get("TEMPERAT")),
        "ra_deg": number(cards.get("RA")),
        "dec_deg": number(cards.get("DEC")),
        "alt_deg": number(cards.get("CENTALT")),
        "az_deg": number(cards.get("CENTAZ")),
        "focus_pos": number(cards.get("FOCUSPOS"), cards.get("FOCPOS")),
    }
    item.values |= {name: value for name, value in known.items() if value is not None}
    item.values |= {"filter": str(cards["FILTER"])} if cards.get("FILTER") else {}
    item.values["cards"] = dict(islice(cards.items(), MOST_CARDS))
    if cards.get("GAIN") is None and cards.get("ISOSPEED") is not None:
        item.values["gain_unit"] = "ISO"
    if "IMAGETYP" in cards or "FRAMETYP" in cards:
        item.kind = frame_kind(str(cards.get("IMAGETYP") or cards.get("FRAMETYP")))
    item.target = item.target or (str(cards.get("OBJECT") or "").strip() or None)
    item.info |= _camera_of(cards)
    place = (
        number(cards.get("SITELAT"), cards.get("OBSLAT")),
        number(cards.get("SITELONG"), cards.get("OBSLONG")),
    )
    if place[0] is not None and place[1] is not None and abs(place[0]) <= 90 and abs(place[1]) <= 360:
        east = (place[1] + 180.0) % 360.0 - 180.0  # some count 0 to 360
        item.meta["location"] = {"lat": place[0], "lon": east, "alt": number(cards.get("SITEELEV"))}
    stamp = parse_time(str(cards.get("DATE-OBS") or ""), zone)
    if stamp is not None:
        item.time = stamp - timedelta(seconds=exposure or 0) if end_stamp else stamp
        item.time_from = "header"


def _camera_of(cards: Mapping[str, Any]) -> dict[str, Any]:
    bins = number(cards.get("XBINNING")) or 1
    pixel = number(cards.get("XPIXSZ"))
    found = {
        "model": cards.get("INSTRUME"),
        "telescope": cards.get("TELESCOP"),
        "pixel_size_um": pixel / bins if pixel else None,
        "focal_length_mm": number(cards.get("FOCALLEN")),
        "aperture_mm": number(cards.get("APTDIA")),
        "bayer_pattern": cards.get("BAYERPAT"),
        "electrons_per_adu": number(cards.get("EGAIN"), cards.get("CVF")),
        "row_order": cards.get("ROWORDER"),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def take_exif(item: Item, exif: Mapping[str, Any], zone: tzinfo) -> None:
    """Fill an item from EXIF tags; their times are local unless they say otherwise."""
    exposure = _seconds(exif.get("exposure_s"))
    if exposure is not None:
        item.values["exposure_us"] = round(exposure * 1e6)
    if (iso := number(exif.get("iso"))) is not None:
        item.values |= {"gain": iso, "gain_unit": "ISO"}
    if (stop := number(exif.get("aperture_f"))) is not None:
        item.values["aperture_f"] = stop
    model = " ".join(dict.fromkeys(f"{exif.get('make', '')} {exif.get('model', '')}".split()))
    found = {"model": model, "serial": exif.get("serial"), "lens": exif.get("lens")}
    found["focal_length_mm"] = number(exif.get("focal_length_mm"))
    item.info |= {name: value for name, value in found.items() if value not in (None, "")}
    lat, lon = number(exif.get("lat")), number(exif.get("lon"))
    if lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180:
        item.meta["location"] = {"lat": lat, "lon": lon, "alt": None}
    stamp = str(exif.get("time") or "").replace(":", "-", 2)
    if exif.get("subsec") and re.fullmatch(r"\d+", str(exif["subsec"])):
        stamp += f".{str(exif['subsec'])[:6]}"
    moment = parse_time(stamp + str(exif.get("offset") or ""), zone) or parse_time(stamp, zone)
    if moment is not None:
        item.time, item.time_from = moment, "exif"


def parse_time(text: str, zone: tzinfo) -> datetime | None:
    """ISO 8601 as UTC; a time without a zone is one of `zone`. None for anything else."""
    try:
        found = datetime.fromisoformat(
            text.strip().rstrip("Zz") + ("+00:00" if text.strip()[-1:] in "Zz" else "")
        )
    except (ValueError, IndexError):
        return None
    local = found if found.tzinfo else found.replace(tzinfo=zone)
    try:
        return local.astimezone(UTC) if YEARS[0] <= local.year <= YEARS[1] else None
    except (OverflowError, ValueError):
        return None


def named_time(digits: str, zone: tzinfo) -> datetime | None:
    """`YYYYMMDDhhmmss`, with further digits of a second, as UTC."""
    try:
        whole = datetime.strptime(digits[:14], "%Y%m%d%H%M%S").replace(tzinfo=zone)
        if not YEARS[0] <= whole.year <= YEARS[1]:
            return None
        return (whole + timedelta(seconds=float(f"0.{digits[14:] or 0}"))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def number(*values: Any) -> float | None:
    """The first that is a finite number, or text that is one."""
    for value in values:
        if isinstance(value, bool) or value is None:
            continue
        try:
            found = float(value)
        except (TypeError, ValueError):
            continue
        if abs(found) < 1e30:  # what fits a column of 32 bits; NaN does not
            return found
    return None


def _seconds(*values: Any) -> Seconds | None:
    """Length of an exposure that can be believed."""
    found = number(*values)
    return found if found is not None and 0 <= found <= LONGEST else None


def exposure_of(item: Item) -> Seconds:
    """Length of the exposure; 0 when it is not known."""
    return (item.values.get("exposure_us") or 0) / 1e6
