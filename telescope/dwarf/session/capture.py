"""Exposures as frames of a running stack.

Starting a stacking run costs the telescope eight seconds, but within a run frames follow each other without a
gap. So a run is kept going after its first frame: an exposure with the same settings takes the next frame
that appears, other settings, another filter or a movement end the run, and so does half a minute in which
nobody asks.

A frame counts for an exposure when its file was not there when the exposure was asked for, and when it began
after the last disturbance (a focus movement). A flat also has to begin after it was asked for: the panel may
have been set just before. Frames that the telescope left out of its own stack count too;
they are marked.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from skycam_project.common.clock import Clock, iso_utc
from skycam_project.common.units import Seconds
from telescope.dwarf.captures import CaptureFile
from telescope.dwarf.device_clock import DeviceClock
from telescope.dwarf.exposure import FILTERS
from telescope.dwarf.frame import Exposure, Frame, WrongExposureError, frame_from
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import notify_pb2
from telescope.dwarf.session.connection import Connection
from telescope.dwarf.session.files import CaptureFiles
from telescope.dwarf.session.run import Run, RunRecord
from telescope.dwarf.session.stack import Stack
from telescope.dwarf.session.state import CameraPhase
from telescope.dwarf.values import Filter
from telescope.errors import (
    CaptureError,
    DeviceDataError,
    InvalidStateError,
    NotConnectedError,
    TelescopeError,
)

logger = logging.getLogger(__name__)

LOOK_EVERY: Seconds = 1.0
"""Between looks at the card while a frame is due."""
OVERDUE: Seconds = 10.0
"""A frame is looked for without a word from the telescope this long after it should have ended."""
FETCHES = 3
"""How often a file is fetched that arrives damaged: the telescope may still have been writing it."""
MARGIN = timedelta(seconds=1.5)
"""How well the telescope's clock is known."""
NEVER = datetime.max.replace(tzinfo=UTC)


