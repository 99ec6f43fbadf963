"""What a running session has written so far: the journal behind a gate that closes when the session ends."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sessions.store import metadata, values
from sessions.store.errors import SessionClosedError
from sessions.store.journal import MAX_RECORD, JournalWriter, Stamp
from sessions.store.metadata import FrameRecord
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.units import Seconds

RECENT_LOGS = 200
URGENT = frozenset({"ERROR", "CRITICAL"})
"""Levels that are synced at once."""


@dataclass(slots=True)
class Progress:
    """What a session has counted so far; rebuilt from its journal when it is resumed."""

    frames: int = 0
    bytes: int = 0
    warnings: int = 0
    errors: int = 0
    events: int = 0
    next_index: dict[str, int] = field(default_factory=dict)
    cameras: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_frame: dict[str, FrameRecord] = field(default_factory=dict)
    logs: deque[tuple[int, str, str, str]] = field(default_factory=lambda: deque(maxlen=RECENT_LOGS))

    def count(self, kind: str, time: int, fields: dict[str, Any]) -> None:
        """A row was written."""
        if kind == "log":
            level = fields["l"]
            self.warnings += level == "WARNING"
            self.errors += level in URGENT
            self.logs.append((time, level, fields["s"], fields["m"]))
        elif kind == "evt":
            self.events += 1

    def count_frame(self, camera: str, record: FrameRecord) -> None:
        """A frame was written."""
        self.frames += 1
        self.bytes += record.bytes
        self.last_frame[camera] = record
        self.next_index[camera] = max(self.next_index.get(camera, 0), record.index + 1)


class Recorder:
    """Appends to a session's journal until the session ends; safe to use from many threads.

    Attributes:
        session_id: for messages.
        progress: counted under the journal's lock.
    """

    def __init__(self, session_id: str, journal: JournalWriter, progress: Progress) -> None:
        self.session_id = session_id
        self.journal = journal
        self.progress = progress
        self._lock = journal.lock
        self._idle = threading.Condition(self._lock)
        self._accepting = True
        self._frames_in_flight = 0

    def now(self) -> int:
        """Microseconds UTC."""
        return self.journal.now()

    def record(self, kind: str, fields: dict[str, Any]) -> Stamp:
        """Append one record and count it.

        Raises:
            SessionClosedError: the session has ended.
            InvalidValueError: the record is larger than 1 MiB (a log row is cut instead).
            WriteError: the disk refused.
        """
        encoded = encode(kind, fields)
        with self._lock:
            if not self._accepting:
                raise SessionClosedError(self.session_id)
            stamp = self.journal.append_locked(kind, encoded)
            self.progress.count(kind, stamp.time, fields)
        return stamp

    def sync(self) -> None:
        """Return when everything so far is on disk. Raises `WriteError`."""
        self.journal.sync()

    @contextmanager
    def frame_in_flight(self, camera: str) -> Iterator[int]:
        """Take the next index of a camera; the session does not end before the block is left.

        Raises `SessionClosedError`.
        """
        with self._lock:
            if not self._accepting:
                raise SessionClosedError(self.session_id)
            index = self.progress.next_index.get(camera, 0)
            self.progress.next_index[camera] = index + 1
            self._frames_in_flight += 1
        try:
            yield index
        finally:
            with self._idle:
                self._frames_in_flight -= 1
                self._idle.notify_all()

    def frame_done(self, kind: str, camera: str, record: FrameRecord, fields: dict[str, Any]) -> None:
        """Append the line that acknowledges a frame in flight. Raises `InvalidValueError`, `WriteError`."""
        encoded = encode(kind, fields)
        with self._lock:
            self.journal.append_locked(kind, encoded)
            self.progress.count_frame(camera, record)

    def stop(self) -> None:
        """Accept nothing more; frames in flight are still finished."""
        with self._lock:
            self._accepting = False

    def wait_for_frames(self, timeout: Seconds | None = None) -> bool:
        """Wait until no frame is in flight; False when that took longer than `timeout`."""
        with self._idle:
            return self._idle.wait_for(lambda: self._frames_in_flight == 0, timeout)

    def suspend(self, reason: str) -> None:
        """Write why nothing follows, sync, close; the session is to be resumed. Raises `WriteError`."""
        try:
            self.journal.append("evt", encode("evt", {"e": "suspended", "d": {"reason": reason}}))
            self.journal.sync()
        finally:
            self.journal.close()

    def finish(self, status: str) -> None:
        """Write the last line, sync, close. Raises `WriteError`; the journal is closed all the same."""
        try:
            self.journal.append("end", values.encode({"status": status}))
            self.journal.sync()
        finally:
            self.journal.close()


def encode(kind: str, fields: dict[str, Any]) -> bytes:
    """The fields of a record as JSON.

    A log row whose context makes it larger than 1 MiB is cut; any other record raises `InvalidValueError`.
    """
    encoded = values.encode(fields)
    if len(encoded) <= MAX_RECORD:
        return encoded
    if kind == "log":
        return values.encode(fields | {"c": {"cut": values.short_repr(fields["c"], 2000)}})
    raise InvalidValueError("record", f"{len(encoded)} bytes", f"at most {MAX_RECORD} bytes")


def log_row(level: object, message: object, source: object, context: dict[str, Any]) -> dict[str, Any]:
    """Fields of a log record."""
    text = metadata.message(message)
    return {"l": metadata.level(level), "s": str(source), "m": text, "c": context or None}
