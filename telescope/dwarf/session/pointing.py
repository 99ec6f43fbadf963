"""The closed loop: after a goto, take a picture, see where it really points, correct by the difference.

The telescope solves plates itself, but against its own model of where its camera looks, which is off by
minutes of arc; ours decides. Whatever goes wrong here (clouds, no match) leaves the telescope tracking where
its own goto ended, with the reason.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from skycam_project.common.clock import Clock, iso_utc
from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Degrees
from telescope.dwarf.frame import Exposure, Frame
from telescope.dwarf.heavens import Equatorial, displaced, offset, separation
from telescope.dwarf.session.position import Position
from telescope.dwarf.session.settings import DwarfSettings
from telescope.dwarf.session.state import Board

logger = logging.getLogger(__name__)

HINT_RADIUS: Degrees = 2.0


class Solver(Protocol):
    """Finds out where a frame points."""

    async def __call__(self, frame: Frame, hint: Equatorial, radius_deg: Degrees) -> Equatorial:
        """Return the place of the middle of the frame (ICRS).

        Raises:
            SkycamError: no solution; the text says why, for people.
        """
        ...


class PointingLoop:
    """Refines gotos.

    Args:
        settings: tolerance, tries, exposure of the pictures.
        board: `mount` gets residual and tries.
        clock: for the rest before a picture.
        position: told of every solution.
        picture: takes one.
        solver: None when there is none: nothing is refined then.

    Attributes:
        solver: as given; may be set later.
    """

    def __init__(
        self,
        settings: DwarfSettings,
        board: Board,
        clock: Clock,
        position: Position,
        picture: Callable[[Exposure], Awaitable[Frame]],
        solver: Solver | None,
    ) -> None:
        self._settings, self._board, self._clock, self._position = settings, board, clock, position
        self._picture = picture
        self.solver = solver

    async def refine(self, place: Equatorial, goto: Callable[[Equatorial], Awaitable[None]]) -> None:
        """Correct a goto until the residual is within the tolerance or the tries are used up.

        Args:
            place: the target.
            goto: points the telescope; raises what `Goto.goto` raises, which goes through.
        """
        commanded, settings = place, self._settings
        self._board.set("mount", residual_arcsec=None, solved_at=None, pointing_tries=1)
        if self.solver is None or not self._board.mount.pointing_loop:
            return
        residual = 0.0
        for tries in range(1, settings.tries + 1):
            self._board.set("mount", pointing_tries=tries)
            try:
                solved = await self.locate(commanded)
            except SkycamError as error:
                self._board.set("mount", problem=f"pointing was not checked: {error}")
                logger.warning("pointing not checked try=%d reason=%s", tries, error)
                return
            residual = separation(place, solved)
            solved_at = iso_utc(self._clock.now())
            self._board.set("mount", residual_arcsec=round(residual, 1), solved_at=solved_at)
            logger.info("pointing try=%d residual_arcsec=%.1f", tries, residual)
            if residual <= settings.tolerance_arcsec:
                return
            if tries < settings.tries:
                commanded = displaced(commanded, *offset(solved, place))
                await goto(commanded)
        self._board.set(
            "mount",
            problem=f"pointing is {residual:.0f}″ off after {settings.tries} gotos; "
            f"{settings.tolerance_arcsec:g}″ were wanted",
        )

    async def locate(self, hint: Equatorial) -> Equatorial:
        """Take a picture and say where it points.

        Raises:
            SkycamError: no picture or no solution.
        """
        settings = self._settings
        assert self.solver is not None  # noqa: S101 - callers have looked
        await self._clock.sleep(settings.settle_s)
        frame = await self._picture(Exposure(settings.pointing_exposure_s, settings.pointing_gain))
        try:
            solved = await self.solver(frame, hint, HINT_RADIUS)
        finally:
            frame.path.unlink(missing_ok=True)
        self._position.solved(solved, frame.middle)
        return solved
