"""One telescope, ready to use: connection, mount, camera, filters, focus, darks, telemetry.

    session = DwarfSession(settings, heavens, changed=publish, clock=clock, solver=solve)
    session.connection.start()
    await session.motion.slew(Equatorial(0.712, 41.27), "M 31")
    frame = await session.expose(Exposure(15.0, 60))
    await session.close()

The pieces share one `Board`, the published state. Nothing here knows links, sessions or Django;
`telescope.host` does.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from skycam_project.common.clock import Clock, SystemClock, iso_utc
from skycam_project.common.errors import SkycamError
from telescope.dwarf.codes import Code
from telescope.dwarf.commands import RgbPower
from telescope.dwarf.device_clock import DeviceClock
from telescope.dwarf.frame import Exposure, Frame, recovered_frame
from telescope.dwarf.ftp import DwarfFtpClient
from telescope.dwarf.heavens import Heavens, separation
from telescope.dwarf.http import DwarfHttpClient
from telescope.dwarf.session.camera import CameraParams
from telescope.dwarf.session.capture import Capture
from telescope.dwarf.session.connection import Connection
from telescope.dwarf.session.darks import DarkLibrary
from telescope.dwarf.session.files import CaptureFiles
from telescope.dwarf.session.filters import Filters
from telescope.dwarf.session.focus import Focuser
from telescope.dwarf.session.goto import Goto
from telescope.dwarf.session.hand import HandMovement
from telescope.dwarf.session.motion import Motion
from telescope.dwarf.session.photo import Photo
from telescope.dwarf.session.pointing import HINT_RADIUS, PointingLoop, Solver
from telescope.dwarf.session.position import Position
from telescope.dwarf.session.settings import DwarfSettings
from telescope.dwarf.session.stack import Stack
from telescope.dwarf.session.state import Board, CameraPhase
from telescope.dwarf.session.telemetry import Telemetry
from telescope.dwarf.sun import SunGuard
from telescope.errors import DeviceDataError, DwarfCommandError, InvalidStateError

logger = logging.getLogger(__name__)

__all__ = ["Board", "DwarfSession", "DwarfSettings", "Exposure", "Frame", "Solver"]


class DwarfSession:
    """One DWARF 3.

    Args:
        settings: addresses, site, habits.
        heavens: the sky over the site.
        changed: called after every change of the state.
        clock: time; a fast one makes pauses shorter, not the patience with the telescope.
        solver: finds out where frames point; without one gotos are not refined.

    Attributes:
        board: the state.
        connection, motion, camera, filters, focus, darks: what can be asked of each part.
    """

    def __init__(
        self,
        settings: DwarfSettings,
        heavens: Heavens,
        *,
        changed: Callable[[], None],
        clock: Clock | None = None,
        solver: Solver | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self.board = Board()
        self.connection = Connection(settings, self.board, self._clock)
        address = settings.address
        http = DwarfHttpClient(
            address(settings.http_port), address(settings.files_port), patience=settings.patience.command
        )
        self._ftp = DwarfFtpClient(address(settings.ftp_port), patience=settings.patience.command)
        self._files = CaptureFiles(self._ftp, http, settings.spool)
        self._device_clock = DeviceClock()
        self.telemetry = Telemetry(self.connection)
        self.camera = CameraParams(self.connection, http)
        self.filters = Filters(self.connection, self.camera)
        self.focus = Focuser(self.connection, self._clock)
        self.darks = DarkLibrary(self.connection, self.camera)
        stack = Stack(self.connection, self.camera, self.filters)
        self._capture = Capture(self.connection, stack, self._files, self._device_clock, self._clock)
        self._photo = Photo(self.connection, self.camera, self._files, self._device_clock, self._clock)
        self.position = Position(settings, self.board, self._clock, heavens)
        guard = SunGuard(heavens)
        goto = Goto(self.connection)
        hand = HandMovement(self.connection, self.position, guard, self._clock)
        self.loop = PointingLoop(settings, self.board, self._clock, self.position, self._picture, solver)
        self.motion = Motion(
            self.connection, heavens, goto, self.position, hand, guard, self.loop, self._clock
        )
        self.motion.before_move = lambda: self._capture.end("the telescope was moved")
        self.position.publish()
        self.board.changed = changed

    async def close(self) -> None:
        """Stop what moves, release the lock, disconnect."""
        await self.motion.stop_at_once()
        try:
            if self.connection.connected:
                await self._capture.end("the telescope is being disconnected")
        except SkycamError as error:
            logger.info("run not ended reason=%s", error)
        await self.connection.stop()
        await self._ftp.close()

    async def _picture(self, exposure: Exposure) -> Frame:
        """A picture for the closed loop."""
        return await self._photo.take(exposure, scratch=True)

    # ---- exposures

    def leftovers(self) -> list[Frame]:
        """Frames that an earlier process fetched and nobody acknowledged, oldest first; damaged ones go."""
        frames = []
        for path in self._files.leftovers():
            try:
                frames.append(recovered_frame(path))
            except DeviceDataError as error:
                logger.warning("leftover thrown away reason=%s", error)
                path.unlink(missing_ok=True)
        return frames

    async def expose(self, exposure: Exposure) -> Frame:
        """Take one frame.

        While the telescope tracks it is a frame of a stacking run, which goes on for the next exposure.
        Without tracking it is a raw photo where its length allows, else the telescope first goes to its
        present position.

        Raises:
            InvalidValueError: not in the tables of exposures and gains.
            InvalidStateError: too long for a photo, and nothing is known to go to.
            SkycamError: what else went wrong.
        """
        self.camera.resolver.exposure(exposure.duration_s)
        self.camera.resolver.gain(exposure.gain)
        await self.motion.settled()
        if not self.board.mount.tracking_active:
            try:
                if not self._capture.foreign:
                    await self._capture.end()
                self.board.set("camera", phase=CameraPhase.EXPOSING)
                return await self._photo.take(exposure)
            except DwarfCommandError as error:
                if error.device_code != Code.CAMERA_TELE_EXP_TOO_LONG:
                    raise
            await self._track_for(exposure)
        return await self._capture.expose(exposure, self.filters.current)

    async def _track_for(self, exposure: Exposure) -> None:
        if not self.position.known:
            raise InvalidStateError(
                f"an exposure of {exposure.duration_s:g} s is too long for a photo and needs tracking, but "
                "where the telescope points is not known. Slew to a target first, or expose shorter."
            )
        await self.motion.track(True)
        await self.motion.settled()
        if not self.board.mount.tracking_active:
            raise InvalidStateError(f"no tracking, so no exposure: {self.board.mount.problem}")

    def acknowledged(self, frame: Frame) -> Frame:
        """The frame is safe elsewhere, so its file is no leftover any more; the frame with its new path."""
        return replace(frame, path=self._files.acknowledged(frame.path))

    async def abort_exposure(self) -> None:
        """End the stacking run; the task that waits in `expose` is cancelled by who made it."""
        await self._capture.end("it was aborted")

    async def check_pointing(self, frame: Frame) -> None:
        """Solve a delivered frame; note residual and drift. Nothing happens without solver or solution."""
        place = self.position.place_now()
        if self.loop.solver is None or place is None or self.position.tracked is None:
            return
        try:
            solved = await self.loop.solver(frame, place, HINT_RADIUS)
        except SkycamError as error:
            logger.debug("frame not solved reason=%s", error)
            return
        self.position.solved(solved, frame.middle)
        residual = round(separation(place, solved), 1)
        self.board.set("mount", residual_arcsec=residual, solved_at=iso_utc(frame.middle))

    # ---- what must not meet a running stack

    async def turn_filter(self, position: int) -> None:
        """Put a filter into the light; a running stack ends first."""
        self.filters.check(position)
        await self._capture.end("the filter was changed")
        await self.filters.turn(position)

    async def move_focus(self, position: int) -> None:
        """Move the focus; frames of a running stack that saw the movement are not used."""
        self._capture.disturbed()
        try:
            await self.focus.move(position)
        finally:
            self._capture.calm()

    async def autofocus(self, fast: bool = False) -> int:
        """Let the telescope focus on stars; a running stack ends first."""
        await self._capture.end("of an autofocus")
        return await self.focus.autofocus(fast)

    async def take_darks(self, exposure: Exposure, frames: int) -> None:
        """Take a master dark; the telescope closes its barrel and loses its target."""
        await self._capture.end("darks are taken")
        self.position.lost()
        await self.darks.take(exposure, frames)

    async def power(self, reboot: bool) -> None:
        """Switch the telescope off, or off and on again."""
        await self.connection.command(RgbPower.REBOOT if reboot else RgbPower.POWER_DOWN)
