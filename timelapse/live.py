"""What pages hear of jobs while they run, and the form in which the control API shows them."""

from typing import Any

from django.conf import settings

from sessions.store.layout import Layout
from skycam_project.common.clock import iso_utc
from skycam_project.events import publish
from timelapse.models import Job, Product


def _time(moment: Any) -> str | None:
    return iso_utc(moment) if moment else None


def job_row(job: Job) -> dict[str, Any]:
    """A job for people: complete but for its report and recipe."""
    return {
        "uuid": str(job.pk),
        "kind": job.kind,
        "product": job.product or None,
        "title": job.title,
        "session": job.source if job.source_kind == "session" else None,
        "folder": job.source if job.source_kind == "folder" else None,
        "instrument": job.instrument or None,
        "night": job.night.isoformat() if job.night else None,
        "format": job.report.get("format") or job.recipe.get("format") or None,
        "automatic": job.automatic,
        "state": job.state,
        "cancelling": job.state == "running" and job.cancel_asked,
        "stage": job.stage or None,
        "percent": round(job.percent, 1),
        "fps": job.fps,
        "remaining_s": job.remaining_s,
        "workers": job.shares.count(),
        **{key: job.progress.get(key) for key in ("frames", "left_out", "done", "chunk", "chunks")},
        "notes": job.progress.get("notes") or [],
        "attempts": job.attempts,
        "next_try_at": _time(job.next_try_at),
        "error": job.error or None,
        "error_code": job.error_code or None,
        "priority": job.priority,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "products": [str(pk) for pk in job.products.values_list("pk", flat=True)],
    }


def product_row(product: Product) -> dict[str, Any]:
    """A product for people."""
    return {
        "uuid": str(product.pk),
        "job": str(product.job_id) if product.job_id else None,
        "kind": product.kind,
        "title": product.title,
        "night": product.night.isoformat() if product.night else None,
        "instrument": product.instrument or None,
        "session": product.session or None,
        "files": [file | {"url": f"/products/{product.pk}/{file['name']}"} for file in product.files],
        "bytes": product.size,
        "duration_s": product.duration_s,
        "scores": product.scores,
        "growing": grows(product),
        "made_at": _time(product.made_at),
        "archive": _archive(product),
    }


def grows(product: Product) -> bool:
    """Whether it is a running night's, which is made anew every minute."""
    if product.kind != "night" or product.job_id is not None or not product.session:
        return False
    return Layout(settings.DATA / "sessions").partial(product.session).is_dir()


def _archive(product: Product) -> dict[str, Any]:
    """Where a product stands on its way to the archive: off (there is none), no, waiting, failed, archived."""
    if product.archived_at:
        state = "archived"
    elif settings.CONFIG.archive == "off":
        state = "off"
    elif product.archive_error:
        state = "failed"
    else:
        state = "waiting" if settings.CONFIG.archive_products or product.archive_asked else "no"
    return {
        "state": state,
        "address": product.archive_url or None,
        "archived_at": _time(product.archived_at),
        "error": product.archive_error or None,
        "next_try_at": _time(product.archive_next_at),
    }


def job(job: Job) -> None:
    """Tell every live page how a job stands."""
    publish({"type": "event", "event": "job", "data": job_row(job)})


def product(product: Product) -> None:
    """Tell every live page of a new product."""
    publish({"type": "event", "event": "product", "data": product_row(product)})


def gone(product: Product) -> None:
    """Tell every live page that a product was deleted."""
    publish({"type": "event", "event": "product_deleted", "data": {"uuid": str(product.pk)}})


def queue(paused: bool) -> None:
    """Tell every live page whether the queue goes on."""
    publish({"type": "event", "event": "queue", "data": {"paused": paused}})
