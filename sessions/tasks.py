"""Finite jobs around finished sessions."""

from celery import shared_task

from sessions import retention


@shared_task(name="sessions.retention", ignore_result=True)
def run_retention() -> None:
    """Delete what is due."""
    retention.run()
