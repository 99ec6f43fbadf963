"""The night as people name it: local noon to noon, labelled by its evening."""

from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALTIME = Path("/etc/localtime")


@cache
def site_zone() -> ZoneInfo:
    """The time zone of this machine, which stands where the instruments are; UTC when it does not say.

    Read from the system's link: Django sets the process's own zone to UTC.
    """
    _, found, name = str(LOCALTIME.resolve()).partition("/zoneinfo/")
    try:
        return ZoneInfo(name.removeprefix("posix/").removeprefix("right/")) if found else ZoneInfo("UTC")
    except (ValueError, OSError):
        return ZoneInfo("UTC")


def evening(moment: datetime, zone: ZoneInfo) -> date:
    """The date of the evening to whose night an aware `moment` belongs."""
    local = moment.astimezone(zone)
    return local.date() if local.hour >= 12 else local.date() - timedelta(days=1)


def night_label(moment: datetime, zone: ZoneInfo) -> str:
    """Such as "Night of 19 November"; with the year when it is not the one of `moment`."""
    day = evening(moment, zone)
    year = "" if day.year == moment.astimezone(zone).year else f" {day.year}"
    return f"Night of {day.day} {day:%B}{year}"
