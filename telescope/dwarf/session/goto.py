"""One goto and one calibration of the telescope itself, from the command to the word that it is done."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from google.protobuf.message import Message

from skycam_project.common.units import Seconds
from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Astro
from telescope.dwarf.heavens import Equatorial
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import astro_pb2, notify_pb2
from telescope.dwarf.session.connection import Connection, Info
from telescope.dwarf.values import AstroState, BodyStatus, OperationState
from telescope.errors import (
    CalibrationError,
    ConnectionLostError,
    DwarfCommandError,
    GotoError,
    NoAnswerError,
)

logger = logging.getLogger(__name__)

BUSY = (AstroState.RUNNING, AstroState.STOPPING, AstroState.PLATE_SOLVING)
LATE_REPLY = 2.0
"""Seconds to wait for the answer of a work that was stopped."""
GRACE = 5.0
"""Seconds between the end of a goto and the word that the telescope tracks."""


class Goto:
    """Sends gotos and calibrations and follows them by their notifications.

    A reply may come at once or after the work, so the end is known by whichever comes: a refusal, the
    notification of the end, or the complete state after a lost connection.

    Args:
        connection: of the session.

    Attributes:
        tracking_name: what the telescope says it tracks; empty when it does not.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._board = connection, connection.board
        self._goto_state = self._calibration_state = int(AstroState.IDLE)
        self._goto_began = self._calibration_began = self._calibration_good = False
        self._tracking_news = False
        self._asked = False
        self._late_reply: asyncio.Future[object] | None = None
        self._state_reads = 0
        self.tracking_name = ""
        connection.on(Notify.STATE_ASTRO_GOTO, self._goto)
        connection.on(Notify.STATE_ASTRO_TRACKING, self._tracking)
        connection.on(Notify.STATE_ASTRO_CALIBRATION, self._calibration)
        connection.on(Notify.CALIBRATION_RESULT, self._calibrated)
        connection.on(Notify.BODY_STATUS, self._body)
        connection.on_state(self._adopt)

    # ---- what the telescope says

    def _goto(self, message: notify_pb2.ResNotifyStateAstroGoto) -> None:
        self._goto_state = message.state
        self._goto_began |= message.state in BUSY

    def _tracking(self, message: notify_pb2.ResNotifyStateAstroTracking) -> None:
        active = message.state == OperationState.RUNNING
        self.tracking_name = (message.target_name or "?") if active else ""
        self._tracking_news |= active
        self._board.set("mount", tracking_active=active)

    def _calibration(self, message: notify_pb2.ResNotifyStateAstroCalibration) -> None:
        self._calibration_state = message.state
        self._calibration_began |= message.state in BUSY
        self._board.set("mount", calibrating=message.state in BUSY)

    def _calibrated(self, _: notify_pb2.CalibrationResult) -> None:
        self._calibration_good = True
        self._board.set("mount", calibrated=True)

    def _body(self, message: notify_pb2.BodyStatus) -> None:
        self._board.set("mount", equatorial=message.status == BodyStatus.EQUATORIAL)

    def _adopt(self, info: Info) -> None:
        self._state_reads += 1
        work = info.motion_motor.exclusive_state
        kind = work.WhichOneof("work")
        self._goto_state = work.goto.state if kind == "goto" else AstroState.IDLE
        self._calibration_state = work.calibration.state if kind == "calibration" else AstroState.IDLE
        active = kind == "tracking" and work.tracking.state == OperationState.RUNNING
        self.tracking_name = (work.tracking.target_name or "?") if active else ""
        self._tracking_news |= active
        known = info.device.HasField("calibration_result")
        self._calibration_good |= known
        self._board.set(
            "mount",
            tracking_active=active,
            calibrating=self._calibration_state in BUSY,
            calibrated=self._board.mount.calibrated or known,
            equatorial=info.device.body_status.status == BodyStatus.EQUATORIAL,
        )

    @property
    def moving(self) -> bool:
        """A goto is going on, or was asked for and is not known to have ended."""
        return self._asked or self._goto_state in BUSY

    @property
    def calibrating(self) -> bool:
        """A calibration is going on."""
        return self._calibration_state in BUSY

    @property
    def active(self) -> bool:
        """The telescope moves or tracks by itself."""
        return self.moving or self.calibrating or bool(self.tracking_name)

    @property
    def _on_target(self) -> bool:
        return (
            self._goto_state not in BUSY
            and bool(self.tracking_name)
            and (self._tracking_news or self._goto_began)
        )

    # ---- what we ask of it

    async def goto(self, place: Equatorial, name: str) -> None:
        """Point at a place and track it.

        Raises:
            GotoError: the telescope gave up; the text says why.
            DwarfCommandError: it refused, with code -11511 when it has to be calibrated first.
            TelescopeError: the connection failed.
        """
        self._goto_began = self._tracking_news = False
        self._asked = True
        work = _Work(
            "the goto",
            self._connection.settings.patience.goto,
            good=lambda: self._on_target,
            busy=lambda: self._goto_state in BUSY,
            began=lambda: self._goto_began,
        )
        await self._carry_out(
            work,
            Astro.START_GOTO_DSO,
            astro_pb2.ReqGotoDSO(ra=place.ra_hours, dec=place.dec_deg, target_name=name),
        )
        self._asked = False
        if not self._on_target:
            raise GotoError(f"the goto to {name} ended without tracking. Are stars to be seen?")

    async def stop(self) -> None:
        """End a goto and tracking, and wait until the telescope says so."""
        await self._connection.command(
            Astro.STOP_GOTO, accept=[Code.ASTRO_FUNCTION_BUSY, Code.STEP_MOTOR_IS_STOPPED]
        )
        self._asked = False
        await self._connection.until(
            lambda: not self.tracking_name and not self.moving,
            self._connection.settings.patience.stop,
            "stopping the goto",
        )

    async def calibrate(self) -> None:
        """Let the telescope learn from the stars how it stands; takes minutes.

        Raises:
            CalibrationError: it found no stars, or not enough.
        """
        self._calibration_began = self._calibration_good = False
        site = self._connection.settings.site
        work = _Work(
            "the calibration",
            self._connection.settings.patience.calibration,
            good=lambda: self._calibration_good and not self.calibrating,
            busy=lambda: self.calibrating,
            began=lambda: self._calibration_began,
        )
        message = astro_pb2.ReqStartCalibration(lon=site.longitude_deg, lat=site.latitude_deg)
        try:
            await self._carry_out(work, Astro.START_CALIBRATION, message)
        except DwarfCommandError as error:
            raise CalibrationError(f"the telescope could not calibrate itself: {error.meaning}") from error
        if not self._calibration_good:
            raise CalibrationError(
                "the telescope could not calibrate itself. It needs darkness, a sharp focus, and a clear "
                "view of stars in several directions."
            )

    async def stop_calibration(self) -> None:
        """End a calibration."""
        await self._connection.command(Astro.STOP_CALIBRATION, accept=[Code.ASTRO_FUNCTION_BUSY])

    async def _carry_out(self, work: "_Work", command: Astro, message: Message) -> None:
        """Return when the work has ended, well or badly; raise a refusal."""
        connection = self._connection
        await self._await_late_reply()
        reply = asyncio.ensure_future(connection.command(command, message, deadline=work.limit))
        state_reads = 0

        def replied(_: "asyncio.Future[object]") -> None:
            nonlocal state_reads
            state_reads = self._state_reads
            connection.recheck()

        def over() -> bool:
            if work.good():
                return True
            ended = not work.busy() and work.began()
            if not reply.done() or reply.cancelled():
                return ended
            if isinstance(reply.exception(), ConnectionLostError | NoAnswerError):
                # Whether it was carried out is not known: the next complete state tells.
                return ended or (not work.busy() and self._state_reads > state_reads)
            return ended or reply.exception() is not None

        reply.add_done_callback(replied)
        try:
            await connection.until(over, work.limit, work.name)
            if not work.good():
                with suppress(NoAnswerError):  # the good news, or the refusal, may come just after the end
                    await connection.until(lambda: work.good() or _failed(reply), GRACE, work.name)
            if not work.good() and (_failed(reply) or (_lost(reply) and not work.began())):
                self._asked = False
                reply.result()
        finally:
            self._late_reply = reply

    async def _await_late_reply(self) -> None:
        """The answer of a work that was given up must not be taken for the answer of the next one."""
        reply, self._late_reply = self._late_reply, None
        if reply is not None:
            await asyncio.wait([reply], timeout=LATE_REPLY)
            reply.cancel()
            await asyncio.gather(reply, return_exceptions=True)


@dataclass(frozen=True)
class _Work:
    """A long work of the telescope: how long it may take, and how to see where it stands."""

    name: str
    limit: Seconds
    good: Callable[[], bool]
    busy: Callable[[], bool]
    began: Callable[[], bool]


def _lost(reply: "asyncio.Future[object]") -> bool:
    """The connection ended before the answer."""
    return reply.done() and not reply.cancelled() and isinstance(reply.exception(), ConnectionLostError)


def _failed(reply: "asyncio.Future[object]") -> bool:
    """It was refused, or not even sent."""
    error = reply.exception() if reply.done() and not reply.cancelled() else None
    return error is not None and not isinstance(error, ConnectionLostError | NoAnswerError)
