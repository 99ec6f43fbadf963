"""The real sky as a `Renderer`: what `sky.renderer` paints for the cameras of a DWARF 3."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from sky import instruments
from sky.coordinates import Site
from sky.instruments import DWARF3_TELE, DWARF3_WIDE, Instrument
from telescope.dwarf.values import Camera, Filter
from telescope.simulator.renderer import Shot

FILTERS = {Filter.VIS: "VIS", Filter.ASTRO: "Astro", Filter.DUO_BAND: "Duo-band"}
CLOSED = instruments.Filter("closed", continuum=(0.0, 0.0, 0.0), lines=(0.0, 0.0, 0.0))


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
        return render(
            instrument, shot.sight, shot.start, shot.exposure, shot.gain,
            Conditions(shot.site, seed=self._seed),
            filter_name=FILTERS.get(shot.filter) if shot.light else None,
            defocus_um=shot.focus_error * instrument.focus_um_per_step, temperature_c=shot.temperature,
            seed=shot.seed,
        )  # fmt: skip

    @staticmethod
    def warm_up() -> None:
        """Compile and load what the first frame of the tele camera needs (some seconds); call in a thread."""
        from sky.renderer import Conditions, Equatorial, render

        place, start = Equatorial(0.0, 89.0), datetime(2026, 1, 1, tzinfo=UTC)
        render(DWARF3_TELE, place, start, 1.0, 60, Conditions(Site(45.0, 0.0)))

    @staticmethod
    def _instrument(shot: Shot) -> Instrument:
        """The camera; behind the closed barrel with a filter that lets nothing through."""
        instrument = DWARF3_TELE if shot.camera.camera == Camera.TELE else DWARF3_WIDE
        return instrument if shot.light else replace(instrument, filters=(CLOSED,))
