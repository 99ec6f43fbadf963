"""The sessions of one instrument: there is always exactly one running, `idle` when nothing else."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import numpy as np

from sessions.store import finalise, host, ids, metadata, tree
from sessions.store.blocks import Codec
from sessions.store.errors import SessionClosedError
from sessions.store.finalise import EMBED_LIMIT, Finished
from sessions.store.ids import SessionType
from sessions.store.journal import OWNER, JournalWriter, Stamp
from sessions.store.layout import InstrumentLock, Layout
from sessions.store.metadata import FrameRecord
from sessions.store.session import Session, SessionStatus
from sessions.store.space import FreeSpace, disk_space
from sessions.store.verify import Report, verify
from skycam_project.common.clock import Clock, SystemClock, microseconds_utc
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.units import Hours, Seconds

logger = logging.getLogger(__name__)

JOURNAL_LIMIT = 64 << 20
"""Bytes of journal at which an idle session rotates."""


class SessionManager:
    """Owns the sessions of one instrument in this process; safe to use from many threads.

    Args:
        data_dir: the data folder; made when it is missing.
        location: `{lat, lon, alt}` of the site: degrees north, degrees east, metres.
        instrument: name of the telescope unit or camera; the default instrument's name does not show in ids.
        idle_rotate_hours: length of an idle session, from the top of the hour (UTC).
        storage: `embedded` (frames inside the file below 2 GiB) or `external` (always beside it).
        codec: how arrays are stored, see `Codec`.
        sync_interval: seconds after which rows reach the disk at the latest, > 0.
        clock: wall-clock time; durations are the machine's monotonic clock.
        measure: free and total bytes of the disk.
        embed_limit: bytes of frames from which a session keeps them outside.

    Raises:
        InstrumentOwnedError: another process runs this instrument's sessions.
        OSError: the data folder cannot be used.
    """

    def __init__(
        self,
        data_dir: Path | str,
        location: Mapping[str, Any] | None = None,
        *,
        instrument: str = ids.DEFAULT_INSTRUMENT,
        idle_rotate_hours: Hours = 1.0,
        storage: str = "embedded",
        codec: Codec | str = Codec.BLSC,
        sync_interval: Seconds = 1.0,
        clock: Clock | None = None,
        measure: Callable[[Path], tuple[int, int]] = disk_space,
        embed_limit: int = EMBED_LIMIT,
    ) -> None:
        if storage not in ("embedded", "external"):
            raise InvalidValueError("storage", storage, "embedded, external")
        self.instrument = ids.check_instrument(instrument)
        self._template = {
            "schema_version": tree.SCHEMA_VERSION,
            "instrument": instrument,
            "location": metadata.location(location),
            "software": host.software(),
            "host": host.host_name(),
            "timezone": host.timezone(),
            "boots": [host.boot_id()],
            "codec": Codec(codec).value,
            "storage": storage,
            "embed_limit": embed_limit,
        }
        self._clock = clock or SystemClock()
        self._idle_hours = idle_rotate_hours
        self._sync_interval = sync_interval
        self._layout = Layout(data_dir)
        self._layout.prepare()
        self._space = FreeSpace(self._layout.root, measure)
        self._lock = InstrumentLock(self._layout, instrument)
        self._switch = threading.RLock()
        self._finaliser = ThreadPoolExecutor(1, thread_name_prefix=f"finalise-{instrument}")
        self._jobs: dict[str, Future[Finished]] = {}
        self._stopping = threading.Event()
        try:
            self._active = self._open(SessionType.IDLE, None, None, {})
        except BaseException:
            self._lock.release()
            raise
        self._keeper = threading.Thread(target=self._keep, name=f"sessions-{instrument}", daemon=True)
        self._keeper.start()

    def __enter__(self) -> "SessionManager":
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    # -- sessions --------------------------------------------------------------------------------------------

    @property
    def active_session(self) -> Session:
        """The running session."""
        return self._active

    def start_session(
        self, session_type: str, target: str | None = None, purpose: str | None = None, **meta: Any
    ) -> Session:
        """Begin a session; the running one ends and is finished in the background.

        Args:
            session_type: observation, alignment, experiment, maintenance or idle.
            target: what is looked at, any text.
            purpose: any text.
            meta: further keys of `meta`, such as `target_coords={"ra": …, "dec": …, "frame": "icrs"}`.

        Raises:
            InvalidValueError: an unknown type, a reserved key.
            OSError: the session cannot be made; the old one runs on.
        """
        kind = ids.session_type(session_type)
        named = (metadata.text_or_none("target", target), metadata.text_or_none("purpose", purpose))
        further = metadata.session_meta(meta)
        with self._switch:
            return self._replace(lambda: self._open(kind, *named, further), "complete")[0]

    def end_session(self, status: str = "complete", wait: bool = True) -> Path:
        """End the running session and return to idle.

        Args:
            status: `complete`, or `aborted`.
            wait: return when the file is there; else its path, where it will be.

        Raises:
            OSError: the file could not be written (nothing is lost; it is tried again later).
        """
        if status not in ("complete", "aborted"):
            raise InvalidValueError("status", status, "complete, aborted")
        with self._switch:
            _, old, job = self._replace(lambda: self._open(SessionType.IDLE, None, None, {}), status)
        return job.result().path if wait else self._layout.final(old.id, old.started_at)

    def _replace(self, make: Callable[[], Session], status: str) -> tuple[Session, Session, Future[Finished]]:
        """New session first, then the pointer, then the old one leaves: nobody is ever without a session."""
        if self._stopping.is_set():
            raise SessionClosedError(self._active.id)
        old, new = self._active, make()
        self._active = new
        old.recorder.stop()
        return new, old, self._retire(old, status)

    def _open(
        self, kind: SessionType, target: str | None, purpose: str | None, meta: dict[str, Any]
    ) -> Session:
        start = self._clock.now().astimezone(UTC)
        head = self._template | {
            "uuid": str(uuid4()),
            "session_type": kind.value,
            "start_time": metadata.iso(microseconds_utc(start)),
            "target": target,
            "purpose": purpose,
            "meta": meta,
        }
        names = ids.candidates(kind, target, self.instrument, start)
        folder = self._layout.create(names, start, head)
        head["session_id"] = folder.name.removesuffix(".partial")
        journal = JournalWriter(folder / OWNER, host.process_name(), self._now, head=head)
        journal.sync()
        session = Session(folder, head, journal, self._space)
        self._layout.point(self.instrument, folder)
        return session

    def _retire(self, session: Session, status: str) -> Future[Finished]:
        """Finish a session in the background; one at a time."""
        job = self._finaliser.submit(self._finish, session, status)
        self._jobs[session.id] = job
        job.add_done_callback(lambda done: self._finished(session.id, done))
        return job

    def _finish(self, session: Session, status: str) -> Finished:
        session.end(status)
        return finalise.finalise(self._layout, session.folder, session.head, self._space)

    def _finished(self, session_id: str, job: Future[Finished]) -> None:
        self._jobs.pop(session_id, None)
        error = job.exception()
        if error:
            logger.error("session not finished yet: session=%s reason=%s", session_id, error)

    # -- records ---------------------------------------------------------------------------------------------

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
        """Log to the running session; see `Session.log`. Never lost in a rotation."""
        return self._to_active(lambda s: s.log(level, message, source, durable=durable, **context))

    def add_event(self, name: str, details: Mapping[str, Any] | None = None, /, **more: Any) -> Stamp:
        """Record an event in the running session; see `Session.add_event`."""
        return self._to_active(lambda s: s.add_event(name, details, **more))

    def add_telemetry(self, series: str, /, time: object = None, **columns: Any) -> Stamp:
        """Record a row of a series in the running session; see `Session.add_telemetry`."""
        return self._to_active(lambda s: s.add_telemetry(series, time, **columns))

    def add_frame(self, camera: str, array: np.ndarray, *args: Any, **meta: Any) -> FrameRecord:
        """Keep an image in the running session; see `Session.add_frame`."""
        return self._to_active(lambda s: s.add_frame(camera, array, *args, **meta))

    def add_original(self, camera: str, source: Path | str | bytes, *args: Any, **meta: Any) -> FrameRecord:
        """Keep a camera file in the running session; see `Session.add_original`."""
        return self._to_active(lambda s: s.add_original(camera, source, *args, **meta))

    def add_calibration(self, kind: str, value: Any, /, **meta: Any) -> FrameRecord | Stamp:
        """Record a calibration result in the running session; see `Session.add_calibration`."""
        return self._to_active(lambda s: s.add_calibration(kind, value, **meta))

    def _to_active(self, record: Callable[[Session], Any]) -> Any:
        while True:
            session = self._active
            try:
                return record(session)
            except SessionClosedError:
                if session is self._active:
                    raise

    def status(self) -> SessionStatus:
        """The running session at a glance."""
        return self._active.status()

    @staticmethod
    def verify(path: Path) -> Report:
        """Check a finished session; see `verify.verify`."""
        return verify(path)

    # -- time ------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return microseconds_utc(self._clock.now())

    def rotate_if_due(self) -> bool:
        """Replace an idle session whose hour is over or whose journal is full; called every second."""
        with self._switch:
            session = self._active
            if session.type is not SessionType.IDLE or self._stopping.is_set():
                return False
            full = session.recorder.journal.size >= JOURNAL_LIMIT
            # The clock may step back: then the monotonic one ends the hour.
            over = self._clock.now() >= self._next_hour(session.started_at)
            if not (full or over or monotonic() - session.opened >= self._idle_hours * 3600):
                return False
            self._replace(lambda: self._open(SessionType.IDLE, None, None, {}), "complete")
            return True

    def _next_hour(self, start: datetime) -> datetime:
        top = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return top + timedelta(hours=self._idle_hours)

    def _keep(self) -> None:
        while not self._stopping.wait(min(self._sync_interval, 1.0)):
            try:
                if self._active.recorder.journal.dirty:
                    self._active.recorder.sync()
                self.rotate_if_due()
            except Exception:
                logger.exception(
                    "session upkeep failed, tried again in a second: instrument=%s", self.instrument
                )

    def shutdown(self) -> Path | None:
        """End the running session, finish everything, give the instrument free. May be called twice.

        Returns the last session's file.
        """
        with self._switch:
            if self._stopping.is_set():
                return None
            self._stopping.set()
            self._active.recorder.stop()
            job = self._retire(self._active, "complete")
        try:
            return job.result().path
        finally:
            self._keeper.join()
            self._finaliser.shutdown()
            self._layout.point(self.instrument, None)
            self._lock.release()
