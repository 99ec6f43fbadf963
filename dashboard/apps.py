"""The app of pages, live sockets and the control API; owns no device."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """People and what they see."""

    name = "dashboard"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_out

        from dashboard.events import login_ended

        user_logged_out.connect(login_ended, dispatch_uid="dashboard.login_ended")
