"""Makes every kernel ready by using all of them once on tiny pictures; called through `sky.warm_up`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from sky.catalogue import stars
from sky.coordinates import Observer, Site
from sky.deepsky import objects
from sky.instruments import ALLSKY, DSLR_SMALL, DWARF3_TELE, Instrument
from sky.places import observe, place_parameters
from sky.renderer import Conditions, Equatorial, Fixed, render, render_rgb

_NIGHT = datetime(2026, 11, 20, 1, tzinfo=UTC)
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


def _places() -> None:
    table = stars()
    parameters = place_parameters(Observer(_CLOUDY.site, _NIGHT))
    observe(table.xyz[:4].astype(float), parameters)


_STEPS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("star table", _tables),
    ("star places", _places),
    ("telescope frames", _mosaic),
    ("wide frames", _wide),
)


def warm_up(progress: Callable[[int, int, str], None] | None = None) -> None:
    """See `sky.warm_up`."""
    for done, (label, step) in enumerate(_STEPS):
        if progress:
            progress(done, len(_STEPS), label)
        step()
    if progress:
        progress(len(_STEPS), len(_STEPS), "ready")
