"""What a telescope session has to know of the sky; whoever makes the session gives it (`sky` knows how)."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from skycam_project.common.units import Arcseconds, Degrees, Hours, Metres


@dataclass(frozen=True, slots=True)
class Site:
    """Where the telescope stands: degrees north and east, metres above the sea."""

    latitude_deg: Degrees
    longitude_deg: Degrees
    elevation_m: Metres = 0.0


@dataclass(frozen=True, slots=True)
class Equatorial:
    """A place on the sky, ICRS: right ascension in hours, 0 ≤ ra < 24, declination in degrees, -90 … 90."""

    ra_hours: Hours
    dec_deg: Degrees


@dataclass(frozen=True, slots=True)
class Horizontal:
    """A direction at the site: altitude -90 … 90, azimuth 0 ≤ az < 360 from north over east, degrees."""

    altitude_deg: Degrees
    azimuth_deg: Degrees


class Heavens(Protocol):
    """The sky over one site."""

    def horizontal(self, place: Equatorial, moment: datetime) -> Horizontal:
        """Where a place of the sky is seen."""
        ...

    def equatorial(self, direction: Horizontal, moment: datetime) -> Equatorial:
        """The inverse of `horizontal`."""
        ...

    def sun(self, moment: datetime) -> Horizontal:
        """Where the sun is seen."""
        ...


def separation(one: Equatorial, other: Equatorial) -> Arcseconds:
    """Angle between two places, arcseconds (haversine, exact for small angles too)."""
    ra1, ra2 = math.radians(one.ra_hours * 15), math.radians(other.ra_hours * 15)
    dec1, dec2 = math.radians(one.dec_deg), math.radians(other.dec_deg)
    half = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half)))) * 3600


def offset(origin: Equatorial, place: Equatorial) -> tuple[float, float]:
    """Standard coordinates (gnomonic, radians: east, north) of `place` about `origin`; less than 90° away."""
    ra, dec = math.radians((place.ra_hours - origin.ra_hours) * 15), math.radians(place.dec_deg)
    dec0 = math.radians(origin.dec_deg)
    depth = math.sin(dec0) * math.sin(dec) + math.cos(dec0) * math.cos(dec) * math.cos(ra)
    east = math.cos(dec) * math.sin(ra) / depth
    north = (math.cos(dec0) * math.sin(dec) - math.sin(dec0) * math.cos(dec) * math.cos(ra)) / depth
    return east, north


def displaced(origin: Equatorial, east: float, north: float) -> Equatorial:
    """The inverse of `offset`."""
    dec0 = math.radians(origin.dec_deg)
    depth = math.cos(dec0) - north * math.sin(dec0)
    ra = math.atan2(east, depth)
    dec = math.atan2(math.sin(dec0) + north * math.cos(dec0), math.hypot(east, depth))
    return Equatorial(wrapped_hours(origin.ra_hours + math.degrees(ra) / 15), math.degrees(dec))


def wrapped_hours(hours: Hours) -> Hours:
    """Right ascension into 0 ≤ ra < 24; `%` alone gives 24.0 for a tiny negative number."""
    return hours % 24 % 24
