"""The queue: the table of jobs decides, Celery's messages only wake workers.

A message that is lost, sent twice or kept for hours changes nothing: who is woken takes the next job that is due by
one conditional update. A worker's part in a job is a `Share` that beats; a running job without a living share is
taken up again. Times are compared by the database's clock, so hosts need not agree.
"""

import hashlib
import logging
import os
from datetime import timedelta
from typing import Any

import orjson
import psutil
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, Value
from django.db.models.functions import Greatest, Now

from skycam_project.common.machine import machine_name
from skycam_project.common.units import Seconds
from timelapse import live
from timelapse.choices import OPEN, JobKind, JobState
from timelapse.errors import JobError, MissingError, StateError
from timelapse.models import Job, Queue, Share
from timelapse.sources import Source

log = logging.getLogger(__name__)

BEAT: Seconds = 2.0
"""Between two beats of a share."""
SILENT: Seconds = 30.0
"""A share that has not beaten for so long is nobody's."""
BACK_OFF: Seconds = 30.0
"""The pause after the first failed try; it doubles with each."""
LONGEST_BACK_OFF: Seconds = 1800.0
NO_ROOM_PAUSE: Seconds = 600.0
HOST = machine_name()


def digest_of(kind: str, product: str, source: Source, recipe: dict[str, Any]) -> str:
    """What makes two jobs the same job."""
    what = [kind, product, source.kind, source.uuid or str(source.path), recipe]
    return hashlib.sha256(orjson.dumps(what, option=orjson.OPT_SORT_KEYS)).hexdigest()


def add(
    kind: JobKind, source: Source, recipe: dict[str, Any], *, product: str = "", title: str = "",
    automatic: bool = False, priority: int = 0,
) -> tuple[Job, bool]:  # fmt: skip
    """Put a job into the queue. Returns it and whether it is new: an open job of the same digest is given back."""
    digest = digest_of(kind, product, source, recipe)
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind, product=product, title=title or _title(kind, product, source), digest=digest,
                source_kind=source.kind, source=source.name, instrument=source.instrument, night=source.night,
                recipe=recipe, automatic=automatic, priority=priority, progress={"frames": source.frames},
            )  # fmt: skip
    except IntegrityError:
        return Job.objects.get(digest=digest, state__in=OPEN), False
    live.job(job)
    return job, True


def _title(kind: JobKind, product: str, source: Source) -> str:
    what = product.replace("_", " ").replace("-", " ").capitalize() if product else JobKind(kind).label
    if source.night is None:
        return f"{what}, {source.name}"
    who = "" if source.instrument in ("", "default") else f" {source.instrument}"
    return f"{what}{who}, night of {source.night.day} {source.night:%B %Y}"


def about(job: Job) -> dict[str, str]:
    """What joins the log lines of one job, of all workers and tries: `extra=` of each."""
    return {"job": str(job.pk)}


def get(uuid: Any) -> Job:
    """A job. Raises `MissingError`."""
    try:
        return Job.objects.get(pk=uuid)
    except Job.DoesNotExist:
        raise MissingError(f"There is no job {uuid}.") from None


# ---- what people do


def cancel(job: Job) -> Job:
    """End a job; what runs of it is stopped within seconds. Raises `StateError`."""
    if Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(
        state=JobState.CANCELLED, cancel_asked=True, next_try_at=None, finished_at=Now()
    ) or Job.objects.filter(pk=job.pk, state=JobState.RUNNING).update(cancel_asked=True):
        return _told(job)
    raise StateError(f"{job.title} is {job.get_state_display().lower()} already.")


def retry(job: Job) -> Job:
    """Try again, from the chunks that are there; what waits for its next try has it now. Raises `StateError`."""
    later = Q(state=JobState.WAITING) & ~Q(next_try_at=None)
    again = Q(state__in=(JobState.FAILED, JobState.CANCELLED)) | later
    try:
        with transaction.atomic():
            found = Job.objects.filter(again, pk=job.pk).update(
                state=JobState.WAITING, cancel_asked=False, attempts=0, next_try_at=None, error="",
                error_code="", finished_at=None, stage="", percent=0.0, fps=None, remaining_s=None,
            )  # fmt: skip
    except IntegrityError:
        raise StateError("The same job is in the queue already.") from None
    if not found:
        job.refresh_from_db()
        raise StateError(f"{job.title} is {job.get_state_display().lower()}: nothing to try again.")
    return _told(job)


def first(job: Job) -> Job:
    """Let a waiting job be the next. Raises `StateError`."""
    highest = Job.objects.filter(state=JobState.WAITING).aggregate(top=Max("priority"))["top"] or 0
    if not Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(priority=highest + 1):
        raise StateError(f"{job.title} does not wait.")
    return _told(job)


def paused() -> bool:
    """Whether no new job is begun."""
    return Queue.objects.filter(paused=True).exists()


def pause(on: bool) -> None:
    """Begin no new job, or go on; what runs is not touched."""
    Queue.objects.update_or_create(pk=1, defaults={"paused": on})
    live.queue(on)


def _told(job: Job) -> Job:
    job.refresh_from_db()
    live.job(job)
    return job


# ---- what workers do


def due() -> Any:
    """Waiting jobs whose time has come, the next one first."""
    ready = Q(next_try_at=None) | Q(next_try_at__lte=Now())
    return Job.objects.filter(ready, state=JobState.WAITING).order_by("-priority", "created_at")


