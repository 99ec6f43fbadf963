"""Where a camera looks while its shutter is open."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sky.angles import longitude_latitude, offset, unit_vector
from sky.coordinates import Observer
from sky.projection import attitude
from skycam_project.common.units import Degrees, Seconds

_UP = np.array([0.0, 0.0, 1.0])


class Pointing(Protocol):
    """Anything that knows a camera's attitude at any moment; a simulated mount with errors is one."""

    def matrix(self, observer: Observer, elapsed: Seconds) -> NDArray[np.float64]:
        """Attitude (3, 3): turns east, north, up into the camera's right, down, out.

        Args:
            observer: site and moment.
            elapsed: since the shutter opened.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Drifting:
    ra_deg: Degrees  # ICRS, when the shutter opens
    dec_deg: Degrees
    roll_deg: Degrees = 0.0
    drift_east: float = 0.0  # arcsec per second on the sky
    drift_north: float = 0.0

    def place(self, elapsed: Seconds) -> NDArray[np.float64]:
        """ICRS direction of the optical axis."""
        start = unit_vector(self.ra_deg, self.dec_deg)
        way = np.hypot(self.drift_east, self.drift_north) * elapsed / 3600
        return (
            offset(start, float(np.degrees(np.arctan2(self.drift_east, self.drift_north))), way)
            if way
            else start
        )


@dataclass(frozen=True, slots=True)
class Equatorial(_Drifting):
    """Follows a place without field rotation; `roll_deg` is the top's position angle."""

    def matrix(self, observer: Observer, elapsed: Seconds) -> NDArray[np.float64]:
        place = self.place(elapsed)
        north = offset(place, 0.0, 0.05)
        directions = observer.direction(*longitude_latitude(np.stack([place, north])))
        return attitude(directions[0], directions[1] - directions[0], self.roll_deg)


@dataclass(frozen=True, slots=True)
class AltAz(_Drifting):
    """Follows a place in the sky on two axes: the picture's top stays `roll_deg` left of the zenith."""

    def matrix(self, observer: Observer, elapsed: Seconds) -> NDArray[np.float64]:
        return attitude(observer.direction(*longitude_latitude(self.place(elapsed))), _UP, self.roll_deg)


@dataclass(frozen=True, slots=True)
class Fixed:
    """On a tripod. With altitude 90 the top of the picture points away from `azimuth_deg`."""

    altitude_deg: Degrees
    azimuth_deg: Degrees
    roll_deg: Degrees = 0.0

    def matrix(self, observer: Observer, elapsed: Seconds) -> NDArray[np.float64]:
        altitude = min(self.altitude_deg, 90 - 1e-7)  # at the zenith itself "up" would be lost
        return attitude(unit_vector(90 - self.azimuth_deg, altitude), _UP, self.roll_deg)
