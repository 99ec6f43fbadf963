"""Makes every kernel ready by using all of them once on tiny pictures; called through `sky.warm_up`."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from sky.allsky import calibrate
from sky.angles import longitude_latitude, unit_vector
from sky.catalogue import stars
from sky.coordinates import Observer, Site
from sky.deepsky import objects
from sky.detection import detect
from sky.errors import NoMatchError
from sky.instruments import ALLSKY, DSLR_SMALL, DWARF3_TELE, Instrument
from sky.photometry import apertures
from sky.places import observe, place_parameters
from sky.projection import plate
from sky.renderer import Conditions, Equatorial, Fixed, render, render_rgb
from sky.solver import solve

_NIGHT = datetime(2026, 11, 20, 1, tzinfo=UTC)
_CLEAR = Conditions(Site(46.0, 7.5))
_CLOUDY = Conditions(Site(46.0, 7.5), cloud_cover=0.3)


def _tiny(instrument: Instrument, width: int, height: int) -> Instrument:
    return replace(instrument, sensor=replace(instrument.sensor, width=width, height=height))


def _tables() -> None:
    stars()
    objects()


def _mosaic() -> None:
    tele = _tiny(DWARF3_TELE, 160, 96)
    for ra, dec in ((10.68, 41.27), (83.82, -5.39)):  # a galaxy, a nebula
        render(tele, Equatorial(ra, dec), _NIGHT, 5.0, 60, _CLOUDY)


def _wide() -> None:
    render(_tiny(ALLSKY, 160, 96), Fixed(90, 180), _NIGHT, 1.0, 0, _CLOUDY)
    render_rgb(_tiny(DSLR_SMALL, 160, 96), Fixed(10, 200), _NIGHT, 1.0, 800, _CLOUDY)


def _solving() -> None:
    detect(render(_tiny(DWARF3_TELE, 480, 320), Equatorial(305.0, 40.0), _NIGHT, 9.0, 60, _CLEAR), top=4095)
    apertures(np.zeros((64, 64), np.uint16), [30.0], [30.0], mosaic=True)
    scale, table = DWARF3_TELE.scale_arcsec, stars()
    rows = table.cone(unit_vector(305.0, 40.0), 0.8, 10.0)
    rows = rows[np.argsort(table.v[rows])]
    x, y = plate(305.0, 40.0, 959.5, 959.5, scale, 0.0).pixel(*longitude_latitude(table.xyz[rows]))
    solve(x, y, 1920, 1920, scale, 305.0, 40.0, 0.5)


def _all_sky() -> None:
    up = unit_vector(np.arange(0, 360, 18.0), np.linspace(20, 80, 20))
    with contextlib.suppress(
        NoMatchError
    ):  # eight points are a sky to nobody; the search has run all the same
        calibrate(np.arange(8.0), np.arange(8.0), up, np.full(20, 2.0), 64, 64, 20.0, mirrored=False)


def _places() -> None:
    table = stars()
    parameters = place_parameters(Observer(_CLOUDY.site, _NIGHT))
    observe(table.xyz[:4].astype(float), parameters)


_STEPS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("star table", _tables),
    ("star places", _places),
    ("telescope frames", _mosaic),
    ("wide frames", _wide),
    ("detection and solving", _solving),
    ("all-sky calibration", _all_sky),
)


def warm_up(progress: Callable[[int, int, str], None] | None = None) -> None:
    """See `sky.warm_up`."""
    for done, (label, step) in enumerate(_STEPS):
        if progress:
            progress(done, len(_STEPS), label)
        step()
    if progress:
        progress(len(_STEPS), len(_STEPS), "ready")
