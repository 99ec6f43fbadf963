"""Where a simulated camera stands and what the night is like there."""

from dataclasses import dataclass
from datetime import datetime

from sky.coordinates import STANDARD_AIR, Air, Site
from skycam_project.common.units import Arcseconds, Degrees, Magnitudes


@dataclass(frozen=True, slots=True)
class LightDome:
    """The glow of a town."""

    azimuth_deg: Degrees
    strength: float  # at 15° altitude, in units of the dark sky's zenith
    width_deg: Degrees = 25.0


@dataclass(frozen=True, slots=True)
class Meteor:
    """One meteor at a known time and place, beside those that the seed brings."""

    when: datetime  # it flares up, aware; all of it falls into the exposure that holds this moment
    azimuth_deg: Degrees  # where it begins
    altitude_deg: Degrees
    heading_deg: Degrees  # which way it goes: azimuth of its motion
    length_deg: Degrees
    peak_mag: Magnitudes  # V at its brightest, at its real speed of 20°/s


@dataclass(frozen=True, slots=True)
class Conditions:
    """Site and weather of a frame. Equal conditions, time and seed give an equal sky."""

    site: Site
    air: Air = STANDARD_AIR
    zenith_mag: Magnitudes = 21.6  # V mag/arcsec² without moon and twilight
    seeing_arcsec: Arcseconds = 3.0
    haze: float = 1.0  # factor on the extinction of a clear night
    domes: tuple[LightDome, ...] = ()
    cloud_cover: float = 0.0  # share of the sky, 0…1; above 0.8 the clouds also get opaque
    wind_m_per_s: float = 8.0  # at the height of the clouds
    wind_from_deg: Degrees = 270.0
    hills: bool = True  # a ridge of mountains, up to 9° high; else a flat horizon
    satellites_per_hour: float = 20.0  # that rise above 10°, sunlit or not
    meteors_per_hour: float = 10.0  # over the whole sky
    aircraft_per_hour: float = 0.0  # that pass above 15°, with lights and strobes
    meteors: tuple[Meteor, ...] = ()
    seed: int = 0  # of clouds, mountains, satellites, aircraft and meteors
