"""The telescope's stacking run: starting it with all its refusals, following it, ending it."""

import asyncio
import logging
from contextlib import suppress

from google.protobuf.message import Message

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Astro
from telescope.dwarf.frame import Exposure
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import astro_pb2, notify_pb2
from telescope.dwarf.session.camera import CameraParams
from telescope.dwarf.session.connection import Connection, Info
from telescope.dwarf.session.filters import Filters
from telescope.dwarf.values import Camera, Filter, OperationState, ShootingTech
from telescope.errors import CaptureError, DarkMissingError, NoAnswerError, TelescopeError

logger = logging.getLogger(__name__)

DARKS = (Code.ASTRO_DARK_NOT_FOUND, Code.ASTRO_DARK_TEMP_MISMATCH)
PERHAPS = (Code.ASTRO_NEED_GOTO, Code.ASTRO_NEED_ADJUST_SHOOT_PARAM)
"""Answers that are not fatal when progress follows."""
UNSTICK = (
    Astro.FAST_STOP_CAPTURE_RAW_LIVE_STACKING,
    Astro.FAST_STOP_WIDE_CAPTURE_LIVE_STACKING,
    Astro.STOP_GOTO,
    Astro.STOP_CALIBRATION,
    Astro.STOP_EQ_SOLVING,
    Astro.STOP_CAPTURE_RAW_DARK_WITH_PARAM,
)
"""What frees a telescope that answers "busy" for ever."""


