"""Single photos and bursts, and the live picture."""

import asyncio
import contextlib
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from telescope.dwarf.codes import Code
from telescope.dwarf.notifications import Notify
from telescope.dwarf.values import Camera, Filter, OperationState, Parameter, ParamMode
from telescope.simulator import fits, names, picture
from telescope.simulator.profile import FILTER_NAMES, exposure_seconds
from telescope.simulator.wire import RefusedError

if TYPE_CHECKING:
    from telescope.simulator.device import Dwarf

ALBUM_PHOTO, ALBUM_BURST = 1, 5
AUTOMATIC_INDEX = 108
"""Exposure that the automatic takes at night: 0.4 s [chosen]."""
AUTOMATIC_GAIN = 120


class Photos:
    """Photos of one camera.

    Attributes:
        running: notification of what is going on (15273 or 15274), None when nothing is.
    """

    def __init__(self, device: "Dwarf", camera: Camera) -> None:
        self._device = device
        self._camera = camera
        self._task: asyncio.Task[None] | None = None
        self.running: Notify | None = None

    def settings(self) -> tuple[int, int, Filter]:
        """Exposure index, gain and filter of the present shooting mode; automatic ones are chosen."""
        device, camera = self._device, self._camera
        mode = device.shooting_mode
        exposure = device.params.get(mode, camera, Parameter.EXPOSURE)
        gain = device.params.get(mode, camera, Parameter.GAIN)
        filter_ = Filter.NONE
        if camera == Camera.TELE:
            filter_ = Filter(device.params.get(mode, camera, Parameter.FILTER).value)
        return (
            AUTOMATIC_INDEX if exposure.mode == ParamMode.AUTO else exposure.value,
            AUTOMATIC_GAIN if gain.mode == ParamMode.AUTO else gain.value,
            filter_,
        )

    def _require_free(self, raw: bool) -> None:
        device = self._device
        tele = self._camera == Camera.TELE
        if self.running is not None:
            raise RefusedError(Code.CAMERA_TELE_RUNNING_PHOTO if tele else Code.CAMERA_WIDE_PHOTOGRAPHING)
        if device.captures[self._camera].state != OperationState.IDLE:
            raise RefusedError(Code.CAMERA_TELE_RUNNING_CAPTURE_LIVE_STACKING)
        if device.darks.running is not None:
            raise RefusedError(Code.CAMERA_TELE_RUNNING_CAPTURE_DARK)
        device.card.require_space(device.faults.sd_full)
        if raw and exposure_seconds(self.settings()[0]) > device.profile.raw_photo_limit:
            raise RefusedError(Code.CAMERA_TELE_EXP_TOO_LONG if tele else Code.CAMERA_WIDE_EXP_TOO_LONG)

    def photo(self, raw: bool) -> None:
        """Begin one photo; 15273 says when it is done. Raises `RefusedError` when the camera is busy."""
        self._require_free(raw)
        self._start(Notify.PHOTO_STATE, self._take("Normal_Photos", raw), ALBUM_PHOTO)

    def burst(self, count: int) -> None:
        """Begin a burst; the device stops by itself after `count` photos."""
        self._require_free(raw=False)
        if not 1 <= count <= 999:
            raise RefusedError(Code.WS_INVAID_PARAM)
        self._start(Notify.BURST_STATE, self._burst(count), ALBUM_BURST)

    def _start(self, kind: Notify, work, media_type: int) -> None:
        async def run() -> None:
            try:
                await work
                self._device.notify(Notify.ALBUM_UPDATE, media_type=media_type)
            finally:
                self.running = None
                self._device.notify(kind, state=OperationState.IDLE, camera_type=self._camera)

        self.running = kind
        self._device.notify(kind, state=OperationState.RUNNING, camera_type=self._camera)
        self._task = self._device.spawn(run())

    async def stop(self) -> None:
        """End a photo or burst; what is on the card stays."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _burst(self, count: int) -> None:
        stamp = names.session_stamp(self._device.local(self._device.clock.now()))
        folder = f"Burst/DWARF3_{self._device.profile.cameras[self._camera].name.upper()}_{stamp}"
        for number in range(1, count + 1):
            await self._take(folder, raw=False)
            self._device.notify(
                Notify.BURST_PROGRESS, total_count=count, completed_count=number, camera_type=self._camera
            )

    async def _take(self, folder: str, raw: bool) -> None:
        device = self._device
        exposure, gain, filter_ = self.settings()
        seconds = exposure_seconds(exposure)
        start = device.clock.now()
        await self._wait(seconds)
        pixels = await device.paint(self._camera, start, seconds, gain, filter_, light=True)
        await device.clock.sleep(device.profile.timing.photo)
        end = device.clock.now()
        data = {"jpg": await asyncio.to_thread(_picture, pixels)}
        if raw:
            data["fits"] = await asyncio.to_thread(self._fits, pixels, end, seconds, gain, filter_)
        place = device.card.folder(folder)
        for suffix, content in data.items():
            device.card.write(place / names.photo_name(self._camera, device.local(end), suffix), content, end)

    async def _wait(self, seconds: float) -> None:
        """Expose; long exposures tell how far they are (15288)."""
        device = self._device
        end = device.clock.monotonic() + seconds
        while (left := end - device.clock.monotonic()) > 0:
            await device.clock.sleep(min(left, 1.0))
            if seconds >= 1:
                done = min(seconds, seconds - (end - device.clock.monotonic()))
                device.notify(
                    Notify.LONG_EXP_PROGRESS,
                    total_time=seconds,
                    exposured_time=done,
                    camera_type=self._camera,
                )

    def _fits(self, pixels: np.ndarray, end: datetime, seconds: float, gain: int, filter_: Filter) -> bytes:
        device = self._device
        target = device.motion.target
        ra, dec = target.aim(device.now()) if target else (0.0, 0.0)
        header = fits.Header(
            device.profile.cameras[self._camera], device.local(end), seconds, gain,
            FILTER_NAMES.get(filter_, ""), device.environment.sensor(), ra, dec,
            target.name if target else "",
        )  # fmt: skip
        return fits.encode(pixels, header.cards())

    async def live(self, width: int) -> bytes:
        """`view` as a JPEG."""
        return await asyncio.to_thread(picture.jpeg, await self.view(), width, self._device.jpg_quality)

    async def view(self) -> np.ndarray:
        """What the camera sees now, with the present settings (at most 1 s of exposure).

        Returns:
            uint8, RGB, half the size of the sensor: shape (height / 2, width / 2, 3).
        """
        device = self._device
        exposure, gain, filter_ = self.settings()
        seconds = min(1.0, exposure_seconds(exposure))
        pixels = await device.paint(self._camera, device.clock.now(), seconds, gain, filter_, light=True)
        return await asyncio.to_thread(_develop, pixels)


def _develop(pixels: np.ndarray) -> np.ndarray:
    return picture.stretch(picture.half_size(pixels))


def _picture(pixels: np.ndarray) -> bytes:
    return picture.jpeg(_develop(pixels), quality=90)
