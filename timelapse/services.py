"""The verbs of jobs for pages, commands and other apps."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from typing import Any

from django.conf import settings

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import claimed
from timelapse import logos, metrics, queue, running, seasons, sources
from timelapse.choices import OPEN, JobKind, JobState
from timelapse.errors import MissingError
from timelapse.models import Job, Product
from timelapse.night.kinds import KINDS, checked

log = logging.getLogger(__name__)

NEWEST = 50
"""Products whose quality is told; an instrument's newest is among them."""
FORMATS = (
    ("h265", "As large as the frames, H.265 10 bit"),
    ("av1", "As large as the frames, AV1 10 bit (quick)"),
    ("hdr10", "As large as the frames, HDR10"),
    ("1080p", "1080p H.264 (plays everywhere)"),
    ("prores", "ProRes, for editors"),
    ("webp", "Small animation (WebP)"),
    ("frames", "The untouched frames (ZIP)"),
)
"""Outputs of `timelapse.pipeline.recipe.NAMED` that people choose from, with their words."""


def create_timelapse(
    recipe: dict[str, Any], *, session: str | None = None, folder: str | None = None, title: str = "",
    draft: bool = True, automatic: bool = False,
) -> tuple[Job, bool]:  # fmt: skip
    """Queue a timelapse.

    Args:
        recipe: fields of `timelapse.pipeline.recipe.Recipe`; a logo is named by what `logos.keep` returned.
        session: id of the session to make it of.
        folder: the folder of images to make it of; one of the two.
        title: for people; made from the source when empty.
        draft: whether a quick draft comes first.
        automatic: whether the program asked for it itself.

    Returns:
        The job, and whether it is new: an open job that makes the same is given back.

    Raises `InvalidValueError` with the field, `MissingError`.
    """
    from timelapse.pipeline.recipe import Recipe

    source = sources.find(session, folder)
    checked = _watchable(Recipe.from_json(logos.placed(recipe)))
    what = {"draft": draft, "format": format_of(checked), "recipe": logos.named(checked.to_json())}
    return _woken(queue.add(JobKind.TIMELAPSE, source, what, title=title, automatic=automatic))


def create_product(
    kind: str, options: dict[str, Any], *, session: str | None = None, folder: str | None = None,
    title: str = "", automatic: bool = False,
) -> tuple[Job, bool]:  # fmt: skip
    """Queue a night product; arguments and result as `create_timelapse`."""
    if kind not in KINDS:
        raise InvalidValueError("kind", kind, ", ".join(("timelapse", *KINDS)))
    source = sources.find(session, folder)
    what = {"options": checked(kind, options)}
    return _woken(queue.add(JobKind.PRODUCT, source, what, product=kind, title=title, automatic=automatic))


def product_kinds() -> list[tuple[str, str]]:
    """Night products: name and title."""
    return [(name, kind.title) for name, kind in KINDS.items()]


