"""Finite jobs around finished sessions."""

from celery import shared_task

from sessions import retention, retrieving, services


@shared_task(name="sessions.retention", ignore_result=True)
def run_retention() -> None:
    """Delete what is due."""
    retention.run()


@shared_task(name="sessions.archive", ignore_result=True)
def run_archive() -> None:
    """Copy to the archive what is not there yet."""
    services.archive_due()
    retrieving.carry_out()  # what nobody could tell the worker about


@shared_task(name="sessions.retrieve", ignore_result=True)
def run_retrieval() -> None:
    """Fetch from the archive what people asked for."""
    retrieving.carry_out()
