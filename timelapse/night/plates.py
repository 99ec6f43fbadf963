"""Where pictures look: frames that say about where are solved against the catalogue, the others are not."""

from sky.errors import SkyError
from sky.solver import Solution, solve_detections
from skycam_project.common.units import Degrees
from timelapse.night.frames import Look

_RADIUS: Degrees = 3.0
_REST = 10
"""Frames without a try after one that failed: clouds, or a wrong hint, make trying slow."""


class Plates:
    """Solves the frames of a night.

    Attributes:
        solved, failed: how many were, and how many tries found nothing.
    """

    def __init__(self) -> None:
        self.solved = self.failed = 0
        self._rest = 0

    def solve(self, look: Look) -> Solution | None:
        """The plate of a frame; None when it says neither where it looks nor at what scale, or does not match."""
        hint, scale = look.frame.hint, look.camera.scale_arcsec
        if hint is None or scale is None:
            return None
        if self._rest:
            self._rest -= 1
            return None
        height, width = look.frame.image.shape[:2]
        try:
            found = solve_detections(look.stars, width, height, scale, *hint, _RADIUS)
        except SkyError:
            self.failed += 1
            self._rest = _REST
            return None
        self.solved += 1
        return found
