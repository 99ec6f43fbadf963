"""The real sky as a `Renderer`: what `sky.renderer` paints for the cameras of a DWARF 3."""

import numpy as np
from numpy.typing import NDArray

from sky.instruments import DWARF3_TELE, DWARF3_WIDE, Instrument
from telescope.dwarf.values import Camera, Filter
from telescope.simulator.renderer import Shot

FILTERS = {Filter.VIS: "VIS", Filter.ASTRO: "Astro", Filter.DUO_BAND: "Duo-band"}


class SkyRenderer:
    """Paints stars, moon, clouds and noise.

    Args:
        seed: of clouds, satellites and meteors.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, shot: Shot) -> NDArray[np.uint16]:
        # Imported with the first frame: it compiles numeric kernels.
        from sky.renderer import Conditions, render

        instrument = self._instrument(shot)
        name = FILTERS.get(shot.filter, "VIS") if shot.light else "Dark"
        return render(
            instrument, shot.sight, shot.start, shot.exposure, shot.gain,
            Conditions(shot.site, seed=self._seed), filter_name=name,
            defocus_um=shot.focus_error * instrument.focus_um_per_step, temperature_c=shot.temperature,
            seed=shot.seed,
        )  # fmt: skip

    @staticmethod
    def _instrument(shot: Shot) -> Instrument:
        return DWARF3_TELE if shot.camera.camera == Camera.TELE else DWARF3_WIDE
