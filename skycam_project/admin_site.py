"""Django's admin, for owners: what the tables hold, to be read. Log in and out are Skycam's own."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import resolve, reverse


class SkycamAdminSite(AdminSite):
    """The admin under our roles."""

    site_title = site_header = "Skycam"
    index_title = "Tables"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Owners only."""
        return is_owner(request.user)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Skycam's log in; somebody with another role is told so."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Skycam's log out, which ends live sockets as well."""
        return resolve(reverse("logout")).func(request)


def is_owner(user: Any) -> bool:
    """Whether somebody has the owner role."""
    return bool(user.is_authenticated and user.may("owner"))
