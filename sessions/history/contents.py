"""What can be asked of a session, finished or running, and in which form the answers come.

Every answer is JSON-like. Times are milliseconds since 1970-01-01T00:00:00 UTC, as browsers count; the unit of
another value stands in its name.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from skycam_project.common.errors import SkycamError

Row = dict[str, Any]
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MOST_LOG_ROWS = 500
"""Log rows of one answer."""
MOST_EVENTS = 2000
"""Events of one answer; the newest are kept."""
MOST_FRAMES = 500
"""Frames of one answer."""


class NoSuchFrameError(SkycamError):
    """The session has no such frame, or no longer."""

    code = "not_found"


class NoSessionError(SkycamError):
    """There is no such session, or its file cannot be read."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which log rows: newest first.

    Attributes:
        level: the lowest, one of `LEVELS`.
        text: what message or source must hold; empty: anything.
        before: rows before this number only; `None`: from the end.
        limit: 1 to `MOST_LOG_ROWS`.
    """

    level: str = "DEBUG"
    text: str = ""
    before: int | None = None
    limit: int = 100

    @property
    def levels(self) -> set[str]:
        """The wanted words."""
        return set(LEVELS[LEVELS.index(self.level) :])


@dataclass(frozen=True, slots=True)
class FrameQuery:
    """Which frames, in order of time, of all cameras or one.

    Attributes:
        camera: its name in the session; empty: all.
        only: `all`, `dropped`, `events` (the frame nearest to each event), or `best` (those with the most stars).
        sample: that many, evenly spread over the list (of the best: each the best of its part of the night);
            `None`: a page of it.
        offset: first frame of the page.
        limit: 1 to `MOST_FRAMES`.
    """

    camera: str = ""
    only: str = "all"
    sample: int | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Pixels:
    """One frame as it was kept.

    Attributes:
        file: an original or a frame file; `None` when `data` has it.
        data: an array `[h, w]` or `[h, w, 3]`, or the bytes of an original.
        media_type: of an original, empty for an array.
        name: file name for a download.
        bayer: the camera's colour pattern such as `RGGB`, empty for a grey or finished picture.
    """

    file: Path | None
    data: Any
    media_type: str
    name: str
    bayer: str = ""


class Contents(Protocol):
    """One session. Everything raises `DamagedFileError` and `OSError` when the disk does not hold what it should."""

    def summary(self) -> Row:
        """`meta`, `metrics`, `cameras`, `series`, `solves`, `logs` and `events` (numbers of rows), `running`."""
        ...

    def frames(self, query: FrameQuery) -> Row:
        """`total`, `counts`, `offset`, `frames`: what was known when each was taken."""
        ...

    def frame(self, camera: str, index: int) -> Row:
        """One frame, `previous` and `next` of the same camera, `place`, `total`, `running`. Raises `NoSuchFrameError`."""
        ...

    def pixels(self, camera: str, index: int) -> Pixels:
        """The frame itself. Raises `NoSuchFrameError`."""
        ...

    def events(self) -> Row:
        """`total`, and `events` in order of time: `time_ms`, `event`, `details`."""
        ...

    def telemetry(self) -> Row:
        """`charts`, see `charts.py`."""
        ...

    def logs(self, query: LogQuery) -> Row:
        """`total` (rows in the session), `rows` newest first with their `number`, `next` (for `before`) or None."""
        ...


def event_row(time_us: int, name: object, details: object) -> Row:
    """One event."""
    return {"time_ms": time_us // 1000, "event": str(name), "details": details}


def log_row(
    number: int, time_us: int, level: object, source: object, message: object, context: object
) -> Row:
    """One log row."""
    words = {"level": str(level), "source": str(source or ""), "message": str(message), "context": context}
    return {"number": number, "time_ms": time_us // 1000, **words}


_DIRECT = (
    "gain",
    "offset",
    "sensor_temp_c",
    "filter",
    "ra_deg",
    "dec_deg",
    "alt_deg",
    "az_deg",
    "focus_pos",
    "media_type",
    "file_name",
    "bytes",
    "sha256",
    "details",
)


def frame_row(camera: str, row: Row) -> Row:
    """One frame for people, from its row of the frame table."""
    found = {"camera": camera, "index": int(row["index"]), "time_ms": int(row["time"]) // 1000}
    if row.get("exposure_us") is not None:
        found["exposure_s"] = row["exposure_us"] / 1e6
    found |= {name: row[name] for name in _DIRECT if row.get(name) is not None}
    return found | {
        "form": row.get("form", "array"),
        "dropped": bool(row.get("dropped")),
        "recovered": bool(row.get("recovered")),
    }
