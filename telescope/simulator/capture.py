"""Live stacking: the device's deep-sky exposures, one after the other without a gap, until told to stop."""

import asyncio
import contextlib
import logging
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Module
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.astro_pb2 import ResAstroShooting
from telescope.dwarf.values import (
    BodyStatus,
    Camera,
    OperationState,
    Parameter,
    ParamMode,
    ShootingMode,
    StackUpdate,
    StreamType,
)
from telescope.simulator.params import CAPTURE_MODE, Setting
from telescope.simulator.profile import exposure_seconds
from telescope.simulator.session import Session
from telescope.simulator.wire import RefusedError

if TYPE_CHECKING:
    from telescope.simulator.device import Dwarf

logger = logging.getLogger(__name__)

AZIMUTHAL_LIMIT = 60.0
"""Longest exposure in seconds outside the equatorial mode; longer ones answer -11528 [chosen]."""
WAITING = 2
"""Exposed frames that may wait to be painted and written before the next exposure must wait too."""
TOLERATED_LAG = 5.0
"""Simulated seconds, or one exposure, that painting may lag behind before the next exposure must wait."""
ALBUM_ASTRO = 4


class Capture:
    """The stacking run of one camera.

    Attributes:
        state: as notification 15208 or 15236 says it.
        session: of the present or last run.
        waiting: a run was refused for want of a dark; 11050 goes on with it.
    """

    def __init__(self, device: "Dwarf", camera: Camera) -> None:
        self._device = device
        self._camera = camera
        self._task: asyncio.Task[None] | None = None
        self._writing: deque[asyncio.Task[None]] = deque()
        self._finish = self._fast = False
        self._warned = False
        self.state = OperationState.IDLE
        self.session: Session | None = None
        self.waiting = False

    # --- starting

    async def start(self, force: bool) -> ResAstroShooting | Code:
        """Answer 11005 or 11016: check, prepare, begin; the reply comes when the session folder exists."""
        device = self._device
        device.require_idle()
        if device.motion.target is None:
            self._begin(self._phantom())
            return Code.ASTRO_NEED_GOTO
        device.card.require_space(device.faults.sd_full)
        setting = self._wanted(Parameter.EXPOSURE)
        if setting.mode == ParamMode.AUTO:
            return Code.ASTRO_NEED_ADJUST_SHOOT_PARAM
        if exposure_seconds(setting.value) > AZIMUTHAL_LIMIT and device.motion.body != BodyStatus.EQUATORIAL:
            return Code.ASTRO_NEED_EQ
        missing = device.darks.check(self._camera, setting.value, self._wanted(Parameter.GAIN).value)
        self.waiting = missing is not None and not force
        if missing is not None and not force:
            return missing
        opened: asyncio.Future[Code] = asyncio.get_running_loop().create_future()
        self._begin(self._run(opened))
        await asyncio.wait({opened})
        # Stopped while it prepared: the request ends too.
        return Code.ASTRO_FUNCTION_BUSY if opened.cancelled() else opened.result()

    def _wanted(self, parameter: Parameter) -> Setting:
        mode = CAPTURE_MODE[self._camera] if self._device.faults.stale_parameters else ShootingMode.DEEP_SKY
        return self._device.params.get(mode, self._camera, parameter)

    def _begin(self, work: Any) -> None:
        self._finish = self._fast = False
        self.session = None
        # The streams must be opened again afterwards.
        self._device.streams.clear()
        self._task = self._device.spawn(work)
        self._say(OperationState.RUNNING)

    def _say(self, state: OperationState) -> None:
        self.state = state
        tele = self._camera == Camera.TELE
        self._device.notify(
            Notify.STATE_CAPTURE_RAW_LIVE_STACKING if tele else Notify.STATE_WIDE_CAPTURE_RAW_LIVE_STACKING,
            state=state, camera_type=self._camera,
        )  # fmt: skip

    def _say_progress(self, **fields: Any) -> None:
        tele = self._camera == Camera.TELE
        progress = Notify.PROGRASS_CAPTURE_RAW_LIVE_STACKING
        self._device.notify(progress if tele else Notify.PROGRASS_WIDE_CAPTURE_RAW_LIVE_STACKING, **fields)

    async def _phantom(self) -> None:
        """A run without a goto: it says that it runs and takes nothing."""
        try:
            await self._device.clock.sleep(self._device.profile.timing.phantom)
        finally:
            self._say(OperationState.IDLE)

    def _reload(self) -> None:
        """Take over exposure and gain under the internal mode, and tell them: the client's last chance."""
        mode = CAPTURE_MODE[self._camera]
        for parameter in (Parameter.EXPOSURE, Parameter.GAIN):
            setting = self._wanted(parameter)
            self._device.params.put(mode, self._camera, parameter, setting)
            number = self._device.params.id(mode, self._camera, parameter).pack()
            self._device.notify(
                Notify.GENERAL_INT_PARAM, Module.PARAM, param_id=number, mode=setting.mode,
                value=setting.value,
            )  # fmt: skip

    # --- running

    async def _run(self, opened: "asyncio.Future[Code]") -> None:
        device = self._device
        timing = device.profile.timing
        try:
            self._reload()
            await device.clock.sleep(timing.stacking_folder)
            try:
                session = self.session = self._open_session()
            except OSError as error:
                logger.error("the card takes no session: %s", error)
                opened.set_result(Code.WS_SDCARD_WRITE_ERROR)
                return
            if session.seconds >= 1:
                device.set_stream(StreamType.JPEG)
            self._say_progress(
                total_count=session.to_take, update_type=StackUpdate.TAKEN, current_count=0, stacked_count=0,
                exp_index=session.exposure, gain_index=session.gain, target_name=session.target,
                camera_type=self._camera,
            )  # fmt: skip
            device.notify(Notify.ALBUM_UPDATE, media_type=ALBUM_ASTRO)
            opened.set_result(Code.WS_OK)
            await device.clock.sleep(timing.first_exposure)
            await self._expose_all(session)
            await self._close(session, complete=True)
        finally:
            if not opened.done():
                opened.cancel()
            if not self._fast:
                self._say(OperationState.IDLE)

    def _open_session(self) -> Session:
        device = self._device
        mode = CAPTURE_MODE[self._camera]
        get = device.params.get
        return Session(
            device,
            self._camera,
            exposure=get(mode, self._camera, Parameter.EXPOSURE).value,
            gain=get(mode, self._camera, Parameter.GAIN).value,
            to_take=get(ShootingMode.DEEP_SKY, self._camera, Parameter.FRAME_COUNT).value,
        )

    async def _expose_all(self, session: Session) -> None:
        """Expose without a gap; each frame is painted and written while the next one is exposed."""
        device = self._device
        start = device.clock.now()
        while session.taken < session.to_take and not self._finish:
            end = start + timedelta(seconds=session.seconds)
            await self._expose(start, end)
            if self._finish:
                return
            session.taken += 1
            self._say_progress(
                update_type=StackUpdate.TAKEN, current_count=session.taken,
                shooting_time=round(session.taken * session.seconds),
            )  # fmt: skip
            self._writing.append(device.spawn(self._write(session, start, end)))
            while len(self._writing) > WAITING:
                await self._writing.popleft()
            start = self._next_start(start, end)

    def _next_start(self, start: datetime, end: datetime) -> datetime:
        late = (self._device.clock.now() - end).total_seconds()
        if late < max(TOLERATED_LAG, (end - start).total_seconds()):
            return end
        if not self._warned:
            self._warned = True
            logger.warning("this machine paints too slowly for this --speed: gaps between the frames")
        return end + timedelta(seconds=late)

    async def _expose(self, start: datetime, end: datetime) -> None:
        """Wait for the end of an exposure, telling the seconds (15255)."""
        device = self._device
        total = (end - start).total_seconds()
        while (left := end.timestamp() - device.now()) > 0 and not self._finish:
            await device.clock.sleep(min(left, 1.0))
            done = min(total, device.now() - start.timestamp())
            device.notify(Notify.WAIT_SHOOTING_PROGRESS, current=int(done), total=round(total))

    async def _write(self, session: Session, start: datetime, end: datetime) -> None:
        """Paint and write one frame, some seconds after its exposure."""
        device = self._device
        await device.sleep_until(end.timestamp() + device.profile.timing.write)
        try:
            accepted = await session.add(start, end)
        except OSError as error:
            logger.error("the card does not take a frame: %s", error)
            return
        if accepted:
            self._say_progress(
                update_type=StackUpdate.STACKED, stacked_count=session.stacked,
                stacked_time=round(session.stacked * session.seconds),
            )  # fmt: skip

    async def _close(self, session: Session, complete: bool) -> None:
        """Write what waits, then the stack; `complete` with its 16-bit files."""
        self._say(OperationState.STOPPING)
        while self._writing:
            await self._writing.popleft()
        await session.finish(complete)
        self._device.notify(Notify.ALBUM_UPDATE, media_type=ALBUM_ASTRO)

    # --- stopping

    async def stop(self, fast: bool) -> None:
        """Answer the stop commands.

        Args:
            fast: end at once, without the 16-bit stack; otherwise the stack is finished first. Either way the
                exposure that runs is lost, and 15208 idle says when it is over.
        """
        self.waiting = False
        task, session = self._task, self.session
        if task is None or task.done() or self._finish:
            return
        if session is None or session.taken == 0:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return
        self._finish = True
        self._fast = fast
        if fast:
            task.cancel()
            self._task = self._device.spawn(self._close_fast(task, session))

    async def _close_fast(self, task: "asyncio.Task[None]", session: Session) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await task
        try:
            await self._close(session, complete=False)
        finally:
            self._say(OperationState.IDLE)

    async def abandon(self) -> None:
        """The device goes down: nothing is finished."""
        for task in (self._task, *self._writing):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._writing.clear()

    def require_resumable(self) -> None:
        """Raises `RefusedError` when 11050 has nothing to go on with."""
        if not self.waiting:
            raise RefusedError(Code.ASTRO_FUNCTION_BUSY)
