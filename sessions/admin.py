"""Sessions and captures in Django's admin: to be read. Frames and log rows come from the session's own file."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions import retention, retrieving
from sessions.finding import VERIFY_S, Found, find
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

    list_display = ("session_id", "content", "kind", "instrument", "target", "start_time", "frames", "errors", "protected")  # fmt: skip
    list_filter = ("session_type", "instrument", "status", "protected", "storage")
    search_fields = ("session_id", "target", "purpose")
    date_hierarchy = "start_time"
    actions = ("verify", "export", "protect", "unprotect", "retrieve", "delete_sessions")

    @admin.display(description="type", ordering="session_type")
    def kind(self, row: Session) -> str:
        """Its type, under a short heading."""
        return row.get_session_type_display()

    @admin.display(description="errors", ordering="error_count")
    def errors(self, row: Session) -> int:
        """Log rows of level ERROR and above."""
        return row.error_count

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

    @admin.action(description="Verify: read every byte")
    def verify(self, request: HttpRequest, chosen: "QuerySet[Session]") -> None:
        """Say of each session whether it is whole."""
        for row in chosen:
            try:
                report = find(str(row.pk)).ask("verify", patience=VERIFY_S)
            except (NoSessionError, ReaderError) as error:
                self.message_user(request, f"Session {row}: {error}", messages.ERROR)
                continue
            many = "1 checksum is" if report["blocks"] == 1 else f"{report['blocks']} checksums are"
            words = f"Session {row} is whole: {many} right."
            damage = f"Session {row}: {' '.join(report['problems'])}"
            self.message_user(
                request,
                words if report["ok"] else damage,
                messages.SUCCESS if report["ok"] else messages.ERROR,
            )

    @admin.action(description="Export one as FITS")
    def export(self, request: HttpRequest, chosen: "QuerySet[Session]") -> HttpResponse | None:
        """One download is one session."""
        rows = list(chosen[:2])
        if len(rows) != 1:
            self.message_user(request, "Choose one session: each export is one download.", messages.WARNING)
            return None
        return redirect("session-download", rows[0].session_id, "fits")

    @admin.action(description="Protect from every deletion")
    def protect(self, request: HttpRequest, chosen: "QuerySet[Session]") -> None:
        """Nothing deletes them from now on."""
        self._protect(request, chosen, True)

    @admin.action(description="Protect no longer")
    def unprotect(self, request: HttpRequest, chosen: "QuerySet[Session]") -> None:
        """The rules of retention apply again."""
        self._protect(request, chosen, False)

    def _protect(self, request: HttpRequest, chosen: "QuerySet[Session]", protected: bool) -> None:
        rows = list(chosen)
        for row in rows:
            retention.protect(row, protected, request.user.get_username())
        many = f"{len(rows)} session{'s' if len(rows) != 1 else ''}"
        self.message_user(
            request, f"{many} {'protected' if protected else 'no longer protected'}.", messages.SUCCESS
        )

    @admin.action(description="Retrieve from the archive")
    def retrieve(self, request: HttpRequest, chosen: "QuerySet[Session]") -> None:
        """Those that gave up their frames, or were deleted, come back."""
        for row in chosen:
            try:
                retrieving.ask(row, request.user.get_username())
                self.message_user(request, f"Session {row} is being fetched.", messages.SUCCESS)
            except retrieving.RefusedError as error:
                self.message_user(request, f"Refused: {error}", messages.ERROR)

    @admin.action(description="Delete for good…")
    def delete_sessions(self, request: HttpRequest, chosen: "QuerySet[Session]") -> HttpResponse | None:
        """Ask once more, then have retention delete them; never the ORM."""
        rows = list(chosen)
        if request.POST.get("typed", "").strip().lower() != "delete":
            alone = [row for row in rows if row.frames and not row.archived_at and not row.dropped_at]
            context = {
                **self.admin_site.each_context(request),
                "title": "Delete sessions",
                "rows": rows,
                "alone": alone,
            }
            return render(
                request,
                "admin/session_delete.html",
                context | {"opts": Session._meta, "again": "typed" in request.POST},
            )
        for row in rows:
            try:
                retention.ask_deletion(row, request.user.get_username(), row.session_id)
                self.message_user(request, f"Session {row} will be gone within seconds.", messages.SUCCESS)
            except retention.RefusedError as error:
                self.message_user(request, f"Refused: {error}", messages.ERROR)
        return None

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
