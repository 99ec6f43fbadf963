"""Where a frame really points: star detection and the hinted solver, in a thread."""

import asyncio

from sky.detection import detect
from sky.solver import solve
from skycam_project.common.units import Degrees
from telescope.dwarf.frame import Frame, mosaic
from telescope.dwarf.heavens import Equatorial
from telescope.dwarf.session.settings import Optics

ARCSEC_PER_RADIAN = 206_264.806


class FrameSolver:
    """The `telescope.dwarf.session.Solver` of the telescope's host.

    Args:
        optics: of the camera; scale and size of the frames.
    """

    def __init__(self, optics: Optics | None = None) -> None:
        self._optics = optics or Optics()

    async def __call__(self, frame: Frame, hint: Equatorial, radius_deg: Degrees) -> Equatorial:
        """The place of the middle of the frame, ICRS. Raises `NoMatchError` or `DeviceDataError`."""
        return await asyncio.to_thread(self._solve, frame, hint, radius_deg)

    def _solve(self, frame: Frame, hint: Equatorial, radius_deg: Degrees) -> Equatorial:
        optics = self._optics
        pixels, _ = mosaic(frame, optics.width_px, optics.height_px)
        stars = detect(pixels, "mosaic")
        height, width = pixels.shape
        scale = optics.pixel_um / (optics.focal_length_mm * 1000) * ARCSEC_PER_RADIAN
        solution = solve(stars.x, stars.y, width, height, scale, hint.ra_hours * 15, hint.dec_deg, radius_deg)
        return Equatorial(solution.ra_deg / 15 % 24, solution.dec_deg)
