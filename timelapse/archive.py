"""Finals in the archive, as the processing worker serves them: what is due, how it went, when it is tried again."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Seconds
from timelapse import live, metrics, products, running
from timelapse.choices import OPEN
from timelapse.errors import StateError
from timelapse.models import Product
from timelapse.transfer import finals

log = logging.getLogger(__name__)

BACK_OFF: Seconds = 30.0
"""The pause after the first failed try; it doubles with each."""
LONGEST_BACK_OFF: Seconds = 3600.0


class StoppedError(SkycamError):
    """This worker shuts down; the next one goes on where the upload was."""

    code = "stopped"


def due() -> QuerySet[Product]:
    """Products whose upload is due, oldest first. A job that still runs may change its own."""
    if settings.CONFIG.archive == "off":
        return Product.objects.none()
    wanted = Q() if settings.CONFIG.archive_products else Q(archive_asked=True)
    ready = Q(archive_next_at=None) | Q(archive_next_at__lte=Now())
    still = Product.objects.filter(wanted, ready, archived_at=None, deleted_at=None)
    return still.exclude(job__state__in=OPEN).order_by("made_at")


def run() -> None:
    """Archive what is due; a failure is noted, shown, and tried again later."""
    from sessions.exchange.archive import alone  # brings numpy

    store = settings.CONFIG.products_store()
    if store is None or not due().exists():
        return
    with alone(products.root()) as free:
        for product in due() if free else ():
            if running.stopping.is_set():
                return
            _send(product, store)


def _send(product: Product, store: Any) -> None:
    def stop(_done: int, _total: int) -> None:
        if running.stopping.is_set():
            raise StoppedError("this worker stops")

    folder = products.root() / product.folder
    try:
        mark = finals.archive(folder, products.root(), store, stop)
    except StoppedError:
        return
    except (SkycamError, OSError) as error:
        _failed(product, str(error))
        return
    changed = Product.objects.filter(pk=product.pk, deleted_at=None).update(
        archived_at=datetime.fromisoformat(mark.archived_at), archive_url=mark.address, archive_error="",
        archive_attempts=0, archive_next_at=None, archive_asked=False,
    )  # fmt: skip
    if changed:
        metrics.archived()
        log.info("product archived: product=%s at=%s", product.folder, mark.address)
        product.refresh_from_db()
        live.product(product)


def _failed(product: Product, reason: str) -> None:
    pause_s = min(BACK_OFF * 2**product.archive_attempts, LONGEST_BACK_OFF)
    changed = Product.objects.filter(pk=product.pk, deleted_at=None).update(
        archive_error=reason, archive_attempts=F("archive_attempts") + 1,
        archive_next_at=Now() + timedelta(seconds=pause_s),
    )  # fmt: skip
    if changed:  # else somebody deleted it while it was read
        metrics.not_archived()
        level = logging.WARNING if product.archive_attempts == 0 else logging.INFO
        log.log(
            level, "product not archived: product=%s next_try_s=%d reason=%s", product.folder, pause_s, reason
        )
        product.refresh_from_db()
        live.product(product)


def ask(uuid: object) -> Product:
    """Archive one product now, whatever the settings do by themselves. Raises `MissingError`, `StateError`."""
    product = products.get(uuid)
    if settings.CONFIG.products_store() is None:
        raise StateError("There is no archive: set archive.store to local or s3.")
    if product.archived_at:
        raise StateError(f"{product.title} is archived already.")
    if product.job and product.job.state in OPEN:
        raise StateError(f"{product.title} is not finished yet.")
    Product.objects.filter(pk=product.pk).update(archive_asked=True, archive_next_at=None, archive_attempts=0)
    product.refresh_from_db()
    return product
