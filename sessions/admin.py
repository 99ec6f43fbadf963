"""Sessions and captures in Django's admin: to be read. Frames and log rows come from the session's own file."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions.finding import Found, find
from sessions.history.contents import LEVELS, NoSessionError
from sessions.history.reader import ReaderError
from sessions.models import Capture, Session

ROWS = 100
"""Frames or log rows of one page."""


class ReadOnly(admin.ModelAdmin):
    """A table that owners read and nobody writes."""

    list_per_page = 50
    show_full_result_count = False  # counting a million rows costs more than showing fifty

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # retention alone deletes


@admin.register(Session)
class SessionAdmin(ReadOnly):
    """Finished sessions."""

    list_display = ("session_id", "content", "session_type", "instrument", "target", "start_time", "frames", "error_count", "protected")  # fmt: skip
    list_filter = ("session_type", "instrument", "status", "protected", "storage")
    search_fields = ("session_id", "target", "purpose")
    date_hierarchy = "start_time"

    @admin.display(description="In its file")
    def content(self, row: Session) -> SafeString | str:
        """Links to frames, log and page."""
        if row.removed_at is not None:
            return "deleted"
        return format_html(
            '<a href="{}">Frames</a> <a href="{}">Log</a> <a href="{}">Page</a>',
            reverse("admin:session-frames", args=[row.pk]),
            reverse("admin:session-logs", args=[row.pk]),
            reverse("session", args=[row.session_id]),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Session | None = None) -> list[str]:
        return [*(field.name for field in Session._meta.concrete_fields), "content"]

    def get_urls(self) -> list[URLPattern]:
        """Also the frames and the log of one session."""
        site = self.admin_site
        own = [
            path("<uuid:session>/frames/", site.admin_view(self.frames), name="session-frames"),
            path("<uuid:session>/logs/", site.admin_view(self.logs), name="session-logs"),
        ]
        return own + super().get_urls()

    def frames(self, request: HttpRequest, session: Any) -> HttpResponse:
        """The frame tables of a session, all cameras in order of time."""
        offset = _whole(request, "offset") or 0
        answer = _ask(found := _found(session), "frames", offset=offset, limit=ROWS)
        more = offset + ROWS if offset + ROWS < answer["total"] else None
        before = max(0, offset - ROWS) if offset else None
        return self._page(request, found, "frames", answer=answer, more=more, before=before, first=offset + 1)

    def logs(self, request: HttpRequest, session: Any) -> HttpResponse:
        """The log rows of a session, newest first."""
        level = request.GET.get("level", LEVELS[0])
        if level not in LEVELS:
            raise Http404
        words = request.GET.get("text", "")[:200]
        asked = {"level": level, "text": words, "before": _whole(request, "before"), "limit": ROWS}
        answer = _ask(found := _found(session), "logs", **asked)
        return self._page(request, found, "logs", answer=answer, levels=LEVELS, level=level, text=words)

    def _page(self, request: HttpRequest, found: Found, what: str, **more: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        title = {"frames": "Frames", "logs": "Log"}[what]
        context = {**self.admin_site.each_context(request), "title": f"{title} of {found.id}", "found": found}
        return render(request, f"admin/session_{what}.html", context | {"opts": Session._meta} | more)


def _whole(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 16 else None


def _found(session: Any) -> Found:
    try:
        return find(str(session))
    except NoSessionError as error:
        raise Http404(str(error)) from None


def _ask(found: Found, op: str, **more: Any) -> Any:
    try:
        return found.ask(op, **more)
    except ReaderError as error:
        raise Http404(str(error)) from None


@admin.register(Capture)
class CaptureAdmin(ReadOnly):
    """What each camera took in each session."""

    list_display = ("session", "camera", "model", "frames", "first_at", "last_at", "exposure_s", "gain")
    list_filter = ("camera",)
    list_select_related = ("session",)
    search_fields = ("session__session_id", "session__target", "camera", "model")
