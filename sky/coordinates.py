"""Coordinates of one site at one moment: ICRS, equinox of date, altitude and azimuth, sidereal time.

All of it is IAU 2006/2000A through `pyerfa`, offline. The Earth's rotation is the one thing that cannot be
computed: UT1 is taken as UTC plus `ut1_minus_utc` (0 by default, never beyond ±0.9 s), which turns the sky
by 15.04″ per second of error: 1.2″ in 2026, 13.5″ at the very worst. Polar motion (0.3″) is left out.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import erfa
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sky.angles import unit_vector
from skycam_project.common.clock import microseconds_utc
from skycam_project.common.units import Celsius, Degrees, Hours, Metres, Seconds

Angles = NDArray[np.float64]

_LEAP = erfa.leap_seconds.get()
_LEAP_DAYS = (
    np.array([erfa.cal2jd(int(r["year"]), int(r["month"]), 1)[1] for r in _LEAP]) - 40587.0
)  # since 1970
_LEAP_SECONDS = np.array([float(r["tai_utc"]) for r in _LEAP])
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Site:
    """A place on Earth (WGS 84), longitude positive to the east."""

    latitude_deg: Degrees
    longitude_deg: Degrees
    elevation_m: Metres = 0.0


@dataclass(frozen=True, slots=True)
class Air:
    """What bends the light; `pressure_hpa` None means the standard pressure of the site's elevation."""

    temperature_c: Celsius = 10.0
    pressure_hpa: float | None = None
    humidity: float = 0.5  # 0…1

    def pressure_at(self, site: Site) -> float:
        """Pressure in hPa, by the barometric formula of the standard atmosphere where none was given."""
        if self.pressure_hpa is not None:
            return self.pressure_hpa
        return 1013.25 * (1 - 2.25577e-5 * site.elevation_m) ** 5.25588


STANDARD_AIR = Air()
VACUUM = Air(pressure_hpa=0.0)
"""No refraction."""


def julian_day(moment: datetime) -> tuple[float, float]:
    """UTC as the two-part quasi Julian date of SOFA. Raises `ValueError` for a naive datetime."""
    days, microseconds = divmod(microseconds_utc(moment), _DAY_US)
    return 2440587.5 + days, microseconds / _DAY_US


def terrestrial_time(moment: datetime) -> tuple[float, float]:
    """TT as a two-part Julian date; before 1972 the offset of 1972 is used."""
    day, fraction = julian_day(moment)
    row = int(np.searchsorted(_LEAP_DAYS, day - 2440587.5, side="right")) - 1
    leap = _LEAP_SECONDS[row] if row >= 0 else _LEAP_SECONDS[0]
    return day, fraction + (max(leap, 10.0) + 32.184) / 86400


