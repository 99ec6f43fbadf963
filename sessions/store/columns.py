"""The columns of a session's tables: their types and units."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from reader.skycam_reader.tables import LogTable
from sessions.store.tables import LEVELS, TIME_UNIT, Categories, MemorySpool, Numbers, Table, Texts

TIME = {"time": TIME_UNIT}
LOG = {
    "time": partial(Numbers, "int64"),
    "level": partial(Categories, LEVELS),
    "source": Categories,
    "message": Texts,
    "context": partial(Texts, json=True),
}
EVENT = {"time": partial(Numbers, "int64"), "event": Categories, "details": partial(Texts, json=True)}
SERIES = {"time": partial(Numbers, "int64")}
FRAME = {
    "time": partial(Numbers, "int64"),
    "index": partial(Numbers, "int32"),
    "form": partial(Categories, ("array", "original")),
    "position": partial(Numbers, "int32"),
    "exposure_us": partial(Numbers, "int64"),
    "gain": partial(Numbers, "float32"),
    "offset": partial(Numbers, "float32"),
    "sensor_temp_c": partial(Numbers, "float32"),
    "filter": Categories,
    "ra_deg": partial(Numbers, "float64"),
    "dec_deg": partial(Numbers, "float64"),
    "alt_deg": partial(Numbers, "float32"),
    "az_deg": partial(Numbers, "float32"),
    "focus_pos": partial(Numbers, "int32"),
    "bytes": partial(Numbers, "int64"),
    "sha256": Texts,
    "media_type": Categories,
    "file_name": Texts,
    "dropped": partial(Numbers, "uint8"),
    "recovered": partial(Numbers, "uint8"),
    "details": partial(Texts, json=True),
}
FRAME_UNITS = TIME | {
    "exposure_us": "us",
    "gain": "device units",
    "offset": "ADU",
    "sensor_temp_c": "degC",
    "ra_deg": "deg",
    "dec_deg": "deg",
    "alt_deg": "deg",
    "az_deg": "deg",
    "focus_pos": "steps",
    "bytes": "byte",
}


_SERIES_UNITS = {
    "mount_position": {"ra": "deg (ICRS)", "dec": "deg (ICRS)", "alt": "deg", "az": "deg"},
    "temperature": {"value": "degC"},
    "focus_position": {"value": "steps"},
}
_SUFFIX_UNITS = {
    "deg": "deg",
    "arcsec": "arcsec",
    "hours": "h",
    "s": "s",
    "us": "us",
    "c": "degC",
    "percent": "%",
    "hpa": "hPa",
    "lux": "lx",
    "v": "V",
    "mm": "mm",
    "m": "m",
}


def units(series: str, row: Iterable[str]) -> dict[str, str]:
    """Units of the columns of a series, as far as their names tell them."""
    return TIME | {column: found for column in row if (found := _unit(series, column))}


def _unit(series: str, column: str) -> str | None:
    known = _SERIES_UNITS.get(series, {}).get(column)
    return known or _SUFFIX_UNITS.get(column.rpartition("_")[2].lower() if "_" in column else "")


def log_table(rows: Iterable[dict[str, Any]]) -> LogTable:
    """A table of log rows that is only read."""
    return _filled(Table(MemorySpool(), LOG, TIME), rows)


def event_table(rows: Iterable[dict[str, Any]]) -> LogTable:
    """A table of events that is only read."""
    return _filled(Table(MemorySpool(), EVENT, TIME), rows)


def frame_table(rows: Iterable[dict[str, Any]]) -> LogTable:
    """A table of frames that is only read."""
    return _filled(Table(MemorySpool(), FRAME, FRAME_UNITS), rows)


def series_table(name: str, rows: Iterable[dict[str, Any]]) -> LogTable:
    """A table of one series that is only read; times are microseconds."""
    rows = list(rows)
    return _filled(Table(MemorySpool(), SERIES, units(name, rows[0] if rows else ())), rows)


def _filled(table: Table, rows: Iterable[dict[str, Any]]) -> LogTable:
    for row in rows:
        table.add(row)
    return LogTable(table.node())
