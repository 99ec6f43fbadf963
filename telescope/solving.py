"""Where a frame really points: star detection and the hinted solver, in a thread."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sessions.store.errors import StoreError
from sky.detection import detect
from sky.solver import solve
from skycam_project.common.clock import iso_utc
from skycam_project.common.units import Arcseconds, Degrees, Seconds
from telescope.dwarf.frame import Frame, mosaic
from telescope.dwarf.heavens import Equatorial, separation
from telescope.dwarf.session.settings import Optics

logger = logging.getLogger(__name__)

ARCSEC_PER_RADIAN = 206_264.806
NOTED_EVERY: Seconds = 60.0
"""Of the frames of one place a solution is noted so often: a night stays below the thousand rows that a tree may hold."""
SAME_PLACE: Arcseconds = 30.0


class FrameSolver:
    """The `telescope.dwarf.session.Solver` of the telescope's host.

    Args:
        noted: told of solutions, each a row of a session's `plate_solve_results`.
        optics: of the camera; scale and size of the frames.
    """

    def __init__(self, noted: Callable[[dict[str, Any]], object], optics: Optics | None = None) -> None:
        self._optics, self._noted = optics or Optics(), noted
        self._last: tuple[Equatorial, datetime] | None = None

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
        if self._is_new(hint, frame.middle):
            row = {
                "time": iso_utc(frame.middle), "ra": solution.ra_deg, "dec": solution.dec_deg,
                "rotation": solution.position_angle_deg, "scale": solution.scale_arcsec, "mirrored": solution.mirrored,
                "rms_arcsec": solution.rms_arcsec, "stars": solution.matched,
            }  # fmt: skip
            try:
                self._noted(row)
            except StoreError as error:  # the telescope is to be pointed all the same
                logger.warning("the plate solution was not written down reason=%s", error)
        return Equatorial(solution.ra_deg / 15 % 24, solution.dec_deg)

    def _is_new(self, hint: Equatorial, moment: datetime) -> bool:
        if self._last is not None:
            place, before = self._last
            near = separation(place, hint) < SAME_PLACE
            if near and abs((moment - before).total_seconds()) < NOTED_EVERY:
                return False
        self._last = (hint, moment)
        return True
