"""Telemetry of a session at the moment of a frame."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any

from skycam_project.common.clock import microseconds_utc
from skycam_project.common.units import MicrosecondsUtc, Seconds

MOST_AGE: Seconds = 900.0
"""A reading further away from the frame says nothing about it."""
MOUNT_AGE: Seconds = 60.0
_SENSORS = {
    "AMBTEMP": frozenset({"ambient", "air", "outside", "outdoor", "environment"}),
    "FOCUSTEM": frozenset({"focuser", "focus", "tube"}),
}
"""Sensors of the series `temperature`, by keyword."""
_COLUMNS = {
    "AMBTEMP": ("ambient_temp_c", "air_temp_c", "ambient_c"),
    "FOCUSTEM": ("focuser_temp_c",),
    "HUMIDITY": ("humidity_percent", "humidity"),
    "PRESSURE": ("pressure_hpa", "pressure"),
    "MPSAS": ("sky_mag_arcsec2", "sky_quality_mag_arcsec2", "sky_quality", "mpsas", "sqm"),
}
"""Columns of any series, by keyword; a series of that name with a column `value` counts too."""
_MOUNT = {
    "ra": ("ra", "ra_deg"),
    "dec": ("dec", "dec_deg"),
    "alt": ("alt", "alt_deg"),
    "az": ("az", "az_deg"),
}

_Curve = tuple[list[int], list[float]]


class Readings:
    """Curves of a session by FITS keyword.

    Args:
        telemetry: tables by series, as `Contents.telemetry`.
    """

    def __init__(self, telemetry: Mapping[str, Any]) -> None:
        self._curves: dict[str, _Curve] = {}
        for keyword, columns in _COLUMNS.items():
            for series, table in telemetry.items():
                for column in table.columns:
                    if column in columns or (column == "value" and series in columns):
                        self._add(keyword, table, column)
        if "temperature" in telemetry:
            for keyword, sensors in _SENSORS.items():
                self._add(
                    keyword,
                    telemetry["temperature"],
                    "value",
                    lambda row, of=sensors: str(row.get("sensor", "")).lower() in of,
                )
        mount = telemetry.get("mount_position")
        for name, columns in _MOUNT.items():
            for column in columns:
                if mount is not None:
                    self._add(f"mount {name}", mount, column)
        if "focus_position" in telemetry:
            self._add("focus", telemetry["focus_position"], "value")

    def _add(
        self, keyword: str, table: Any, column: str, wanted: Callable[[Mapping[str, Any]], bool] | None = None
    ) -> None:
        if keyword in self._curves or column not in table.columns:
            return
        rows = [
            (microseconds_utc(row["time"]), float(row[column]))
            for row in table
            if isinstance(row.get(column), int | float) and (wanted is None or wanted(row))
        ]
        if rows:
            rows.sort()
            self._curves[keyword] = ([time for time, _ in rows], [value for _, value in rows])

    def at(self, keyword: str, moment: MicrosecondsUtc) -> float | None:
        """The reading interpolated to a moment; None when none is near."""
        if keyword not in self._curves:
            return None
        times, values = self._curves[keyword]
        after = bisect_left(times, moment)
        near = [
            n for n in (after - 1, after) if 0 <= n < len(times) and abs(times[n] - moment) <= MOST_AGE * 1e6
        ]
        if len(near) == 2 and times[near[1]] > times[near[0]]:
            share = (moment - times[near[0]]) / (times[near[1]] - times[near[0]])
            return values[near[0]] + share * (values[near[1]] - values[near[0]])
        return values[near[0]] if near else None

    def mount(self, moment: MicrosecondsUtc) -> dict[str, float | None]:
        """The mount's nearest position within a minute: ra, dec, alt, az in degrees."""
        return {name: self._nearest(f"mount {name}", moment, MOUNT_AGE) for name in _MOUNT}

    def focus(self, moment: MicrosecondsUtc) -> float | None:
        """The focuser's last known position, steps."""
        if "focus" not in self._curves:
            return None
        times, values = self._curves["focus"]
        before = bisect_left(times, moment + 1) - 1
        return values[before] if before >= 0 else None

    def _nearest(self, name: str, moment: MicrosecondsUtc, most: Seconds) -> float | None:
        if name not in self._curves:
            return None
        times, values = self._curves[name]
        after = bisect_left(times, moment)
        near = min(
            (n for n in (after - 1, after) if 0 <= n < len(times)), key=lambda n: abs(times[n] - moment)
        )
        return values[near] if abs(times[near] - moment) <= most * 1e6 else None
