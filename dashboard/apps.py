"""The app of pages, live sockets and the control API; owns no device."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """People and what they see."""

    name = "dashboard"
