"""Where pictures look: solved by what a frame says of it, or by site and lens for a camera that stands still."""

from dataclasses import replace

import numpy as np

from sky.angles import ARCSEC_PER_RADIAN
from sky.detection import Detections
from sky.errors import NoMatchError, SkyError
from sky.solver import Solution, solve_detections
from skycam_project.common.units import Arcseconds, Degrees
from timelapse.night.frames import Look

_RADIUS: Degrees = 3.0
_REST = 10
"""Frames without a try after one that failed: clouds, or a wrong hint, make trying slow."""
_MIDDLE: Degrees = 12.0
"""Half the side of the part of a wide picture that is solved: further out real lenses bend too much."""
_NOMINAL = 0.06
"""By how much a focal length that is engraved may be wrong."""
_SOLVED = 0.01
_ZENITH: Degrees = 89.9
_SKY: Degrees = 80.0
_STILL: Degrees = 2.0
_SURE = 30
"""Stars that must fit when the whole sky was searched; it takes 2 to 5 s of processor."""
_SEARCHES = 5
_DARK_SUN: Degrees = -12.0
_ORDINARY = 0.75
"""Focal length over the picture's shorter side above which a lens of unknown kind is no all-sky lens."""


class Plates:
    """Solves the frames of a night.

    Attributes:
        solved, failed: how many were, and how many tries found nothing.
    """

    def __init__(self) -> None:
        self.solved = self.failed = 0
        self._rest = self._searches = 0
        self._still: tuple[Degrees, Degrees] | None = None  # altitude, azimuth of a camera that does not move
        self._scale: Arcseconds | None = None

    def solve(self, look: Look) -> Solution | None:
        """The plate of a frame; None when nothing says at what scale and about where it looks, or nothing matches."""
        scale = look.scale_arcsec
        if scale is None or (look.frame.hint is None and not fixed(look)):
            return None
        if self._rest:
            self._rest -= 1
            return None
        try:
            found = self._by_hint(look, scale) if look.frame.hint else self._by_site(look, scale)
        except SkyError:
            self.failed += 1
            self._rest = _REST
            return None
        self.solved += found is not None
        return found

    @staticmethod
    def _by_hint(look: Look, scale: Arcseconds) -> Solution:
        assert look.frame.hint is not None  # noqa: S101 - for the type checker
        height, width = look.frame.image.shape[:2]
        return solve_detections(look.stars, width, height, scale, *look.frame.hint, _RADIUS)

    def _by_site(self, look: Look, scale: Arcseconds) -> Solution | None:
        """The middle of a wide picture: first anywhere above the horizon, then where it was on the frame before."""
        observer = look.observer
        assert observer is not None  # noqa: S101 - for the type checker
        if look.sun_deg is not None and look.sun_deg > _DARK_SUN:
            return None
        if self._still is None or self._scale is None:
            if self._searches == _SEARCHES:
                return None
            self._searches += 1
            found = _middle(look, scale, (_ZENITH, 0.0), _SKY, _NOMINAL)
            if found.matched < _SURE:
                raise NoMatchError(
                    f"only {found.matched} stars fit", detected=len(look.stars), best=found.matched
                )
        else:
            found = _middle(look, self._scale, self._still, _STILL, _SOLVED)
        altitude, azimuth = observer.altaz(found.ra_deg, found.dec_deg)
        self._still, self._scale = (float(altitude), float(azimuth)), found.scale_arcsec
        return found


def fixed(look: Look) -> bool:
    """Whether a frame may be of a camera that stands still behind an ordinary lens, at a known site."""
    camera, frame, shorter = look.camera, look.frame, min(look.frame.image.shape[:2])
    if camera.site is None or look.scale_arcsec is None or camera.lens == "fisheye":
        return False
    if not frame.dark_known or not frame.linear or frame.kind == "rgb":
        return False  # the plate is for the sky's brightness, which these do not tell
    return camera.lens == "perspective" or ARCSEC_PER_RADIAN / look.scale_arcsec > _ORDINARY * shorter


def _middle(
    look: Look, scale: Arcseconds, altaz: tuple[Degrees, Degrees], radius: Degrees, tolerance: float
) -> Solution:
    """The plate of a frame by the stars in its middle. Raises `NoMatchError`."""
    height, width = look.frame.image.shape[:2]
    side = int(2 * np.tan(np.radians(_MIDDLE)) * ARCSEC_PER_RADIAN / scale)
    across, down = min(side, width), min(side, height)
    x0, y0 = (width - across) / 2, (height - down) / 2
    stars = look.stars
    rows = np.flatnonzero(
        (np.abs(stars.x - x0 - across / 2) < across / 2) & (np.abs(stars.y - y0 - down / 2) < down / 2)
    )
    assert look.observer is not None  # noqa: S101 - for the type checker
    ra, dec = (float(angle) for angle in look.observer.icrs(*altaz))
    part = _part(stars, rows, x0, y0)
    found = solve_detections(part, across, down, scale, ra, dec, radius, scale_tolerance=tolerance)
    wcs = replace(found.wcs, x=found.wcs.x + x0, y=found.wcs.y + y0)
    return replace(found, wcs=wcs, detected=rows[found.detected])


def _part(stars: Detections, rows: np.ndarray, x0: float, y0: float) -> Detections:
    """Some of the stars, from another corner."""
    per_star = ("x", "y", "flux", "snr", "hfr", "fwhm", "saturated")
    chosen = {name: getattr(stars, name)[rows] for name in per_star}
    chosen |= {"x": chosen["x"] - x0, "y": chosen["y"] - y0}
    return replace(stars, **chosen)
