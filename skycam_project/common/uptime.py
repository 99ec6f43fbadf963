"""How much of the time the program ran: what a roof needs to know after a month."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path

import orjson

from skycam_project.common.clock import iso_utc
from skycam_project.common.files import write_atomic
from skycam_project.common.units import Seconds

DAYS = 30
KEPT: Seconds = 60.0
"""Between two writes; a kill costs so much."""


class Uptime:
    """The share of the last 30 days in which this program ran, kept over restarts and power cuts.

    Seconds of each UTC day: those that were counted while it ran, and those that passed between the last write and the
    next start. A clock that is set while it runs changes nothing.

    Args:
        path: where it is kept; a file that cannot be read begins anew.
        now: of this start, UTC.
    """

    def __init__(self, path: Path, now: datetime) -> None:
        self._path, self._unkept = path, 0.0
        self._days: dict[str, list[float]] = {}
        with suppress(OSError, ValueError, TypeError, KeyError):
            kept = orjson.loads(path.read_bytes())
            days: Mapping[str, list[float]] = kept["days"]
            self._days = {
                str(date.fromisoformat(day)): [float(up), float(down)] for day, (up, down) in days.items()
            }
            gone = (now - datetime.fromisoformat(kept["until"])).total_seconds()
            self._day(now)[1] += min(max(gone, 0.0), DAYS * 86400.0)

    def ran(self, elapsed: Seconds, now: datetime) -> float:
        """It ran for so long since the last call (monotonic). Returns per cent, 0 to 100. Raises `OSError`."""
        self._day(now)[0] += elapsed
        self._unkept += elapsed
        if self._unkept >= KEPT:
            self._unkept = 0.0
            write_atomic(self._path, orjson.dumps({"until": iso_utc(now), "days": self._days}))
        up = sum(day[0] for day in self._days.values())
        return 100.0 * up / (up + sum(day[1] for day in self._days.values()) or 1.0)

    def _day(self, now: datetime) -> list[float]:
        today = now.date()
        for day in [day for day in self._days if date.fromisoformat(day) <= today - timedelta(days=DAYS)]:
            del self._days[day]
        return self._days.setdefault(today.isoformat(), [0.0, 0.0])
