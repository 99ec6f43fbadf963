"""`{% load history %}`: times, sizes and durations for people (interface guide, section 3)."""

from datetime import UTC, date, datetime, timedelta

from django import template

from skycam_project.common.nights import site_zone

register = template.Library()

_THIN = "\u202f"
_NONE = "\u2013"


@register.filter
def hm(moment: datetime | None) -> str:
    """Local hours and minutes of an aware moment."""
    return moment.astimezone(site_zone()).strftime("%H:%M") if moment else _NONE


@register.filter
def utc(milliseconds: int) -> str:
    """Date and time of a moment since 1970, UTC, to the millisecond."""
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


@register.filter
def day(value: date | datetime) -> str:
    """`19 November`; with the year when it is not this one."""
    local = value.astimezone(site_zone()).date() if isinstance(value, datetime) else value
    year = "" if local.year == datetime.now(site_zone()).year else f" {local.year}"
    return f"{local.day} {local:%B}{year}"


@register.filter
def count(number: float | None) -> str:
    """A whole number; thin spaces from 10 000 on."""
    if number is None:
        return _NONE
    return f"{number:,.0f}".replace(",", _THIN) if abs(number) >= 10_000 else f"{number:.0f}"


@register.filter
def size(number: int | None) -> str:
    """Bytes in SI, three significant digits."""
    if number is None:
        return _NONE
    value, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    digits = 0 if unit == "B" or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}\u00a0{unit}"


@register.filter
def span(seconds: float | None) -> str:
    """A duration: 22 s, 4 min, 2 h 19 min."""
    if seconds is None:
        return _NONE
    if seconds < 89.5:
        return f"{seconds:.0f}\u00a0s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes}\u00a0min"
    return f"{minutes // 60}\u00a0h {minutes % 60:02d}\u00a0min"
