"""What callers say about frames, cameras and sessions, checked and converted at the call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Integral
from pathlib import Path
from typing import Any

from sessions.store import values
from skycam_project.common.clock import from_microseconds, microseconds_utc
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.units import MicrosecondsUtc

FRAME_COLUMNS = {
    "exposure_us": int,
    "gain": float,
    "offset": float,
    "sensor_temp_c": float,
    "filter": str,
    "ra_deg": float,
    "dec_deg": float,
    "alt_deg": float,
    "az_deg": float,
    "focus_pos": int,
}
"""Capture metadata with a column of its own; everything else goes to the frame's `details`."""

RESERVED_META = frozenset(
    [
        "schema_version",
        "session_id",
        "uuid",
        "session_type",
        "instrument",
        "start_time",
        "end_time",
        "status",
        "target",
        "purpose",
        "location",
        "software",
        "host",
        "timezone",
    ]
)
_MESSAGE_LIMIT = 64 << 10
_LEVELS = {"WARN": "WARNING", "FATAL": "CRITICAL", "NOTSET": "DEBUG", "TRACE": "DEBUG"}
_STANDARD = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """An acknowledged frame: file and journal line are on disk.

    Attributes:
        index: number of the frame among the camera's in this session, from 0.
        path: where the file lies while the session runs (it moves when the session is finished).
        sha256: of the pixels (arrays) or of the file (originals), hexadecimal.
        bytes: size of the file.
        time: when it was taken, UTC, as the caller said it.
    """

    index: int
    path: Path
    sha256: str
    bytes: int
    time: datetime


def moment(value: object, now: MicrosecondsUtc) -> MicrosecondsUtc:
    """A time as microseconds UTC.

    Args:
        value: an aware datetime, ISO 8601 text with a zone, integer microseconds, or None for `now`.
        now: the present.

    Raises `InvalidValueError` for a time without a zone and for anything else.
    """
    if value is None:
        return now
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidValueError("time", value, "ISO 8601 with a time zone") from None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return microseconds_utc(value)
    raise InvalidValueError("time", value, "an aware datetime, ISO 8601 with a zone, or microseconds UTC")


def iso(time: MicrosecondsUtc) -> str:
    """ISO 8601 with `Z` and microseconds: times as text inside session files."""
    try:
        return from_microseconds(time).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except OverflowError:  # a journal may say anything
        return "9999-12-31T23:59:59.999999Z"


def parse_iso(text: str) -> datetime:
    """The inverse of `iso`; aware, UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def frame_values(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Capture metadata by column; what has no column, or not its type, goes to `details`."""
    row: dict[str, Any] = {}
    details: dict[str, Any] = {}
    for name, value in values.plain(dict(meta)).items():
        if value is None:
            continue
        kind = FRAME_COLUMNS.get(name)
        if kind is int and isinstance(value, float) and value.is_integer():
            value = int(value)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        (row if kind is not None and type(value) is kind else details)[name] = value
    return row | ({"details": details} if details else {})


def level(value: object) -> str:
    """One of the five level names for whatever a program calls its level."""
    if isinstance(value, int):
        return _STANDARD[min(max(value // 10 - 1, 0), 4)]
    name = str(value).upper()
    name = _LEVELS.get(name, name)
    return name if name in _STANDARD else "INFO"


def message(value: object) -> str:
    """Text of a log line, at most 64 KiB."""
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception:
        text = values.short_repr(value)
    return text if len(text) <= _MESSAGE_LIMIT else text[:_MESSAGE_LIMIT] + "… (cut)"


def location(value: Mapping[str, Any] | None) -> dict[str, float | None] | None:
    """`{lat, lon, alt}`: degrees north, degrees east, metres (WGS84). Raises `InvalidValueError`."""
    if value is None:
        return None
    place: dict[str, float | None] = {}
    for name, limit in (("lat", 90.0), ("lon", 180.0)):
        number = _number(f"location.{name}", value.get(name))
        if not -limit <= number <= limit:
            raise InvalidValueError(f"location.{name}", number, f"-{limit:g} to {limit:g} degrees")
        place[name] = number
    place["alt"] = None if value.get("alt") is None else _number("location.alt", value["alt"])
    return place


def session_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Further keys of a session's `meta`.

    Raises `InvalidValueError` for a key that the store writes itself.
    """
    for name in meta:
        if name in RESERVED_META:
            raise InvalidValueError("meta", name, f"any key but {', '.join(sorted(RESERVED_META))}")
    return values.plain(dict(meta))


def text_or_none(field: str, value: object) -> str | None:
    """Free text. Raises `InvalidValueError` for anything but text and None."""
    if value is None or isinstance(value, str):
        return None if value is None else values.plain(value[:4096])
    raise InvalidValueError(field, value, "text")


def _number(field: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidValueError(field, value, "a number") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise InvalidValueError(field, value, "a finite number")
    return number
