"""Finite jobs around people."""

from celery import shared_task
from django.core.management import call_command


@shared_task(name="dashboard.clear_logins", ignore_result=True)
def clear_logins() -> None:
    """Remove ended logins from the database."""
    call_command("clearsessions")
