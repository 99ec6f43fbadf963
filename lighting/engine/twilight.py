"""How high the Sun is, to a few hundredths of a degree: enough to turn lights red; and when it does."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime

from lighting.engine.engine import Engine
from skycam_project.common.clock import microseconds_utc
from skycam_project.common.units import Degrees, Seconds

EVERY: Seconds = 60.0
HYSTERESIS: Degrees = 6.0
J2000_US = 946_728_000_000_000
"""2000-01-01T12:00 UTC in microseconds since 1970."""


def sun_altitude(moment: datetime, latitude: Degrees, longitude: Degrees) -> Degrees:
    """Altitude of the Sun's centre without refraction.

    Low-precision formula of the Astronomical Almanac (page C5): 0.01 degrees in longitude from 1950 to 2050.

    Args:
        moment: aware.
        latitude: north positive.
        longitude: east positive.
    """
    days = (microseconds_utc(moment) - J2000_US) / 86_400e6
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    obliquity = math.radians(23.439 - 0.0000004 * days)
    right_ascension = math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(obliquity) * math.sin(ecliptic))
    sidereal = math.radians(280.46062 + 360.98564737 * days + longitude)
    hour_angle = sidereal - right_ascension
    place = math.radians(latitude)
    sine = math.sin(place) * math.sin(declination)
    sine += math.cos(place) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


class Twilight:
    """Red only at night: turned on and off once per crossing, so that a person may decide otherwise.

    The side that was seen last is kept on disk: a restart in the middle of the night is no crossing.

    Args:
        sun: its altitude at a moment.
        limit: altitude below which it is night; `HYSTERESIS` above it is day again.
    """

    def __init__(self, engine: Engine, sun: Callable[[datetime], Degrees], limit: Degrees) -> None:
        self.engine, self._sun, self._limit = engine, sun, limit
        self._path = engine.folder / "night"
        kept = self._path.read_text() if self._path.exists() else ""
        self._night: bool | None = {"night": True, "day": False}.get(kept)

    async def run(self) -> None:
        """Follow the Sun until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Change the mode if the Sun has crossed the limit since the last look."""
        limit = self._limit + HYSTERESIS if self._night else self._limit
        night = self._sun(datetime.now(UTC)) < limit
        if night != self._night:
            await self.engine.control(self._cross, night)

    def _cross(self, night: bool) -> None:
        if night or self.engine.mode_by == "sun":
            self.engine.set_mode("dark" if night else "normal", "sun")
        self._night = night
        self.engine.kept.disk.put(self._path, b"night" if night else b"day")
