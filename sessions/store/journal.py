"""The append-only record of a session: one line per record, readable whatever happens to the file.

A line is 8 hexadecimal digits of the CRC-32 of the JSON bytes, a space, the JSON, a newline. Every record
has `k` (kind), `t` (microseconds UTC), `q` (sequence number in this file) and `mono` (monotonic
nanoseconds, the same clock for all processes of one boot); the rest depends on the kind:

- `open`: a process begins to write: `process`, `pid`, `boot`, `host`; the owner's also has `head`
- `log`: `l` level, `s` source, `m` message, `c` context or null
- `evt`: `e` name, `d` details or null
- `tel`: `n` series, `at` time, `v` values by column
- `cam`: `cam` name, `info`, `settings` (each only when it is new)
- `frame`: `cam` name, `i` index, `f` path below `frames/`, `form` array or original, `b` bytes, `h` sha256,
  `at` time, `v` values by column, `x` place, type and shape of the array in the file
- `cal`: `n` list, `v` value; or the fields of `frame`
- `meta`: `v` changed keys
- `end`: `status`
"""

import heapq
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from sessions.store import host, values
from sessions.store.disk import sync_data
from sessions.store.errors import WriteError

OWNER = "journal.jsonl"
"""Name of the owner's journal; other processes write `journal-<process>.jsonl`."""
PATTERN = "journal*.jsonl"
MAX_RECORD = 1 << 20
"""Bytes of one record; larger ones are refused or cut at the call."""
_RECORD_START = re.compile(rb'[0-9a-f]{8} \{"k":')


class Stamp(NamedTuple):
    """When and where a record was written.

    Attributes:
        time: microseconds UTC.
        sequence: number of the record in its journal.
    """

    time: int
    sequence: int


