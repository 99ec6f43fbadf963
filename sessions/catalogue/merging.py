"""The idle hours of one day become one session with the same rows; it says in `meta.merged_from` whose they are.

The hours' rows are written as one journal and finished by the store like any session, so that the result is as
safe and of the same form. Until it is there the hours stay; whoever removes them then checks that it is.
"""

import heapq
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

from sessions.catalogue import Row
from sessions.store import host, ids, reading, tree, values
from sessions.store.disk import write_all
from sessions.store.errors import DamagedFileError
from sessions.store.finalise import finalise
from sessions.store.journal import OWNER
from sessions.store.layout import DONE, FRAMES, Layout
from sessions.store.metadata import RESERVED_META
from sessions.store.space import FreeSpace
from skycam_project.common.clock import microseconds_utc

SUFFIX = ".merging"
_BUFFER = 1 << 20


def merge(root: Path, rows: Sequence[Row]) -> Path:
    """Make one file of idle sessions of one instrument and day; the old ones stay.

    Args:
        root: the sessions' folder.
        rows: theirs, earliest first.

    Raises:
        DamagedFileError: one cannot be read, or another program laid it out.
        OSError: the new one cannot be written.
    """
    layout = Layout(root)
    first = rows[0]
    day = first["start_time"].replace(hour=0, minute=0, second=0, microsecond=0)
    name = next(ids.candidates(ids.SessionType.IDLE, None, first["instrument"], day))
    folder = layout.live / f"{name}{SUFFIX}"
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was killed
    (folder / FRAMES).mkdir(parents=True)
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(reading.open_session(root / row["asdf_path"])) for row in rows]
            head = _head(name, files, rows)
            _write_journal(folder / OWNER, files, rows)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        shutil.rmtree(folder)
        raise DamagedFileError(
            f"one of the {len(rows)} sessions from {rows[0]['session_id']} on is not laid out by this program: {error}"
        ) from error
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # on a full disk it would take the room of others
        raise
    return finalise(layout, folder, head, FreeSpace(layout.root)).path


def merged_from(path: Path) -> list[str]:
    """Uuids of the sessions that were merged into a file; none for any other."""
    try:
        found = tree.read_header(path)[0]["meta"].get("merged_from") or []
        return [entry["uuid"] for entry in found]
    except (DamagedFileError, OSError, KeyError, TypeError, AttributeError):
        return []


def clean(root: Path) -> None:
    """Remove what killed merges left."""
    for suffix in (SUFFIX, DONE):
        for folder in Layout(root).live.glob(f"*{suffix}"):
            shutil.rmtree(folder, ignore_errors=True)


def _head(name: str, files: list[Any], rows: Sequence[Row]) -> dict[str, Any]:
    metas = [dict(file["meta"]) for file in files]
    further = {key: value for meta in metas for key, value in meta.items() if key not in RESERVED_META}
    sources: list[dict[str, str]] = []
    for meta in metas:
        own = {"uuid": meta["uuid"], "session_id": meta["session_id"]}
        sources += meta.get("merged_from") or [own]
    last = metas[-1]
    return {
        "session_id": name,
        "uuid": str(uuid4()),
        "session_type": "idle",
        "instrument": rows[0]["instrument"],
        "start_time": metas[0]["start_time"],
        "location": last.get("location"),
        "software": last.get("software"),
        "host": last.get("host"),
        "timezone": last.get("timezone"),
        "codec": "portable" if rows[0]["compression"] == "portable" else "blsc",
        "storage": "embedded",
        "meta": values.plain(further | {"merged_from": sources}),
    }


def _write_journal(path: Path, files: list[Any], rows: Sequence[Row]) -> None:
    """All rows of all sessions in the order of time; the monotonic clock makes the duration their sum."""
    duration = sum(row["duration_s"] for row in rows)
    end = microseconds_utc(max(row["end_time"] for row in rows))
    start = microseconds_utc(rows[0]["start_time"])
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        buffer = bytearray(_line({"k": "open", "t": start, "mono": 0, "boot": host.boot_id()}))
        for _, _, record in heapq.merge(
            *(_records(file, n) for n, file in enumerate(files)), key=lambda r: r[:2]
        ):
            buffer += _line(record)
            if len(buffer) >= _BUFFER:
                write_all(handle, buffer)
                buffer = bytearray()
        mono = round(duration * 1e9)
        buffer += _line({"k": "end", "t": end, "mono": mono, "status": "complete"})
        write_all(handle, buffer)
    finally:
        os.close(handle)


def _line(record: dict[str, Any]) -> bytes:
    body = values.encode(record)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _records(file: Any, number: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """One session's rows as journal records, in the order of time."""
    seen = file["observability"]
    streams = [_stamped(seen["logs"], _log), _stamped(seen["events"], _event)]
    for name, series in (file.tree.get("telemetry") or {}).items():
        streams.append(_stamped(series, partial(_reading, name)))
    for time, record in heapq.merge(*streams, key=itemgetter(0)):
        yield time, number, record


def _log(row: Row) -> Row:
    said = {"l": row["level"], "s": row.get("source") or "", "m": row["message"], "c": row.get("context")}
    return {"k": "log", **said}


def _event(row: Row) -> Row:
    return {"k": "evt", "e": row["event"], "d": row.get("details")}


def _reading(name: str, row: Row) -> Row:
    known = {column: value for column, value in row.items() if column != "time" and value is not None}
    return {"k": "tel", "n": name, "v": known}


def _stamped(table: Any, record: Callable[[Row], Row]) -> Iterator[tuple[int, Row]]:
    last = 0
    for row in table or ():
        time = microseconds_utc(row["time"])
        last = max(last, time)  # a clock that stepped back does not reorder the rows of a table
        yield last, {"t": time, **record(row)}
