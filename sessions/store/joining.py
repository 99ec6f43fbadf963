"""How other processes take part in a session that they do not own, and how it ends without losing rows.

The owner's folder holds a file `seal`. A foreign process appends to its own `journal-<process>.jsonl` there:

1. shared lock (flock) on `seal`; 2. `seal` is empty, else unlock and look for the new folder; 3. append one
line; 4. `seal` does not say `forced`; 5. unlock.

To end a session its owner moves the pointer to the new one, makes `seal` non-empty (nobody begins any more),
takes the exclusive lock (those who had begun are done), and only then reads the journals: a row is in the old
session or in the new one, once. A process that was stopped between 1 and 5 for longer than the grace does not
hold the session up: the owner writes `forced`, and that process, when it wakes, repeats the row in the new
session; this is the only way in which a row can be there twice.
"""

import contextlib
import fcntl
import logging
import os
import secrets
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from sessions.store import ids, metadata
from sessions.store.errors import SessionClosedError
from sessions.store.journal import PATTERN, JournalWriter, Stamp
from sessions.store.layout import SEAL, Layout
from sessions.store.recorder import encode, log_row
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

GRACE: Seconds = 5.0
"""How long a session that ends waits for foreign rows that are being written."""
_SEALED = b"s"
_FORCED = b"forced"
_POLL: Seconds = 0.002


def seal(folder: Path, grace: Seconds = GRACE) -> None:
    """Let no foreign process write to a session any more; returns when none does. Idempotent."""
    with _handle(folder / SEAL) as handle:
        if not os.fstat(handle).st_size:
            os.pwrite(handle, _SEALED, 0)
        deadline = time.monotonic() + grace
        while not _try_lock(handle):
            if time.monotonic() > deadline:
                os.pwrite(handle, _FORCED, 0)
                logger.warning("a process stopped in the middle of a row: session=%s", folder.name)
                return
            time.sleep(_POLL)


def sealed(folder: Path) -> bool:
    """Whether the session has been closed to foreign processes, so that it can only be finished."""
    try:
        return (folder / SEAL).stat().st_size > 0
    except OSError:
        return True


def adopt_waiting(layout: Layout, instrument: str, folder: Path) -> int:
    """Move rows that waited for this instrument into its session's folder; returns the number of journals."""
    with _handle(layout.waiting / SEAL) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        waiting = sorted((layout.waiting / instrument).glob(PATTERN))
        for path in waiting:
            path.rename(folder / f"{path.stem}-{secrets.token_hex(4)}.jsonl")
    return len(waiting)


class Owner(Protocol):
    """What this module needs of a manager."""

    def record(self, kind: str, fields: dict[str, Any]) -> Stamp:
        """Write one record into the running session."""
        ...


_owners: weakref.WeakValueDictionary[tuple[Path, str], Any] = weakref.WeakValueDictionary()


def own(layout: Layout, instrument: str, owner: Owner) -> None:
    """Let joiners of this process hand rows of this instrument to its owner directly."""
    _owners[(layout.root, instrument)] = owner


def disown(layout: Layout, instrument: str) -> None:
    """The owner is gone."""
    _owners.pop((layout.root, instrument), None)


# A forked child does not own what its parent owns.
os.register_at_fork(after_in_child=_owners.clear)


