"""A finished session in astropy's types: `Time`, `SkyCoord`, `EarthLocation`, `QTable`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.table import MaskedColumn, QTable
from astropy.time import Time

from reader.skycam_reader.tables import LogTable
from skycam_project.common.clock import microseconds_utc

_UNITS: dict[str, Any] = {
    "deg": u.deg,
    "deg (ICRS)": u.deg,
    "arcsec": u.arcsec,
    "h": u.hour,
    "s": u.s,
    "us": u.us,
    "degC": u.deg_C,
    "%": u.percent,
    "hPa": u.hPa,
    "lx": u.lx,
    "V": u.V,
    "mm": u.mm,
    "m": u.m,
    "ADU": u.adu,
    "byte": u.byte,
}
_EPOCH_JD = 2440587.5
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class AstropySession:
    """What a session says, with units.

    Attributes:
        start, end: UTC.
        target: where it was to look, in the frame the session says (ICRS by default); None when unknown.
        location: of the site; None when unknown. Without an altitude sea level is meant.
        logs, events: tables; a missing value is masked.
        telemetry: tables by series; a missing number is NaN.
        frames: table of the frames of each camera, in the order they were taken.
    """

    start: Time
    end: Time
    target: SkyCoord | None
    location: EarthLocation | None
    logs: QTable
    events: QTable
    telemetry: dict[str, QTable]
    frames: dict[str, QTable]


def to_astropy(session: Any) -> AstropySession:
    """Convert an open session (`reading.open_session`); its frames stay where they are.

    Raises `KeyError`, `ValueError` for a tree that does not follow the schema.
    """
    meta = session["meta"]
    coordinates, place = meta.get("target_coords"), meta.get("location")
    return AstropySession(
        start=Time(meta["start_time"].rstrip("Z"), scale="utc"),
        end=Time(meta["end_time"].rstrip("Z"), scale="utc"),
        target=_place(coordinates) if coordinates else None,
        location=EarthLocation.from_geodetic(
            place["lon"] * u.deg, place["lat"] * u.deg, (place.get("alt") or 0.0) * u.m
        )
        if place
        else None,
        logs=_table(session["observability"]["logs"]),
        events=_table(session["observability"]["events"]),
        telemetry={name: _table(series) for name, series in session["telemetry"].items()},
        frames={name: _table(camera["frame_table"]) for name, camera in session["cameras"].items()},
    )


def _place(coordinates: Any) -> SkyCoord:
    frame = str(coordinates.get("frame", "icrs")).lower()
    return SkyCoord(coordinates["ra"] * u.deg, coordinates["dec"] * u.deg, frame=frame)


def _table(rows: LogTable) -> QTable:
    table = QTable()
    for name in rows.columns:
        table[name] = _column(rows.column(name), rows.units.get(name, ""))
    return table


def _column(values: list[Any], unit: str) -> Any:
    there = [value for value in values if value is not None]
    mask = [value is None for value in values]
    if there and all(isinstance(value, datetime) for value in there):
        return _times(values, mask)
    if there and unit in _UNITS and all(isinstance(value, int | float) for value in there):
        return np.array([np.nan if value is None else value for value in values], float) * _UNITS[unit]
    kind = None if there and all(isinstance(value, type(there[0])) for value in there) else object
    if there and isinstance(there[0], dict | list):
        kind = object
    filler: Any = there[0] if there else None
    filled = np.empty(len(values), object)
    filled[:] = [filler if value is None else value for value in values]
    data = filled if kind is object else np.array(filled.tolist())
    return MaskedColumn(data, mask=mask)


def _times(values: list[Any], mask: list[bool]) -> Time:
    microseconds = np.array([0 if value is None else microseconds_utc(value) for value in values], np.int64)
    days, rest = np.divmod(microseconds, _DAY_US)
    times = Time(days + _EPOCH_JD, rest / _DAY_US, format="jd", scale="utc")
    times.format = "isot"
    if any(mask):
        times[np.array(mask)] = np.ma.masked
    return times
