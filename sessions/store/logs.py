"""The program's own log lines, dual-written: a handler beside the console's that feeds the running sessions.

Which session: the instrument in the record (`extra={"instrument": …}`), else the one of the context
(`with instrument("dwarf3"):`), else `system`.
"""

import contextlib
import logging
import os
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sessions.store import ids
from sessions.store.joining import Joiner
from skycam_project.common.units import Seconds

PATIENCE: Seconds = 0.05
"""How long a thread waits for another one that is writing, before it leaves its row and goes on."""
BACKLOG = 10_000
"""Rows kept in memory while the disk does not answer; more are counted and dropped, oldest first."""
_OWN = "sessions.store"
_MAX_TRACEBACK = 16_384
_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}

_instrument: ContextVar[str | None] = ContextVar("instrument", default=None)


@contextlib.contextmanager
def instrument(name: str) -> Iterator[None]:
    """Log lines of this context (task or thread) belong to that instrument."""
    token = _instrument.set(ids.check_instrument(name))
    try:
        yield
    finally:
        _instrument.reset(token)


class SessionHandler(logging.Handler):
    """Writes each record into the session that it belongs to, from any process.

    The row has reached the kernel when the logging call returns, so a killed process loses none; no row waits
    for the disk. If another thread's write hangs, a row is left with it after `PATIENCE`, so that a capture
    never stands behind a slow disk. The store's own messages are left to the other handlers.

    Args:
        data_dir: the data folder.
        process: a short name of this process, such as `web`.
        level: lowest level that is kept.
    """

    def __init__(self, data_dir: Path | str, process: str, level: int | str = logging.INFO) -> None:
        super().__init__(level)
        self._joiner = Joiner(data_dir, process)
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._writing = threading.Lock()
        self._backlog: deque[tuple[Any, ...]] = deque(maxlen=BACKLOG)
        self._dropped = 0
        self._busy = threading.local()

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and write, without logging's own lock: it would make all threads wait for a slow one."""
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; errors go to `handleError`, never to the caller."""
        if getattr(self._busy, "now", False) or record.name.startswith(_OWN):
            return
        try:
            self._busy.now = True
            self._write(self._row(record))
        except Exception:
            self.handleError(record)
        finally:
            self._busy.now = False

    def _row(self, record: logging.LogRecord) -> tuple[Any, ...]:
        context = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        where = context.pop("instrument", None) or _instrument.get() or ids.SYSTEM_INSTRUMENT
        if record.exc_info and record.exc_info[1] is not None:
            text = "".join(traceback.format_exception(record.exc_info[1]))
            context["exception"] = text[-_MAX_TRACEBACK:]
        return where, record.levelno, record.getMessage(), record.name, context

    def _write(self, row: tuple[Any, ...]) -> None:
        if self._pid != os.getpid():  # forked: a lock may have been copied while it was held
            self._begin()
        self._dropped += len(self._backlog) == BACKLOG
        self._backlog.append(row)
        self._drain(PATIENCE)

    def _drain(self, patience: Seconds) -> None:
        """Write what is there, in order; when another thread is at it, leave it to that one."""
        while self._backlog and self._writing.acquire(timeout=patience):
            try:
                while self._backlog:
                    self._joiner.log(*self._backlog.popleft())
                if self._dropped:
                    rows, self._dropped = self._dropped, 0
                    text = "log rows were dropped while the disk did not answer"
                    self._joiner.log(ids.SYSTEM_INSTRUMENT, logging.WARNING, text, _OWN, {"rows": rows})
            finally:
                self._writing.release()

    def flush(self) -> None:
        """Write what was left behind and bring everything to the disk."""
        try:
            self._drain(PATIENCE)
            self._joiner.flush()
        except Exception:
            logging.getLogger(_OWN).exception("log rows are not on disk yet")

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._joiner.close()
        super().close()
