"""FITS keywords of a session's frame (sessions.md §10): names, units and rules that other programs read by.

Sources of the names: INDI `indiccd.cpp`, N.I.N.A. `FITSHeader.cs`, Siril's table of keywords. What is not known
is left out, never written as 0.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sessions.exchange.contents import CameraPart, FrameEntry
from sessions.exchange.readings import Readings
from skycam_project.common.clock import microseconds_utc
from skycam_project.common.units import Degrees

Card = tuple[str, str | int | float | bool, str]
"""Keyword, value, comment."""

_STRUCTURE = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|BZERO|BSCALE|BLANK|PCOUNT|GCOUNT|EXTNAME|CHECKSUM|DATASUM|END"
    r"|COMMENT|HISTORY|CONTINUE|Z(IMAGE|CMPTYPE|BITPIX|NAXIS\d*|TILE\d+|SIMPLE|TENSION|EXTEND|HECKSUM|DATASUM"
    r"|NAME\d+|VAL\d+|QUANTIZ|DITHER0|PCOUNT|GCOUNT|BLANK|SCALE|ZERO)|T(FIELDS|FORM\d+|TYPE\d+)|THEAP|"
)
_PRIVATE = re.compile(
    r"SITE.*|.*LAT(ITUD)?E?|.*LONG?(ITUD)?E?|GEO.*|OBSGEO.*|GPS.*|ALT-?OBS|ELEV.*|.*ELEV"
    r"|.*MAC(ADDR)?|.*SERIAL.*|.*SN|.*SERNO|DETSER|CAMID|OBSERVER|OBSERVAT|AUTHOR|HOST.*|.*SSID|IPADDR"
)
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
PUBLIC_PRECISION: Degrees = 1.0
"""What pointing is rounded to in public files: with the time it would tell the site."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """How much of the place a file tells.

    Attributes:
        location_precision: the site and the pointing are rounded to multiples of this; None: exact. A camera
            that looks at the zenith tells its site by its pointing.
        public: no site, observer, serial numbers or network addresses at all.
    """

    location_precision: Degrees | None = None
    public: bool = False


OPEN = Disclosure()


def image_cards(
    meta: Mapping[str, Any], camera: CameraPart, frame: FrameEntry, readings: Readings, pattern: str = "",
    device: Mapping[str, Any] | None = None, disclosure: Disclosure = OPEN,
) -> list[Card]:  # fmt: skip
    """The cards of one frame, ours first, then the device's own that say something else.

    Args:
        meta: the session's.
        camera: the frame's camera.
        frame: the frame.
        readings: telemetry of the session.
        pattern: colour mosaic that the decoder of an original found.
        device: cards of the device's own file.
        disclosure: how much of the place is told.
    """
    ours = [
        card
        for card in (
            *_what(meta, camera, frame), *_when(frame), *_exposure(camera, frame),
            *_optics(camera, frame, pattern), *_pointing(meta, frame, readings, disclosure),
            *_site(meta, disclosure), *_surroundings(frame, readings), *_links(meta, frame),
        )
        if _sayable(card[1])
    ]  # fmt: skip
    result = [(name, _ascii(value) if isinstance(value, str) else value, text) for name, value, text in ours]
    if disclosure.public:
        result = [card for card in result if not _PRIVATE.fullmatch(card[0])]
    said = {card[0] for card in result} | _SAID_OTHERWISE
    return result + [card for card in _device_cards(device or {}, disclosure) if card[0] not in said]


_SAID_OTHERWISE = frozenset({"EXPOSURE", "DET-TEMP", "DATE", "ROWORDER"})


def _sayable(value: Any) -> bool:
    if value is None or value == "" or isinstance(value, bool):
        return isinstance(value, bool)
    return not isinstance(value, float) or math.isfinite(value)


def _ascii(text: str) -> str:
    """FITS text is ASCII: accents go, a micro sign becomes u, control characters a space."""
    plain = unicodedata.normalize("NFKD", text.replace("µ", "u").replace("μ", "u"))
    return re.sub(r"[^ -~]", " ", plain.encode("ascii", "ignore").decode()).strip()


def _what(meta: Mapping[str, Any], camera: CameraPart, frame: FrameEntry) -> Iterator[tuple[str, Any, str]]:
    info = camera.info
    yield "OBJECT", meta.get("target"), "target"
    yield "IMAGETYP", frame.kind, "type of frame"
    yield "INSTRUME", info.get("model") or frame.camera, "camera"
    yield "TELESCOP", info.get("telescope"), "telescope"
    yield "OBSERVER", meta.get("observer"), "who observed"
    yield "FILTER", frame.row.get("filter"), "filter"


def _when(frame: FrameEntry) -> Iterator[tuple[str, Any, str]]:
    start: datetime = frame.row["time"]
    middle = _middle(frame)
    yield "DATE-OBS", _fits_time(start), "[UTC] start of exposure"
    yield "DATE-AVG", _fits_time(middle) if middle else None, "[UTC] middle of exposure"
    yield "MJD-OBS", 40587.0 + microseconds_utc(start) / 86_400e6, "[d] start of exposure"


def _middle(frame: FrameEntry) -> datetime | None:
    try:
        return datetime.fromisoformat(frame.details["mid_time"])
    except (KeyError, TypeError, ValueError):
        exposure = frame.row.get("exposure_us")
        return None if exposure is None else frame.row["time"] + timedelta(microseconds=exposure / 2)


def _fits_time(moment: datetime) -> str:
    rounded = moment + timedelta(microseconds=500)
    return f"{rounded:%Y-%m-%dT%H:%M:%S}.{rounded.microsecond // 1000:03d}"


def _exposure(camera: CameraPart, frame: FrameEntry) -> Iterator[tuple[str, Any, str]]:
    row, details = frame.row, frame.details
    exposure = row.get("exposure_us")
    seconds = None if exposure is None else exposure / 1e6
    yield "EXPTIME", seconds, "[s] exposure time"
    yield "EXPOSURE", seconds, "[s] exposure time"
    iso = str(details.get("gain_unit")).lower() == "iso"
    yield "GAIN", None if iso else _integer(row.get("gain"), 65535), "gain, in the driver's units"
    yield "ISOSPEED", _number(row.get("gain")) if iso else None, "ISO speed"
    yield "OFFSET", _integer(row.get("offset"), 65535), "offset, in the driver's units"
    yield "EGAIN", _number(camera.info.get("electrons_per_adu")), "[e-/ADU] electrons per ADU"
    yield "CCD-TEMP", _number(row.get("sensor_temp_c")), "[degC] sensor"
    set_point = details.get("set_temp_c", camera.settings.get("set_temp_c"))
    yield "SET-TEMP", _number(set_point), "[degC] set point of the cooler"


def _optics(camera: CameraPart, frame: FrameEntry, found: str) -> Iterator[tuple[str, Any, str]]:
    info = camera.info
    pattern = str(found or info.get("bayer_pattern") or "").upper()
    if re.fullmatch("[RGB]{4}", pattern) and len(frame.shape) != 3:
        yield "BAYERPAT", pattern, "colours of the mosaic, first row first"
        yield "XBAYROFF", 0, "[px] offset of the mosaic"
        yield "YBAYROFF", 0, "[px] offset of the mosaic"
    order = "BOTTOM-UP" if str(info.get("row_order")).upper() == "BOTTOM-UP" else "TOP-DOWN"
    yield "ROWORDER", order, "order of the rows"
    focal, stop = _number(info.get("focal_length_mm")), _number(frame.details.get("aperture_f"))
    aperture = _number(info.get("aperture_mm")) or (focal / stop if focal and stop else None)
    yield "FOCALLEN", focal, "[mm] focal length"
    yield "APTDIA", aperture, "[mm] aperture"
    binning = _pair(frame.details.get("binning", camera.settings.get("binning")))
    pixel = _pair(info.get("pixel_size_um"))
    for axis, name in enumerate("XY"):
        bins, size = binning[axis] or 1, pixel[axis]
        yield f"{name}PIXSZ", size * bins if size else None, "[um] pixel, binning included"
        yield f"{name}BINNING", int(bins), "binning"


def _pointing(
    meta: Mapping[str, Any], frame: FrameEntry, readings: Readings, disclosure: Disclosure
) -> Iterator[tuple[str, Any, str]]:
    moment = microseconds_utc(_middle(frame) or frame.row["time"])
    mount = readings.mount(moment)
    place = {
        name: _number(frame.row.get(f"{name}_deg"))
        if frame.row.get(f"{name}_deg") is not None
        else mount.get(name)
        for name in ("ra", "dec", "alt", "az")
    }
    step = max(disclosure.location_precision or 0.0, PUBLIC_PRECISION if disclosure.public else 0.0)
    ra, dec, alt, az = (_coarse(place[name], step) for name in ("ra", "dec", "alt", "az"))
    target = meta.get("target_coords") or {}
    hint = (
        (ra, dec)
        if ra is not None and dec is not None
        else (_number(target.get("ra")), _number(target.get("dec")))
    )
    if ra is not None and dec is not None:
        yield "RA", ra % 360, "[deg] pointing, J2000"
        yield "DEC", dec, "[deg] pointing, J2000"
    if hint[0] is not None and hint[1] is not None:
        yield "OBJCTRA", sexagesimal(hint[0] / 15, hours=True), "[h m s] J2000"
        yield "OBJCTDEC", sexagesimal(hint[1]), "[d m s] J2000"
        yield "EQUINOX", 2000.0, "[yr] equinox of the coordinates"
    if not disclosure.public and alt is not None:
        yield "CENTALT", alt, "[deg] altitude"
        yield "CENTAZ", None if az is None else az % 360, "[deg] azimuth, east of north"
        yield "AIRMASS", airmass(alt) if alt > 0 else None, "airmass (Pickering 2002)"


def airmass(altitude: Degrees) -> float:
    """Air in the line of sight in units of the zenith's; Pickering (2002). Altitude above 0."""
    return 1 / math.sin(math.radians(altitude + 244 / (165 + 47 * altitude**1.1)))


