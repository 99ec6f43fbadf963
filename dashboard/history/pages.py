"""`/sessions/` and `/sessions/<id>/`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie

from dashboard.history import calendar, made
from dashboard.history.tomorrow import goes, tomorrow
from dashboard.views import Page
from sessions import retrieving
from sessions.choices import SessionType
from sessions.finding import Found, find, running, started_at
from sessions.history.contents import NoSessionError
from sessions.models import Session
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.nights import evening, night_label, site_zone

PAGE = 50
"""Sessions of one page of the list."""
TARGETS = 12
TARGETS_SINCE = timedelta(days=365)
"""How far back targets are added up."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to. An empty type means everything but idle sessions."""

    type: str = ""
    instrument: str = ""
    target: str = ""
    text: str = ""
    errors: bool = False
    protected: bool = False
    night: date | None = None
    before: datetime | None = None
    month: str = ""
    words: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, query: QueryDict) -> "Filter":
        """From an address. Raises `InvalidValueError` with the field."""
        kind = query.get("type", "")
        if kind not in ("", "all", *SessionType.values):
            raise InvalidValueError("type", kind, ", ".join(["all", *SessionType.values]))
        night = calendar.parse_night(query["night"]) if query.get("night") else None
        before = query.get("before", "")
        try:
            moment = datetime.fromisoformat(before).astimezone(UTC) if before else None
        except ValueError:
            raise InvalidValueError("before", before, "a moment such as 2026-11-19T18:00:00+00:00") from None
        texts = {name: query.get(name, "").strip()[:200] for name in ("instrument", "target", "text")}
        switches = {name: query.get(name) == "1" for name in ("errors", "protected")}
        words = {
            name: value for name, value in query.items() if name not in ("before", "night", "month") and value
        }
        return cls(
            kind, **texts, **switches, night=night, before=moment, month=query.get("month", ""), words=words
        )

    def apply(self, rows: "QuerySet[Session]") -> "QuerySet[Session]":
        """The sessions that pass, of all nights."""
        if self.type == "":
            rows = rows.exclude(session_type=SessionType.IDLE)
        elif self.type != "all":
            rows = rows.filter(session_type=self.type)
        if self.instrument:
            rows = rows.filter(instrument=self.instrument)
        if self.target:
            rows = rows.filter(target=self.target)
        if self.text:
            words = self.text
            found = Q(session_id__icontains=words) | Q(target__icontains=words) | Q(purpose__icontains=words)
            rows = rows.filter(found)
        if self.errors:
            rows = rows.filter(error_count__gt=0)
        if self.protected:
            rows = rows.filter(protected=True)
        return rows

    def within(self, rows: "QuerySet[Session]") -> "QuerySet[Session]":
        """Those of the chosen night, before the page's end."""
        if self.night:
            begin, end = calendar.span_of(self.night)
            rows = rows.filter(start_time__gte=begin, start_time__lt=end)
        return rows.filter(start_time__lt=self.before) if self.before else rows


def link(words: dict[str, str], **more: Any) -> str:
    """The address of this list with other words; an empty word drops out. One more may follow an `&`."""
    query = QueryDict(mutable=True)
    for name, value in (words | more).items():
        if value:
            query[name] = str(value)
    return f"?{query.urlencode()}"


def nights_of(rows: Iterable[Session]) -> list[dict[str, Any]]:
    """Sessions under the nights in which they began, in the given order."""
    zone = site_zone()
    return [
        {"date": night, "label": night_label(group[0].start_time, zone), "sessions": group}
        for night, found in groupby(rows, lambda row: evening(row.start_time, zone))
        if (group := list(found))
    ]


def live_rows() -> list[dict[str, Any]]:
    """Running sessions for people, idle ones last."""
    rows = [{"found": found, "head": found.head, "at": started_at(found)} for found in running()]
    return sorted(rows, key=lambda row: row["head"]["session_type"] == SessionType.IDLE)


class FilteredPage(Page):
    """A page whose address says what to show; a wrong value is refused with the reason."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except InvalidValueError as error:
            return render(request, "400.html", {"reason": str(error)}, status=400)


class SessionsView(FilteredPage):
    """`/sessions/`: calendar, filters, targets, the running sessions and all others by night."""

    template_name = "history/sessions.html"
    here = "sessions"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        chosen = Filter.of(self.request.GET)
        present = Session.objects.present()
        passing = chosen.apply(present)
        found = list(chosen.within(passing).order_by("-start_time")[: PAGE + 1])
        older = found[PAGE - 1].start_time.isoformat() if len(found) > PAGE else ""
        night = str(chosen.night or "")
        return super().get_context_data(
            chosen=chosen,
            types=SessionType.choices,
            instruments=_instruments(),
            nights=nights_of(found[:PAGE]),
            older=link(chosen.words, night=night, month=chosen.month, before=older) if older else "",
            calendar=month_of(chosen, passing),
            words=f"{link(chosen.words)}&" if chosen.words else "?",
            targets=_targets(present),
            running=live_rows(),
            tomorrow=tomorrow(),
            **kwargs,
        )


def month_of(chosen: Filter, passing: "QuerySet[Session]") -> calendar.Month:
    """The calendar beside the list: the chosen month, else that of the chosen night, else this one."""
    today = evening(datetime.now(UTC), site_zone())
    first = calendar.parse_month(chosen.month, chosen.night or today)
    begin, end = calendar.limits(first)
    rows = passing.filter(start_time__gte=begin, start_time__lt=end).order_by()
    return calendar.month(first, rows.values_list("start_time", "frames", "error_count"), today)


def _instruments() -> list[str]:
    return list(Session.objects.order_by("instrument").values_list("instrument", flat=True).distinct())


def _targets(rows: "QuerySet[Session]") -> "QuerySet[Session, dict[str, Any]]":
    """The targets of the last year with what was gathered of each, the newest first."""
    recent = (
        rows.filter(start_time__gte=datetime.now(UTC) - TARGETS_SINCE).exclude(target=None).exclude(target="")
    )
    totals = recent.order_by().values("target").annotate(
        sessions=Count("pk"), frames=Sum("frames"), seconds=Sum("duration_s"), last=Max("start_time")
    )  # fmt: skip
    return totals.order_by("-last")[:TARGETS]


@method_decorator(ensure_csrf_cookie, name="dispatch")
class SessionView(Page):
    """`/sessions/<id>/`: one session, finished or running. Its content comes from the control API."""

    template_name = "history/session.html"
    here = "sessions"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except NoSessionError as error:
            return render(request, "404.html", {"reason": str(error)}, status=404)

    def get_context_data(self, session: str, **kwargs: Any) -> dict[str, Any]:
        found = find(session)
        if not found.path.exists():
            raise Http404
        retrieval = retrieving.state(found.row) if found.row and found.row.dropped_at else None
        products = made.of_session(found.id, running=found.running)
        return super().get_context_data(
            found=found,
            goes=goes(found.uuid),
            retrieval=retrieval,
            made=products,
            keogram=next((one for one in products if one.strip), None),
            **facts(found),
            **kwargs,
        )


def facts(found: Found) -> dict[str, Any]:
    """What the head of a session's page shows before its content is there."""
    start = started_at(found)
    row, head = found.row, found.head or {}
    target = row.target if row else head.get("target")
    return {
        "start": start,
        "night": night_label(start, site_zone()),
        "name": target or (row.purpose if row else head.get("purpose")) or "",
        "kind": row.session_type if row else head.get("session_type", ""),
        "size": row.file_size if row else None,
    }
