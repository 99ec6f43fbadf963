"""How bright the sky is in a direction: airglow, towns, moon, twilight, day; clouds and Milky Way.

Surface brightness is linear: 1 = V 0 mag/arcsec² (1.08e5 cd/m²), one value each for the R, G and B pixels.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sky.catalogue import DATA
from sky.coordinates import Observer
from sky.ephemeris import Body, body
from sky.renderer.conditions import Conditions
from sky.renderer.texture import fractal, quantiles, sample
from skycam_project.common.units import Degrees, Seconds

Grid = NDArray[np.float64]

EXTINCTION_V = 0.2
CD_PER_M2 = 1.08e5
"""Luminance of V 0 mag/arcsec²."""
_LUX_OF_V0 = 2.54e-6
_NANOLAMBERT = 34.08 * np.exp(20.7233)  # per V 0 mag/arcsec², Krisciunas & Schaefer 1991

# Colours as magnitudes in R, G, B relative to V. White is the light of the sun: -0.43, 0, 0.48.
_AIRGLOW = (-0.45, 0.0, 0.75)
_TOWN = (-0.80, 0.0, 1.15)
_BLUE = (0.08, 0.0, 0.03)
_HAZE = (-0.32, 0.0, 0.35)
_DUSK = (-1.45, 0.0, 1.60)
WHITE = (-0.43, 0.0, 0.48)
_STARLIGHT = (-0.45, 0.0, 0.55)

# Zenith brightness by the sun's zenith distance: the day by interpolation, twilight after Patat et al. 2006
# (V).
_DAY_Z = np.array([0.0, 30, 45, 60, 75, 85, 90, 93, 95])
_DAY_MAG = np.array([3.5, 3.6, 3.9, 4.1, 4.5, 5.4, 7.0, 9.3, 11.84])

# Illuminance of the ground by the sun's altitude, log lux (CIE and Seidelmann 1992, night sky included).
_LUX_ALTITUDE = np.array([-18.0, -15, -12, -9, -6, -3, 0, 5, 10, 20, 40, 60, 90])
_LUX = np.log10(np.array([8e-4, 1.2e-3, 8e-3, 0.13, 3.4, 45, 450, 4500, 11e3, 30e3, 75e3, 105e3, 130e3]))


@dataclass(frozen=True, slots=True)
class Lamps:
    """What lights the sky at a moment."""

    sun: Body
    moon: Body

    @classmethod
    def of(cls, observer: Observer) -> "Lamps":
        """Sun and moon for an observer."""
        return cls(body("sun", observer), body("moon", observer))


def linear(mag: float | Grid) -> Grid:
    """1 = V 0 mag/arcsec²."""
    return np.asarray(10.0 ** (-0.4 * np.asarray(mag)))


def colour(offsets: tuple[float, float, float]) -> NDArray[np.float64]:
    """Factors on R, G, B of magnitudes relative to V."""
    return 10.0 ** (-0.4 * np.array(offsets))


def _path(zenith_distance: Grid | float) -> Grid:
    """Optical path of Krisciunas & Schaefer 1991 in units of the zenith's."""
    return (1 - 0.96 * np.sin(np.minimum(zenith_distance, np.pi / 2)) ** 2) ** -0.5


def towards(b: Body) -> NDArray[np.float64]:
    """Unit vector east, north, up of a body."""
    a, h = np.radians(b.azimuth_deg), np.radians(b.altitude_deg)
    return np.array([np.sin(a) * np.cos(h), np.cos(a) * np.cos(h), np.sin(h)])


def _above_horizon(altitude: Degrees) -> float:
    return float(np.clip(altitude / 0.5 + 0.5, 0, 1))


def moonlight(moon: Body, zenith_distance: Grid, apart: Grid, extinction: float) -> Grid:
    """Scattered moonlight, Krisciunas & Schaefer 1991. Angles in radians."""
    i = 10 ** (-0.4 * (3.84 + 0.026 * moon.phase_angle_deg + 4e-9 * moon.phase_angle_deg**4))
    degrees = np.degrees(apart)
    # Their two laws of the haze change over where they meet, at 8.5°: at 10° the sky would have an edge.
    haze = np.maximum(10 ** (6.15 - degrees / 40), 6.2e7 / np.maximum(degrees, 0.25) ** 2)
    f = 10**5.36 * (1.06 + np.cos(apart) ** 2) + haze
    reaches = 10 ** (-0.4 * extinction * _path(np.radians(90 - moon.altitude_deg)))
    scattered = 1 - 10 ** (-0.4 * extinction * _path(zenith_distance))
    return _above_horizon(moon.altitude_deg) * f * i * reaches * scattered / _NANOLAMBERT


