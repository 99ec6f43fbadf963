"""Values and labels of sessions."""

from django.db.models import TextChoices


class SessionType(TextChoices):
    """What a session is for (document 002)."""

    OBSERVATION = "observation", "Observation"
    ALIGNMENT = "alignment", "Alignment"
    EXPERIMENT = "experiment", "Experiment"
    MAINTENANCE = "maintenance", "Maintenance"
    IDLE = "idle", "Idle"


class Status(TextChoices):
    """How a session ended."""

    COMPLETE = "complete", "Complete"
    RECOVERED = "recovered", "Recovered after a crash"
    ABORTED = "aborted", "Aborted"


class Storage(TextChoices):
    """Where a session's frames are."""

    EMBEDDED = "embedded", "Inside the file"
    EXTERNAL = "external", "Beside the file"
    NONE = "none", "No frames"
