"""Finished sessions as pages need them: a mirror of the catalogue, which itself comes from the files.

Nothing here is the truth. `sessions.mirror` writes these rows and makes them again when they are lost;
everybody else only reads them. Frames, log rows and events are read from the files.
"""

from django.db import models
from django.db.models import F, Q

from sessions.choices import SessionType, Status, Storage


class SessionQuerySet(models.QuerySet["Session"]):
    """The questions that pages ask."""

    def present(self) -> "SessionQuerySet":
        """Sessions whose file is there."""
        return self.filter(removed_at=None)

    def removed(self) -> "SessionQuerySet":
        """What retention has deleted; the row tells what it was."""
        return self.exclude(removed_at=None)


class Session(models.Model):
    """One finished session: its row of the catalogue, and what was decided about it."""

    uuid = models.UUIDField(primary_key=True, help_text="Survives renames and moves to another machine.")
    session_id = models.CharField(max_length=200, db_index=True)
    session_type = models.CharField(max_length=11, choices=SessionType)
    instrument = models.CharField(max_length=32)
    start_time = models.DateTimeField()
    end_time = models.DateTimeField()
    status = models.CharField(max_length=9, choices=Status)
    target = models.TextField(null=True)  # noqa: DJ001 - null: none was named
    purpose = models.TextField(null=True)  # noqa: DJ001
    ra_deg = models.FloatField(null=True, help_text="Right ascension of the target, ICRS, degrees.")
    dec_deg = models.FloatField(null=True, help_text="Declination of the target, ICRS, degrees.")
    lat = models.FloatField(null=True, help_text="Latitude of the site, degrees north.")
    lon = models.FloatField(null=True, help_text="Longitude of the site, degrees east.")
    alt = models.FloatField(null=True, help_text="Height of the site, metres.")
    cameras = models.TextField(blank=True, help_text="Names of the cameras, joined by commas.")
    frames = models.PositiveIntegerField(default=0)
    frames_lost = models.PositiveIntegerField(default=0)
    error_count = models.PositiveIntegerField(default=0)
    warning_count = models.PositiveIntegerField(default=0)
    event_count = models.PositiveIntegerField(default=0)
    duration_s = models.FloatField(default=0, help_text="By the monotonic clock, without gaps.")
    bytes = models.PositiveBigIntegerField(default=0, help_text="Of the frames, as they are stored.")
    temp_min_c = models.FloatField(null=True, help_text="Coldest reading of the series temperature.")
    temp_mean_c = models.FloatField(null=True)
    temp_max_c = models.FloatField(null=True)
    storage = models.CharField(max_length=8, choices=Storage)
    compression = models.CharField(max_length=8, blank=True, help_text="Codec of the arrays.")
    asdf_path = models.TextField(help_text="Relative to the sessions' folder.")
    month = models.CharField(max_length=7, db_index=True, help_text="Of that folder: 2026-11, UTC.")
    file_size = models.PositiveBigIntegerField(default=0)
    file_mtime_ns = models.BigIntegerField(default=0)
    sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the file; empty until it was computed."
    )
    schema_version = models.CharField(max_length=16)
    merged = models.PositiveIntegerField(default=0, help_text="How many idle sessions were merged into it.")
    catalogued_at = models.DateTimeField()
    # -- decided about it (sessions/catalogue/ledger.py)
    protected = models.BooleanField(default=False, help_text="Never deleted.")
    archived_at = models.DateTimeField(null=True, help_text="When a checked copy lay elsewhere.")
    archive_url = models.TextField(blank=True, help_text="Where that copy lies.")
    dropped_at = models.DateTimeField(null=True, help_text="When its frames were given up; the rest stays.")
    dropped_reason = models.TextField(blank=True)
    removed_at = models.DateTimeField(null=True, help_text="When retention deleted it.")
    removed_reason = models.TextField(blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        """Order and indexes."""

        ordering = ("-start_time",)
        indexes = (
            models.Index(F("start_time").desc(), name="session_start"),
            models.Index("session_type", F("start_time").desc(), name="session_type_start"),
            models.Index("instrument", F("start_time").desc(), name="session_instrument_start"),
            models.Index("target", F("start_time").desc(), name="session_target_start"),
            models.Index(F("start_time").desc(), condition=Q(error_count__gt=0), name="session_errors_start"),
            models.Index(
                F("start_time").desc(), condition=~Q(session_type="idle"), name="session_active_start"
            ),
        )

    def __str__(self) -> str:
        return self.session_id


class Capture(models.Model):
    """What one camera took in a session. One row per camera, not per frame: frames are read from the file."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="captures")
    camera = models.CharField(max_length=64)
    model = models.TextField(blank=True, help_text="Of the camera, as its driver says it.")
    frames = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField(null=True, help_text="When its first frame was taken.")
    last_at = models.DateTimeField(null=True, help_text="When its last frame was taken.")
    exposure_s = models.FloatField(null=True, help_text="Of the last frame.")
    gain = models.FloatField(null=True, help_text="Of the last frame, in the camera's unit.")

    class Meta:
        """Order, key and index."""

        ordering = ("-last_at",)
        constraints = (models.UniqueConstraint(fields=("session", "camera"), name="capture_once"),)
        indexes = (models.Index(F("last_at").desc(), name="capture_last"),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.camera}: {self.frames} frames"


class MirroredMonth(models.Model):
    """Which state of a month's part of the catalogue the rows above show."""

    month = models.CharField(max_length=7, primary_key=True, help_text="2026-11, UTC.")
    signature = models.CharField(max_length=64, help_text="Size and time of the part when it was mirrored.")

    def __str__(self) -> str:
        return self.month
