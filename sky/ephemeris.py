"""Sun, moon and planets as an observer sees them: place, size, phase, brightness.

Series of `pyerfa` (no data files). Greatest errors against JPL DE421 over ten years: sun 0.01″, moon 11″,
Mercury 2″, Venus 7″, Mars 26″, Jupiter 29″, Saturn 68″, Uranus 8″, Neptune 4″. Light time, aberration,
light deflection and the observer's own parallax are included.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import erfa
import numpy as np
from numpy.typing import NDArray

from sky.angles import longitude_latitude, position_angle_deg, separation_deg, unit_vector
from sky.coordinates import Observer
from skycam_project.common.units import Arcseconds, Degrees, Magnitudes

BodyName = Literal["sun", "moon", "mercury", "venus", "mars", "jupiter", "saturn", "uranus", "neptune"]
BODIES: tuple[BodyName, ...] = get_args(BodyName)
PLANETS: tuple[BodyName, ...] = BODIES[2:]

_NUMBER = {
    "mercury": 1,
    "venus": 2,
    "mars": 4,
    "jupiter": 5,
    "saturn": 6,
    "uranus": 7,
    "neptune": 8,
}  # of plan94
_AU_KM = erfa.DAU / 1000
_LIGHT_DAYS_PER_AU = erfa.AULT / 86400
_RADIUS_KM: dict[str, float] = {
    "sun": 695_700,
    "moon": 1737.4,
    "mercury": 2440.5,
    "venus": 6051.8,
    "mars": 3396.2,
    "jupiter": 71_492,
    "saturn": 60_268,
    "uranus": 25_559,
    "neptune": 24_764,
}
# North poles, RA and Dec of J2000 (IAU WGCCRE 2015; the moon's is the mean one).
_POLE: dict[str, tuple[float, float]] = {
    "sun": (286.13, 63.87),
    "moon": (269.995, 66.539),
    "mercury": (281.010, 61.416),
    "venus": (272.76, 67.16),
    "mars": (317.681, 52.887),
    "jupiter": (268.057, 64.495),
    "saturn": (40.589, 83.537),
    "uranus": (257.311, -15.175),
    "neptune": (299.36, 43.46),
}


@dataclass(frozen=True, slots=True)
class Body:
    """One body of the solar system at one moment, for one observer."""

    name: BodyName
    ra_deg: Degrees  # ICRS, astrometric: comparable with stars of the catalogue
    dec_deg: Degrees
    altitude_deg: Degrees  # of the centre, refraction as the observer's air says
    azimuth_deg: Degrees
    distance_au: float
    diameter_arcsec: Arcseconds  # equatorial
    phase_angle_deg: Degrees  # sun - body - observer; 0 = full
    elongation_deg: Degrees  # from the sun
    bright_limb_deg: Degrees  # position angle of the middle of the lit limb, east of north
    pole_deg: Degrees  # position angle of the north pole
    tilt_deg: Degrees  # latitude of the disc's centre: + shows the north pole
    magnitude: Magnitudes  # V, outside the atmosphere

    @property
    def illuminated(self) -> float:
        """Lit fraction of the disc, 0…1."""
        return (1 + float(np.cos(np.radians(self.phase_angle_deg)))) / 2


def _heliocentric(name: str, day: float, fraction: float) -> NDArray[np.float64]:
    return erfa.plan94(day, fraction, _NUMBER[name])["p"]


def _astrometric(name: str, observer: Observer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(observer to body, sun to body) in au, GCRS axes, the body where the light left it."""
    day, fraction = observer.tt
    earth = observer.earth_barycentric["p"]
    sun = earth - observer.earth_heliocentric["p"]
    here = earth + observer.geocentric_au
    if name == "sun":
        return sun - here, np.zeros(3)
    vector = np.zeros(3)
    delay = 0.0
    for _ in range(2 if name == "moon" else 3):
        if name == "moon":
            # While the moon's light travels, the Earth takes both along its orbit; aberration then undoes
            # this.
            place = erfa.moon98(day, fraction - delay)["p"] + earth - observer.earth_barycentric["v"] * delay
        else:
            place = _heliocentric(name, day, fraction - delay) + sun
        vector = place - here
        delay = float(np.linalg.norm(vector)) * _LIGHT_DAYS_PER_AU
    return vector, vector + here - sun


def _magnitude(name: str, r: float, distance: float, i: Degrees, tilt: Degrees) -> Magnitudes:
    """Apparent V. Planets: Mallama & Hilton 2018; moon: Allen 1973, as Krisciunas & Schaefer 1991 quote it.

    Args:
        name: the body.
        r: distance from the sun, au.
        distance: distance from the observer, au.
        i: phase angle.
        tilt: inclination of Saturn's rings.
    """
    if name == "sun":
        return -26.74 + 5 * np.log10(distance)
    if name == "moon":
        return -12.73 + 0.026 * i + 4e-9 * i**4 + 5 * np.log10(distance * _AU_KM / 384_400)
    rings = np.sin(np.radians(abs(tilt)))
    law: dict[str, float] = {
        "mercury": float(
            np.polyval([-3.0334e-12, 1.6893e-9, -3.4265e-7, 3.3644e-5, -1.6336e-3, 0.06328, -0.613], i)
        ),
        "venus": -4.384 - 1.044e-3 * i + 3.687e-4 * i**2 - 2.814e-6 * i**3 + 8.938e-9 * i**4,
        "mars": -1.601 + 0.02267 * i - 1.302e-4 * i**2,
        "jupiter": -9.395 - 3.7e-4 * i + 6.16e-4 * i**2,
        "saturn": -8.914 - 1.825 * rings + 0.026 * i - 0.378 * rings * np.exp(-2.25 * i),
        "uranus": -7.11,
        "neptune": -7.00,
    }
    return law[name] + 5 * np.log10(r * distance)


def body(name: BodyName, observer: Observer) -> Body:
    """Place and appearance of `name`, one of `BODIES`, about 0.15 ms.

    Raises `KeyError` for another name.
    """
    vector, from_sun = _astrometric(name, observer)
    distance = float(np.linalg.norm(vector))
    ra, dec = longitude_latitude(vector)
    altitude, azimuth = observer.altaz(ra, dec)
    to_sun = vector if name == "sun" else _astrometric("sun", observer)[0]
    phase = float(separation_deg(-vector, -from_sun)) if name != "sun" else 0.0
    pole = unit_vector(*_POLE[name])
    tilt = float(np.degrees(np.arcsin(np.clip(-(vector / distance) @ pole, -1, 1))))
    return Body(
        name=name,
        ra_deg=float(ra),
        dec_deg=float(dec),
        altitude_deg=float(altitude),
        azimuth_deg=float(azimuth),
        distance_au=distance,
        diameter_arcsec=float(2 * np.degrees(np.arcsin(_RADIUS_KM[name] / _AU_KM / distance)) * 3600),
        phase_angle_deg=phase,
        elongation_deg=float(separation_deg(vector, to_sun)) if name != "sun" else 0.0,
        bright_limb_deg=position_angle_deg(vector / distance, to_sun / np.linalg.norm(to_sun)),
        pole_deg=position_angle_deg(vector / distance, pole),
        tilt_deg=tilt,
        magnitude=float(_magnitude(name, float(np.linalg.norm(from_sun)), distance, phase, tilt)),
    )
