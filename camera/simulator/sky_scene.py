"""The real sky as a DSLR on a tripod sees it: stars of the catalogue, moon, planets, twilight, mountains."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from camera.simulator.camera import Shot
from camera.simulator.scene import NightScene
from sky.coordinates import Site
from sky.instruments import DSLR_SMALL, Instrument
from sky.renderer import Conditions, Fixed, render_rgb
from skycam_project.common.units import Degrees

LOOKS_AT = Fixed(altitude_deg=24.0, azimuth_deg=180.0)


def resized(width: int, height: int) -> Instrument:
    """The DSLR set to another picture size: pixels are put together, so a larger one holds more electrons."""
    sensor = DSLR_SMALL.sensor
    side = sensor.width / width
    return replace(
        DSLR_SMALL,
        sensor=replace(
            sensor,
            width=width,
            height=height,
            pixel_um=sensor.pixel_um * side,
            electrons_per_adu=sensor.electrons_per_adu * side**2,
            full_well_e=sensor.full_well_e * side**2,
            read_noise_e=sensor.read_noise_e * side,
        ),
    )


class SkyScene(NightScene):
    """Renders pictures by `sky.renderer`; JPEG only.

    Args:
        size: width and height in pixels.
        latitude: of the place, degrees north; the camera looks to the equator from there.
        longitude: degrees east.
        seed: of noise and weather.
    """

    def __init__(
        self,
        size: tuple[int, int] = (3000, 2000),
        latitude: Degrees = 46.5,
        longitude: Degrees = 7.9,
        seed: int = 1,
    ) -> None:
        super().__init__(size, latitude, longitude, seed)
        self.has_raw = False
        self._seed = seed
        self._conditions = Conditions(Site(latitude, longitude), cloud_cover=0.15, seed=seed)
        self._pointing = LOOKS_AT if latitude >= 0 else replace(LOOKS_AT, azimuth_deg=0.0)

    def render(
        self, shot: Shot, size: tuple[int, int], mosaic: NDArray[np.uint16] | None = None
    ) -> NDArray[np.uint8]:
        """The exposure as sRGB pixels `[height, width, 4]`; the fourth byte is unused, as in Pillow."""
        width, height = size
        picture = np.empty((height, width, 4), np.uint8)
        picture[..., :3] = render_rgb(
            resized(width, height),
            self._pointing,
            shot.taken,
            shot.exposure_s,
            shot.iso,
            self._conditions,
            f_number=shot.f_number,
            seed=self._seed,
        )
        return picture
