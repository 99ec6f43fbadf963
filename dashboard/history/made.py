"""What was made from sessions, and what is being made of them, for their pages and the gallery."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import reverse

from skycam_project.common.nights import site_zone
from timelapse import services
from timelapse.choices import OPEN, JobState, SourceKind
from timelapse.models import Job, Product

STRIP = "strip"
"""Role of a picture without axes, as wide as the night."""
_SHOWN = ("preview", "video", "draft", "picture", "animation", STRIP)
"""What is opened of a product, the best first."""
_STATES = {
    JobState.RUNNING: ("busy", "being made"), JobState.WAITING: ("off", "waits"), JobState.FAILED: ("fault", "failed"),
    JobState.CANCELLED: ("off", "cancelled"),
}  # fmt: skip
_PICTURED = {"timelapse": "film", "mini": "film", "keogram": "layers", "night": "moon", "startrails": "orbit"}


@dataclass(frozen=True, slots=True)
class Made:
    """One product, or the job that makes it.

    Attributes:
        kind: `timelapse`, `keogram`, …
        label: of that kind, for people.
        state: `ok`, `busy`, `off` or `fault`.
        words: what is to be known.
        address: where it is opened, or where its job stands.
        strip: address of its picture without axes; empty: it has none.
        size: bytes of its files; `None` for a job.
        made_at: UTC; `None` for a job.
    """

    kind: str
    label: str
    state: str
    words: str
    address: str
    strip: str = ""
    size: int | None = None
    made_at: datetime | None = None

    @property
    def icon(self) -> str:
        """Beside the label."""
        return _PICTURED.get(self.kind, "image")


def of_session(session: str, *, running: bool = False) -> list[Made]:
    """Of one session: products, then jobs that are open or came to nothing; the newest of each kind.

    Args:
        session: its id.
        running: its products still grow.
    """
    made = of_sessions([session])[session]
    if running:
        made = [replace(one, state="busy", words=one.words.replace("made", "live, as of", 1)) for one in made]
    kinds = {one.kind for one in made}
    jobs = Job.objects.filter(source_kind=SourceKind.SESSION, source=session).exclude(state=JobState.DONE)
    for job in jobs.order_by("-created_at"):
        kind = job.product or job.kind
        if kind not in kinds or job.state in OPEN:
            kinds.add(kind)
            made.append(_job(kind, job))
    return made


def of_sessions(sessions: Iterable[str]) -> dict[str, list[Made]]:
    """The products of several sessions, by session; the newest of each kind, what people look for first in front."""
    names = list(sessions)
    found: dict[str, dict[str, Made]] = defaultdict(dict)
    for row in Product.objects.filter(session__in=names, deleted_at=None).order_by("-made_at"):
        for kind, files in services.parts_of(row.kind, row.files):
            found[row.session].setdefault(kind, _product(row, kind, files))
    order = ["timelapse", "mini", "startrails", "keogram"]
    rank = {kind: place for place, kind in enumerate(order)}
    return {
        name: sorted(found[name].values(), key=lambda one: (rank.get(one.kind, len(rank)), one.kind))
        for name in names
    }


def labels() -> dict[str, str]:
    """Kinds of products, for people."""
    return {"timelapse": "Timelapse", **dict(services.product_kinds())}


def _product(row: Product, kind: str, files: list[dict[str, Any]]) -> Made:
    def address(file: dict[str, Any]) -> str:
        return reverse("product", args=[row.pk, file["name"]])

    roles = {file["role"]: file for file in reversed(files)}
    opened = next((roles[role] for role in _SHOWN if role in roles), None)
    where = address(opened) if opened else f"{reverse('timelapses')}#{row.pk}"
    made = row.made_at.astimezone(site_zone())
    words = f"made {made:%H:%M}, {made.day} {made:%B}"
    strip = address(roles[STRIP]) if STRIP in roles else ""
    size = sum(int(file["bytes"]) for file in files)
    return Made(kind, labels().get(kind, kind.capitalize()), "ok", words, where, strip, size, row.made_at)


def _job(kind: str, job: Job) -> Made:
    state, words = _STATES[JobState(job.state)]
    if job.state == JobState.RUNNING:
        words = f"{words}, {job.percent:.0f} %"
    if job.state == JobState.FAILED and job.error:
        words = f"{words}: {job.error}"
    label = labels().get(kind, kind.capitalize())
    return Made(kind, label, state, words, f"{reverse('timelapses')}#{job.pk}")