def parts_of(kind: str, files: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """What a product consists of: kind and files of each; the product of a whole night is all of its kinds."""
    if kind != "night":
        return [(kind, files)]
    named = [(name, one.files) for name, one in KINDS.items() if name != kind]
    found = [
        (name, [file for file in files if any(fnmatch(file["name"], pattern) for pattern in patterns)])
        for name, patterns in named
    ]
    return [(name, own) for name, own in found if own]


def _watchable(recipe: Any) -> Any:
    """The recipe with an output that every browser plays, so that the page can show what was made."""
    from timelapse.pipeline.recipe import named

    if any(output.fragmented for output in recipe.outputs):
        return recipe
    return replace(recipe, outputs=(*recipe.outputs, named("preview")))


def format_of(recipe: Any) -> str:
    """A recipe's first output in words: "4K H.265 10 bit"."""
    output = recipe.outputs[0]
    names = {
        "h265": "H.265",
        "h264": "H.264",
        "av1": "AV1",
        "prores": "ProRes",
        "ffv1": "FFV1",
        "webp": "WebP",
    }
    words = [names.get(output.codec, output.codec)]
    if output.size:
        words.insert(
            0, {2160: "4K", 1080: "1080p", 720: "720p"}.get(output.size[1], "{}×{}".format(*output.size))
        )
    if output.transfer != "sdr":
        words.append(output.transfer.upper())
    elif output.bits and output.bits > 8:
        words.append(f"{output.bits} bit")
    return " ".join(words)


def _woken(made: tuple[Job, bool]) -> tuple[Job, bool]:
    if made[1]:
        wake()
    return made


def cancel(uuid: Any) -> Job:
    """End a job. Raises `MissingError`, `StateError`."""
    return queue.cancel(queue.get(uuid))


def retry(uuid: Any) -> Job:
    """Try a failed or cancelled job again, or a waiting one now. Raises `MissingError`, `StateError`."""
    job = queue.retry(queue.get(uuid))
    wake()
    return job


def first(uuid: Any) -> Job:
    """Let a waiting job be the next one. Raises `MissingError`, `StateError`."""
    job = queue.first(queue.get(uuid))
    wake()
    return job


def pause(on: bool) -> None:
    """Begin no new job, or go on."""
    queue.pause(on)
    if not on:
        wake()


def wake() -> None:
    """Tell workers that there is something to do. Without a broker their own sweep finds it later."""
    from timelapse import tasks

    for _ in range(settings.CONFIG.timelapse_workers):
        if not _send(tasks.work):
            return


def _send(task: Any, *arguments: str) -> bool:
    """Call a worker; whether the broker took it. What is to be done is safe in the database."""
    import skycam_project.celery  # noqa: F401 - makes our application the one that tasks use; 20 MB, only where one is sent

    try:
        task.apply_async(args=arguments, retry=False)
    except Exception as error:  # each broker's client has errors of its own
        log.warning("no worker could be woken (%s); the queue is looked at again within seconds", error)
        return False
    return True


def archive_now(uuid: Any) -> Product:
    """Copy a product to the archive, now. Raises `MissingError`, `StateError`."""
    from timelapse import archive, tasks

    product = archive.ask(uuid)
    _send(tasks.send)
    return product


def fetch_now(node: str) -> None:
    """Fetch what a capture node offers, now. Raises `MissingError`."""
    from timelapse import tasks

    if node not in (entry.id for entry in settings.CONFIG.nodes):
        raise MissingError(f"There is no node {node} in skycam.yaml.")
    _send(tasks.visit, node)


def work_once() -> bool:
    """Take one job and work on it to its end. Returns whether there was one."""
    with _slot() as free:
        if not free or running.stopping.is_set():
            return False
        share = queue.claim()
        if share is None:
            return False
        count()
        running.run(share)
    count()
    return True


@contextlib.contextmanager
def _slot() -> Iterator[bool]:
    """One of this machine's places for a job, held by flock: a worker that dies gives it free."""
    for number in range(settings.CONFIG.timelapse_jobs):
        with claimed(settings.RUN / f"job-slot-{queue.HOST}-{number}.lock") as free:
            if free:
                yield True
                return
    yield False


def sweep() -> None:
    """Look after what dead workers left, and wake somebody when a job is due."""
    due = queue.sweep()
    count()
    if due:
        wake()


def count() -> None:
    """Bring the gauges up to date."""
    states = Job.objects.filter(state__in=OPEN).values_list("state", flat=True)
    metrics.count(
        sum(state == JobState.WAITING for state in states), sum(state == JobState.RUNNING for state in states)
    )
    measured = Product.objects.filter(deleted_at=None, scores__quality__isnull=False)
    newest = measured.exclude(kind=seasons.KIND).order_by("-made_at")[:NEWEST]  # a year hides a bad night
    for instrument, scores in reversed(newest.values_list("instrument", "scores")):
        metrics.quality(instrument or "folders", scores["quality"])
