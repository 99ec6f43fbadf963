"""Products as rows: from their folders, whoever made them, and back to nothing when somebody deletes one."""

import logging
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from sessions.store import ids
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import fsync_folder, under
from timelapse import live, seasons, sidecar
from timelapse.errors import MissingError
from timelapse.models import Job, Product
from timelapse.transfer import finals

log = logging.getLogger(__name__)


def root() -> Path:
    """Where products lie: `products/<night>/<instrument>/<kind>-<digest>/`."""
    return settings.DATA / "products"


def folder_for(job: Job) -> Path:
    """The folder of what a job makes; the same job makes it in the same folder, a long-term keogram in its one."""
    if job.product == seasons.KIND:
        return seasons.home(root(), job.instrument)
    night = job.night.isoformat() if job.night else "undated"
    name = f"{ids.slug(job.product or job.kind, 40)}-{job.digest[:12]}"
    return root() / night / (ids.slug(job.instrument, 32) or "folders") / name


def index(folder: Path, job: Job | None = None) -> Product:
    """The row of a product's folder, made or brought up to date. Raises `SidecarError`."""
    facts, mark = sidecar.read(folder), finals.archived(folder)
    values = {
        "kind": facts.kind, "title": facts.title, "night": facts.night or None, "instrument": facts.instrument,
        "session": facts.session, "session_uuid": facts.session_uuid, "files": list(facts.files),
        "size": sum(int(file["bytes"]) for file in facts.files), "duration_s": facts.duration_s,
        "scores": dict(facts.scores), "deleted_at": None,
        "made_at": datetime.fromtimestamp((folder / sidecar.NAME).stat().st_mtime, UTC),
        "archived_at": datetime.fromisoformat(mark.archived_at) if mark else None,
        "archive_url": mark.address if mark else "",
    }  # fmt: skip
    if job:
        values["job"] = job
    name = folder.resolve().relative_to(root().resolve()).as_posix()
    product, _ = Product.objects.update_or_create(
        folder=name, defaults=values, create_defaults=values | {"uuid": facts.uuid}
    )
    product.refresh_from_db()
    return product


def find_all() -> int:
    """Give every described folder its row: after a loss of the database, or when a command made or archived one."""
    return _find(root().glob(f"*/*/*/{sidecar.NAME}"), Product.objects.all())


def find_newest() -> int:
    """The same for the last two nights: products of a running night grow every minute, and pages show them."""
    nights = sorted(root().glob("[0-9]*-*-*"))[-2:]
    rows = Product.objects.filter
    return sum(
        _find(night.glob(f"*/*/{sidecar.NAME}"), rows(folder__startswith=f"{night.name}/"))
        for night in nights
    )


def _find(paths: Iterable[Path], rows: QuerySet[Product]) -> int:
    known = {name: rest for name, *rest in rows.values_list("folder", "made_at", "archived_at")}
    found = 0
    for path in paths:
        name = path.parent.relative_to(root()).as_posix()
        made_at, archived_at = known.get(name, (None, None))
        by_command = archived_at is None and (path.parent / finals.MARK).exists()
        if made_at is None or made_at.timestamp() < path.stat().st_mtime - 1 or by_command:
            try:
                live.product(index(path.parent))
                found += 1
            except (sidecar.SidecarError, OSError) as error:
                log.warning("%s", error)
    return found


def get(uuid: object) -> Product:
    """A product that is there. Raises `MissingError`."""
    product = Product.objects.filter(pk=uuid, deleted_at=None).first()
    if product is None:
        raise MissingError(f"There is no product {uuid}.")
    return product


def file_of(product: Product, name: str) -> tuple[Path, str]:
    """One file that the product lists, and its media type. Raises `MissingError`."""
    for file in product.files:
        if file["name"] == name:
            path = under(under(root(), product.folder), name)
            if path.is_file():
                return path, file["type"]
            raise MissingError(f"{path} is gone.")
    raise MissingError(f"{product.title} has no file {name}.")


def delete(product: Product) -> None:
    """Delete a product with its files: first said in its row, then done, so that a crash between leaves a plan."""
    if product.job and product.job.state in ("waiting", "running"):
        raise InvalidValueError("product", str(product.pk), "one whose job has ended; cancel the job first")
    if live.grows(product):
        raise InvalidValueError(
            "product", str(product.pk), "one whose session has ended; this night still grows"
        )
    Product.objects.filter(pk=product.pk).update(deleted_at=Now())
    live.gone(product)
    _remove(product)


def finish_deleting() -> None:
    """Go on with what a crash interrupted."""
    for product in Product.objects.exclude(deleted_at=None):
        _remove(product)


def _remove(product: Product) -> None:
    folder = under(root(), product.folder)
    if folder.exists():
        (folder / sidecar.NAME).unlink(
            missing_ok=True
        )  # first: without it nobody takes the rest for a product
        fsync_folder(folder)
        shutil.rmtree(folder)
        fsync_folder(folder.parent)
    product.delete()
