"""The app of finite jobs: timelapses, night products, and what comes from capture nodes."""

from django.apps import AppConfig


class TimelapseConfig(AppConfig):
    """Jobs and products."""

    name = "timelapse"
