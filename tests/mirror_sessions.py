"""Brings the finished sessions of a data folder into its database: `python tests/mirror_sessions.py`."""

import django

django.setup()

from django.conf import settings  # noqa: E402

from sessions.mirror import Mirror  # noqa: E402

Mirror(settings.DATA / "sessions").sweep()
