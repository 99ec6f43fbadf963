"""The folder of one stacking run: sub-exposures, thumbnails, shotsInfo.json, the stack."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from telescope.dwarf.values import Camera, Filter, Parameter, ShootingMode
from telescope.simulator import fits, names, picture
from telescope.simulator.profile import FILTER_NAMES, exposure_seconds

if TYPE_CHECKING:
    from telescope.simulator.device import Dwarf

THUMBNAIL_WIDTH = 480


class Session:
    """A run's folder and counts; made when the folder is.

    Attributes:
        exposure: index, `gain`, `to_take`: fixed at the moment the folder is made.
        taken, stacked: exposed and accepted frames.
        core: common part of the names of the stack's files.
    """

    def __init__(self, device: "Dwarf", camera: Camera, exposure: int, gain: int, to_take: int) -> None:
        self._device = device
        self._camera = device.profile.cameras[camera]
        self.exposure, self.gain, self.to_take = exposure, gain, to_take
        self.seconds = exposure_seconds(exposure)
        self.name = self._camera.exposures[exposure]
        self.filter = Filter.NONE
        if camera == Camera.TELE:
            self.filter = Filter(device.params.get(ShootingMode.DEEP_SKY, camera, Parameter.FILTER).value)
        target = device.motion.target
        self.target = names.safe_target(target.name if target else "")
        self.ra, self.dec = target.aim(device.now()) if target else (0.0, 0.0)
        self.taken = self.stacked = 0
        self._temperatures: list[int] = []
        self._order = asyncio.Lock()
        self._sum: np.ndarray | None = None
        self._first: np.ndarray | None = None
        now = device.local(device.clock.now())
        folder = names.session_folder(camera, self.target, self.name, gain, now)
        self.folder = device.card.folder(f"Astronomy/{folder}")
        (self.folder / "Thumbnail").mkdir(exist_ok=True)
        # The stack's stamp is about the start of the first exposure.
        self.core = names.frame_core(self.target, self.name, gain, self.filter, now)
        self._write_info()

    async def add(self, start: datetime, end: datetime) -> bool:
        """Paint and write one sub-exposure; returns whether the device accepts it for the stack."""
        async with self._order:
            return await self._add(start, end)

    async def _add(self, start: datetime, end: datetime) -> bool:
        device = self._device
        pixels = await device.paint(self._camera.camera, start, self.seconds, self.gain, self.filter, True)
        failed = device.chance(device.faults.failed_frames)
        temperature = round(device.environment.sensor())
        self._temperatures.append(temperature)
        header = fits.Header(
            self._camera, device.local(end), self.seconds, self.gain, FILTER_NAMES.get(self.filter, ""),
            temperature, self.ra, self.dec, self.target,
        )  # fmt: skip
        core = names.frame_core(self.target, self.name, self.gain, self.filter, device.local(end))
        name = names.frame_name(core, temperature, failed)
        data, thumbnail = await asyncio.to_thread(self._encode, pixels, header, not failed)
        card, moment = device.card, device.clock.now()
        card.write(self.folder / "Thumbnail" / f"{name.removesuffix('.fits')}.jpg", thumbnail, moment)
        await asyncio.to_thread(card.write, self.folder / name, data, moment)
        if not failed:
            self.stacked += 1
            small = await asyncio.to_thread(self._picture, 2)
            device.preview = small
            card.write(self.folder / "stacked.jpg", small, moment)
            card.write(self.folder / "stacked_thumbnail.jpg", small, moment)
        self._write_info()
        return not failed

    def _encode(self, pixels: np.ndarray, header: fits.Header, accepted: bool) -> tuple[bytes, bytes]:
        """The FITS file and the thumbnail of a frame; an accepted one goes into the stack."""
        if accepted:
            if self._sum is None:
                self._sum, self._first = np.zeros(pixels.shape, np.uint32), pixels
            self._sum += pixels
        thumbnail = picture.jpeg(picture.stretch(picture.half_size(pixels, 4)), THUMBNAIL_WIDTH)
        return fits.encode(pixels, header.cards()), thumbnail

    def _picture(self, step: int) -> bytes:
        """The stack so far as JPEG, every `step`-th pixel of the half-size picture."""
        assert self._sum is not None  # noqa: S101
        return picture.jpeg(picture.stretch(picture.half_size(self._sum, step) / self.stacked))

    async def finish(self, complete: bool) -> None:
        """Write the stack's pictures; `complete` with the 16-bit FITS and PNG and the reference pictures."""
        device = self._device
        if self._sum is not None and self.stacked:
            big = await asyncio.to_thread(self._picture, 1)
            moment = device.clock.now()
            device.card.write(self.folder / "stacked.jpg", big, moment)
            if complete:
                await device.clock.sleep(device.profile.timing.slow_stop)
                await asyncio.to_thread(self._write_stack, moment)
        self._write_info()
        self._sum = self._first = None

    def _write_stack(self, moment: datetime) -> None:
        for name, data in self._stack_files():
            self._device.card.write(self.folder / name, data, moment)

    def _stack_files(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of the stack's files: a plain mean of the accepted frames, not registered."""
        assert self._sum is not None and self._first is not None  # noqa: S101
        mean = picture.half_size(self._sum) / self.stacked
        colour = np.round(mean).astype(np.uint16).repeat(2, axis=0).repeat(2, axis=1)
        height, width = colour.shape[:2]
        header = fits.Header(
            self._camera, self._device.local(self._device.clock.now()), self.stacked * self.seconds,
            self.gain,
            FILTER_NAMES.get(self.filter, ""), max(self._temperatures), self.ra, self.dec, self.target,
        )  # fmt: skip
        corners = {"TL": (0, 0), "TR": (width - 1, 0), "BR": (width - 1, height - 1), "BL": (0, height - 1)}
        crop: list[tuple[str, fits.Value, str]] = [
            (f"CR{corner}{number}{axis}", value, "")
            for number in (1, 2)
            for corner, place in corners.items()
            for axis, value in zip("XY", place, strict=True)
        ]
        # One after the other: each is some 50 MB.
        yield f"stacked-16_{self.core}.fits", fits.encode(colour.transpose(2, 0, 1), header.cards() + crop)
        yield f"stacked-16_{self.core}.png", picture.png(colour)
        yield "img_reference.png", picture.png(picture.stretch(picture.half_size(self._first)))
        counts = np.full((height // 2, width // 2), min(self.stacked, 255), np.uint8)
        yield "img_stacked_counter.png", picture.png(counts)

    def _write_info(self) -> None:
        """`shotsInfo.json`: RA in hours here, degrees in the FITS header; exp is text, gain a number."""
        temperatures = self._temperatures or [round(self._device.environment.sensor())]
        info = {
            "DEC": self.dec,
            "RA": self.ra / 15.0,
            "binning": "1*1",
            "exp": self.name,
            "format": "FITS",
            "gain": self.gain,
            "ir": FILTER_NAMES.get(self.filter, ""),
            "maxTemp": max(temperatures),
            "minTemp": min(temperatures),
            "shotsStacked": self.stacked,
            "shotsTaken": self.taken,
            "shotsToTake": self.to_take,
            "target": self.target,
        }
        text = json.dumps(info, indent=4, ensure_ascii=False).encode()
        self._device.card.write(self.folder / "shotsInfo.json", text, self._device.clock.now())
