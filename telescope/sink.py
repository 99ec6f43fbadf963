"""Where a telescope's frames go, and which session they belong to (architecture §4)."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sessions.services import summary
from sessions.store.errors import StoreError
from sessions.store.manager import SessionManager
from sky.clouds import CloudWatch
from sky.detection import detect
from skycam_project.common.clock import iso_utc
from skycam_project.common.pixels import PixelFile, write_pixels
from skycam_project.common.units import Arcseconds, Seconds
from telescope.dwarf.frame import Frame, mosaic
from telescope.dwarf.heavens import Equatorial, separation
from telescope.dwarf.session.settings import Optics
from telescope.dwarf.session.state import Board
from telescope.preview import make_preview
from telescope.procedures import CALIBRATION

logger = logging.getLogger(__name__)

CAMERA = "tele"
OTHER_TARGET: Arcseconds = 3600.0
"""A target further away than this (one degree) begins a session of its own."""
IDLE_END: Seconds = 900.0
"""An observation ends by itself after so long without a frame."""
LOOK: Seconds = 10.0
OPTICS = Optics()
INFO = {
    "model": "DWARF 3 tele",
    "sensor": OPTICS.sensor,
    "sensor_size": [
        round(side * OPTICS.pixel_um / 1000, 2) for side in (OPTICS.width_px, OPTICS.height_px)
    ],  # mm
    "pixel_size_um": OPTICS.pixel_um,
    "focal_length_mm": OPTICS.focal_length_mm,
    "aperture_mm": OPTICS.aperture_mm,
    "bayer_pattern": "RGGB",
    "row_order": "top-down",
}
"""What a session says of the camera, in document 002's words."""
SEARCH = "flat search"
"""Purpose of pictures that only look for the right brightness: no calibration may use them."""


