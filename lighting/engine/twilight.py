"""How high the Sun is, to a few hundredths of a degree: enough to turn lights red."""

import math
from datetime import datetime

from skycam_project.common.clock import microseconds_utc
from skycam_project.common.units import Degrees

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
