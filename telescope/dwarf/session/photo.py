"""Single raw photos: pictures for the closed loop, and exposures where there is nothing to track."""

import logging

from skycam_project.common.clock import Clock
from skycam_project.common.units import Seconds
from telescope.dwarf.captures import PHOTOS, CaptureFile, photo
from telescope.dwarf.commands import Tele
from telescope.dwarf.device_clock import DeviceClock
from telescope.dwarf.frame import Exposure, Frame, frame_from
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import notify_pb2
from telescope.dwarf.session.camera import CameraParams
from telescope.dwarf.session.connection import Connection, Info
from telescope.dwarf.session.files import CaptureFiles
from telescope.dwarf.values import Camera, OperationState, ShootingTech
from telescope.errors import CaptureError

logger = logging.getLogger(__name__)

LOOK_EVERY: Seconds = 0.5


class Photo:
    """Takes raw photos.

    Args:
        connection: of the session.
        camera: sets the parameters.
        files: brings the file.
        device_clock: reads its stamp.
        clock: time.
    """

    def __init__(
        self,
        connection: Connection,
        camera: CameraParams,
        files: CaptureFiles,
        device_clock: DeviceClock,
        clock: Clock,
    ) -> None:
        self._connection, self._camera, self._files = connection, camera, files
        self._device_clock, self._clock = device_clock, clock
        self._state = OperationState.IDLE
        self._began = False
        connection.on(Notify.PHOTO_STATE, self._changed)
        connection.on_state(self._adopt)

    async def take(self, exposure: Exposure, *, scratch: bool = False) -> Frame:
        """Take one photo and bring it here.

        Args:
            exposure: what is asked for.
            scratch: it is only looked at and not kept.

        Raises:
            DwarfCommandError: the telescope refused, with code -10515 when the exposure is too long for a
                photo.
            CaptureError: it ended without a file.
        """
        await self._camera.enter(ShootingTech.PHOTO)
        await self._camera.set_exposure(exposure)
        before = {file.name for file in await self._files.listed(PHOTOS, photo)}
        self._began = False
        await self._connection.command(Tele.PHOTO_RAW)
        patience = self._connection.settings.patience
        await self._connection.until(
            lambda: self._began and self._state == OperationState.IDLE,
            exposure.duration_s + patience.file,
            "the photo",
        )
        file = await self._appeared(before)
        seen = self._clock.now()
        path = await self._files.fetch(PHOTOS, file, scratch=scratch)
        end = self._device_clock.utc(file.stamp, seen) or seen
        return frame_from(path, exposure, end, rejected=False)

    async def _appeared(self, before: set[str]) -> CaptureFile:
        """The new file; it may come a little after the word that the photo is done."""
        for _ in range(20):
            fresh = [file for file in await self._files.listed(PHOTOS, photo) if file.name not in before]
            if fresh:
                return fresh[-1]
            await self._clock.sleep(LOOK_EVERY)
        raise CaptureError(f"the telescope took a photo but {PHOTOS} on its card holds no new FITS file")

    def _changed(self, message: notify_pb2.ResNotifyOperationState) -> None:
        if message.camera_type == Camera.TELE:
            self._state = OperationState(message.state) if message.state in range(4) else OperationState.IDLE
            self._began |= self._state == OperationState.RUNNING

    def _adopt(self, info: Info) -> None:
        work = info.tele.exclusive_state
        running = work.WhichOneof("work") == "photo" and work.photo.state != OperationState.IDLE
        self._state = OperationState.RUNNING if running else OperationState.IDLE
