"""Retention for the running program: its settings, what goes tomorrow, what people ask for, and when it runs.

What may go is said by `sessions.catalogue.rules`, and done by `sessions.catalogue.removal` alone, in a process of
its own. A request of a person is a line in the ledger: it needs no broker and survives every crash.
"""

import logging
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db.models import F, Q, Sum
from prometheus_client import Counter, Gauge

from sessions.catalogue.ledger import Ledger
from sessions.catalogue.rules import MERGE_AFTER, Action, Policy, due
from sessions.models import Session
from sessions.services import sessions_root
from skycam_project.common.errors import SkycamError

log = logging.getLogger(__name__)

PATIENCE = 6 * 3600.0
"""Seconds after which a run is ended; the next one goes on where it was."""
MARGIN = 0.01
"""Share of the disk that is freed beyond the least."""
DAY = timedelta(days=1)
_NEEDED = (
    "uuid", "session_id", "session_type", "instrument", "target", "start_time", "end_time", "frames", "cameras", "bytes",
    "file_size", "storage", "merged", "error_count", "warning_count", "protected", "archived_at", "dropped_at", "asdf_path",
)  # fmt: skip

freed_bytes = Counter("skycam_retention_freed_bytes", "Bytes that retention has freed")
given_up = Counter("skycam_retention_sessions", "Sessions that retention has dealt with", ["verb"])
refused = Gauge(
    "skycam_retention_refused",
    "Sessions that the last run of retention had to leave, for a reason in the log",
)


class RetentionError(SkycamError):
    """Retention could not run."""

    code = "retention"


class RefusedError(SkycamError):
    """This may not be deleted."""

    code = "not_allowed"


def caches() -> list[Path]:
    """Folders whose files can be made again."""
    return [settings.DATA / "cache", settings.DATA / "previews"]


# -- what people ask ---------------------------------------------------------------------------------------------


def protect(session: Session, protected: bool, by: str) -> None:
    """Protect a session from deletion, or no longer. On disk when this returns. Raises `OSError`."""
    Ledger(sessions_root()).protect(str(session.uuid), protected, by)
    Session.objects.filter(pk=session.pk).update(protected=protected)
    session.protected = protected


def ask_deletion(session: Session, by: str, confirm: str = "") -> None:
    """Ask for the deletion of a session; the processing worker does it within seconds, after all checks.

    Args:
        session: which.
        by: who asks, for the tombstone.
        confirm: the session's id, when it has frames of which there is no copy elsewhere.

    Raises:
        RefusedError: it is protected, it is not there, or the confirmation is missing.
    """
    if session.removed_at:
        raise RefusedError(f"{session.session_id} was deleted already")
    if session.protected:
        raise RefusedError(f"{session.session_id} is protected; take the protection off first")
    if (
        session.frames
        and not session.archived_at
        and not session.dropped_at
        and confirm != session.session_id
    ):
        raise RefusedError(
            f"{session.session_id} has {session.frames} frames of which there is no copy elsewhere; "
            "repeat the session's id as `confirm` to delete them for ever"
        )
    Ledger(sessions_root()).ask_deletion(str(session.uuid), f"deleted by {by}")


def tomorrow(now: datetime | None = None) -> list[Action]:
    """What retention will do within the next day. Cheap enough for a page."""
    if not settings.CONFIG.retention:
        return []
    rules = Policy(**settings.CONFIG.retention_policy())
    then = (now or datetime.now(UTC)) + DAY
    present = Session.objects.present().filter(protected=False)
    rows = present.filter(_within_reach(rules, then)).values(*_NEEDED)
    outside = Sum(F("bytes"), filter=Q(storage="external"))
    total = Session.objects.present().aggregate(files=Sum("file_size"), outside=outside)
    taken = (total["files"] or 0) + (total["outside"] or 0)
    return due(({**row, "uuid": str(row["uuid"])} for row in rows), rules, then, taken)


def _within_reach(rules: Policy, then: datetime) -> Q:
    """Rows that a rule could name, so that a page need not read all of them."""
    reach = Q(archived_at__isnull=False, bytes__gt=0, dropped_at=None)
    reach |= Q(session_type="idle", end_time__lt=then - MERGE_AFTER)
    for kind, days in (("idle", rules.idle_days), ("maintenance", rules.maintenance_days)):
        if days is not None:
            reach |= Q(session_type=kind, end_time__lt=then - timedelta(days=days))
    if rules.other_days is not None:
        reach |= Q(end_time__lt=then - timedelta(days=rules.other_days))
    return reach


# -- running -----------------------------------------------------------------------------------------------------


def run() -> Mapping[str, Any]:
    """Do what is due now. Raises `RetentionError`."""
    if not settings.CONFIG.retention:
        return carry_out_requests()
    folders = [str(folder) for folder in caches()]
    return _run(
        {
            "policy": settings.CONFIG.retention_policy(),
            "caches": folders,
            "working_bytes": settings.CONFIG.retention_working_size,
        }
    )


def carry_out_requests() -> Mapping[str, Any]:
    """Delete what people asked for, finish what was begun. Raises `RetentionError`."""
    return _run({})


def wanted_bytes() -> int:
    """How much must be given up for the disk to be usable; 0 when there is room, or retention is off."""
    least = settings.CONFIG.retention_min_free / 100
    usage = shutil.disk_usage(settings.DATA)
    if not settings.CONFIG.retention or not least or usage.free >= least * usage.total:
        return 0
    return int((least + MARGIN) * usage.total) - usage.free


def relieve() -> Mapping[str, Any]:
    """Give things up in the emergency order. Raises `RetentionError`."""
    wanted = wanted_bytes()
    log.warning("the disk is nearly full: wanted=%d", wanted)
    folders = [str(folder) for folder in caches()]
    return _run({"free": wanted, "caches": folders, "capture_node": settings.CONFIG.role == "capture"})


def unfinished() -> bool:
    """Whether somebody asked for something, or a run was killed."""
    return Ledger(sessions_root()).unfinished()


def _run(request: dict[str, Any]) -> Mapping[str, Any]:
    root = sessions_root()
    root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sessions.catalogue.retain"]
    try:
        result = subprocess.run(
            command, cwd=settings.ROOT, input=orjson.dumps(request | {"root": str(root)}), stdout=subprocess.PIPE,
            timeout=PATIENCE, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise RetentionError(f"retention ended early, the next run goes on: {error}") from error
    done = orjson.loads(result.stdout)
    freed_bytes.inc(max(0, done["freed"]))
    for verb, count in done["sessions"].items():
        given_up.labels(verb).inc(count)
    refused.set(len(done["refused"]))
    if done["sessions"] or done["refused"]:
        log.info("retention: freed=%d done=%s left=%d", done["freed"], done["sessions"], len(done["refused"]))
    return done
