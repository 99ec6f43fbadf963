"""Parts of jobs that failed or were cancelled: kept for a retry, not for ever."""

import logging
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from sessions import retention
from timelapse import products, sidecar
from timelapse.choices import OPEN, JobState
from timelapse.models import Job

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
"""From a job's end to the end of its parts."""
_GONE = ".gone"
_OURS = re.compile(r"[0-9a-f]{32}")


def clear(now: datetime | None = None) -> int:
    """Delete what is left of jobs that ended `KEPT` ago, earlier where room is short. Returns how many jobs'.

    Room is short when all of it is more than `retention.working_size`, or when the disk is nearly full. Parts of jobs
    that wait or run stay. Raises `OSError`.
    """
    now = now or datetime.now(UTC)
    root = settings.CONFIG.resolve(settings.CONFIG.timelapse_work)
    if not root.is_dir():
        return 0
    for rest in root.glob(f"*{_GONE}"):  # a crash came between
        shutil.rmtree(rest)
    left = sorted((ended, folder) for folder in root.iterdir() if (ended := _ended(folder)) is not None)
    sizes = {folder: sum(file.lstat().st_size for file in folder.rglob("*")) for _, folder in left}
    over = sum(sizes.values()) - settings.CONFIG.retention_working_size
    full = retention.wanted_bytes() > 0
    cleared = 0
    for ended, folder in left:
        if now - ended > KEPT or full or over > 0:
            over -= sizes[folder]
            _remove(folder)
            cleared += 1
    for job in Job.objects.filter(
        state__in=(JobState.FAILED, JobState.CANCELLED), finished_at__lt=now - KEPT
    ):
        folder = products.folder_for(job)
        if folder.is_dir() and not (folder / sidecar.NAME).exists() and not _is_open(job.digest):
            shutil.rmtree(folder)
    return cleared


def _ended(folder: Path) -> datetime | None:
    """When the last job that worked there ended; None: it has not, or the folder is none of ours."""
    if not _OURS.fullmatch(folder.name) or not folder.is_dir() or _is_open(folder.name):
        return None
    job = (
        Job.objects.filter(digest__startswith=folder.name)
        .exclude(finished_at=None)
        .order_by("finished_at")
        .last()
    )
    return job.finished_at if job else datetime.fromtimestamp(folder.stat().st_mtime, UTC)


def _is_open(digest: str) -> bool:
    return Job.objects.filter(digest__startswith=digest, state__in=OPEN).exists()


def _remove(folder: Path) -> None:
    """By a rename first: a job that is tried again meanwhile finds all of it or nothing."""
    log.info("parts of a job that nobody went on with are deleted: %s", folder.name)
    gone = folder.with_name(folder.name + _GONE)
    folder.rename(gone)
    shutil.rmtree(gone)
