"""The dark library: taking darks, listing them, and whether one fits a run."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from skycam_project.common.units import Seconds
from telescope.dwarf.codes import Code
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.astro_pb2 import ResAstroShooting
from telescope.dwarf.values import Camera, Filter, OperationState, Resolution
from telescope.simulator import fits, names
from telescope.simulator.mount import PARKED
from telescope.simulator.profile import exposure_seconds
from telescope.simulator.wire import RefusedError

if TYPE_CHECKING:
    from telescope.simulator.device import Dwarf


@dataclass(frozen=True)
class Dark:
    """A master dark.

    Attributes:
        number: `info_id` of the protocol.
        temperature: of the sensor, whole degrees Celsius.
    """

    number: int
    camera: Camera
    exposure: int
    gain: int
    temperature: int
    frames: int


class Darks:
    """All darks of the device, and the run that takes new ones."""

    def __init__(self, device: "Dwarf") -> None:
        self._device = device
        self._task: asyncio.Task[None] | None = None
        self._next = 1
        self.library: list[Dark] = []
        self.running: Camera | None = None

    def add(self, camera: Camera, exposure: int, gain: int, temperature: int, frames: int) -> None:
        """Put a dark into the library in place of one with the same key."""
        self.library = [
            dark
            for dark in self.library
            if (dark.camera, dark.exposure, dark.gain, dark.temperature)
            != (camera, exposure, gain, temperature)
        ]
        self.library.append(Dark(self._next, camera, exposure, gain, temperature, frames))
        self._next += 1

    def fill(self, gains: tuple[int, ...]) -> None:
        """A complete library for the present temperature, as a careful owner has it."""
        temperature = round(self._device.environment.sensor())
        for camera, profile in self._device.profile.cameras.items():
            for exposure in profile.exposures:
                for gain in gains:
                    self.add(camera, exposure, gain, temperature, 10)

    def check(self, camera: Camera, exposure: int, gain: int) -> ResAstroShooting | None:
        """None when a dark fits; else the refusal that names the missing one (-11503, -11530)."""
        fitting = [
            dark.temperature
            for dark in self.library
            if (dark.camera, dark.exposure, dark.gain) == (camera, exposure, gain)
        ]
        tolerance = self._device.profile.dark_tolerance
        now = self._device.environment.sensor()
        if any(abs(temperature - now) <= tolerance for temperature in fitting):
            return None
        code = Code.ASTRO_DARK_TEMP_MISMATCH if fitting else Code.ASTRO_DARK_NOT_FOUND
        return ResAstroShooting(
            code=code,
            exp_name=self._device.profile.cameras[camera].exposures[exposure],
            gain=gain,
            resolution=Resolution.UHD if camera == Camera.TELE else Resolution.FULL_HD,
            filter_type=Filter.DARK,
            temp_threshold=tolerance,
        )

    async def start(self, camera: Camera, exposure: int, gain: int, frames: int, new: bool) -> None:
        """Begin a run of darks.

        Args:
            camera: whose.
            exposure: index.
            gain: 0-240.
            frames: how many, 1-999.
            new: True for 11045 (notifications 15290, 15291, a master file), False for the older commands
                (15206 or 15247 and 15207, single files).

        Raises:
            RefusedError: busy, card full, or values that the camera does not offer.
        """
        device = self._device
        device.require_idle()
        if exposure not in device.profile.cameras[camera].exposures or not 0 <= gain <= 240:
            raise RefusedError(Code.WS_INVAID_PARAM)
        if not 1 <= frames <= 999:
            raise RefusedError(Code.WS_INVAID_PARAM)
        device.card.require_space(device.faults.sd_full)
        self.running = camera
        self._task = device.spawn(self._run(camera, exposure, gain, frames, new))

    async def stop(self) -> None:
        """End a run; what was taken is lost."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self, camera: Camera, exposure: int, gain: int, frames: int, new: bool) -> None:
        self._say_state(camera, OperationState.RUNNING, new)
        try:
            self._device.motion.stand()
            # The device closes its own lens: the barrel goes into the body.
            await self._device.motion.slew(PARKED)
            await self._take(camera, exposure, gain, frames, new)
        finally:
            self.running = None
            self._say_state(camera, OperationState.IDLE, new)

    async def _take(self, camera: Camera, exposure: int, gain: int, frames: int, new: bool) -> None:
        device = self._device
        name, seconds = device.profile.cameras[camera].exposures[exposure], exposure_seconds(exposure)
        label = names.exposure_text(name)
        kind = "wide" if camera == Camera.WIDE else "tele"
        stamp = names.session_stamp(device.local(device.clock.now()))
        folder = f"Astronomy/DWARF_DARK/{kind}_exp_{label}_gain_{gain}_bin_1_{stamp}"
        total: np.ndarray | None = None
        start = device.clock.now()
        for number in range(1, frames + 1):
            end = start + timedelta(seconds=seconds)
            await device.sleep_until(end.timestamp())
            frame = await device.paint(camera, start, seconds, gain, Filter.NONE, light=False)
            total = frame.astype(np.uint32) if total is None else total + frame
            temperature = round(device.environment.sensor())
            if not new:
                stem = f"raw_{label}s_{gain}_{number:04d}_{names.frame_stamp(device.local(end))}"
                await self._save(camera, f"{folder}/{stem}_{temperature}C.fits", frame, seconds, gain)
            self._say_progress(camera, number, frames, seconds, new)
            start = end
        assert total is not None  # noqa: S101
        temperature = round(device.environment.sensor())
        if new:
            master = f"dark_exp_{seconds:.6f}_gain_{gain}_bin_1_{temperature}C_stack_{frames}.fits"
            path = f"Astronomy/CALI_FRAME/dark/cam_{int(camera)}/{master}"
            await self._save(camera, path, (total // frames).astype(np.uint16), None, gain)
        self.add(camera, exposure, gain, temperature, frames)

    async def _save(
        self, camera: Camera, name: str, pixels: np.ndarray, seconds: Seconds | None, gain: int
    ) -> None:
        """Write one file; masters (`seconds` None) carry nothing but the structural cards and BAYERPAT."""
        device = self._device
        moment = device.clock.now()
        cards: list[tuple[str, fits.Value, str]] = [("BAYERPAT", "RGGB", "")]
        if seconds is not None:
            sensor = device.environment.sensor()
            profile = device.profile.cameras[camera]
            cards = fits.Header(profile, device.local(moment), seconds, gain, "", sensor, 0, 0, "").cards()
        path = device.card.path(name)
        device.card.folder(str(path.parent.relative_to(device.card.root)))
        data = await asyncio.to_thread(fits.encode, pixels, cards)
        device.card.write(path, data, moment)

    def _say_state(self, camera: Camera, state: OperationState, new: bool) -> None:
        if new:
            self._device.notify(Notify.STATE_CAPTURE_CALI_FRAME, state=state, camera_type=camera)
        elif camera == Camera.WIDE:
            self._device.notify(Notify.STATE_CAPTURE_WIDE_RAW_DARK, state=state, camera_type=camera)
        else:
            self._device.notify(Notify.STATE_CAPTURE_RAW_DARK, state=state, camera_type=camera)

    def _say_progress(self, camera: Camera, number: int, frames: int, seconds: Seconds, new: bool) -> None:
        percent = 100 * number // frames
        if new:
            self._device.notify(Notify.PROGRESS_CAPTURE_CALI_FRAME, progress=percent, camera_type=camera)
        else:
            left = round((frames - number) * seconds)
            self._device.notify(
                Notify.PROGRASS_CAPTURE_RAW_DARK, progress=percent, remaining_time=left, camera_type=camera
            )