class Capture:
    """Takes exposures.

    Args:
        connection: of the session.
        stack: the telescope's runs.
        files: the card.
        device_clock: reads its stamps.
        clock: time.
    """

    def __init__(
        self,
        connection: Connection,
        stack: Stack,
        files: CaptureFiles,
        device_clock: DeviceClock,
        clock: Clock,
    ) -> None:
        self._connection, self._board, self._stack, self._files = connection, connection.board, stack, files
        self._device_clock, self._clock = device_clock, clock
        self._turn, self._ending = asyncio.Lock(), asyncio.Lock()
        self._run: Run | None = None
        self._linger: asyncio.Task[None] | None = None
        self._record = RunRecord(connection.settings.spool)
        self._looked = 0.0
        self._ended_because = ""
        connection.on(Notify.WAIT_SHOOTING_PROGRESS, self._progressed)
        connection.on_ready(self._adopt)

    async def expose(self, exposure: Exposure, current: Filter | None) -> Frame:
        """Take one frame.

        Args:
            exposure: what is asked for.
            current: the filter in the light.

        Raises:
            CaptureError: the run ended without a frame.
            TelescopeError: the telescope refused, or the connection did not come back.
        """
        async with self._turn:
            self._stop_lingering()
            async with self._ending:  # an abort may still be on its way
                self._ended_because = ""
            if self.foreign:
                raise InvalidStateError(
                    "the telescope is taking frames for another app. "
                    "Stop them there, or abort the exposure here."
                )
            try:
                frame = await self._right_frame(exposure, current)
            except Exception as error:
                await self._end_quietly()
                if self._ended_because:
                    raise CaptureError(self._why_ended()) from error
                raise
            self._linger = asyncio.create_task(self._end_when_idle())
            return frame

    async def end(self, reason: str = "it was stopped") -> None:
        """End the run, ours or a forgotten one; returns when the telescope is idle. Harmless without one.

        Args:
            reason: why, for the exposure that may be waiting for a frame.
        """
        self._stop_lingering()
        self._ended_because = reason if self._turn.locked() else ""
        await self._end()

    def disturbed(self) -> None:
        """Something moves in the light path: frames that see it are not used."""
        if self._run is not None:
            self._run.valid_from = NEVER

    def calm(self) -> None:
        """It has stopped moving."""
        if self._run is not None:
            self._run.valid_from = self._clock.now() + MARGIN

    # ---- inside

    async def _right_frame(self, exposure: Exposure, current: Filter | None) -> Frame:
        try:
            return await self._frame(exposure, current)
        except WrongExposureError as error:
            logger.warning("run begun anew reason=%s", error)
            await self._end()
            return await self._frame(exposure, current)

    async def _frame(self, exposure: Exposure, current: Filter | None) -> Frame:
        run = self._run
        if run is None or not run.serves(exposure, current) or not self._stack.running:
            await self._end()
            run = await self._begin(exposure, current)
        elif run.delivered:
            run.listed |= {file.name for file in await self._files.frames(run.folder)}
            if exposure.flat:
                run.valid_from = max(run.valid_from, self._clock.now())
                # One more is being exposed. Counted, not timed: two clocks differ.
                run.begun_before = self._stack.taken + 1
            self._board.set("camera", phase=CameraPhase.EXPOSING)
        return await self._next(run, exposure)

    @property
    def foreign(self) -> bool:
        """A run goes on that is not ours."""
        return self._stack.running and self._run is None

    async def _adopt(self) -> None:
        """A run that the process before this one began goes on: its next frames are ours too."""
        if not self.foreign or (run := await asyncio.to_thread(self._record.read)) is None:
            return
        newest = (await self._files.runs())[-1:]
        if [folder.name for folder in newest] != [run.folder.name]:
            return
        run.listed = {file.name for file in await self._files.frames(run.folder)}
        run.delivered = len(run.listed)
        self._run, self._looked = run, self._clock.monotonic()
        if run.filter is not None:
            self._board.set("filters", position=list(FILTERS.values()).index(run.filter))
        self._linger = asyncio.create_task(self._end_when_idle())
        logger.info("run adopted folder=%s", run.folder.name)

    async def _begin(self, exposure: Exposure, current: Filter | None) -> Run:
        self._board.set("camera", phase=CameraPhase.WAITING, percent_completed=0)
        before = {folder.name for folder in await self._files.runs()}
        await self._stack.start(exposure)
        give_up = _real_time() + self._connection.settings.patience.start
        while _real_time() < give_up:
            fresh = [folder for folder in await self._files.runs() if folder.name not in before]
            if fresh:
                self._run = Run(exposure, current, fresh[-1])
                self._looked = self._clock.monotonic()
                await asyncio.to_thread(self._record.write, self._run)
                logger.info("run folder=%s", fresh[-1].name)
                return self._run
            await self._clock.sleep(LOOK_EVERY)
        raise CaptureError("the telescope says that it exposes, but there is no new folder on its card")

    async def _next(self, run: Run, exposure: Exposure) -> Frame:
        """The next usable frame of a run."""
        patience = self._connection.settings.patience
        give_up = _real_time() + patience.start + patience.file + 2 * exposure.duration_s
        while True:
            ended = not self._stack.running and self._connection.connected
            try:
                for place, file in enumerate(await self._files.frames(run.folder), 1):
                    if place <= run.begun_before:
                        run.listed.add(file.name)
                    if file.name not in run.listed and (frame := await self._deliver(run, file, exposure)):
                        return frame
            except NotConnectedError as error:
                logger.warning("frame not fetched yet reason=%s", error)
            if ended:
                raise CaptureError(self._why_ended())
            if _real_time() > give_up:
                raise CaptureError(f"no frame came within the time of {exposure.duration_s:g} s exposures")
            await self._until_due(run, exposure)

    async def _until_due(self, run: Run, exposure: Exposure) -> None:
        """Sleep until there may be a new file: the telescope has counted one, or it is overdue."""
        await self._clock.sleep(LOOK_EVERY)
        while self._stack.running and self._stack.taken <= len(run.listed):
            if self._clock.monotonic() - self._looked > exposure.duration_s + OVERDUE:
                break
            if not run.delivered:
                await self._correct(exposure)
            await self._clock.sleep(LOOK_EVERY / 2)
        self._looked = max(self._looked, self._clock.monotonic() - exposure.duration_s)

    async def _correct(self, exposure: Exposure) -> None:
        try:
            await self._stack.correct(exposure)
        except TelescopeError as error:
            logger.info("parameters not corrected reason=%s", error)

    async def _deliver(self, run: Run, file: CaptureFile, exposure: Exposure) -> Frame | None:
        """Fetch a frame; None when it is not usable."""
        seen = self._clock.now()
        end = self._device_clock.utc(file.stamp, seen) or seen
        if end - timedelta(seconds=exposure.duration_s) < run.valid_from:
            logger.info("frame not used, it began too early file=%s", file.name)
            run.listed.add(file.name)
            return None
        self._board.set("camera", phase=CameraPhase.DOWNLOADING, percent_completed=100)
        path = await self._files.fetch(run.folder.path, file)
        self._looked = self._clock.monotonic()
        warnings = ("the telescope left this frame out of its own stack",) if file.rejected else ()
        try:
            frame = frame_from(path, exposure, end, rejected=file.rejected, warnings=warnings)
        except DeviceDataError as error:
            path.unlink(missing_ok=True)
            if isinstance(error, WrongExposureError):
                raise
            run.damaged[file.name] += 1
            if run.damaged[file.name] == FETCHES:
                run.listed.add(file.name)
            logger.warning("frame arrived damaged time=%d reason=%s", run.damaged[file.name], error)
            return None
        run.listed.add(file.name)
        run.delivered += 1
        self._board.set("camera", started_at=iso_utc(frame.start))
        return frame

    def _why_ended(self) -> str:
        if self._ended_because:
            return f"the exposure ended without a frame because {self._ended_because}"
        if self._board.telemetry.storage_free_gb == 0:
            return "the telescope stopped exposing because its card is full; delete old sessions"
        if not self._board.mount.tracking_active:
            return (
                "the telescope stopped exposing because it does not track any more; slew to the target again"
            )
        return "the telescope stopped exposing"

    async def _end(self) -> None:
        async with self._ending:
            self._run = None
            await self._stack.stop()

    async def _end_quietly(self) -> None:
        try:
            await self._end()
        except TelescopeError as error:
            logger.info("run not stopped reason=%s", error)

    async def _end_when_idle(self) -> None:
        await self._clock.sleep(self._connection.settings.linger_s)
        async with self._turn:
            logger.info("nobody asks for frames: run ended")
            await self._end_quietly()

    def _stop_lingering(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None

    def _progressed(self, message: notify_pb2.CommonProgress) -> None:
        if self._board.camera.phase in (CameraPhase.WAITING, CameraPhase.EXPOSING) and message.total > 0:
            percent = min(100, max(0, 100 * message.current // message.total))
            self._board.set("camera", phase=CameraPhase.EXPOSING, percent_completed=percent)


def _real_time() -> float:
    return asyncio.get_running_loop().time()
