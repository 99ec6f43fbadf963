"""A month of nights, noon to noon at the site, each labelled by its evening."""

import calendar
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.nights import evening, site_zone

LEVELS = 4
"""Shades of a day; 0 is a night without frames."""


@dataclass(frozen=True, slots=True)
class Night:
    """One day of the calendar.

    Attributes:
        date: its evening.
        sessions: that began in it.
        frames: of those.
        errors: rows of level ERROR and worse.
        level: 0 to `LEVELS`, by frames; empty without sessions.
    """

    date: date
    sessions: int
    frames: int
    errors: int
    level: str


@dataclass(frozen=True, slots=True)
class Month:
    """A month for people: weeks of seven days, `None` where another month is."""

    first: date
    weeks: list[list[Night | None]]
    before: str
    after: str | None
    most: int


def span_of(night: date, zone: ZoneInfo | None = None) -> tuple[datetime, datetime]:
    """The UTC moments at which a night begins and ends: noon, and noon of the next day."""
    zone = zone or site_zone()
    noons = (datetime.combine(night + timedelta(days=n), time(12), zone) for n in (0, 1))
    begin, end = (noon.astimezone(UTC) for noon in noons)
    return begin, end


def parse_night(text: str) -> date:
    """`2026-11-19`. Raises `InvalidValueError`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidValueError("night", text, "a date such as 2026-11-19") from None


def parse_month(text: str, today: date) -> date:
    """The first day of `2026-11`; of this month for an empty text. Raises `InvalidValueError`."""
    try:
        return date.fromisoformat(f"{text}-01") if text else today.replace(day=1)
    except ValueError:
        raise InvalidValueError("month", text, "a month such as 2026-11") from None


def limits(first: date) -> tuple[datetime, datetime]:
    """UTC moments between which the nights of a month lie."""
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return span_of(first)[0], span_of(last)[1]


def month(first: date, rows: Iterable[tuple[datetime, int, int]], today: date) -> Month:
    """The month that begins with `first`.

    Args:
        first: its first day.
        rows: start, frames and errors of its sessions.
        today: the evening of the running night; there is no later month.
    """
    zone = site_zone()
    sessions: Counter[date] = Counter()
    frames: Counter[date] = Counter()
    errors: Counter[date] = Counter()
    for start, taken, wrong in rows:
        night = evening(start, zone)
        sessions[night] += 1
        frames[night] += taken
        errors[night] += wrong
    most = max(frames.values(), default=0)

    def day(number: int) -> Night | None:
        if not number:
            return None
        night = first.replace(day=number)
        level = -(-LEVELS * frames[night] // most) if most else 0
        return Night(
            night, sessions[night], frames[night], errors[night], str(level) if sessions[night] else ""
        )

    weeks = [[day(number) for number in week] for week in calendar.monthcalendar(first.year, first.month)]
    following = (first + timedelta(days=31)).replace(day=1)
    return Month(
        first,
        weeks,
        f"{first - timedelta(days=1):%Y-%m}" if first.year > 1990 else "",
        f"{following:%Y-%m}" if following <= today else None,
        most,
    )