class JournalWriter:
    """Appends records to one file; safe to use from many threads.

    A record has reached the kernel when `append` returns (a killed process loses nothing) and the disk when
    `sync` returns (a power cut loses nothing). Syncs of several threads are merged; appending waits for none.

    Args:
        path: the journal; created, or continued behind whatever a crash left there.
        process: name of the writing process, for the `open` record.
        now: microseconds UTC.
        sequence: number of the first record.
        head: the session's head, repeated here so that a damaged `head.json` can be rebuilt.
        monotonic: nanoseconds; an import gives the time of its frames.

    Raises:
        OSError: the file cannot be opened (the folder is gone, for instance).
        WriteError: the disk refused the first record.
    """

    def __init__(
        self,
        path: Path,
        process: str,
        now=lambda: time.time_ns() // 1000,
        sequence: int = 0,
        head: dict[str, Any] | None = None,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self.now = now
        self._monotonic = monotonic
        self._sequence = sequence
        self._synced = sequence
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self.size = os.fstat(self._handle).st_size
            self._torn = self.size > 0 and os.pread(self._handle, 1, self.size - 1) != b"\n"
            opening = {
                "process": process,
                "pid": os.getpid(),
                "boot": host.boot_id(),
                "host": host.host_name(),
            }
            self.append("open", values.encode(opening | ({"head": head} if head else {})))
        except BaseException:
            os.close(self._handle)
            raise
        _open_writers.add(self)

    @property
    def dirty(self) -> bool:
        """Whether records wait for a sync."""
        return self._synced != self._sequence

    def append(self, kind: str, body: bytes) -> Stamp:
        """Write one record; it survives the death of this process.

        Args:
            kind: one of the kinds above, ASCII.
            body: the other fields as a JSON object.

        Raises:
            WriteError: the disk refused; nothing was recorded.
        """
        with self.lock:
            return self.append_locked(kind, body)

    def append_locked(self, kind: str, body: bytes) -> Stamp:
        """`append` for a caller that holds `lock`."""
        now, sequence = self.now(), self._sequence
        fields = (kind.encode(), now, sequence, self._monotonic())
        if body == b"{}":
            record = b'{"k":"%b","t":%d,"q":%d,"mono":%d}' % fields
        else:
            record = b'{"k":"%b","t":%d,"q":%d,"mono":%d,%b' % (*fields, body[1:])
        line = b"%08x %b\n" % (crc32(record), record)
        if self._torn:
            line = b"\n" + line
        try:
            written = os.write(self._handle, line)
        except OSError as error:
            raise WriteError(f"the journal cannot be written: {error.strerror}") from error
        self.size += written
        if written < len(line):  # the disk fills up in the middle of it
            self._write_rest(line[written:])
        self._torn = False
        self._sequence = sequence + 1
        return Stamp(now, sequence)

    def _write_rest(self, line: bytes) -> None:
        self._torn = True
        try:
            while line:
                written = os.write(self._handle, line)
                self.size += written
                line = line[written:]
        except OSError as error:
            raise WriteError(f"the journal cannot be written: {error.strerror}") from error

    def sync(self) -> None:
        """Return when everything appended so far survives a power cut. Raises `WriteError`."""
        wanted = self._sequence
        with self._sync_lock:
            if self._synced >= wanted:
                return
            reached = self._sequence
            try:
                sync_data(self._handle)
            except OSError as error:
                raise WriteError(f"the journal cannot be synced: {error.strerror}") from error
            self._synced = reached

    def abandon(self) -> None:
        """Close without waiting for anybody: for a forked child, where a lock may never be released."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def close(self) -> None:
        """Close the file; no further call is allowed."""
        with self._sync_lock, self.lock:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1


_open_writers: weakref.WeakSet[JournalWriter] = weakref.WeakSet()


def _forked() -> None:
    # A child would write its parent's numbers into its parent's file: it gets an error instead.
    for writer in list(_open_writers):
        writer.abandon()


os.register_at_fork(after_in_child=_forked)


class JournalReader:
    """The records of one journal, in the order they were written; damage is skipped and counted.

    Attributes:
        bad_lines: damaged lines met so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bad_lines = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as file:
            for line in file:
                record = _parse(line.removesuffix(b"\n"))
                if record is not None:
                    yield record
                elif line != b"\n":
                    self.bad_lines += 1
                    yield from self._salvage(line)

    @staticmethod
    def _salvage(line: bytes) -> Iterator[dict[str, Any]]:
        """Whole records inside a bad line: a torn one in front of them, or a newline that was damaged."""
        for match in _RECORD_START.finditer(line):
            start = match.start()
            following = _RECORD_START.search(line, start + 1)
            stop = following.start() if following else len(line)
            # What stood for the newline is no part of the record.
            for end in (stop, stop - 1):
                record = _parse(line[start:end]) if end > start else None
                if record is not None:
                    yield record
                    break


def read_on(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Whole records of a journal that grows, from `offset` on, and where to go on; damaged lines are skipped.

    Raises `OSError`.
    """
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    end = data.rfind(b"\n") + 1
    records = (_parse(line) for line in data[:end].splitlines())
    return [record for record in records if record is not None], offset + end


def _parse(line: bytes) -> dict[str, Any] | None:
    body = line[9:]
    if len(line) < 11 or line[8:9] != b" ":
        return None
    try:
        if line[:8] != b"%08x" % crc32(body):
            return None
        record = orjson.loads(body)
    except ValueError:
        return None
    known = isinstance(record, dict) and isinstance(record.get("t"), int) and isinstance(record.get("k"), str)
    return record if known else None


def merged(readers: list[JournalReader], boots: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of several journals of one session in the order they happened, with the journal's number.

    Each journal keeps its own order; between journals the monotonic clock decides, boot by boot, so that a
    clock that was set back reorders nothing.

    Args:
        readers: journals, the owner's first.
        boots: boot ids in the order the session saw them.
    """
    if len(readers) == 1:
        return ((0, record) for record in readers[0])
    streams = [_keyed(reader, number, boots) for number, reader in enumerate(readers)]
    return ((key[2], record) for key, record in heapq.merge(*streams, key=lambda pair: pair[0]))


def _keyed(
    reader: JournalReader, number: int, boots: list[str]
) -> Iterator[tuple[tuple[int, int, int], dict[str, Any]]]:
    newest = (0, 0, number)
    boot = 0
    for record in reader:
        if record["k"] == "open":
            boot = boots.index(record["boot"]) if record.get("boot") in boots else len(boots)
        mono = record.get("mono")
        newest = max(newest, (boot, mono if isinstance(mono, int) else 0, number))
        yield newest, record
