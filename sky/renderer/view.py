"""One camera during one exposure: where things of the sky fall on its pixels, and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sky.angles import longitude_latitude, offset, unit_vector
from sky.coordinates import Observer
from sky.instruments import Instrument
from sky.places import place_parameters, project
from sky.renderer.conditions import Conditions
from sky.renderer.pointing import Pointing
from skycam_project.common.units import Degrees, Seconds

_MOST_STEPS = 400
_LEG = 16


@dataclass(frozen=True, slots=True)
class Instant:
    """Camera and sky frozen at one moment of an exposure."""

    observer: Observer
    matrix: NDArray[np.float64]
    parameters: NDArray[np.float64]


class View:
    """The geometry of an exposure.

    Args:
        instrument: lens and sensor.
        pointing: where it looks.
        start: when the shutter opens.
        exposure: how long it stays open.
        conditions: site and air.
    """

    def __init__(
        self,
        instrument: Instrument,
        pointing: Pointing,
        start: datetime,
        exposure: Seconds,
        conditions: Conditions,
    ) -> None:
        self.instrument, self.pointing, self.conditions = instrument, pointing, conditions
        self.start, self.exposure = start, exposure
        self.lens = instrument.lens
        self.width, self.height = instrument.sensor.width, instrument.sensor.height
        self.middle = self.at(exposure / 2)

    def at(self, elapsed: Seconds) -> Instant:
        """The instant `elapsed` seconds after the start."""
        observer = Observer(
            self.conditions.site, self.start + timedelta(seconds=elapsed), self.conditions.air
        )
        return Instant(observer, self.pointing.matrix(observer, elapsed), place_parameters(observer))

    def pixels(self, xyz: NDArray[np.float64], instant: Instant | None = None) -> NDArray[np.float64]:
        """x, y, altitude in radians (n, 3) of ICRS vectors (n, 3); in mid-exposure by default."""
        now = instant or self.middle
        return project(xyz, now.parameters, now.matrix, self.lens)

    def directions(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """East, north, up (..., 3) that pixels look at; NaN outside a fisheye's reach."""
        return self.lens.unproject(x, y) @ self.middle.matrix

    def icrs(self, directions: NDArray[np.float64]) -> NDArray[np.float64]:
        """ICRS of directions east, north, up, without refraction and aberration: for maps."""
        p = self.middle.parameters
        sine, cosine = p[14], p[15]
        east, north, up = directions[..., 0], directions[..., 1], directions[..., 2]
        hour = np.stack([cosine * up - sine * north, east, sine * up + cosine * north], axis=-1)
        return hour @ p[4:13].reshape(3, 3)

    @cached_property
    def centre(self) -> tuple[Degrees, Degrees]:
        """ICRS right ascension and declination in the middle of the picture, mid-exposure."""
        ra, dec = self._icrs_of(np.array([self.lens.centre_x]), np.array([self.lens.centre_y]))
        return float(ra[0]), float(dec[0])

    def _icrs_of(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        azimuth, altitude = longitude_latitude(self.directions(x, y) * [1, 1, 1])
        return self.middle.observer.icrs(altitude, 90 - azimuth)

    @cached_property
    def position_angle_deg(self) -> Degrees:
        """Direction of the picture's top at its centre, degrees east of north, mid-exposure."""
        return float(np.degrees(self.picture_angle(unit_vector(*self.centre), 0.0)) + 90) % 360

    def picture_angle(self, icrs: NDArray[np.float64], position_angle: Degrees) -> float:
        """Where a direction on the sky points in the picture: radians from x (right) towards y (down)."""
        ends = self.pixels(np.stack([icrs, offset(icrs, position_angle, 0.02)]))
        return float(np.arctan2(ends[1, 1] - ends[0, 1], ends[1, 0] - ends[0, 0]))

    def plane(self, icrs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Matrix (2, 2) at an ICRS direction: arcseconds east and north to pixels x and y."""
        step = 0.02
        at = self.pixels(np.stack([icrs, offset(icrs, 90.0, step), offset(icrs, 0.0, step)]))[:, :2]
        return np.stack([at[1] - at[0], at[2] - at[0]], axis=1) / (step * 3600)

    @cached_property
    def radius_deg(self) -> Degrees:
        """Of the cone about `centre` that holds everything seen while the shutter is open."""
        turned = 15.05 / 3600 * self.exposure
        return min(self.instrument.half_diagonal_deg * 1.01 + turned + 0.1, 180.0)

    @cached_property
    def steps(self) -> int:
        """How often to draw a star, so that none moves more than a pixel in between."""
        if self.exposure <= 0:
            return 1
        x = np.array([0.0, 1, 0, 1, 0.5, 0.5, 0]) * (self.width - 1)
        y = np.array([0.0, 0, 1, 1, 0.5, 0, 0.5]) * (self.height - 1)
        ra, dec = self._icrs_of(x, y)
        known = np.isfinite(ra)
        stars = unit_vector(ra[known], dec[known])
        moved = self.pixels(stars, self.at(self.exposure))[:, :2] - self.pixels(stars, self.at(0.0))[:, :2]
        return int(np.clip(np.ceil(np.abs(moved).max(initial=0.0)), 1, _MOST_STEPS))

    def path(self, xyz: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Yield `steps` times x, y, altitude (n, 3) of ICRS vectors, evenly over the exposure.

        Computed every 16 steps and interpolated: the paths of so few pixels are straight.
        """
        if self.steps == 1:
            yield self.pixels(xyz)
            return
        legs = -(-self.steps // _LEG)
        moments = np.linspace(0, self.exposure, legs + 1)
        after = self.pixels(xyz, self.at(0.0))
        for leg in range(legs):
            before, after = after, self.pixels(xyz, self.at(float(moments[leg + 1])))
            first, last = (-(-self.steps * n // legs) for n in (leg, leg + 1))
            for step in range(first, last):
                share = (step + 0.5) / self.steps * legs - leg
                yield before + (after - before) * share