def _site(meta: Mapping[str, Any], disclosure: Disclosure) -> Iterator[tuple[str, Any, str]]:
    place = meta.get("location")
    if disclosure.public or not place:
        return
    step = disclosure.location_precision or 0.0
    yield "SITELAT", _coarse(_number(place.get("lat")), step), "[deg] latitude, north positive"
    yield "SITELONG", _coarse(_number(place.get("lon")), step), "[deg] longitude, east positive"
    yield "SITEELEV", None if step else _number(place.get("alt")), "[m] elevation"


def _surroundings(frame: FrameEntry, readings: Readings) -> Iterator[tuple[str, Any, str]]:
    moment = microseconds_utc(frame.row["time"])
    focus = frame.row.get("focus_pos")
    yield "FOCUSPOS", _integer(readings.focus(moment) if focus is None else focus), "[steps] focuser"
    yield "FOCUSTEM", readings.at("FOCUSTEM", moment), "[degC] focuser"
    yield "AMBTEMP", readings.at("AMBTEMP", moment), "[degC] air"
    yield "HUMIDITY", readings.at("HUMIDITY", moment), "[%] relative humidity"
    yield "PRESSURE", readings.at("PRESSURE", moment), "[hPa] air pressure"
    yield "MPSAS", readings.at("MPSAS", moment), "[mag/arcsec2] sky brightness"


