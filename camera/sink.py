"""Where a camera's frames go: one session per night of a run, idle otherwise."""

import asyncio
import logging
import math
import os
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from camera.drivers.base import Frame, Original
from sessions.services import summary
from sessions.store.errors import StoreError
from sessions.store.manager import SessionManager
from sessions.store.metadata import FrameRecord
from sky.clouds import CloudWatch
from skycam_project.common.nights import evening, night_label, site_zone

logger = logging.getLogger(__name__)

SEARCH = "flat search"
"""Purpose of pictures that only look for the right brightness: no calibration may use them."""


class SessionSink:
    """The sessions of one camera, as the timelapse loop sees them (`camera.loop.FrameSink`).

    Args:
        sessions: of this camera, owned by this process.
        camera: its id.
        target: what it looks at, for people: the session's target.
        image_path: frames also appear here as `YYYY/MM/DD/raw/`; `None`: nowhere else.
        dark: whether stars are expected at a moment (UTC).
    """

    def __init__(
        self,
        sessions: SessionManager,
        camera: str,
        target: str,
        image_path: Path | None = None,
        dark: Callable[[datetime], bool] = lambda moment: True,
    ) -> None:
        self._dark, self._clouds = dark, CloudWatch()
        self.sessions, self.camera, self.target, self._image_path = sessions, camera, target, image_path
        self._kept: dict[Path, FrameRecord] = {}
        """Files of the frame in hand that are safe already: it is offered again after a failure."""

    # ---- what the loop calls

    async def frame(self, frame: Frame) -> str:
        """Store a frame; on return it is on disk. Raises what `SessionManager.add_original` raises."""
        return await asyncio.to_thread(self._keep, frame)

    def event(self, name: str, **details: Any) -> None:
        """Something a reader of the session wants to know."""
        self.sessions.add_event(name, details)

    def measured(self, frame: Frame, stars: int | None) -> None:
        """Note the number of stars of a dark sky; when they vanish, that is an event."""
        if stars is None or frame.kind != "light" or not self._dark(frame.middle):
            return
        try:
            self._note_stars(frame, stars)
        except StoreError as error:  # the frame is safe; its number of stars is no reason to stop
            self.log(logging.WARNING, f"the number of stars was not written down: {error}")

    def _note_stars(self, frame: Frame, stars: int) -> None:
        self.sessions.add_telemetry("stars", time=frame.middle, value=stars)
        applied = frame.applied
        light = (applied.exposure_s or 1.0) * (applied.gain or 1.0)
        setup = (round(math.log2(light)) if light > 0 else None, applied.aperture_f)
        if change := self._clouds.see(frame.middle, stars, setup):
            self.event(change.name, stars=change.stars, expected=change.expected)

    def log(self, level: int, message: str, **context: Any) -> None:
        """A row of the session, and of the program's log."""
        # The handler of `sessions.store.logs` brings the record into the session of its instrument.
        logger.log(level, "%s", message, extra={"instrument": self.sessions.instrument, **context})

    def session(self) -> dict[str, Any]:
        """A summary of the running session."""
        return summary(self.sessions.status())

    # ---- sessions of a run

    async def begin_run(self) -> None:
        """A run begins or goes on: the night's session is opened unless it is running."""
        await asyncio.to_thread(self._open_night, datetime.now(UTC))
        self.log(logging.INFO, "the run begins or goes on")

    async def end_run(self) -> None:
        """No run is wanted: its session is finished in the background, an idle one begins."""
        if self.sessions.active_session.type == "observation":
            self.log(logging.INFO, "the run was stopped")
            await asyncio.to_thread(self.sessions.end_session, wait=False)

    async def begin_calibration(self, purpose: str) -> None:
        """Open a session for darks or flats, such as `flats`; the frames of `SEARCH` count as rejected."""
        await asyncio.to_thread(self.sessions.start_session, "alignment", target=self.target, purpose=purpose)

    async def end_calibration(self) -> None:
        """The session of darks or flats is finished in the background."""
        if self.sessions.active_session.type == "alignment":
            await asyncio.to_thread(self.sessions.end_session, wait=False)

    def _open_for(self, frame: Frame) -> None:
        """Darks and flats have a session of their own; the next light frame ends it."""
        active = self.sessions.active_session
        if frame.kind != "light":
            purpose = f"{frame.kind}s"
            if active.type != "alignment" or active.purpose not in (purpose, SEARCH):
                self.sessions.start_session("alignment", target=self.target, purpose=purpose)
        elif active.type == "alignment":
            self.sessions.end_session(wait=False)
        elif active.type == "observation":
            self._open_night(frame.start)

    def _open_night(self, moment: datetime) -> None:
        """A night is local noon to noon; a run over months has one session for each."""
        zone = site_zone()
        active = self.sessions.active_session
        if active.type == "observation" and evening(active.started_at, zone) == evening(moment, zone):
            return
        self.sessions.start_session("observation", target=self.target, purpose=night_label(moment, zone))

    # ---- one frame

    def _keep(self, frame: Frame) -> str:
        self._open_for(frame)
        if frame.temperature_c is not None:
            self.sessions.add_telemetry(
                "temperature", time=frame.middle, sensor="ccd", value=frame.temperature_c
            )
        for original in frame.originals:
            if original.path not in self._kept:
                self._kept[original.path] = self._store(frame, original)
        record = self._kept[frame.path]
        self._kept.clear()
        if self._image_path:
            self._link(record, frame)
        return f"{self.sessions.active_session.id}/{record.index:06d}"

    def _store(self, frame: Frame, original: Original) -> FrameRecord:
        applied = frame.applied
        exposure_us = None if applied.exposure_s is None else round(applied.exposure_s * 1e6)
        values: Mapping[str, Any] = {
            "exposure_us": exposure_us,
            "gain": applied.gain,
            "sensor_temp_c": frame.temperature_c,
            "aperture_f": applied.aperture_f,
            "gain_unit": applied.gain_unit,
            "mid_time": frame.middle.isoformat(),
            "recovered": frame.recovered or None,
            "image_type": f"{frame.kind.capitalize()} Frame",
            "rejected": self.sessions.active_session.purpose == SEARCH or None,
            "device": dict(frame.metadata) or None,
        }
        return self.sessions.add_original(
            self.camera,
            original.path,
            file_name=original.source.name if original.source else original.path.name,
            media_type=original.media_type,
            info={key: frame.metadata[key] for key in ("model", "serial") if key in frame.metadata},
            settings={"exposure_us": exposure_us, "gain": applied.gain, "aperture_f": applied.aperture_f},
            time=frame.start,
            **{key: value for key, value in values.items() if value is not None},
        )

    def _link(self, record: FrameRecord, frame: Frame) -> None:
        """Show the frame under `image_path` too. It is safe already, so a failure there is only told."""
        assert self._image_path is not None  # noqa: S101 - for the type checker
        local = frame.start.astimezone(site_zone())
        folder = self._image_path / f"{local:%Y/%m/%d}" / "raw"
        target = folder / f"{self.camera}_{local:%Y%m%d_%H%M%S}_{record.index:06d}{record.path.suffix}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                os.link(record.path, target)
            except FileExistsError:
                return
            except OSError:  # another file system, or one without links
                shutil.copyfile(record.path, target)
        except OSError as error:
            self.log(
                logging.WARNING, f"the frame could not be shown under {self._image_path}: {error.strerror}"
            )
