"""A running session: everything it is given is on disk before the call returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from sessions.store import ids, metadata, originals, values
from sessions.store.blocks import Codec
from sessions.store.journal import JournalWriter, Stamp
from sessions.store.keeper import FrameKeeper
from sessions.store.metadata import FrameRecord
from sessions.store.recorder import URGENT, Progress, Recorder, log_row
from sessions.store.space import FreeSpace
from skycam_project.common.clock import from_microseconds
from skycam_project.common.units import Seconds

_CALIBRATION_LISTS = {
    "plate_solve": "plate_solve_results",
    "dark": "dark_frames",
    "flat": "flat_frames",
    "bias": "bias_frames",
}


def _lasting(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings that hold for more than one frame."""
    return {name: value for name, value in settings.items() if name not in metadata.FRAME_COLUMNS}


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A session at a glance, for live pages.

    Attributes:
        id, uuid, type, instrument, target, purpose: identity.
        started_at: UTC.
        frames: acknowledged in this session.
        bytes: of those frames' files.
        warnings, errors, events: rows so far (errors: ERROR and worse).
        last_frame: the newest frame of each camera.
        logs: the last log rows, oldest first: `time` (UTC), `level`, `source`, `message`.
    """

    id: str
    uuid: str
    type: str
    instrument: str
    target: str | None
    purpose: str | None
    started_at: datetime
    frames: int
    bytes: int
    warnings: int
    errors: int
    events: int
    last_frame: dict[str, FrameRecord]
    logs: list[dict[str, Any]]


class Session:
    """One time-bounded period of one instrument; made by a `SessionManager`, usable from many threads.

    Attributes:
        id: the session's name, also of its file.
        head: its identity as it was at the start.
        folder: where it lives while it runs.
        opened: `time.monotonic()` when this process began to write it.
        meta: further keys, as this process knows them.
    """

    def __init__(
        self,
        folder: Path,
        head: dict[str, Any],
        journal: JournalWriter,
        space: FreeSpace,
        progress: Progress | None = None,
    ) -> None:
        self.folder = folder
        self.head = head
        self.id: str = head["session_id"]
        self.type = ids.session_type(head["session_type"])
        self.started_at = metadata.parse_iso(head["start_time"])
        self.target: str | None = head.get("target")
        self.purpose: str | None = head.get("purpose")
        self.meta: dict[str, Any] = dict(head.get("meta") or {})
        self.opened = monotonic()
        self.recorder = Recorder(self.id, journal, progress or Progress())
        self._keeper = FrameKeeper(folder, self.recorder, Codec(head["codec"]), space)

    def log(
        self,
        level: str | int,
        message: object,
        /,
        source: str = "",
        *,
        durable: bool = True,
        **context: Any,
    ) -> Stamp:
        """Record one log row; it survives the death of this process when this returns.

        Args:
            level: DEBUG, INFO, WARNING, ERROR, CRITICAL (other words and numbers become the nearest).
            message: text, cut at 64 KiB.
            source: which part of the program speaks.
            durable: wait for the disk on ERROR and CRITICAL, so that they survive a power cut too.
            context: anything; converted, and cut when it is larger than 1 MiB.

        Raises:
            SessionClosedError: the session has ended.
            WriteError: the disk refused.
        """
        row = log_row(level, message, source, context)
        stamp = self.recorder.record("log", row)
        if durable and row["l"] in URGENT:
            self.recorder.sync()
        return stamp

    def add_event(self, name: str, details: Mapping[str, Any] | None = None, /, **more: Any) -> Stamp:
        """Record that something happened, such as `tracking_lost` or `capture_gap`.

        `details` is for keys that are no Python names (`{"from": …, "to": …}`).
        Raises as `log`, and `InvalidValueError` for more than 1 MiB.
        """
        fields = {"e": str(name), "d": {**(details or {}), **more} or None}
        return self.recorder.record("evt", fields)

    def add_telemetry(self, series: str, /, time: object = None, **columns: Any) -> Stamp:
        """Record one row of a series: `mount_position`, `temperature`, `focus_position` or any other.

        Args:
            series: name of the table.
            time: aware datetime, ISO text or microseconds UTC; now by default.
            columns: numbers or text; the unit belongs in the name (`alt_deg`).

        Raises as `add_event`.
        """
        fields: dict[str, Any] = {"n": str(series), "v": columns}
        if time is not None:
            fields["at"] = metadata.moment(time, 0)
        return self.recorder.record("tel", fields)

    def update(self, **meta: Any) -> None:
        """Change `target`, `purpose` or further keys of `meta`; id and file name stay.

        Raises as `add_event`.
        """
        named = {
            name: metadata.text_or_none(name, meta[name]) for name in ("target", "purpose") if name in meta
        }
        changed = metadata.session_meta({name: meta[name] for name in meta if name not in named}) | named
        self.recorder.record("meta", {"v": changed})
        self.meta |= {name: value for name, value in changed.items() if name not in ("target", "purpose")}
        self.target = changed.get("target", self.target)
        self.purpose = changed.get("purpose", self.purpose)

    def add_frame(
        self,
        camera: str,
        array: np.ndarray,
        info: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        time: object = None,
        **meta: Any,
    ) -> FrameRecord:
        """Keep one image; file and journal line are on disk when this returns.

        Args:
            camera: name of the camera in this session, such as `main`.
            array: `[h, w]` or `[h, w, 3]`, ADU; may be reused at once.
            info: model, serial, sensor size, …; once per camera is enough.
            settings: as at the session's start; a later change is an event (not of what has a column below).
            time: when the frame was taken (aware datetime, ISO text, microseconds UTC); now by default.
            meta: capture metadata: `exposure_us`, `gain`, `offset`, `sensor_temp_c`, `filter`, `ra_deg`,
                `dec_deg`, `alt_deg`, `az_deg`, `focus_pos`; anything else is kept as details.

        Raises:
            DiskFullError: less than 2 % of the disk is free, or the disk is full; logs still work.
            WriteError: the disk refused; nothing was kept.
            SessionClosedError: the session has ended.
            SessionFullError: it holds 200,000 frames; a manager's sessions go on in another one before that.
            InvalidValueError: not an image, not a camera name, a time without a zone.
        """
        self._camera(ids.check_camera(camera), info, settings)
        return self._keeper.array(camera, {"cam": camera}, np.asarray(array), time, meta)

    def add_original(
        self,
        camera: str,
        source: Path | str | bytes | bytearray | memoryview,
        file_name: str | None = None,
        media_type: str | None = None,
        info: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        time: object = None,
        **meta: Any,
    ) -> FrameRecord:
        """Keep a file that the camera made (CR2, NEF, JPEG, FITS), byte for byte.

        Args:
            camera: as `add_frame`.
            source: a finished spool file, which is moved away (copied and removed when it lies on another
                file system), or the bytes.
            file_name: the camera's name for it; the spool file's name by default.
            media_type: guessed from the name by default.
            info: as `add_frame`.
            settings: as `add_frame`.
            time: as `add_frame`.
            meta: as `add_frame`; the device's own header cards belong here too.

        Raises as `add_frame`; the spool file is then where it was.
        """
        self._camera(ids.check_camera(camera), info, settings)
        source = Path(source) if isinstance(source, str) else source
        name = Path(file_name or (source.name if isinstance(source, Path) else "original")).name
        kind = media_type or originals.media_type(name)
        return self._keeper.original(camera, source, name, kind, time, meta)

    def add_calibration(
        self, kind: str, value: Any, /, time: object = None, **meta: Any
    ) -> FrameRecord | Stamp:
        """Record a calibration result, or keep a calibration frame.

        Args:
            kind: `plate_solve`, `dark`, `flat`, `bias`, or the name of another list of the calibration tree.
            value: an image (kept as a frame), a mapping (`{path, sha256}` refers to a shared frame).
            time: as `add_frame`.
            meta: capture metadata of an image.

        Raises as `add_frame`.
        """
        name = ids.check_camera(_CALIBRATION_LISTS.get(kind, kind))
        if isinstance(value, np.ndarray) and value.ndim >= 2:
            folder = f"{ids.RESERVED_CAMERA}/{name}"
            return self._keeper.array(folder, {"n": name}, value, time, meta, kind="cal")
        entry = values.plain(value)
        if isinstance(entry, dict) and "time" not in entry:
            entry = {"time": metadata.iso(metadata.moment(time, self.recorder.now())), **entry}
        return self.recorder.record("cal", {"n": name, "v": entry})

    def describe_cameras(self, of: "Session") -> None:
        """Take over what another session knows about its cameras. Raises `WriteError`."""
        for name, known in of.recorder.progress.cameras.items():
            self._camera(name, known.get("info"), known.get("settings"))

    def status(self) -> SessionStatus:
        """What the session holds so far; cheap enough for every tick of a live page."""
        progress, lock = self.recorder.progress, self.recorder.journal.lock
        with lock:
            logs, last_frame = list(progress.logs), dict(progress.last_frame)
            counts = (progress.frames, progress.bytes, progress.warnings, progress.errors, progress.events)
        rows = [
            {"time": from_microseconds(time), "level": level, "source": source, "message": message}
            for time, level, source, message in logs
        ]
        identity = (self.id, self.head["uuid"], self.type.value, self.head["instrument"])
        return SessionStatus(*identity, self.target, self.purpose, self.started_at, *counts, last_frame, rows)

    def end(self, status: str, timeout: Seconds | None = None) -> None:
        """Accept nothing more, wait for frames in flight, write the last line. For the manager.

        Raises `WriteError` when the last line cannot be written; what was acknowledged before is safe.
        """
        self.recorder.stop()
        self.recorder.wait_for_frames(timeout)
        self.recorder.finish(status)

    def _camera(self, name: str, info: Mapping[str, Any] | None, settings: Mapping[str, Any] | None) -> None:
        """Journal what is new about a camera; settings with a column per frame are expected to change."""
        if not info and not settings:
            return
        known = self.recorder.progress.cameras.setdefault(name, {})
        said = {"info": values.plain(dict(info or {})), "settings": values.plain(dict(settings or {}))}
        new = {
            what: content
            for what, content in said.items()
            if content and (what not in known or _lasting(known[what]) != _lasting(content))
        }
        if new:
            self.recorder.record("cam", {"cam": name, **new})
            known.update(new)