def _links(meta: Mapping[str, Any], frame: FrameEntry) -> Iterator[tuple[str, Any, str]]:
    software = meta.get("software") or []
    if software:
        yield "SWCREATE", f"{software[0].get('name')} {software[0].get('version')}", "program"
    yield "SESSION", meta.get("session_id"), "session"
    yield "SESSUUID", meta.get("uuid"), "session"
    yield "FRAMENO", frame.index, "number in the session"
    yield "ASDFSHA", frame.row.get("sha256"), "SHA-256 of the frame in the session"


def _device_cards(device: Mapping[str, Any], disclosure: Disclosure) -> Iterator[Card]:
    """The device's own cards, without those that describe its file."""
    for name, value in device.items():
        keyword = str(name).upper()
        if _STRUCTURE.fullmatch(keyword) or not _KEYWORD.fullmatch(keyword) or not _sayable(value):
            continue
        if not isinstance(value, str | int | float | bool):
            continue
        hidden = disclosure.public or disclosure.location_precision
        if hidden and (_PRIVATE.fullmatch(keyword) or (isinstance(value, str) and _MAC.search(value))):
            continue
        if hidden and keyword in _PLACED:
            continue
        yield keyword, _ascii(value) if isinstance(value, str) else value, "from the device"


_PLACED = frozenset({"RA", "DEC", "OBJCTRA", "OBJCTDEC", "CRVAL1", "CRVAL2", "CENTALT", "CENTAZ", "AIRMASS", "OBJCTALT", "OBJCTAZ", "OBJCTHA", "HA", "LST", "ZD", "ALTITUDE", "AZIMUTH"})  # fmt: skip


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _integer(value: Any, most: int = 2**31 - 1) -> int | None:
    number = _number(value)
    return round(number) if number is not None and -most - 1 <= number <= most else None


def _pair(value: Any) -> tuple[float | None, float | None]:
    """Two numbers from one, two, or text such as `2x2` and `1*1`."""
    if isinstance(value, str):
        found = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", value)[:2]]
        return (found[0], found[-1]) if found else (None, None)
    if isinstance(value, list | tuple) and len(value) == 2:
        return _number(value[0]), _number(value[1])
    return _number(value), _number(value)


def _coarse(value: float | None, step: float) -> float | None:
    return value if value is None or not step else round(value / step) * step


def sexagesimal(value: float, *, hours: bool = False) -> str:
    """Degrees as `+dd mm ss.s`, or hours, of any turn, as `hh mm ss.s`."""
    tenths = round(abs(value) * 36000)
    sign = "-" if value < 0 and tenths else "+"
    if hours:
        sign, tenths = "", round(value * 36000) % (24 * 36000)
    whole, rest = divmod(tenths, 36000)
    minutes, tenths = divmod(rest, 600)
    return f"{sign}{whole:02d} {minutes:02d} {tenths / 10:04.1f}"
