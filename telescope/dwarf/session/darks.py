"""The telescope's dark library: what is there, whether it fits, taking more."""

from dataclasses import dataclass

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.units import Celsius, Seconds
from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Astro
from telescope.dwarf.frame import Exposure
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import astro_pb2, notify_pb2
from telescope.dwarf.session.camera import CameraParams
from telescope.dwarf.session.connection import Connection
from telescope.dwarf.values import Camera, Filter, OperationState, Resolution
from telescope.errors import CaptureError

DARK = 0
"""`cali_frame_type` of a dark."""
FITS_WITHIN: Celsius = 5.0
"""Difference of the sensor's temperature at which a dark still fits; the telescope has its own opinion."""
LONGEST_NAME = 16
"""Characters kept of an exposure's name that the telescope tells."""
OVERHEAD: Seconds = 120.0
"""Seconds that a run of darks may take beside its exposures: the barrel closes first."""


@dataclass(frozen=True, slots=True)
class Dark:
    """A master dark of the tele camera: name of its exposure (seconds or a fraction), gain, temperature."""

    exposure: str
    gain: int
    temperature_c: Celsius


class DarkLibrary:
    """Asks for darks and takes them.

    Args:
        connection: of the session.
        camera: knows the exposure table.
    """

    def __init__(self, connection: Connection, camera: CameraParams) -> None:
        self._connection, self._camera = connection, camera
        self._state = OperationState.IDLE
        self._began = False
        connection.on(Notify.STATE_CAPTURE_CALI_FRAME, self._changed)
        connection.on(Notify.PROGRESS_CAPTURE_CALI_FRAME, self._progressed)

    async def list(self) -> list[Dark]:
        """All darks of the tele camera."""
        message = astro_pb2.ReqGetCaliFrameList(camera_type=Camera.TELE, cali_frame_type=DARK)
        reply = await self._connection.read(Astro.GET_CALI_FRAME_LIST, message)
        return [
            Dark(item.exp_name[:LONGEST_NAME], item.gain, float(item.temp_value))
            for item in reply.results
            if item.camera_type == Camera.TELE and item.cali_frame_type == DARK
        ]

    async def fits(self, exposure: Exposure) -> bool:
        """Whether a dark for these settings and the sensor's present temperature is there."""
        step, gain = (
            self._camera.resolver.exposure(exposure.duration_s),
            self._camera.resolver.gain(exposure.gain),
        )
        now = self._connection.board.camera.sensor_temperature_c
        return any(
            dark.exposure == step.name
            and dark.gain == gain
            and (now is None or abs(dark.temperature_c - now) <= FITS_WITHIN)
            for dark in await self.list()
        )

    async def take(self, exposure: Exposure, frames: int) -> None:
        """Take a master dark; the telescope closes its barrel, so it loses its target.

        Args:
            exposure: settings that it is for.
            frames: number of exposures, 1 … 100.

        Raises:
            CaptureError: it ended without one.
        """
        if not 1 <= frames <= 100:
            raise InvalidValueError("frames", frames, "1 … 100")
        step, gain = (
            self._camera.resolver.exposure(exposure.duration_s),
            self._camera.resolver.gain(exposure.gain),
        )
        message = astro_pb2.ReqCaptureCaliFrame(
            exp_index=step.index,
            gain=gain,
            resolution=Resolution.UHD,
            cap_size=frames,
            camera_type=Camera.TELE,
            cali_frame_type=DARK,
            filter_type=Filter.DARK,
        )
        self._began = False
        await self._connection.command(Astro.START_CAPTURE_CALI_FRAME, message)
        limit = step.seconds * (frames + 1) + OVERHEAD
        try:
            await self._connection.until(
                lambda: self._began and self._state == OperationState.IDLE, limit, "taking darks"
            )
        except BaseException:
            stop = astro_pb2.ReqStopCaptureCaliFrame(camera_type=Camera.TELE)
            await self._connection.command(
                Astro.STOP_CAPTURE_CALI_FRAME, stop, accept=[Code.ASTRO_FUNCTION_BUSY]
            )
            raise
        if not await self.fits(exposure):
            raise CaptureError(f"the telescope ended the run of {step.name} s darks without a master dark")

    def _changed(self, message: notify_pb2.CaliFrameState) -> None:
        if message.camera_type == Camera.TELE:
            self._state = message.state
            running = message.state != OperationState.IDLE
            self._began |= running
            percent = (self._connection.board.camera.darks_percent or 0) if running else None
            self._connection.board.set("camera", darks_percent=percent)

    def _progressed(self, message: notify_pb2.CaliFrameProgress) -> None:
        if message.camera_type == Camera.TELE:
            self._connection.board.set("camera", darks_percent=min(100, max(0, message.progress)))