def zenith_twilight_mag(sun_altitude: Degrees) -> float:
    """Zenith brightness of scattered sunlight alone, V mag/arcsec²."""
    z = 90 - sun_altitude
    if z < 95:
        return float(np.interp(z, _DAY_Z, _DAY_MAG))
    d = min(z, 105) - 95
    return 11.84 + 1.518 * d - 0.057 * d * d + max(z - 105, 0) * 0.6


def sunlight(sun: Body, up: Grid, apart: Grid) -> tuple[Grid, Grid]:
    """Scattered sunlight of day and twilight, and the white glare about the sun itself.

    `up` is the sine of the altitude, `apart` the angle from the sun in radians.
    """
    if sun.altitude_deg < -19:
        return np.zeros_like(up), np.zeros_like(up)
    side = np.clip((np.pi / 2 - apart) / (np.pi / 2), -1, 1) * np.clip(-sun.altitude_deg / 6, 0, 1)
    zenith = linear(zenith_twilight_mag(sun.altitude_deg))
    degrees = np.degrees(apart)
    glare = _above_horizon(sun.altitude_deg) * (40 * np.exp(-degrees / 2.5) + 4 * np.exp(-degrees / 9))
    return zenith * 10 ** (0.64 * side) * (1 + 1.2 * (1 - np.maximum(up, 0.03))), zenith * glare


def ground_lux(lamps: Lamps) -> tuple[float, float]:
    """Illuminance of level ground by sun and night sky, and by the moon."""
    sun = 10 ** float(np.interp(lamps.sun.altitude_deg, _LUX_ALTITUDE, _LUX))
    high = max(float(np.sin(np.radians(lamps.moon.altitude_deg))), 0.0)
    moon = _LUX_OF_V0 * 10 ** (-0.4 * lamps.moon.magnitude) * high * 10 ** (-0.08 / max(high, 0.05))
    return sun, moon


def clear_sky(conditions: Conditions, lamps: Lamps, directions: Grid) -> Grid:
    """Brightness of the cloudless sky without stars and Milky Way.

    Args:
        conditions: site and weather.
        lamps: sun and moon.
        directions: (..., 3) unit vectors east, north, up.

    Returns:
        (..., 3): R, G, B; 1 = V 0 mag/arcsec².
    """
    up = directions[..., 2]
    zenith_distance = np.arccos(np.clip(up, 0, 1))
    path = _path(zenith_distance)
    altitude = np.degrees(np.arcsin(np.clip(up, -1, 1)))
    azimuth = np.degrees(np.arctan2(directions[..., 0], directions[..., 1]))
    dark = linear(conditions.zenith_mag)
    extinction = EXTINCTION_V * conditions.haze
    out = (dark * path * 10 ** (-0.4 * EXTINCTION_V * (path - 1)))[..., None] * colour(_AIRGLOW)
    for dome in conditions.domes:
        aside = (azimuth - dome.azimuth_deg + 180) % 360 - 180
        glow = np.exp(-0.5 * (aside / dome.width_deg) ** 2) * np.exp(-np.maximum(altitude - 15, 0) / 12)
        out = out + (dark * dome.strength * glow)[..., None] * colour(_TOWN)
    moon_apart = np.arccos(np.clip(directions @ towards(lamps.moon), -1, 1))
    scattered = moonlight(lamps.moon, zenith_distance, moon_apart, extinction)
    sun_apart = np.arccos(np.clip(directions @ towards(lamps.sun), -1, 1))
    day, glare = sunlight(lamps.sun, up, sun_apart)
    low = np.exp(-np.maximum(altitude, 0) / 14)[..., None]
    blue = colour(_BLUE) * (1 - low) + colour(_HAZE) * low
    red = _dusk_share(lamps.sun, altitude, azimuth)[..., None]
    out = out + scattered[..., None] * blue + glare[..., None] * colour(WHITE)
    return out + day[..., None] * (blue * (1 - red) + 1.8 * colour(_DUSK) * red)


def _dusk_share(sun: Body, altitude: Grid, azimuth: Grid) -> Grid:
    """Share of the reddened light near the horizon where the sun rises or sets."""
    aside = (azimuth - sun.azimuth_deg + 180) % 360 - 180
    low_sun = np.clip((8 - sun.altitude_deg) / 8, 0, 1) * np.clip((sun.altitude_deg + 17) / 6, 0, 1)
    return low_sun * np.exp(-np.maximum(altitude, 0) / 9) * (0.15 + 0.85 * np.exp(-((aside / 55) ** 2)))


_MILKY_WAY = 1.6
"""Brightness of the brightest clouds of the Milky Way in units of the natural sky (Sagittarius: V 21.5)."""


@lru_cache(maxsize=1)
def _milky_way_map() -> NDArray[np.float64]:
    with Image.open(DATA / "milky_way.png") as image:
        return np.asarray(image, np.float64) / 255


