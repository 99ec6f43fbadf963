"""Which command ids were taken, for 15 minutes and over restarts."""

import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import orjson

from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

FUTURE: Seconds = 5.0
"""An entry that lies further ahead was written before the clock was set back: its age counts from now."""


class Dedupe:
    """Remembers ids with the time of their first acceptance; a repeat does not renew it.

    One JSON line per id is appended (a rewrite of the whole costs 2.2 ms per command, a line 0.001 ms); the file
    is compacted on loading and beyond four times the capacity. It is not synced: after a power cut a repeat of
    the last second may pass.

    Args:
        path: of the file; its folder is made.
        ttl: at this age an id is new again.
        capacity: the oldest ids go first.
        now: wall-clock seconds; ages must survive a restart.
    """

    def __init__(self, path: Path, ttl: Seconds, capacity: int, now: Callable[[], float] = time.time) -> None:
        self.path, self.ttl, self.capacity, self._now = path, ttl, capacity, now
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._fresh: list[bytes] = []
        self._lines = 0
        self.write_errors = 0
        self._handle = -1
        path.parent.mkdir(parents=True, exist_ok=True)
        self._load()
        self._replace(self._content())

    def __len__(self) -> int:
        return len(self._seen)

    def knows(self, cmd_id: str) -> bool:
        """Whether an id was taken less than `ttl` ago."""
        self._forget(self._now())
        return cmd_id in self._seen

    def take(self, cmd_id: str) -> None:
        """Remember an id that is not known."""
        now = self._now()
        self._seen[cmd_id] = now
        self._fresh.append(b'{"id":"%b","t":%d}\n' % (cmd_id.encode(), now * 1000))
        if len(self._seen) > self.capacity:
            self._seen.popitem(last=False)

    def fresh(self) -> tuple[bytes, Callable[[], None]] | None:
        """Lines that the file lacks, and the work of writing them, for any one thread at a time; `None` without any."""
        if not self._fresh:
            return None
        data, self._lines = b"".join(self._fresh), self._lines + len(self._fresh)
        self._fresh.clear()
        if self._lines <= 4 * self.capacity:
            return data, partial(self._append, data)
        return data, partial(self._replace, self._content())

    def flush(self) -> None:
        """Bring the file up to date now."""
        if fresh := self.fresh():
            fresh[1]()

    def _append(self, data: bytes) -> None:
        """A full disk costs a line in the log, not the lights."""
        try:
            os.write(self._handle, data)
        except OSError as error:
            self._failed(error)

    def close(self) -> None:
        """Write the rest and let the file go."""
        self.flush()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _forget(self, now: float) -> None:
        while self._seen:
            cmd_id, then = next(iter(self._seen.items()))
            if then > now + FUTURE:
                self._seen[cmd_id] = now
                return
            if now - then < self.ttl:
                return
            del self._seen[cmd_id]

    def _load(self) -> None:
        now = self._now()
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            try:
                entry = orjson.loads(line)
                cmd_id, then = str(entry["id"]), entry["t"] / 1000
            except (ValueError, KeyError, TypeError):
                continue  # the torn last line of a killed process
            then = now if then > now + FUTURE else then
            if now - then < self.ttl:
                self._seen[cmd_id] = then
        while len(self._seen) > self.capacity:
            self._seen.popitem(last=False)

    def _content(self) -> bytes:
        """The file with the living ids alone."""
        self._lines = len(self._seen)
        return b"".join(b'{"id":"%b","t":%d}\n' % (i.encode(), then * 1000) for i, then in self._seen.items())

    def _replace(self, content: bytes) -> None:
        """Write the file anew and append to it from now on."""
        temporary = self.path.with_name(self.path.name + ".new")
        try:
            temporary.write_bytes(content)
            temporary.replace(self.path)
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
            self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        self.write_errors += 1
        log.warning("the command ids could not be written to %s: %s", self.path, error)
