"""The Celery application: workers host devices (a step of the worker, not of its consumer) and run finite jobs."""

import os

from celery import Celery, bootsteps
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


class TelescopeHost(DeviceHost):
    """Hosts the telescope."""

    queue = "telescope"
    session = "telescope.service:run"


class ProcessingHost(DeviceHost):
    """Hosts the program's own session, and says how the jobs stand."""

    queue = "processing"
    session = "sessions.system:run"


class ObservatoryHost(DeviceHost):
    """Hosts what spans devices: flats, beacons, scenes of the night."""

    queue = "processing"
    session = "observatory.service:run"


class NightHost(DeviceHost):
    """Keeps the night products of running sessions up to date, in children."""

    queue = "processing"
    session = "timelapse.following:run"


class BeatThread(bootsteps.StartStopStep):
    """The schedule, as a thread of the processing worker.

    A process of its own would cost 80 MB, and `-B` forks one that outlives a killed worker.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent, **options):
        super().__init__(parent, **options)
        self.service = None

    def include_if(self, parent):
        return "processing" in parent.app.amqp.queues.consume_from

    def start(self, parent):
        from celery.beat import EmbeddedService

        self.service = EmbeddedService(parent.app, thread=True)
        self.service.start()

    def stop(self, parent):
        if self.service:
            self.service.stop()

    terminate = stop


app.steps["worker"].add(BeatThread)
app.steps["worker"].add(CameraHost)
app.steps["worker"].add(TelescopeHost)
app.steps["worker"].add(ProcessingHost)
app.steps["worker"].add(ObservatoryHost)
app.steps["worker"].add(NightHost)


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Django's LOGGING stands: a receiver of this signal keeps Celery from replacing it."""
