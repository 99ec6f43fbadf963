"""Finite jobs around finished sessions."""

from celery import shared_task

from sessions import retention, services


@shared_task(name="sessions.retention", ignore_result=True)
def run_retention() -> None:
    """Delete what is due."""
    retention.run()


@shared_task(name="sessions.archive", ignore_result=True)
def run_archive() -> None:
    """Copy to the archive what is not there yet."""
    services.archive_due()
