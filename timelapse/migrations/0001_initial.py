import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Queue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("paused", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                (
                    "uuid",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("timelapse", "Timelapse"), ("product", "Night product")], max_length=16
                    ),
                ),
                ("product", models.CharField(default="", help_text="Kind of night product.", max_length=40)),
                ("title", models.CharField(max_length=200)),
                (
                    "source_kind",
                    models.CharField(
                        choices=[("session", "Session"), ("folder", "Folder of images")], max_length=16
                    ),
                ),
                (
                    "source",
                    models.CharField(help_text="Session id, or folder as it was given.", max_length=500),
                ),
                ("instrument", models.CharField(default="", max_length=32)),
                ("night", models.DateField(help_text="Date of the evening.", null=True)),
                ("recipe", models.JSONField(default=dict)),
                ("digest", models.CharField(max_length=64)),
                ("automatic", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("priority", models.IntegerField(default=0, help_text="Higher comes first.")),
                ("cancel_asked", models.BooleanField(default=False)),
                ("attempts", models.PositiveIntegerField(default=0, help_text="Tries that have failed.")),
                ("next_try_at", models.DateTimeField(null=True)),
                ("error", models.TextField(default="")),
                ("error_code", models.CharField(default="", max_length=40)),
                ("stage", models.CharField(default="", max_length=16)),
                ("percent", models.FloatField(default=0.0)),
                ("fps", models.FloatField(null=True)),
                ("remaining_s", models.FloatField(null=True)),
                (
                    "progress",
                    models.JSONField(default=dict, help_text="Frames and chunks: all, done, left out."),
                ),
                ("report", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["state", "-priority", "created_at"], name="timelapse_j_state_f68173_idx"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("waiting", "running"))),
                        fields=("digest",),
                        name="one_open_job_per_digest",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                (
                    "uuid",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(max_length=40)),
                ("title", models.CharField(max_length=200)),
                ("night", models.DateField(null=True)),
                ("instrument", models.CharField(default="", max_length=32)),
                (
                    "session",
                    models.CharField(
                        default="", help_text="Id of the session it was made from.", max_length=200
                    ),
                ),
                ("session_uuid", models.CharField(default="", max_length=36)),
                ("folder", models.CharField(help_text="Relative to products/.", max_length=500, unique=True)),
                (
                    "files",
                    models.JSONField(default=list, help_text="Name, role, bytes, media type of each file."),
                ),
                ("size", models.PositiveBigIntegerField(default=0, help_text="Bytes of all files.")),
                ("duration_s", models.FloatField(null=True)),
                ("scores", models.JSONField(default=dict, help_text="Quality, 0 to 1 each.")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("archived_at", models.DateTimeField(null=True)),
                (
                    "deleted_at",
                    models.DateTimeField(help_text="Somebody deleted it: its files are going.", null=True),
                ),
                (
                    "job",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="products",
                        to="timelapse.job",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Share",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("host", models.CharField(max_length=255)),
                ("pid", models.PositiveIntegerField()),
                (
                    "process_started",
                    models.FloatField(help_text="When that process began, so that a pid used again is seen."),
                ),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("beat_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="shares", to="timelapse.job"
                    ),
                ),
            ],
        ),
    ]
