"""What the simulator asks of the one who paints the sky."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sky.coordinates import Observer, Site
from skycam_project.common.units import Celsius, Seconds
from telescope.dwarf.values import Filter
from telescope.simulator.geometry import Matrix, Pointing
from telescope.simulator.mount import Mount
from telescope.simulator.paths import Axes
from telescope.simulator.profile import CameraProfile


@dataclass(frozen=True)
class Sight:
    """Where a camera truly looks during an exposure; a `sky.renderer.Pointing`.

    Attributes:
        mount: the mount that carries it.
        offset: of this camera's axis, azimuth and altitude of the mount, degrees.
        start: beginning of the exposure, unix seconds.
    """

    mount: Mount
    offset: Axes
    start: Seconds

    def matrix(self, observer: Observer, elapsed: Seconds) -> Matrix:
        """Attitude: turns east, north, up into the camera's right, down, out."""
        return self.mount.true_camera(self.start + elapsed, self.offset)

    def place(self, elapsed: Seconds) -> Pointing:
        """ICRS place in the middle of the picture."""
        return self.mount.truth(self.start + elapsed, self.offset)


@dataclass(frozen=True)
class Shot:
    """One exposure to be painted.

    Attributes:
        camera: optics and sensor.
        start: beginning of the exposure, UTC.
        exposure: seconds, > 0.
        gain: 0-240.
        filter: of the tele camera; NONE for the wide one.
        focus_error: focus motor steps from the best position, signed.
        temperature: of the sensor.
        light: False when the barrel is closed (darks).
        seed: noise of this frame; the same shot gives the same pixels.
    """

    camera: CameraProfile
    site: Site
    start: datetime
    exposure: Seconds
    gain: int
    filter: Filter
    sight: Sight
    focus_error: float
    temperature: Celsius
    light: bool
    seed: int


class Renderer(Protocol):
    """Paints a shot; called in a thread, one call at a time."""

    def __call__(self, shot: Shot) -> NDArray[np.uint16]:
        """Raw mosaic, 0-4095 (12 bit), RGGB, shape (height, width); row 0 is the picture's top."""
        ...