def claim() -> Share | None:
    """A share in the next job that is due, or in a running timelapse that takes more workers."""
    if paused():
        return None
    for job in due()[:20]:
        taken = Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(
            state=JobState.RUNNING, started_at=Now(), next_try_at=None, error="", error_code="", percent=0.0,
            fps=None, remaining_s=None,
        )  # fmt: skip
        if taken:
            share = _share(job)
            _told(job)
            return share
    return _join()


def _join() -> Share | None:
    limit = settings.CONFIG.timelapse_workers
    if limit < 2:
        return None
    for job in Job.objects.filter(state=JobState.RUNNING, kind=JobKind.TIMELAPSE, cancel_asked=False):
        if job.shares.filter(_here()).exists() or job.shares.count() >= limit:
            continue
        share = _share(job)
        if job.shares.filter(pk__lte=share.pk).count() <= limit:
            return share
        share.delete()
    return None


def _here() -> Q:
    return Q(host=HOST, pid=os.getpid(), process_started=_process_started(os.getpid()))


def _share(job: Job) -> Share:
    return Share.objects.create(
        job=job, host=HOST, pid=os.getpid(), process_started=_process_started(os.getpid())
    )


def _process_started(pid: int) -> float:
    return round(psutil.Process(pid).create_time(), 2)


def beat(share: Share, **values: Any) -> bool:
    """Say that a share lives, and how its job stands. Returns whether the job is still to be done by it.

    Args:
        share: from `claim`.
        values: fields of the job: stage, percent, fps, remaining_s, progress.
    """
    if not Share.objects.filter(pk=share.pk).update(beat_at=Now()):
        return False  # it was taken for dead
    mine = Job.objects.filter(pk=share.job_id, state=JobState.RUNNING)
    if "percent" in values:  # each worker knows of its own frames at once and of others' later
        values["percent"] = Greatest(F("percent"), Value(float(values["percent"])))
    if values and mine.update(**values):
        share.job.refresh_from_db()
        live.job(share.job)
    return mine.filter(cancel_asked=False).exists()


def done(share: Share, report: dict[str, Any]) -> bool:
    """The job is made. Returns whether this share was the one to say so."""
    job = share.job
    ended = Job.objects.filter(pk=job.pk, state=JobState.RUNNING).update(
        state=JobState.DONE, percent=100.0, remaining_s=None, stage="", finished_at=Now(), report=report,
        error="", error_code="",
    )  # fmt: skip
    job.shares.all().delete()
    _told(job)
    return bool(ended)


def given_up(share: Share) -> None:
    """The worker leaves, or the job was cancelled: nobody's fault. Without another worker the job waits again."""
    share.delete()
    _end_or_wait(share.job, Q())


def failed(share: Share, error: JobError) -> None:
    """A try went wrong. While other workers go on with the job it does too; else it waits, or is given up."""
    share.delete()
    job = share.job
    if job.shares.exists():
        log.warning("%s: %s; %s worker(s) go on", job.title, error, job.shares.count(), extra=about(job))
        return
    job.refresh_from_db()
    log.warning("%s: %s", job.title, error, extra=about(job))
    mine = Job.objects.filter(pk=job.pk, state=JobState.RUNNING)
    if job.cancel_asked:
        _end_or_wait(job, Q())
        return
    said = {"error": str(error), "error_code": error.code, "fps": None, "remaining_s": None}
    if error.code == "disk_full":  # time does not heal the try, room does
        mine.update(state=JobState.WAITING, next_try_at=Now() + timedelta(seconds=NO_ROOM_PAUSE), **said)
    elif error.final or job.attempts + 1 >= settings.CONFIG.timelapse_attempts:
        mine.update(state=JobState.FAILED, attempts=F("attempts") + 1, finished_at=Now(), **said)
    else:
        pause_s = min(BACK_OFF * 2**job.attempts, LONGEST_BACK_OFF)
        mine.update(
            state=JobState.WAITING, attempts=F("attempts") + 1,
            next_try_at=Now() + timedelta(seconds=pause_s), **said,
        )  # fmt: skip
    _told(job)


def _end_or_wait(job: Job, only: Q) -> bool:
    """A running job without workers: cancelled when somebody asked for it, else waiting. Whether it changed."""
    mine = Job.objects.filter(only, pk=job.pk, state=JobState.RUNNING, shares=None)
    ids = list(mine.values_list("pk", flat=True))
    if not ids:
        return False
    asked = Job.objects.filter(pk__in=ids, state=JobState.RUNNING, cancel_asked=True)
    changed = asked.update(state=JobState.CANCELLED, finished_at=Now(), fps=None, remaining_s=None)
    changed += Job.objects.filter(pk__in=ids, state=JobState.RUNNING, cancel_asked=False).update(
        state=JobState.WAITING, fps=None, remaining_s=None
    )
    _told(job)
    return bool(changed)


def sweep() -> int:
    """Forget the shares of the dead and let their jobs wait again. Returns how many jobs are due."""
    for share in Share.objects.filter(host=HOST).select_related("job"):
        if not _lives(share):
            log.warning(
                "%s: its worker (process %s) is gone", share.job.title, share.pid, extra=about(share.job)
            )
            share.delete()
    Share.objects.filter(beat_at__lt=Now() - timedelta(seconds=SILENT)).delete()
    claimed_long_ago = Q(started_at__lt=Now() - timedelta(seconds=BEAT))
    for job in Job.objects.filter(claimed_long_ago, state=JobState.RUNNING, shares=None):
        _end_or_wait(job, claimed_long_ago)
    return due().count()


def _lives(share: Share) -> bool:
    try:
        return _process_started(share.pid) == share.process_started
    except psutil.Error:
        return False
