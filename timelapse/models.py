"""Jobs, who works on them, and what they made. The table of jobs is the queue; Celery's messages only wake workers."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from timelapse.choices import OPEN, JobKind, JobState, SourceKind


class Job(models.Model):
    """One finite job. `digest` is of what it makes from what: an open job of the same digest is the same job."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=JobKind.choices)
    product = models.CharField(max_length=40, default="", help_text="Kind of night product.")
    title = models.CharField(max_length=200)
    source_kind = models.CharField(max_length=16, choices=SourceKind.choices)
    source = models.CharField(max_length=500, help_text="Session id, or folder as it was given.")
    instrument = models.CharField(max_length=32, default="")
    night = models.DateField(null=True, help_text="Date of the evening.")
    recipe = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    automatic = models.BooleanField(default=False)

    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.WAITING)
    priority = models.IntegerField(default=0, help_text="Higher comes first.")
    cancel_asked = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0, help_text="Tries that have failed.")
    next_try_at = models.DateTimeField(null=True)
    error = models.TextField(default="")
    error_code = models.CharField(max_length=40, default="")

    stage = models.CharField(max_length=16, default="")
    percent = models.FloatField(default=0.0)
    fps = models.FloatField(null=True)
    remaining_s = models.FloatField(null=True)
    progress = models.JSONField(default=dict, help_text="Frames and chunks: all, done, left out.")
    report = models.JSONField(default=dict)

    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """One open job per digest."""

        constraints = (
            models.UniqueConstraint(
                fields=["digest"], condition=Q(state__in=OPEN), name="one_open_job_per_digest"
            ),
        )
        indexes = (models.Index(fields=["state", "-priority", "created_at"]),)

    def __str__(self) -> str:
        return f"{self.title}: {self.state}"


class Share(models.Model):
    """One worker's part in a running job; it beats while the worker lives."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="shares")
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    process_started = models.FloatField(
        help_text="When that process began, so that a pid used again is seen."
    )
    started_at = models.DateTimeField(db_default=Now())
    beat_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.job_id} on {self.host} (process {self.pid})"


class Product(models.Model):
    """What a job, a command or the night itself made: one folder below `products/`, described by its sidecar."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="products")
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    night = models.DateField(null=True)
    instrument = models.CharField(max_length=32, default="")
    session = models.CharField(max_length=200, default="", help_text="Id of the session it was made from.")
    session_uuid = models.CharField(max_length=36, default="")
    folder = models.CharField(max_length=500, unique=True, help_text="Relative to products/.")
    files = models.JSONField(default=list, help_text="Name, role, bytes, media type of each file.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of all files.")
    duration_s = models.FloatField(null=True)
    scores = models.JSONField(default=dict, help_text="Quality, 0 to 1 each.")
    made_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True, help_text="Somebody deleted it: its files are going.")
    archived_at = models.DateTimeField(null=True, help_text="When a checked copy lay elsewhere.")
    archive_url = models.TextField(default="", blank=True, help_text="Where that copy lies.")
    archive_asked = models.BooleanField(default=False, help_text="A person wants it there.")
    archive_error = models.TextField(default="", blank=True, help_text="Why the last try failed.")
    archive_attempts = models.PositiveIntegerField(default=0, help_text="Tries that have failed.")
    archive_next_at = models.DateTimeField(null=True, help_text="When it is tried again.")

    def __str__(self) -> str:
        return f"{self.title} ({self.folder})"


class Queue(models.Model):
    """The one row about the whole queue."""

    paused = models.BooleanField(default=False)

    def __str__(self) -> str:
        return "paused" if self.paused else "running"