class Joiner:
    """Appends rows to the running session of any instrument, from any process; safe to use from many threads.

    A row goes to the instrument's running session; when it has none, to that of the `system` instrument (its
    context then names the instrument); when that has none either, it waits on disk for the instrument's next
    session.

    Args:
        data_dir: the data folder; made when it is missing.
        process: a short name of this process; its number is added.
        sync_interval: seconds after which rows reach the disk at the latest, > 0.
    """

    def __init__(self, data_dir: Path | str, process: str, sync_interval: Seconds = 1.0) -> None:
        self._layout = Layout(data_dir)
        self._layout.prepare()
        self._process = ids.slug(process) or "process"
        self._interval = sync_interval
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._joined: dict[str, _Joined] = {}
        self._closed = threading.Event()
        self._flusher: threading.Thread | None = None

    def log(
        self,
        instrument: str,
        level: str | int,
        message: object,
        source: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """Record a log row, as `Session.log`. Raises `WriteError`, `OSError`, `InvalidValueError`."""
        row = log_row(level, message, source, {})
        self._append(instrument, "log", row, "c", context)

    def add_event(self, instrument: str, name: str, details: Mapping[str, Any] | None = None) -> None:
        """Record an event, as `Session.add_event`. Raises as `log`."""
        self._append(instrument, "evt", {"e": str(name)}, "d", details)

    def add_telemetry(
        self, instrument: str, series: str, values: Mapping[str, Any], time: object = None
    ) -> None:
        """Record a row of a series, as `Session.add_telemetry`. Raises as `log`."""
        at = {} if time is None else {"at": metadata.moment(time, 0)}
        self._append(instrument, "tel", {"n": str(series), **at}, "v", values)

    def flush(self) -> None:
        """Return when all rows so far are on disk. Raises `WriteError`."""
        with self._lock:
            joined = list(self._joined.values())
        for one in joined:
            one.sync()

    def close(self) -> None:
        """Flush and close; further rows are refused with `ValueError`."""
        self._closed.set()
        if self._flusher:
            self._flusher.join()
        with self._lock:
            for one in self._joined.values():
                one.close()
            self._joined.clear()

    # -- finding the place -----------------------------------------------------------------------------------

    def _append(
        self,
        instrument: str,
        kind: str,
        fields: dict[str, Any],
        open_key: str,
        extra: Mapping[str, Any] | None,
    ) -> None:
        """Write a row whose `open_key` holds `extra`, and the instrument when it lands with another one."""
        ids.check_instrument(instrument)
        if self._pid != os.getpid():  # forked: the parent's handles and locks are not ours
            self._begin()
        if self._closed.is_set():
            raise ValueError("this joiner is closed")
        own = fields | {open_key: dict(extra) if extra else None}
        lodger = fields | {open_key: {**(extra or {}), "instrument": instrument}}
        while True:
            for target in dict.fromkeys((instrument, ids.SYSTEM_INSTRUMENT)):
                row = own if target == instrument else lodger
                if self._hand_over(target, kind, row) or self._join(target, kind, encode(kind, row)):
                    return
            if self._wait(instrument, kind, encode(kind, own)):
                return

    def _hand_over(self, target: str, kind: str, fields: dict[str, Any]) -> bool:
        owner = _owners.get((self._layout.root, target))
        try:
            return owner is not None and bool(owner.record(kind, fields))
        except SessionClosedError:
            return False

    def _join(self, target: str, kind: str, encoded: bytes) -> bool:
        """Write into the target's running session; False when it has none."""
        with self._lock:
            while True:
                joined = self._joined.get(target)
                if joined is not None and joined.append(kind, encoded):
                    return True
                if joined is not None:
                    joined.close()
                    del self._joined[target]
                folder = self._layout.current(target)
                if folder is None or sealed(folder):
                    # No session; or the pointer moves on in a moment; or the last one is being finished.
                    if folder == self._layout.current(target):
                        return False
                    continue
                with contextlib.suppress(FileNotFoundError):
                    self._joined[target] = _Joined(folder, f"{self._process}-{self._pid}")
                    self._start_flusher()

    def _wait(self, instrument: str, kind: str, encoded: bytes) -> bool:
        """Leave the row where the instrument's next session finds it; False when there is a session now."""
        folder = self._layout.waiting / instrument
        with self._lock, _handle(self._layout.waiting / SEAL) as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
            running = self._layout.current(instrument)
            if running is not None and not sealed(running):
                return False
            folder.mkdir(exist_ok=True)
            name = f"{self._process}-{self._pid}"
            journal = JournalWriter(folder / f"journal-{name}.jsonl", name)
            try:
                journal.append(kind, encoded)
                journal.sync()
            finally:
                journal.close()
        return True

    def _start_flusher(self) -> None:
        if self._flusher is None:
            self._flusher = threading.Thread(target=self._flush, name="journal-flush", daemon=True)
            self._flusher.start()

    def _flush(self) -> None:
        while not self._closed.wait(self._interval):
            try:
                self.flush()
            except Exception:
                logger.exception("rows of this process are not on disk yet, tried again")


class _Joined:
    """This process's journal in one running session."""

    def __init__(self, folder: Path, process: str) -> None:
        self.folder = folder
        self._seal = os.open(folder / SEAL, os.O_RDWR)
        try:
            fcntl.flock(self._seal, fcntl.LOCK_SH)
            self._journal: JournalWriter | None = None
            if not os.fstat(self._seal).st_size:
                self._journal = JournalWriter(folder / f"journal-{process}.jsonl", process)
            fcntl.flock(self._seal, fcntl.LOCK_UN)
        except BaseException:
            os.close(self._seal)
            raise

    def append(self, kind: str, encoded: bytes) -> bool:
        """Write a row; False when the session is closed to it."""
        if self._journal is None:
            return False
        fcntl.flock(self._seal, fcntl.LOCK_SH)
        try:
            if os.fstat(self._seal).st_size:
                return False
            self._journal.append(kind, encoded)
            return os.fstat(self._seal).st_size < len(_FORCED)
        finally:
            fcntl.flock(self._seal, fcntl.LOCK_UN)

    def sync(self) -> None:
        if self._journal is not None and self._journal.dirty:
            self._journal.sync()

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
        os.close(self._seal)


@contextlib.contextmanager
def _handle(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
