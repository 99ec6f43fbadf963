"""Pages. Each view translates one request; the pictures and values come live afterwards."""

from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.contrib.auth.views import LogoutView as DjangoLogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView

from dashboard import filmform
from dashboard.forms import LoginForm, WelcomeForm
from dashboard.mirrors import telescope_numbers
from dashboard.readiness import readiness
from dashboard.services import owner_exists
from lighting.engine.rig import ROLES
from observatory.night import MOMENTS
from skycam_project.common.nights import night_label, site_zone
from skycam_project.events import publish
from timelapse import services


@method_decorator(never_cache, name="dispatch")
class Page(LoginRequiredMixin, TemplateView):
    """A page for people who are logged in; `here` marks it in the navigation, `live` opens the live connection."""

    here = ""
    live = True

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            here=self.here, live=self.live, zone=site_zone().key, role=self.request.user.role, **kwargs
        )


@method_decorator(ensure_csrf_cookie, name="dispatch")
class TonightView(Page):
    """`/`: the running night."""

    template_name = "dashboard/tonight.html"
    here = "tonight"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            night=night_label(datetime.now(UTC), site_zone()),
            cameras=settings.CONFIG.all_cameras(),
            telescopes=[
                {"number": number, "name": settings.CONFIG.telescope_name} for number in telescope_numbers()
            ],
            **kwargs,
        )


@method_decorator(ensure_csrf_cookie, name="dispatch")
class TelescopeView(Page):
    """`/telescope/<n>/`: pointing, exposures, focus of one telescope. 404 for a number that is not configured."""

    template_name = "dashboard/telescope.html"
    here = "telescope"

    def get_context_data(self, telescope, **kwargs):
        if telescope not in telescope_numbers():
            raise Http404
        config = settings.CONFIG
        return super().get_context_data(number=telescope, name=config.telescope_name, config=config, **kwargs)


class LightsView(Page):
    """`/lights/`: colour, scenes, show, night, outputs, fixtures, flats, backups."""

    template_name = "lighting/lights.html"
    here = "lights"

    def get_context_data(self, **kwargs):
        roles = [role for role in ROLES if role != "main"]
        parts = [("r", "Red"), ("g", "Green"), ("b", "Blue")]
        moments = [(moment, moment.capitalize()) for moment in MOMENTS]
        return super().get_context_data(parts=parts, roles=roles, moments=moments, **kwargs)


@method_decorator(ensure_csrf_cookie, name="dispatch")
class TimelapsesView(Page):
    """`/timelapses/`: the queue, the running job, what was made."""

    template_name = "dashboard/timelapses.html"
    here = "timelapses"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            formats=services.FORMATS, kinds=services.product_kinds(), nodes=settings.CONFIG.nodes,
            **filmform.context(), **kwargs,
        )  # fmt: skip


class StatusView(Page):
    """`/status/`: processes, links, readiness. `?parts` answers with the readiness alone."""

    here = "status"

    def get_template_names(self) -> list[str]:
        return ["dashboard/_parts.html" if "parts" in self.request.GET else "dashboard/status.html"]

    def get_context_data(self, **kwargs):
        at = int(datetime.now(UTC).timestamp() * 1000)
        return super().get_context_data(parts=parts(readiness()), parts_at=at, **kwargs)


def parts(answer: dict) -> list[dict]:
    """Readiness as rows for people."""
    names = {f"camera/{camera.id}": camera.name for camera in settings.CONFIG.all_cameras()}
    rows = []
    for name, part in answer["parts"].items():
        look = {"s": "ok", "icon": "s-ok"} if part["ok"] else {"s": "fault", "icon": "s-fault"}
        rows.append({"name": names.get(name, name), "reason": part["reason"] or "ready", **look})
    return rows


@method_decorator(never_cache, name="dispatch")
class LoginView(DjangoLoginView):
    """`/login/`: works without JavaScript."""

    template_name = "dashboard/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


class LogoutView(DjangoLogoutView):
    """`/logout/`, by POST."""

    next_page = "login"

    def post(self, request, *args, **kwargs):
        response = super().post(request, *args, **kwargs)
        publish({"type": "auth.revoked"})  # only now: Django's own signal comes before the session is gone
        return response


@never_cache
def welcome(request: HttpRequest) -> HttpResponse:
    """`/welcome/`: the first run. The page sends its form to `/control/v1/welcome/`."""
    if owner_exists():
        return redirect("tonight")
    return render(request, "dashboard/welcome.html", {"form": WelcomeForm()})


# ---- errors: plain words, the same look. None of them asks the database who is looking.


def _error(request: HttpRequest, status: int, **context) -> HttpResponse:
    return render(request, f"{status}.html", {"user": None, **context}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return _error(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return _error(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that this site did not make, or that is older than the login."""
    return _error(
        request, 403, reason="This form is out of date. Go back, load the page again and send it once more."
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return _error(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500."""
    return _error(request, 500)
