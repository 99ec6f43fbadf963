"""Directions at the place (east, north, up) and their names in the sky (ICRS).

The turning sky is that of `sky.coordinates`, refraction included: mount and painted picture agree to 0.01″.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from sky.angles import position_angle_deg, unit_vector
from sky.coordinates import Observer, Site
from sky.ephemeris import BodyName, body
from skycam_project.common.units import Degrees, Seconds

Vector = NDArray[np.float64]
"""Shape (3,), unit length."""
Matrix = NDArray[np.float64]
"""Shape (3, 3), a rotation."""
RaDec = tuple[Degrees, Degrees]
"""ICRS right ascension and declination."""


@dataclass(frozen=True)
class Pointing:
    """Where a camera looks: ICRS, degrees; `roll` is the position angle of the picture's top."""

    ra: Degrees
    dec: Degrees
    roll: Degrees


def axes_vector(azimuth: Degrees, altitude: Degrees) -> Vector:
    """Direction of axis angles: azimuth from y (north) over x (east), altitude from the xy plane."""
    return unit_vector(90.0 - azimuth, altitude)


def vector_axes(vector: Vector) -> tuple[Degrees, Degrees]:
    """The inverse of `axes_vector`; azimuth 0-360, altitude -90..90."""
    x, y, z = (float(part) for part in vector)
    return math.degrees(math.atan2(x, y)) % 360.0, math.degrees(math.atan2(z, math.hypot(x, y)))


def separation(one: Vector, other: Vector) -> Degrees:
    """Angle between two unit vectors, exact for small angles too."""
    return math.degrees(math.atan2(float(np.linalg.norm(np.cross(one, other))), float(one @ other)))


def rotation(axis: Sequence[float] | Vector, angle: Degrees) -> Matrix:
    """The matrix that turns vectors by `angle` about `axis` (any length, right-handed; Rodrigues)."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    radians = math.radians(angle)
    return np.eye(3) + math.sin(radians) * cross + (1 - math.cos(radians)) * cross @ cross


def camera_matrix(azimuth: Degrees, altitude: Degrees) -> Matrix:
    """Rows right, down, outwards of a camera at these axis angles, in the frame of the axes.

    Altitude may pass the zenith: the picture then stands on its head, as it does in the device.
    """
    az, alt = math.radians(azimuth), math.radians(altitude)
    outwards = np.array([math.cos(alt) * math.sin(az), math.cos(alt) * math.cos(az), math.sin(alt)])
    up = np.array([-math.sin(alt) * math.sin(az), -math.sin(alt) * math.cos(az), math.cos(alt)])
    return np.array([np.cross(outwards, up), -up, outwards])


class Horizon:
    """The turning sky over a site; moments are unix seconds.

    Args:
        site: place on the Earth.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self._last: tuple[Seconds, Observer] | None = None

    def observer(self, moment: Seconds) -> Observer:
        """The site at a moment."""
        last = self._last
        if last is not None and last[0] == moment:
            return last[1]
        observer = Observer(self.site, datetime.fromtimestamp(moment, UTC))
        self._last = moment, observer
        return observer

    def direction(self, radec: RaDec, moment: Seconds) -> Vector:
        """East, north, up of an ICRS place as it is observed."""
        return self.observer(moment).direction(*radec)

    def altitude(self, radec: RaDec, moment: Seconds) -> Degrees:
        """Observed altitude of an ICRS place."""
        return vector_axes(self.direction(radec, moment))[1]

    def radec(self, direction: Vector, moment: Seconds) -> RaDec:
        """The ICRS place that is observed in a direction east, north, up."""
        azimuth, altitude = vector_axes(direction)
        ra, dec = self.observer(moment).icrs(altitude, azimuth)
        return float(ra), float(dec)

    def pointing(self, camera: Matrix, moment: Seconds) -> Pointing:
        """What a camera looks at, whose rows (right, down, outwards) are in east, north, up."""
        ra, dec = self.radec(camera[2], moment)
        towards_top = camera[2] - 1e-3 * camera[1]
        top = self.radec(towards_top / np.linalg.norm(towards_top), moment)
        return Pointing(ra, dec, position_angle_deg(unit_vector(ra, dec), unit_vector(*top)) % 360.0)

    def body(self, name: BodyName, moment: Seconds) -> RaDec:
        """Where sun, moon or a planet stands (astrometric, from the site)."""
        found = body(name, self.observer(moment))
        return found.ra_deg, found.dec_deg
