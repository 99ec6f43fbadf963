"""The sessions of one instrument: there is always exactly one running, `idle` when nothing else."""

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from sessions.store import host, ids, joining, metadata, recovery, tree
from sessions.store.blocks import Codec
from sessions.store.errors import SessionClosedError, StoreError, WriteError
from sessions.store.finalise import EMBED_LIMIT, Finished
from sessions.store.finished import FinishedSessions
from sessions.store.ids import SessionType
from sessions.store.journal import OWNER, JournalWriter
from sessions.store.layout import InstrumentLock, Layout
from sessions.store.recording import Recording
from sessions.store.session import Session, SessionStatus
from sessions.store.space import FreeSpace, disk_space
from skycam_project.common.clock import Clock, SystemClock, microseconds_utc
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.units import Hours, Seconds

logger = logging.getLogger(__name__)

JOURNAL_LIMIT = 64 << 20
"""Bytes of journal at which an idle session rotates."""
FRAMES_LIMIT = 100_000
"""Frames at which any other session goes on in a new one: a longer list makes every reader slow."""
RETRY: Seconds = 600.0
"""Time after which a session that could not be finished (no room) is tried again."""


class SessionManager(Recording, FinishedSessions):
    """Owns the sessions of one instrument in this process; safe to use from many threads.

    Args:
        data_dir: the data folder; made when it is missing.
        location: `{lat, lon, alt}` of the site: degrees north, degrees east, metres.
        instrument: name of the telescope unit or camera; the default instrument's name does not show in ids.
        idle_rotate_hours: length of an idle session, from the top of the hour (UTC).
        storage: `embedded` (frames inside the file below 2 GiB) or `external` (always beside it).
        codec: how arrays are stored, see `Codec`.
        sync_interval: seconds after which rows reach the disk at the latest, > 0.
        resume: continue the session that a crash interrupted, instead of finishing it as `recovered`; for a
            process that comes back within the same run.
        on_finished: called in a background thread for every session whose file is there, recovered ones too.
        clock: wall-clock time; durations are the machine's monotonic clock.
        measure: free and total bytes of the disk.
        embed_limit: bytes of frames from which a session keeps them outside.

    Attributes:
        instrument: the instrument.
        resumed: whether the running session was begun by an earlier process.

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
        resume: bool = False,
        on_finished: Callable[[Finished], None] | None = None,
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
        self._lock = InstrumentLock(self._layout, instrument, patience=2.0)
        self._switch = threading.RLock()
        self._finaliser = ThreadPoolExecutor(1, thread_name_prefix=f"finalise-{instrument}")
        self._on_finished = on_finished
        self._retry: dict[Path, float] = {}
        self._stopping = threading.Event()
        self.resumed = False
        try:
            self._active = self._begin(resume)
        except BaseException:
            self._lock.release()
            raise
        joining.own(self._layout, instrument, self)
        self._finaliser.submit(self._recover_unowned, recovery.RESUME_WITHIN)
        self._keeper = threading.Thread(target=self._keep, name=f"sessions-{instrument}", daemon=True)
        self._keeper.start()

    def _begin(self, resume: bool) -> Session:
        """The first session: the interrupted one, or idle. What else is left is finished behind it."""
        left = recovery.leftovers(self._layout, self.instrument)
        current = self._layout.current(self.instrument)
        if current not in left:
            current = left[-1] if left else None
        session = self._resume(current) if resume and current else None
        self.resumed = session is not None
        active = session or self._open(SessionType.IDLE, None, None, {})
        joining.adopt_waiting(self._layout, self.instrument, active.folder)
        for folder in left:
            if folder != active.folder:
                self._finaliser.submit(self._finish_folder, folder)
        return active

    def _resume(self, folder: Path) -> Session | None:
        head = recovery.identify(self._layout, folder)
        found = recovery.read(folder, head) if head else None
        if found is None or not recovery.can_resume(found, self._now()):
            return None
        journal = recovery.resume(found, host.process_name(), self._now)
        self._layout.point(self.instrument, folder)
        return Session(folder, found.head, journal, self._space, found.progress)

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
        self.resumed = False
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
        if kind is not SessionType.IDLE:
            session.update()  # from here on the session exists, even if nothing is ever recorded in it
            journal.sync()
        return session

    def _retire(self, session: Session, status: str) -> Future[Finished]:
        """Finish a session in the background; one at a time."""
        session.recorder.stop()
        return self._finaliser.submit(self._finish, session, status)

    def _finish(self, session: Session, status: str) -> Finished:
        try:
            session.end(status)
        except WriteError as error:
            # Without its last line the session is finished as recovered; all that was acknowledged is there.
            logger.warning("the last line was not written: session=%s reason=%s", session.id, error)
        joining.seal(session.folder)
        finished = self._finish_folder(session.folder)
        if finished is None:
            raise StoreError(f"session {session.id} is not finished yet; see the log")
        return finished

    def _finish_folder(self, folder: Path) -> Finished | None:
        """Finish one folder; a failure is logged and tried again later."""
        try:
            finished = recovery.finish(self._layout, folder, self._space)
        except Exception as error:
            logger.error("session not finished, tried again later: session=%s reason=%s", folder.name, error)
            self._retry[folder] = monotonic() + RETRY
            raise
        self._retry.pop(folder, None)
        if finished is not None:
            self._tell(finished)
        return finished

    def _tell(self, finished: Finished) -> None:
        if self._on_finished is not None:
            try:
                self._on_finished(finished)
            except Exception:
                logger.exception("a finished session was not taken up: session=%s", finished.session_id)

    def _recover_unowned(self, older_than: timedelta) -> list[Finished]:
        done = recovery.recover_unowned(self._layout, self._space, self._now(), older_than)
        for finished in done:
            self._tell(finished)
        return done

    def recover(self) -> list[Finished]:
        """Finish whatever crashes left of this instrument and of instruments that nobody runs, now.

        The running sessions are left alone. What cannot be finished is logged and stays as it is.
        """
        done = []
        with self._switch:
            left = recovery.leftovers(self._layout, self.instrument)
        for folder in left:
            if folder != self._active.folder:
                with contextlib.suppress(Exception):  # logged
                    done.append(self._finaliser.submit(self._finish_folder, folder).result())
        done += self._finaliser.submit(self._recover_unowned, timedelta(0)).result()
        return [finished for finished in done if finished is not None]

    def status(self) -> SessionStatus:
        """The running session at a glance."""
        return self._active.status()

    @property
    def data_dir(self) -> Path:
        """The sessions' folder."""
        return self._layout.root

    def wait_for_files(self) -> None:
        """Return when every session that has ended by now has its file, or has failed to get it."""
        self._finaliser.submit(lambda: None).result()

    # -- time ------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return microseconds_utc(self._clock.now())

    def rotate_if_due(self) -> bool:
        """Replace a session that has become too long; called every second.

        An idle one by its hour and its journal; any other by its frames: it goes on in a successor, whose
        `meta.continues` is its uuid.
        """
        with self._switch:
            session = self._active
            if self._stopping.is_set():
                return False
            if session.type is not SessionType.IDLE:
                if session.recorder.progress.frames < FRAMES_LIMIT:
                    return False
                self._replace(lambda: self._continue(session), "complete")
                return True
            full = session.recorder.journal.size >= JOURNAL_LIMIT
            # The clock may step back: then the monotonic one ends the hour.
            over = self._clock.now() >= self._next_hour(session.started_at)
            if not (full or over or monotonic() - session.opened >= self._idle_hours * 3600):
                return False
            self._replace(lambda: self._open(SessionType.IDLE, None, None, {}), "complete")
            return True

    def _continue(self, session: Session) -> Session:
        meta = session.meta | {"continues": session.head["uuid"]}
        successor = self._open(session.type, session.target, session.purpose, meta)
        successor.describe_cameras(session)
        return successor

    def _next_hour(self, start: datetime) -> datetime:
        top = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return top + timedelta(hours=self._idle_hours)

    def _keep(self) -> None:
        while not self._stopping.wait(min(self._sync_interval, 1.0)):
            try:
                if self._active.recorder.journal.dirty:
                    self._active.recorder.sync()
                self.rotate_if_due()
                self._try_again()
            except Exception:
                logger.exception(
                    "session upkeep failed, tried again in a second: instrument=%s", self.instrument
                )

    def _try_again(self) -> None:
        for folder, due in list(self._retry.items()):
            if monotonic() >= due:
                self._retry[folder] = monotonic() + RETRY
                self._finaliser.submit(self._finish_folder, folder)

    def suspend(self, reason: str = "the program was stopped") -> None:
        """Stop recording without ending the session: the next manager with `resume` continues it.

        An idle session is ended instead. Returns as soon as everything is on disk; sessions that are still
        being finished are finished at the next start if this process leaves before.
        """
        with self._switch:
            if self._stopping.is_set():
                return
            self._stopping.set()
            session = self._active
            session.recorder.stop()
        try:
            session.recorder.wait_for_frames()
            if session.type is SessionType.IDLE:
                session.end("complete")
                with contextlib.suppress(TimeoutError):
                    self._finaliser.submit(self._finish_folder, session.folder).result(timeout=1.0)
                    self._layout.point(self.instrument, None)
            else:
                session.recorder.suspend(reason)
        finally:
            self._keeper.join()
            self._finaliser.shutdown(wait=False, cancel_futures=True)
            self._release()

    def _release(self) -> None:
        joining.disown(self._layout, self.instrument)
        self._lock.release()

    def shutdown(self) -> Path | None:
        """End the running session, finish everything, give the instrument free. May be called twice.

        Returns the last session's file. Raises `StoreError` or `OSError` when it could not be finished; the
        next start does it then.
        """
        with self._switch:
            if self._stopping.is_set():
                return None
            self._stopping.set()
            job = self._retire(self._active, "complete")
        try:
            return job.result().path
        finally:
            self._keeper.join()
            self._finaliser.shutdown()
            self._layout.point(self.instrument, None)
            self._release()
