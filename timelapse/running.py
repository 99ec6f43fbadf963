"""One worker's part in one job: it starts the child, passes on what the child says, and ends it when asked."""

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import orjson
from django.conf import settings

from skycam_project.common.errors import SkycamError
from skycam_project.common.parent_pipe import VARIABLE
from skycam_project.common.units import Seconds
from timelapse import live, logos, metrics, products, queue, sources
from timelapse.errors import JobError
from timelapse.models import Job, Share
from timelapse.work import Work

log = logging.getLogger(__name__)

LOOK: Seconds = 0.25
"""Between two looks at the child."""
PATIENCE: Seconds = 10.0
"""From SIGTERM to SIGKILL."""
TAIL = 4000
"""Bytes of a dead child's last words that reach the log."""

stopping = threading.Event()
"""Set when this worker shuts down: its children end, their jobs wait for the next worker."""


class Child:
    """The process, and what it has said so far."""

    def __init__(self, work: Work) -> None:
        self.progress: dict[str, Any] = {}
        self.last: dict[str, Any] = {}
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        reading, self._writing = (
            os.pipe()
        )  # closed by the kernel when this worker dies: then the child leaves
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "timelapse.child"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._words, cwd=settings.ROOT,
                pass_fds=(reading,), env=os.environ | {VARIABLE: str(reading), "SKYCAM_PROCESS": "job"},
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(reading)
        assert self.process.stdin and self.process.stdout  # noqa: S101 - for the type checker
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(orjson.dumps(asdict(work), default=str) + b"\n")
            self.process.stdin.close()
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, lines: IO[bytes]) -> None:
        for line in lines:
            with contextlib.suppress(ValueError):  # half a line of a child that was killed
                message = orjson.loads(line)
                if "progress" in message:
                    self.progress = message["progress"]
                else:
                    self.last = message

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def end(self) -> None:
        """Ask it to leave, then make it; on return it is gone and what it said is read."""
        for number, patience in ((signal.SIGTERM, PATIENCE), (signal.SIGKILL, None)):
            if self.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(patience)
        self._reader.join(PATIENCE)

    def words(self) -> str:
        """The end of what it wrote on stderr."""
        self._words.seek(0, os.SEEK_END)
        self._words.seek(max(0, self._words.tell() - TAIL))
        return self._words.read().decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Leave nothing of it behind, whatever happened."""
        self.end()
        os.close(self._writing)
        self._words.close()
        if self.process.stdout:
            self.process.stdout.close()


def run(share: Share) -> None:
    """Work on the share's job until it ends, fails, is cancelled, or this worker stops."""
    job, began = share.job, time.monotonic()
    try:
        work = prepare(job)
        log.info("%s: begun", job.title, extra=queue.about(job))
        child = Child(work)
        try:
            report = _follow(share, child)
        finally:
            child.close()
        if report is None:
            log.info("%s: this worker leaves it", job.title, extra=queue.about(job))
            queue.given_up(share)
            return
        made = products.index(Path(work.folder), job)
        if queue.done(share, report):
            seconds = time.monotonic() - began
            log.info("%s: made in %.0f s", job.title, seconds, extra=queue.about(job))
            metrics.ended(job, seconds)
            live.product(made)
        shutil.rmtree(work.work, ignore_errors=True)
    except JobError as error:
        metrics.failed(job, error.code)
        queue.failed(share, error)
    except (SkycamError, OSError) as error:
        code = error.code if isinstance(error, SkycamError) else "io"
        metrics.failed(job, code)
        queue.failed(share, JobError(str(error), code=code, final=code == "invalid_value"))


def prepare(job: Job) -> Work:
    """What the child is to do. Raises `JobError` when there is no room, `MissingError` when the source is gone."""
    is_session = job.source_kind == "session"
    source = sources.find(job.source if is_session else None, None if is_session else job.source)
    folder = products.folder_for(job)
    work = settings.CONFIG.resolve(settings.CONFIG.timelapse_work) / job.digest[:32]
    need = settings.CONFIG.timelapse_min_free + sources.size_of(source) // 4
    for place in (folder, work):
        place.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(place).free
        if free < need:
            text = (
                f"The disk of {place} has {free / 1e9:.2f} GB free; this job begins at {need / 1e9:.2f} GB."
            )
            raise JobError(text, code="disk_full")
    return Work(
        kind=job.kind, product=job.product, title=job.title, source=str(source.path), folder=str(folder),
        work=str(work), recipe=_placed(job.recipe), session=job.source if is_session else "", session_uuid=source.uuid,
        instrument=job.instrument, night=job.night.isoformat() if job.night else "",
    )  # fmt: skip


def _placed(recipe: dict[str, Any]) -> dict[str, Any]:
    return recipe | {"recipe": logos.placed(recipe["recipe"])} if "recipe" in recipe else recipe


def _follow(share: Share, child: Child) -> dict[str, Any] | None:
    """Until the child has ended. Its report, or `None` when it was ended. Raises `JobError`."""
    said: dict[str, Any] = {}
    beaten, drafted = 0.0, False
    while child.alive:
        news = child.progress is not said
        now = time.monotonic()
        if stopping.is_set():
            return None
        if now - beaten >= (queue.BEAT / 2 if news else queue.BEAT):
            said, beaten = child.progress, now
            if not queue.beat(share, **(_fields(said) if news else {})):
                return None
        if said.get("drafted") and not drafted:
            drafted = True
            live.product(products.index(products.folder_for(share.job), share.job))
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(LOOK)
    child.end()
    if report := child.last.get("report"):
        return report
    if error := child.last.get("error"):
        if words := child.words():
            log.warning("%s: %s", share.job.title, words, extra=queue.about(share.job))
        raise JobError(error["text"], code=error["code"], final=error.get("final", False))
    if child.last.get("cancelled"):
        return None
    if words := child.words():
        log.error("%s: the render's last words: %s", share.job.title, words, extra=queue.about(share.job))
    raise JobError(_obituary(child), code="crashed")


def _obituary(child: Child) -> str:
    code = child.process.returncode
    how = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"
    return f"The render's process ended by {how}; its finished chunks are kept."


def _fields(progress: dict[str, Any]) -> dict[str, Any]:
    """The job's columns from the child's message."""
    columns = {key: progress[key] for key in ("stage", "percent", "fps", "remaining_s") if key in progress}
    counts = {key: progress.get(key) for key in ("frames", "left_out", "notes", "done", "chunk", "chunks")}
    return columns | {"progress": counts}
