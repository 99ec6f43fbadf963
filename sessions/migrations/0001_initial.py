import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="MirroredMonth",
            fields=[
                (
                    "month",
                    models.CharField(
                        help_text="2026-11, UTC.", max_length=7, primary_key=True, serialize=False
                    ),
                ),
                (
                    "signature",
                    models.CharField(
                        help_text="Size and time of the part when it was mirrored.", max_length=64
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "uuid",
                    models.UUIDField(
                        help_text="Survives renames and moves to another machine.",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("session_id", models.CharField(db_index=True, max_length=200)),
                (
                    "session_type",
                    models.CharField(
                        choices=[
                            ("observation", "Observation"),
                            ("alignment", "Alignment"),
                            ("experiment", "Experiment"),
                            ("maintenance", "Maintenance"),
                            ("idle", "Idle"),
                        ],
                        max_length=11,
                    ),
                ),
                ("instrument", models.CharField(max_length=32)),
                ("start_time", models.DateTimeField()),
                ("end_time", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("complete", "Complete"),
                            ("recovered", "Recovered after a crash"),
                            ("aborted", "Aborted"),
                        ],
                        max_length=9,
                    ),
                ),
                ("target", models.TextField(null=True)),
                ("purpose", models.TextField(null=True)),
                (
                    "ra_deg",
                    models.FloatField(help_text="Right ascension of the target, ICRS, degrees.", null=True),
                ),
                (
                    "dec_deg",
                    models.FloatField(help_text="Declination of the target, ICRS, degrees.", null=True),
                ),
                ("lat", models.FloatField(help_text="Latitude of the site, degrees north.", null=True)),
                ("lon", models.FloatField(help_text="Longitude of the site, degrees east.", null=True)),
                ("alt", models.FloatField(help_text="Height of the site, metres.", null=True)),
                (
                    "cameras",
                    models.TextField(blank=True, help_text="Names of the cameras, joined by commas."),
                ),
                ("frames", models.PositiveIntegerField(default=0)),
                ("frames_lost", models.PositiveIntegerField(default=0)),
                ("error_count", models.PositiveIntegerField(default=0)),
                ("warning_count", models.PositiveIntegerField(default=0)),
                ("event_count", models.PositiveIntegerField(default=0)),
                (
                    "duration_s",
                    models.FloatField(default=0, help_text="By the monotonic clock, without gaps."),
                ),
                (
                    "bytes",
                    models.PositiveBigIntegerField(default=0, help_text="Of the frames, as they are stored."),
                ),
                (
                    "temp_min_c",
                    models.FloatField(help_text="Coldest reading of the series temperature.", null=True),
                ),
                ("temp_mean_c", models.FloatField(null=True)),
                ("temp_max_c", models.FloatField(null=True)),
                (
                    "storage",
                    models.CharField(
                        choices=[
                            ("embedded", "Inside the file"),
                            ("external", "Beside the file"),
                            ("none", "No frames"),
                        ],
                        max_length=8,
                    ),
                ),
                ("compression", models.CharField(blank=True, help_text="Codec of the arrays.", max_length=8)),
                ("asdf_path", models.TextField(help_text="Relative to the sessions' folder.")),
                (
                    "month",
                    models.CharField(db_index=True, help_text="Of that folder: 2026-11, UTC.", max_length=7),
                ),
                ("file_size", models.PositiveBigIntegerField(default=0)),
                ("file_mtime_ns", models.BigIntegerField(default=0)),
                (
                    "sha256",
                    models.CharField(
                        blank=True, help_text="Of the file; empty until it was computed.", max_length=64
                    ),
                ),
                ("schema_version", models.CharField(max_length=16)),
                (
                    "merged",
                    models.PositiveIntegerField(
                        default=0, help_text="How many idle sessions were merged into it."
                    ),
                ),
                ("catalogued_at", models.DateTimeField()),
                ("protected", models.BooleanField(default=False, help_text="Never deleted.")),
                (
                    "archived_at",
                    models.DateTimeField(help_text="When a checked copy lay elsewhere.", null=True),
                ),
                ("archive_url", models.TextField(blank=True, help_text="Where that copy lies.")),
                (
                    "dropped_at",
                    models.DateTimeField(
                        help_text="When its frames were given up; the rest stays.", null=True
                    ),
                ),
                ("dropped_reason", models.TextField(blank=True)),
                ("removed_at", models.DateTimeField(help_text="When retention deleted it.", null=True)),
                ("removed_reason", models.TextField(blank=True)),
            ],
            options={
                "ordering": ("-start_time",),
                "indexes": [
                    models.Index(
                        models.OrderBy(models.F("start_time"), descending=True), name="session_start"
                    ),
                    models.Index(
                        models.F("session_type"),
                        models.OrderBy(models.F("start_time"), descending=True),
                        name="session_type_start",
                    ),
                    models.Index(
                        models.F("instrument"),
                        models.OrderBy(models.F("start_time"), descending=True),
                        name="session_instrument_start",
                    ),
                    models.Index(
                        models.F("target"),
                        models.OrderBy(models.F("start_time"), descending=True),
                        name="session_target_start",
                    ),
                    models.Index(
                        models.OrderBy(models.F("start_time"), descending=True),
                        condition=models.Q(("error_count__gt", 0)),
                        name="session_errors_start",
                    ),
                    models.Index(
                        models.OrderBy(models.F("start_time"), descending=True),
                        condition=models.Q(("session_type", "idle"), _negated=True),
                        name="session_active_start",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Capture",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("camera", models.CharField(max_length=64)),
                ("model", models.TextField(blank=True, help_text="Of the camera, as its driver says it.")),
                ("frames", models.PositiveIntegerField(default=0)),
                ("first_at", models.DateTimeField(help_text="When its first frame was taken.", null=True)),
                ("last_at", models.DateTimeField(help_text="When its last frame was taken.", null=True)),
                ("exposure_s", models.FloatField(help_text="Of the last frame.", null=True)),
                ("gain", models.FloatField(help_text="Of the last frame, in the camera's unit.", null=True)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="captures",
                        to="observing_sessions.session",
                    ),
                ),
            ],
            options={
                "ordering": ("-last_at",),
                "indexes": [
                    models.Index(models.OrderBy(models.F("last_at"), descending=True), name="capture_last")
                ],
                "constraints": [models.UniqueConstraint(fields=("session", "camera"), name="capture_once")],
            },
        ),
    ]