class TelescopeSink:
    """The sessions of one telescope, as its host sees them.

    The first light exposure opens an observation named after the last slew's target. It ends on park, when the
    last client leaves, with a target more than a degree away, or after a quarter of an hour without a frame.

    Args:
        sessions: of this telescope, owned by this process.
        board: the telescope's state.
        images: the folder of pixel files.
        previews: the folder of preview pictures.
        dark: whether stars are expected at a moment (UTC).

    Attributes:
        newest: the newest frame for pages; None before the first.
    """

    def __init__(
        self,
        sessions: SessionManager,
        board: Board,
        images: Path,
        previews: Path,
        dark: Callable[[datetime], bool] = lambda moment: True,
    ) -> None:
        self._sessions, self._board, self._images, self._previews = sessions, board, images, previews
        self._dark, self._clouds = dark, CloudWatch()
        self.newest: dict[str, Any] | None = None
        self._place: Equatorial | None = None
        self._last_frame: Seconds = 0.0
        self._cropped = False
        for folder in (images, previews):
            folder.mkdir(parents=True, exist_ok=True)

    # ---- what the host calls

    async def frame(self, frame: Frame) -> str:
        """Store a frame; on return it is on disk. Raises what `SessionManager.add_original` raises."""
        self._last_frame = asyncio.get_running_loop().time()
        return await asyncio.to_thread(self._keep, frame)

    async def image(self, frame: Frame, number: str) -> PixelFile:
        """Lay the pixels out in Alpaca's order, and make the preview beside."""
        return await asyncio.to_thread(self._lay_out, frame, number)

    def event(self, name: str, **details: Any) -> None:
        """Something a reader of the session wants to know."""
        self._sessions.add_event(name, details)

    def session(self) -> dict[str, Any]:
        """A summary of the running session."""
        return summary(self._sessions.status())

    # ---- which session

    def watch(self, state: Mapping[str, Any]) -> None:
        """End the observation when the telescope is parked or nobody holds it any more."""
        if not self._observing:
            return
        held = any(clients["holding"] for clients in state["clients"].values())
        if state["mount"]["parked"] or not held:
            self._end("the telescope was parked" if held else "the last client has left")

    async def begin_calibration(self, purpose: str) -> None:
        """Open a session for flats; the frames of `SEARCH` count as rejected."""
        await asyncio.to_thread(self._sessions.start_session, "alignment", purpose=purpose)

    async def end_calibration(self) -> None:
        """The session of flats is finished in the background."""
        if self._calibrating:
            await asyncio.to_thread(self._end, "the flats are done")

    async def end_idle_observations(self) -> None:
        """Until cancelled: end an observation or flats without a frame for a quarter of an hour."""
        while True:
            await asyncio.sleep(LOOK)
            if (
                self._observing or self._calibrating
            ) and asyncio.get_running_loop().time() - self._last_frame > IDLE_END:
                self._end("no frame for 15 min")

    @property
    def _observing(self) -> bool:
        return self._sessions.active_session.type == "observation"

    @property
    def _calibrating(self) -> bool:
        active = self._sessions.active_session
        return active.type == "alignment" and active.purpose != CALIBRATION.purpose

    def _end(self, reason: str) -> None:
        self._sessions.add_event(f"{self._sessions.active_session.type}_ended", {"reason": reason})
        self._sessions.end_session(wait=False)

    def _open(self, frame: Frame) -> None:
        mount = self._board.mount
        known = mount.target_ra_hours is not None and mount.target_dec_deg is not None
        place = Equatorial(mount.target_ra_hours or 0.0, mount.target_dec_deg or 0.0) if known else None
        if self._observing:
            near = place is None or self._place is None or separation(place, self._place) <= OTHER_TARGET
            if near:
                self._place = self._place or place
                return
        coordinates = {"ra": place.ra_hours * 15, "dec": place.dec_deg, "frame": "icrs"} if place else None
        meta = {"target_coords": coordinates} if coordinates else {}
        self._sessions.start_session("observation", target=mount.target_name or None, **meta)
        self._place = place

    # ---- one frame

    def _keep(self, frame: Frame) -> str:
        if frame.exposure.flat:
            if not self._calibrating:
                self._sessions.start_session("alignment", purpose="flats")
        elif frame.exposure.light and not frame.recovered:
            self._open(frame)
        # The session moves its file away; the host still needs its own to see where the frame points.
        kept = frame.path.with_name(f"{frame.path.name}.kept")
        kept.unlink(missing_ok=True)
        os.link(frame.path, kept)
        mount = self._board.mount
        pointing = {"ra_deg": mount.ra_hours * 15, "dec_deg": mount.dec_deg} if mount.position_known else {}
        values = {
            **pointing,
            "exposure_us": round(frame.exposure.duration_s * 1e6),
            "gain": frame.exposure.gain,
            "sensor_temp_c": frame.temperature_c,
            "focus_pos": self._board.focus.position,
            "filter": self._filter(),
        }
        record = self._sessions.add_original(
            CAMERA,
            kept,
            file_name=frame.path.name,
            media_type=frame.media_type,
            info=INFO,
            settings={"exposure_us": values["exposure_us"], "gain": frame.exposure.gain},
            time=frame.start,
            mid_time=iso_utc(frame.middle),
            image_type=f"{frame.exposure.kind.capitalize()} Frame",
            rejected=frame.rejected or self._sessions.active_session.purpose == SEARCH,
            cards=dict(frame.cards),
            **{key: value for key, value in values.items() if value is not None},
        )
        return f"{self._sessions.active_session.id}/{record.index:06d}"

    def _filter(self) -> str | None:
        filters = self._board.filters
        position = filters.position
        return (
            filters.names[position] if position is not None and 0 <= position < len(filters.names) else None
        )

    def _lay_out(self, frame: Frame, number: str) -> PixelFile:
        pixels, cropped = mosaic(frame, OPTICS.width_px, OPTICS.height_px)
        if cropped and not self._cropped:
            self._cropped = True
            logger.info("frames are larger than the camera's size and are cropped about their centre")
        stem = f"tele-{frame.start:%Y%m%dT%H%M%S%f}"
        image = write_pixels(self._images, stem, pixels)
        for old in self._images.glob("tele-*"):
            if old.name != stem:
                old.unlink(missing_ok=True)  # whoever sends it holds it open
        preview = make_preview(self._previews, pixels, stem)
        self.newest = {
            "id": number,
            "taken_at": iso_utc(frame.start),
            "exposure_s": frame.exposure.duration_s,
            "gain": frame.exposure.gain,
            "filter": self._filter(),
            "width": pixels.shape[1],
            "height": pixels.shape[0],
            "target": self._board.mount.target_name,
            "stars": self._count_stars(frame, pixels),
            **preview,
        }
        return image

    def _count_stars(self, frame: Frame, pixels: np.ndarray) -> int | None:
        """Stars in a light frame of a dark sky; when they vanish while the telescope tracks, that is an event."""
        if frame.exposure.kind != "light" or not self._dark(frame.middle):
            return None
        stars = len(detect(pixels, "mosaic"))
        try:
            self._note_stars(frame, stars)
        except StoreError as error:  # the frame is safe; its number of stars is no reason to give it up
            logger.warning("the number of stars was not written down reason=%s", error)
        return stars

    def _note_stars(self, frame: Frame, stars: int) -> None:
        mount = self._board.mount
        self._sessions.add_telemetry("stars", time=frame.middle, value=stars)
        if mount.tracking_active:
            field = (mount.target_ra_hours, mount.target_dec_deg)
            setup = (*field, frame.exposure.duration_s, frame.exposure.gain, self._filter())
            if change := self._clouds.see(frame.middle, stars, setup):
                details = {"stars": change.stars, "expected": change.expected}
                self._sessions.add_event(change.name, details)
