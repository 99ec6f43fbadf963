"""Keeps catalogue and database up to what is on disk; runs in the processing worker, beside everything else.

Nothing tells it about a new session, so nothing can be missed: it looks at the folders. A capturing process
never waits for it. What it writes can be lost: the next look makes it again.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from prometheus_client import Counter

from sessions import retention
from sessions.catalogue import watch
from sessions.models import Capture, MirroredMonth, Session
from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Seconds

PATIENCE: Seconds = 3600.0
"""A sync that takes longer is ended; the next one goes on where it was."""
BATCH = 400
_FIELDS = {field.attname: field for field in Session._meta.concrete_fields}
_UPDATED = [name for name in _FIELDS if name != "uuid"]
_TIMES = [name for name, field in _FIELDS.items() if field.get_internal_type() == "DateTimeField"]

catalogued = Counter("skycam_sessions", "Finished sessions that were catalogued", ["type"])


class SyncError(SkycamError):
    """The catalogue's process failed."""

    code = "catalogue"


class Mirror:
    """Follows one sessions' folder.

    Args:
        root: the sessions' folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seen: watch.States | None = None
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def sweep(self, hash_s: Seconds = 0) -> bool:
        """Bring catalogue and database up to date if anything happened; whether it did.

        Args:
            hash_s: look at everything again, and spend so many seconds on checksums that are still missing.

        Raises `SyncError`, `OSError`, database errors; the next sweep tries the same again.
        """
        with self._lock:
            found = watch.look(self.root)
            if found == self._seen and not hash_s:
                return False
            everything = self._seen is None or hash_s
            self._sync(None if everything else watch.changed_months(self._seen or {}, found), hash_s)
            own = {
                name: at for name, at in watch.look(self.root).items() if name.startswith(("part", "whole"))
            }
            self._seen = found | own  # a session that came meanwhile is still different
            return True

    def follow(self, hash_s: Seconds = 0) -> None:
        """A sweep, and what it finds asked for or begun is done before the next."""
        if self.sweep(hash_s) and retention.unfinished():
            retention.carry_out_requests()
            self.sweep()

    def _sync(self, months: list[str] | None, hash_s: Seconds) -> None:
        seen = dict(MirroredMonth.objects.values_list("month", "signature"))
        request = {"root": str(self.root), "months": months, "seen": seen, "hash_s": hash_s}
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "sessions.catalogue"]
        with subprocess.Popen(command, cwd=settings.ROOT, stdin=pipe, stdout=pipe) as self._child:
            try:
                _take(_answer(self._child, orjson.dumps(request)))
                code = self._child.wait(PATIENCE)
            except BaseException:
                self._child.kill()
                raise
        if code:
            raise SyncError(f"the catalogue's process ended with {code}; its message is in the log")

    def stop(self) -> None:
        """End a sweep that is under way; what it had not done the next one does."""
        if self._child is not None:
            self._child.kill()


def _answer(child: subprocess.Popen[bytes], request: bytes) -> Iterator[bytes]:
    """Ask, then the lines of the answer as they come."""
    if child.stdin is None or child.stdout is None:
        raise SyncError("the catalogue's process has no pipes")
    child.stdin.write(request)
    child.stdin.close()
    yield from child.stdout


def _take(lines: Iterable[bytes]) -> None:
    stream = iter(lines)
    for line in stream:
        head = orjson.loads(line)
        rows = [orjson.loads(next(stream)) for _ in range(head["rows"])]
        write_month(head["month"], head["state"], rows)


def write_month(month: str, state: str, rows: list[dict[str, Any]]) -> None:
    """Make the database's rows of a month those of the catalogue."""
    with transaction.atomic():
        known = {
            uuid: (at, removed)
            for uuid, at, removed in Session.objects.filter(month=month).values_list(
                "uuid", "catalogued_at", "removed_at"
            )
        }
        changed = [
            row
            for row in map(_typed, rows)
            if known.get(row["uuid"]) != (row["catalogued_at"], row.get("removed_at"))
        ]
        gone = known.keys() - {UUID(row["uuid"]) for row in rows}
        for some in _batches(list(gone)):
            Session.objects.filter(uuid__in=some, month=month).delete()
        for some in _batches(changed):
            _write(month, some)
        MirroredMonth.objects.update_or_create(month=month, defaults={"signature": state})
    for row in changed:
        if row["uuid"] not in known and not row.get("removed_at"):
            catalogued.labels(row["session_type"]).inc()


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    for name in _TIMES:
        if isinstance(row.get(name), str):
            row[name] = datetime.fromisoformat(row[name])
    return row | {"uuid": UUID(row["uuid"])}


def _write(month: str, rows: list[dict[str, Any]]) -> None:
    sessions = [
        Session(
            month=month,
            **{name: value for name, value in row.items() if name in _FIELDS and value is not None},
        )
        for row in rows
    ]
    Session.objects.bulk_create(
        sessions, update_conflicts=True, unique_fields=["uuid"], update_fields=_UPDATED
    )
    Capture.objects.filter(session__in=sessions).delete()
    Capture.objects.bulk_create([capture for row in rows for capture in _captures(row)])


def _captures(row: dict[str, Any]) -> Iterator[Capture]:
    for camera, said in orjson.loads(row.get("captures") or "{}").items():
        times = {
            f"{name}_at": datetime.fromisoformat(said[name]) for name in ("first", "last") if said.get(name)
        }
        exposure, gain = said.get("exposure_us"), said.get("gain")
        yield Capture(
            session_id=row["uuid"],
            camera=camera[:64],
            model=str(said.get("model") or ""),
            frames=int(said.get("frames") or 0),
            exposure_s=exposure / 1e6 if isinstance(exposure, int | float) else None,
            gain=gain if isinstance(gain, int | float) else None,
            **times,
        )


def _batches(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
