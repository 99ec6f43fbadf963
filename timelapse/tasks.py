"""Finite jobs: what wakes workers and looks after the queue."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from timelapse import archive, automatic, leftovers, nodes, products, running, services


@shared_task(name="timelapse.work", ignore_result=True)
def work() -> None:
    """Take one job; when there was one, let somebody look for the next."""
    if services.work_once() and not running.stopping.is_set():
        services.wake()


@shared_task(name="timelapse.sweep", ignore_result=True)
def sweep() -> None:
    """Take up what dead workers left; wake workers for what is due; show what the night has made."""
    services.sweep()
    products.find_newest()
    for node in nodes.due():
        visit.apply_async([node], expires=60)
    if archive.due().exists():
        send.apply_async(expires=60)


@shared_task(name="timelapse.nights", ignore_result=True)
def nights() -> None:
    """Queue the products of nights that are over."""
    automatic.queue_nights()


@shared_task(name="timelapse.visit", ignore_result=True)
def visit(node: str) -> None:
    """Fetch what a capture node offers."""
    nodes.visit(node)


@shared_task(name="timelapse.archive", ignore_result=True)
def send() -> None:
    """Copy finished products to the archive."""
    archive.run()


@shared_task(name="timelapse.offer", ignore_result=True)
def offer() -> None:
    """On a capture node: offer finished sessions to the main machine."""
    nodes.offer()


@shared_task(name="timelapse.find_products", ignore_result=True)
def find_products() -> None:
    """Rows for products that commands or the night made; the rest of interrupted deletions and of given up jobs."""
    products.finish_deleting()
    products.find_all()
    leftovers.clear()


@worker_ready.connect
def begin(sender: Any, **_: object) -> None:
    """A worker that comes up takes up what its predecessor left, without waiting for the schedule."""
    if "processing" in sender.app.amqp.queues.consume_from:
        sweep.apply_async(retry=False)
        find_products.apply_async(retry=False)


@worker_shutting_down.connect
def end(**_: object) -> None:
    """Children end with their worker; their jobs wait for the next one."""
    running.stopping.set()
