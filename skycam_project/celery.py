"""The Celery application: workers host devices (a step of the worker, not of its consumer) and run finite jobs."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")

app = Celery("skycam")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Django's LOGGING stands: a receiver of this signal keeps Celery from replacing it."""
