"""Words of the database with what people read."""

from django.db import models


class JobKind(models.TextChoices):
    """What a job makes."""

    TIMELAPSE = "timelapse", "Timelapse"
    PRODUCT = "product", "Night product"


class JobState(models.TextChoices):
    """Where a job stands."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


OPEN = (JobState.WAITING, JobState.RUNNING)
"""States in which a job still has something to do."""


class SourceKind(models.TextChoices):
    """Where frames come from."""

    SESSION = "session", "Session"
    FOLDER = "folder", "Folder of images"