class Observer:
    """One site at one moment: converts between ICRS, equinox of date and the observed sky.

    Angles are degrees and may be numbers or arrays; results are numpy floats or arrays of the same shape.
    Building one costs about 0.1 ms, a conversion 0.3 µs per star.

    Args:
        site: where.
        moment: when, aware.
        air: for refraction; `VACUUM` for none.
        ut1_minus_utc: seconds, see the module's text.
    """

    def __init__(
        self,
        site: Site,
        moment: datetime,
        air: Air = STANDARD_AIR,
        ut1_minus_utc: Seconds = 0.0,
    ) -> None:
        self.site, self.moment, self.air = site, moment, air
        self.tt = terrestrial_time(moment)
        day, fraction = julian_day(moment)
        self.ut1 = day, fraction + ut1_minus_utc / 86400
        self.earth_heliocentric, self.earth_barycentric = erfa.epv00(*self.tt)
        matrix = erfa.pnm06a(*self.tt)
        x, y = erfa.bpn2xy(matrix)
        s = erfa.s06(*self.tt, x, y)
        self._pole = x, y, s
        self._origins = float(erfa.eors(matrix, s))
        self.pressure_hpa = air.pressure_at(site)
        a, b = (
            erfa.refco(self.pressure_hpa, air.temperature_c, air.humidity, 0.55)
            if self.pressure_hpa
            else (0, 0)
        )
        self.astrom = erfa.apco(
            *self.tt,
            self.earth_barycentric,
            self.earth_heliocentric["p"],
            x,
            y,
            s,
            erfa.era00(*self.ut1),
            np.radians(site.longitude_deg),
            np.radians(site.latitude_deg),
            site.elevation_m,
            0.0,
            0.0,
            erfa.sp00(*self.tt),
            a,
            b,
        )

    @cached_property
    def sidereal_time_h(self) -> Hours:
        """Local apparent sidereal time, 0…24."""
        era_minus_eo = erfa.era00(*self.ut1) - self._origins
        return float(np.degrees(era_minus_eo) + self.site.longitude_deg) / 15 % 24

    # --- ICRS and equinox of date ---

    def jnow(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[Angles, Angles]:
        """ICRS to the apparent topocentric place of date (Alpaca: equTopocentric), no refraction."""
        ri, di = erfa.atciqz(np.radians(ra_deg), np.radians(dec_deg), self.astrom)
        return np.degrees(ri - self._origins) % 360, np.degrees(di)

    def from_jnow(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[Angles, Angles]:
        """The inverse of `jnow`."""
        rc, dc = erfa.aticq(np.radians(ra_deg) + self._origins, np.radians(dec_deg), self.astrom)
        return np.degrees(rc) % 360, np.degrees(dc)

    # --- the observed sky ---

    def altaz(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[Angles, Angles]:
        """ICRS to observed altitude and azimuth (0 north, 90 east), refraction included."""
        ri, di = erfa.atciqz(np.radians(ra_deg), np.radians(dec_deg), self.astrom)
        azimuth, zenith_distance, _, _, _ = erfa.atioq(ri, di, self.astrom)
        return 90 - np.degrees(zenith_distance), np.degrees(azimuth) % 360

    def icrs(self, altitude_deg: ArrayLike, azimuth_deg: ArrayLike) -> tuple[Angles, Angles]:
        """The inverse of `altaz`: to 0.01″ above 15° altitude, 0.1″ above 5°, 1″ above 4°."""
        zenith_distance = np.radians(90 - np.asarray(altitude_deg, np.float64))
        ri, di = erfa.atoiq("A", np.radians(azimuth_deg), zenith_distance, self.astrom)
        rc, dc = erfa.aticq(ri, di, self.astrom)
        return np.degrees(rc) % 360, np.degrees(dc)

    def direction(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> NDArray[np.float64]:
        """Observed direction of ICRS places as unit vectors east, north, up (..., 3)."""
        altitude, azimuth = self.altaz(ra_deg, dec_deg)
        return unit_vector(90 - azimuth, altitude)

    def hour_angle_h(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Angles:
        """Local hour angle of an ICRS place, -12…12, positive in the west."""
        ra, _ = self.jnow(ra_deg, dec_deg)
        return (self.sidereal_time_h - ra / 15 + 12) % 24 - 12

    def parallactic_deg(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Angles:
        """Position angle of the zenith at an ICRS place, degrees east of north (of date), -180…180."""
        ra, dec = self.jnow(ra_deg, dec_deg)
        hour, dec = np.radians(self.sidereal_time_h * 15 - ra), np.radians(dec)
        lat = np.radians(self.site.latitude_deg)
        # Meeus 14.1, multiplied through by cos(lat) so that it holds at the poles.
        q = np.arctan2(
            np.cos(lat) * np.sin(hour), np.sin(lat) * np.cos(dec) - np.cos(lat) * np.sin(dec) * np.cos(hour)
        )
        return np.degrees(q)

    # --- for bodies near the Earth ---

    @cached_property
    def geocentric_au(self) -> NDArray[np.float64]:
        """The observer's own place, GCRS, astronomical units."""
        pv = erfa.pvtob(
            np.radians(self.site.longitude_deg),
            np.radians(self.site.latitude_deg),
            self.site.elevation_m,
            0.0,
            0.0,
            erfa.sp00(*self.tt),
            erfa.era00(*self.ut1),
        )
        return erfa.c2ixys(*self._pole).T @ pv["p"] / erfa.DAU


def airmass(altitude_deg: ArrayLike) -> Angles:
    """Kasten & Young 1989; the altitude is the observed one, below the horizon counts as 0°."""
    h = np.maximum(np.asarray(altitude_deg, np.float64), 0.0)
    return 1 / (np.sin(np.radians(h)) + 0.50572 * (h + 6.07995) ** -1.6364)
