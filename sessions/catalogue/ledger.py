"""What was decided about sessions and no file of theirs can say: protected, archived, frames dropped, deleted.

Two journals below `<root>/ledger/`, lines with a checksum like those of a session: `decisions.jsonl`, and
`removed.jsonl` whose lines are tombstones that hold the whole row of what was deleted. A line is on disk
before anything is done because of it. Nothing is ever taken out of them; the catalogue's columns and the
database are made from them.
"""

import fcntl
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from sessions.store.disk import write_all
from sessions.store.journal import JournalReader
from skycam_project.common.clock import from_microseconds
from skycam_project.common.files import exclusive, fsync_folder

FOLDER = "ledger"
DECISIONS = "decisions.jsonl"
REMOVED = "removed.jsonl"


@dataclass(slots=True)
class Decision:
    """What stands about one session.

    Attributes:
        protected: never deleted.
        archived_at: when a checked copy lay elsewhere.
        archive_url: where.
        dropped_at: when its frames were given up.
        dropped_reason: why.
        dropping: its frames are to go, and that is not finished.
        deleting: somebody asked for its deletion, for this reason, and that is not finished.
        retrieving: who asked for it to be fetched from the archive, and it is not here yet.
        not_retrieved: why the last fetch failed.
    """

    protected: bool = False
    archived_at: datetime | None = None
    archive_url: str = ""
    dropped_at: datetime | None = None
    dropped_reason: str = ""
    dropping: bool = False
    deleting: str = ""
    retrieving: str = ""
    not_retrieved: str = ""

    def columns(self) -> dict[str, Any]:
        """The catalogue's columns of it."""
        return {
            "protected": self.protected,
            "archived_at": self.archived_at,
            "archive_url": self.archive_url,
            "dropped_at": self.dropped_at,
            "dropped_reason": self.dropped_reason,
        }


NOTHING = Decision()


@dataclass(slots=True)
class Tombstone:
    """A session that was deleted, or is being deleted.

    Attributes:
        row: its last row of the catalogue, `removed_at` and `removed_reason` in it.
        done: its files are gone.
    """

    row: dict[str, Any] = field(default_factory=dict)
    done: bool = False


class Ledger:
    """The decisions of one sessions' folder; any process may read and append.

    Args:
        root: the sessions' folder.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER

    def protect(self, uuid: str, protected: bool, by: str) -> None:
        """Protect a session from deletion, or no longer. On disk when this returns. Raises `OSError`."""
        self._append(DECISIONS, "protect" if protected else "unprotect", uuid, by=by)

    def archived(self, uuid: str, url: str, sha256: str = "") -> None:
        """A copy whose checksum was compared lies at `url`; an empty `url`: it does no longer."""
        self._append(DECISIONS, "archive", uuid, url=url, sha256=sha256)

    def drop_frames(self, uuid: str, reason: str) -> None:
        """The frames of a session are about to be given up."""
        self._append(DECISIONS, "drop", uuid, reason=reason)

    def frames_dropped(self, uuid: str) -> None:
        """They are gone."""
        self._append(DECISIONS, "dropped", uuid)

    def ask_deletion(self, uuid: str, reason: str) -> None:
        """A person asked for the deletion of a session; retention does it."""
        self._append(DECISIONS, "delete", uuid, reason=reason)

    def answered(self, uuid: str, why: str = "") -> None:
        """What was asked is done, or is refused because of `why`."""
        self._append(DECISIONS, "answer", uuid, why=why)

    def ask_retrieval(self, uuid: str, by: str) -> None:
        """A person asked for a session to be fetched from the archive; the processing worker does it."""
        self._append(DECISIONS, "retrieve", uuid, by=by)

    def retrieved(self, uuid: str, why: str = "") -> None:
        """It is here, with all its frames; or is not, because of `why`."""
        self._append(DECISIONS, "retrieved", uuid, why=why)

    def remove(self, row: dict[str, Any], reason: str) -> None:
        """The tombstone of a session that is about to be deleted."""
        known = {name: value for name, value in row.items() if value not in (None, "", 0)}
        self._append(REMOVED, "remove", row["uuid"], reason=reason, row=known)

    def removed(self, uuid: str) -> None:
        """Its files are gone."""
        self._append(REMOVED, "removed", uuid)

    def alone(self) -> AbstractContextManager[None]:
        """Hold the lock of those who delete files or put them back."""
        return exclusive(self.folder / ".retention.lock")

    def decisions(self) -> dict[str, Decision]:
        """By uuid. Damaged lines are skipped."""
        found: dict[str, Decision] = {}
        for record in self._records(DECISIONS):
            decision = found.setdefault(record["u"], Decision())
            match record["k"]:
                case "protect" | "unprotect":
                    decision.protected = record["k"] == "protect"
                case "archive":
                    decision.archive_url = record["url"]
                    decision.archived_at = _time(record) if record["url"] else None
                case "drop":
                    decision.dropping = True
                    decision.dropped_at, decision.dropped_reason = _time(record), record["reason"]
                case "dropped":
                    decision.dropping = False
                case "delete":
                    decision.deleting = record["reason"]
                case "answer":
                    decision.deleting = ""
                case "retrieve":
                    decision.retrieving, decision.not_retrieved = record["by"], ""
                case "retrieved":
                    decision.retrieving, decision.not_retrieved = "", record["why"]
                    if not record["why"]:
                        decision.dropping, decision.dropped_at, decision.dropped_reason = False, None, ""
        return found

    def tombstones(self) -> dict[str, Tombstone]:
        """By uuid, the newest of each."""
        found: dict[str, Tombstone] = {}
        for record in self._records(REMOVED):
            if record["k"] == "remove":
                said = {"removed_at": _time(record), "removed_reason": record["reason"]}
                found[record["u"]] = Tombstone(record["row"] | said)
            elif record["u"] in found:
                found[record["u"]].done = True
        return found

    def unfinished(self) -> bool:
        """Whether something was begun, or asked for, and is not done."""
        waiting = any(decision.dropping or decision.deleting for decision in self.decisions().values())
        return waiting or any(not tombstone.done for tombstone in self.tombstones().values())

    def _records(self, name: str) -> Iterator[dict[str, Any]]:
        path = self.folder / name
        for record in JournalReader(path) if path.exists() else ():
            if isinstance(record.get("u"), str):
                yield record

    def _append(self, name: str, kind: str, uuid: str, **fields: Any) -> None:
        body = orjson.dumps({"k": kind, "t": time.time_ns() // 1000, "u": uuid} | fields)
        line = b"%08x %s\n" % (zlib.crc32(body), body)
        with self._open(name) as handle:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                line = b"\n" + line  # the last writer died in the middle of a line
            write_all(handle, line)
            os.fsync(handle)

    @contextmanager
    def _open(self, name: str) -> Iterator[int]:
        new = not (self.folder / name).exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)
        if new:
            fsync_folder(self.folder)
            fsync_folder(self.folder.parent)


def _time(record: dict[str, Any]) -> datetime:
    return from_microseconds(record["t"])
