"""The Celery application: workers host devices (a step of the worker, not of its consumer) and run finite jobs."""

import os

from celery import Celery
from celery.signals import setup_logging

from skycam_project.device_host import DeviceHost

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")

app = Celery("skycam")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class CameraHost(DeviceHost):
    """Hosts all cameras."""

    queue = "camera"
    session = "camera.service:run"


class ProcessingHost(DeviceHost):
    """Hosts the program's own session, and says how the jobs stand."""

    queue = "processing"
    session = "sessions.system:run"


app.steps["worker"].add(CameraHost)
app.steps["worker"].add(ProcessingHost)


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Django's LOGGING stands: a receiver of this signal keeps Celery from replacing it."""