class Stack:
    """One telescope's stacking runs.

    Args:
        connection: of the session.
        camera: sets the parameters.
        filters: knows the filter.

    Attributes:
        running: the telescope says that a run goes on, ours or another client's.
        taken, stacked: frames of it so far, as the telescope counts them.
    """

    def __init__(self, connection: Connection, camera: CameraParams, filters: Filters) -> None:
        self._connection, self._board = connection, connection.board
        self._camera, self._filters = camera, filters
        self._asked = self._stopped = False
        self.running = False
        self.taken = self.stacked = 0
        connection.on(Notify.STATE_CAPTURE_RAW_LIVE_STACKING, self._changed)
        connection.on(Notify.PROGRASS_CAPTURE_RAW_LIVE_STACKING, self._progressed)
        connection.on_state(self._adopt)

    async def start(self, exposure: Exposure) -> None:
        """Start a run with these settings; returns when the telescope prepares its first exposure.

        Raises:
            DarkMissingError: there is no dark frame and darks are required.
            CaptureError: it needs a goto or other settings.
            TelescopeError: the telescope refused.
        """
        settings = self._connection.settings
        await self._camera.enter(ShootingTech.STACKING)
        await self._camera.set_exposure(exposure)
        await self._camera.set_frame_count(settings.frames_per_run)
        await self._quick_set(exposure)
        self._stopped = False
        self.taken = self.stacked = 0
        self._board.set("camera", dark_missing="", run_taken=0, run_stacked=0)
        current = self._filters.current
        ir_index = Filter.NONE if current is None else current
        message = astro_pb2.ReqCaptureRawLiveStacking(ir_index=ir_index, force_start=False)
        reply = await self._send(Astro.START_CAPTURE_RAW_LIVE_STACKING, message, exposure)
        if reply.code == Code.ASTRO_FUNCTION_BUSY and not self._stopped:
            await self._unstick()
            reply = await self._send(Astro.START_CAPTURE_RAW_LIVE_STACKING, message, exposure)
        if reply.code in DARKS:
            reply = await self._without_dark(reply, ir_index, exposure)
        if reply.code in PERHAPS:
            await self._follows(reply.code)
        elif reply.code != Code.WS_OK:
            raise CaptureError(f"the telescope does not start the exposure: {Code(reply.code).meaning}")

    async def stop(self) -> None:
        """End a run now; the exposure that is under way is lost. Harmless when there is none."""
        if not (self.running or self._asked):
            return
        self._stopped = True
        limit = self._connection.settings.patience.stop
        await self._connection.command(
            Astro.FAST_STOP_CAPTURE_RAW_LIVE_STACKING, accept=[Code.ASTRO_FUNCTION_BUSY]
        )
        try:
            await self._connection.until(lambda: not self.running, limit, "stopping the run")
        except NoAnswerError:
            await self._unstick()
            await self._connection.until(lambda: not self.running, limit, "stopping the run")
        self._asked = False
        with suppress(TelescopeError):
            await self._connection.command(Astro.GO_LIVE)

    async def correct(self, exposure: Exposure) -> None:
        """Set again what the telescope loaded differently, see `CameraParams.correct_reloaded`."""
        await self._camera.correct_reloaded(exposure)

    # ---- inside

    async def _send(
        self, command: Astro, message: Message | None, exposure: Exposure
    ) -> astro_pb2.ResAstroShooting:
        """Send a start and, until it is answered, set right what the telescope reloads."""
        self._camera.reloaded.clear()
        self._asked = True
        connection = self._connection
        accept = (*DARKS, *PERHAPS, Code.ASTRO_FUNCTION_BUSY)
        limit = connection.settings.patience.start
        reply = asyncio.ensure_future(connection.command(command, message, deadline=limit, accept=accept))
        reply.add_done_callback(lambda _: connection.recheck())
        try:
            while not reply.done():
                await connection.until(
                    lambda: reply.done() or bool(self._camera.reloaded), limit, "the start"
                )
                await self._camera.correct_reloaded(exposure)
            return reply.result()
        finally:
            reply.cancel()
            await asyncio.gather(reply, return_exceptions=True)

    async def _without_dark(
        self, reply: astro_pb2.ResAstroShooting, ir_index: int, exposure: Exposure
    ) -> astro_pb2.ResAstroShooting:
        wanted = f"{reply.exp_name[:16] or exposure.duration_s} s at gain {exposure.gain}"
        meaning = f"the telescope has no dark frame for {wanted} ({Code(reply.code).meaning})"
        self._board.set("camera", dark_missing=meaning)
        if self._connection.settings.require_darks:
            raise DarkMissingError(f"{meaning}. Take darks first, or allow exposures without.")
        logger.warning("going on without a dark: %s", meaning)
        try:
            return await self._send(Astro.CONTINUE_SHOOTING, None, exposure)
        except TelescopeError:  # firmware before protocol 2.5 does not know it
            forced = astro_pb2.ReqCaptureRawLiveStacking(ir_index=ir_index, force_start=True)
            return await self._send(Astro.START_CAPTURE_RAW_LIVE_STACKING, forced, exposure)

    async def _follows(self, code: int) -> None:
        """A refusal that is none if frames follow; a phantom run ends by itself after about 20 s."""
        patience = self._connection.settings.patience
        with suppress(NoAnswerError):
            await self._connection.until(lambda: self.running or self.taken > 0, patience.command, "the run")
        with suppress(NoAnswerError):
            await self._connection.until(
                lambda: self.taken > 0 or not self.running, patience.start, "the run"
            )
        if self.taken == 0:
            raise CaptureError(f"the telescope does not expose: {Code(code).meaning}")

    async def _quick_set(self, exposure: Exposure) -> None:
        """Choose the telescope's own preset of these settings where it lists one."""
        step, gain = (
            self._camera.resolver.exposure(exposure.duration_s),
            self._camera.resolver.gain(exposure.gain),
        )
        try:
            message = astro_pb2.ReqGetQuickSetList(camera_type=Camera.TELE)
            listed = await self._connection.read(Astro.GET_QUICK_SET_LIST, message)
            for preset in listed.results:
                if (preset.exp_index, preset.gain, preset.camera_type) == (step.index, gain, Camera.TELE):
                    chosen = astro_pb2.ReqSetQuickSet(info_id=preset.info_id)
                    await self._connection.command(Astro.SET_QUICK_SET, chosen)
                    return
        except TelescopeError as error:
            logger.info("no preset chosen reason=%s", error)

    async def _unstick(self) -> None:
        logger.warning("the telescope says it is busy: stopping everything")
        for command in UNSTICK:
            with suppress(TelescopeError):
                await self._connection.command(command)

    def _changed(self, message: notify_pb2.ResNotifyOperationState) -> None:
        if message.camera_type == Camera.TELE:
            self._run(message.state != OperationState.IDLE)

    def _run(self, running: bool) -> None:
        if self.running and not running:
            self._asked = False
        self.running = running
        self._board.set("camera", run_active=running)

    def _progressed(self, message: notify_pb2.ResNotifyProgressCaptureRawLiveStacking) -> None:
        if message.HasField("camera_type") and message.camera_type != Camera.TELE:
            return
        if message.HasField("current_count"):
            self.taken = message.current_count
        if message.HasField("stacked_count"):
            self.stacked = message.stacked_count
        self._board.set("camera", run_taken=self.taken, run_stacked=self.stacked)

    def _adopt(self, info: Info) -> None:
        work = info.tele.exclusive_state
        kind = work.WhichOneof("work")
        self._run(kind == "raw_capture" and work.raw_capture.state != OperationState.IDLE)
