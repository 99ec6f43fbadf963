"""The app of sessions; its label differs because Django's own `sessions` has the plain one."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    """Everything that happened."""

    name = "sessions"
    label = "observing_sessions"
    verbose_name = "Sessions"