def milky_way(directions_icrs: Grid) -> Grid:
    """Relative brightness (...,) of the Milky Way towards ICRS directions (..., 3), 0…1."""
    field = _milky_way_map()
    x = np.degrees(np.arctan2(directions_icrs[..., 1], directions_icrs[..., 0])) % 360 * 2 - 0.5
    y = np.clip((90 - np.degrees(np.arcsin(np.clip(directions_icrs[..., 2], -1, 1)))) * 2 - 0.5, 0, 358.999)
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b = x - i, y - j
    left, right = i % 720, (i + 1) % 720
    top = field[j, left] * (1 - a) + field[j, right] * a
    low = field[j + 1, left] * (1 - a) + field[j + 1, right] * a
    return np.asarray(top * (1 - b) + low * b, np.float64)


def milky_way_light(conditions: Conditions, directions: Grid, directions_icrs: Grid) -> Grid:
    """As `clear_sky`: the Milky Way, dimmed by the air; a natural zenith sky has V 22."""
    x = _path(np.arccos(np.clip(directions[..., 2], 0, 1)))
    dimmed = (
        milky_way(directions_icrs)
        * _MILKY_WAY
        * linear(22.0)
        * 10 ** (-0.4 * EXTINCTION_V * conditions.haze * x)
    )
    return dimmed[..., None] * colour(_STARLIGHT)


_CLOUD_HEIGHT = 3000.0
_CLOUD_CELL = 47.0  # metres per cell of the texture: it repeats after 24 km
_MOST_MOMENTS = 32


def cloud_depth(conditions: Conditions, moment_s: float, directions: Grid, exposure_s: Seconds = 0.0) -> Grid:
    """Optical depth of the clouds in magnitudes (...,) towards (..., 3) east, north, up.

    A flat layer 3 km up, moved by the wind: in a long exposure it smears, and what passes is the mean.

    Args:
        conditions: of the weather.
        moment_s: middle of the exposure, seconds since 1970.
        directions: unit vectors.
        exposure_s: how long the light is gathered.
    """
    if conditions.cloud_cover <= 0:
        return np.zeros(directions.shape[:-1])
    count = 1 + min(int(conditions.wind_m_per_s * exposure_s / _CLOUD_CELL), _MOST_MOMENTS - 1)
    if count == 1:
        return _cloud_depth(conditions, moment_s, directions)
    moments = moment_s + exposure_s * ((np.arange(count) + 0.5) / count - 0.5)
    passed = sum(10 ** (-0.4 * _cloud_depth(conditions, moment, directions)) for moment in moments)
    return -2.5 * np.log10(passed / count)


def _cloud_depth(conditions: Conditions, moment_s: float, directions: Grid) -> Grid:
    up = np.maximum(directions[..., 2], 0.05)
    wind = np.radians(conditions.wind_from_deg + 180)
    way = conditions.wind_m_per_s * (moment_s % 8_640_000)
    east = directions[..., 0] / up * _CLOUD_HEIGHT - way * np.sin(wind)
    north = directions[..., 1] / up * _CLOUD_HEIGHT - way * np.cos(wind)
    thickness = sample(fractal(conditions.seed), east / _CLOUD_CELL, north / _CLOUD_CELL)
    cover = min(conditions.cloud_cover, 1.0)
    edge = np.interp(1 - cover, np.linspace(0, 1, 1001), quantiles(conditions.seed))
    opaque = max(cover - 0.8, 0) / 0.2
    return 2.5 * np.clip(thickness - edge, 0, 1.2) + opaque * 12 * np.clip(thickness - edge, 0, 1)


def cloud_light(conditions: Conditions, lamps: Lamps, depth: Grid, apart_from_sun: Grid) -> Grid:
    """Brightness (..., 3) of an opaque cloud: lit by sun, moon, towns and the sky."""
    sun, moon = ground_lux(lamps)
    silver = 1 + 3 * np.exp(-apart_from_sun / np.radians(12)) * np.clip(lamps.sun.altitude_deg / 5, 0, 1)
    grey = 0.25 + 0.45 * np.exp(-depth / 1.5)
    low_sun = 0.8 * np.clip(1 - abs(lamps.sun.altitude_deg - 1) / 6, 0, 1)
    light = sun * (colour(WHITE) * (1 - low_sun) + colour(_DUSK) * low_sun) + moon * colour(WHITE)
    lit = (grey * silver)[..., None] * light / np.pi / CD_PER_M2
    towns = 0.6 * sum(dome.strength for dome in conditions.domes)
    return lit + linear(conditions.zenith_mag) * (0.4 * colour(_AIRGLOW) + towns * colour(_TOWN))


def behind_clouds(sky: Grid, cloud: Grid, depth: Grid) -> Grid:
    """Mix the light of sky and clouds (..., 3) by the depth (...,) in magnitudes."""
    through = 10 ** (-0.4 * depth)[..., None]
    return sky * through + cloud * (1 - through)
