"""A running session, from its folder: journals read as they stand, frame files as they lie there.

Nothing is sealed and nothing is written: a line that is being written now is simply not there yet.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sessions.history import charts, selection
from sessions.history.contents import (
    MOST_EVENTS,
    MOST_LOG_ROWS,
    FrameQuery,
    LogQuery,
    NoSessionError,
    NoSuchFrameError,
    Pixels,
    Row,
    event_row,
    log_row,
)
from sessions.history.selection import FrameList
from sessions.store import columns, journal, layout, metadata
from sessions.store import frames as frame_files
from skycam_project.common.files import under

Line = tuple[list[int], list[float]]


class Running:
    """A session that has not ended (`contents.Contents`). One pass over the journals; log rows are not kept.

    Args:
        folder: its `.partial` folder.

    Raises:
        NoSessionError: it has no readable head.
    """

    def __init__(self, folder: Path) -> None:
        head = layout.read_head(folder)
        if head is None:
            raise NoSessionError(f"{folder.name} has no readable head")
        self._folder = folder
        self._head = head
        self._meta = dict(head)
        self._counts = {"frames_captured": 0, "errors": 0, "warnings": 0, "bytes": 0}
        self._frames: dict[str, list[dict[str, Any]]] = {}
        self._cameras: dict[str, dict[str, Any]] = {}
        self._solves: deque[Row] = deque(maxlen=200)
        self._events: deque[Row] = deque(maxlen=MOST_EVENTS)
        self._event_times: list[int] = []
        self._lines: dict[tuple[str, str, str], Line] = {}
        self._rows: dict[str, int] = {}
        self._logs = 0
        self._last = metadata.moment(head["start_time"], 0)
        for record in self._records():
            self._take(record)

    def _records(self) -> Iterator[dict[str, Any]]:
        owner = self._folder / journal.OWNER
        paths = [owner, *sorted(set(self._folder.glob(journal.PATTERN)) - {owner})]
        readers = [journal.JournalReader(path) for path in paths if path.exists()]
        if readers:
            for _, record in journal.merged(readers, self._head.get("boots", [])):
                yield record

    def _take(self, record: dict[str, Any]) -> None:
        self._last = record["t"]
        kind = record["k"]
        if kind == "log":
            self._logs += 1
            self._counts["errors"] += record["l"] in ("ERROR", "CRITICAL")
            self._counts["warnings"] += record["l"] == "WARNING"
        elif kind == "evt":
            self._event_times.append(record["t"])
            self._events.append(event_row(record["t"], record["e"], record["d"]))
        elif kind == "frame":
            self._counts["frames_captured"] += 1
            self._counts["bytes"] += record["b"]
            self._frames.setdefault(record["cam"], []).append(record)
        elif kind == "tel":
            self._reading(record)
        elif kind == "cam":
            camera = self._cameras.setdefault(record["cam"], {"info": {}, "settings": {}})
            camera["info"] |= record.get("info", {})
            camera["settings"] = camera["settings"] or record.get("settings", {})
        elif kind == "meta":
            self._meta |= record["v"]
        elif kind == "cal" and record["n"] == "plate_solve_results" and isinstance(record.get("v"), dict):
            self._solves.append(record["v"])

    def _reading(self, record: dict[str, Any]) -> None:
        name = str(record["n"])
        self._rows[name] = self._rows.get(name, 0) + 1
        texts = [value for value in record["v"].values() if isinstance(value, str)]
        for column, value in record["v"].items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                times, values = self._lines.setdefault((name, column, texts[0] if texts else ""), ([], []))
                times.append(record.get("at", record["t"]))
                values.append(value)

    def summary(self) -> Row:
        names = dict.fromkeys([*self._cameras, *self._frames])
        empty: dict[str, Any] = {"info": {}, "settings": {}}
        return {
            "running": True,
            "meta": self._meta,
            "metrics": self._counts | {"duration_seconds": (self._last - metadata.moment(self._head["start_time"], 0)) / 1e6},
            "cameras": [
                {"name": name, **self._cameras.get(name, empty), "frames": len(self._frames.get(name, [])), "dropped": 0}
                for name in names
            ],
            "series": {name: {"rows": rows, "units": {}} for name, rows in self._rows.items()},
            "solves": list(self._solves),
            "logs": self._logs,
            "events": len(self._event_times),
            "history": [],
        }  # fmt: skip

    # -- frames

    def _frame_list(self, camera: str) -> FrameList:
        records = self._frames.get(camera, [])
        times = np.array([record["at"] for record in records], np.int64)
        indices = np.array([record["i"] for record in records], np.int64)

        def row(place: int) -> dict[str, Any]:
            record = records[place]
            known = {"time": record["at"], "index": record["i"], "form": record["form"]}
            return record["v"] | known | {"bytes": record["b"], "sha256": record["h"], "file": record["f"]}

        return FrameList(camera, times, indices, np.zeros(len(records), np.int8), row)

    def frames(self, query: FrameQuery) -> Row:
        lists = [self._frame_list(camera) for camera in self._frames]
        times, values = self._lines.get(("stars", "value", ""), ([], []))
        stars = np.array(times, np.int64), np.array(values, np.float64)
        return selection.select(lists, query, np.array(self._event_times, np.int64), lambda: stars)

    def frame(self, camera: str, index: int) -> Row:
        return selection.with_neighbours(self._frame_list(camera), index) | {"running": True}

    def pixels(self, camera: str, index: int) -> Pixels:
        row = self._frame_list(camera).raw(index)
        file = under(self._folder / layout.FRAMES, row["file"])
        if not file.is_file():
            raise NoSuchFrameError(
                f"frame {index} of camera {camera} is gone; the session may have just ended"
            )
        original = row["form"] == "original"
        name = str(row.get("file_name") or f"{self._meta['session_id']}_{camera}_{index:05d}")
        media_type = str(row.get("media_type") or "application/octet-stream") if original else ""
        bayer = str(self._cameras.get(camera, {}).get("info", {}).get("bayer_pattern") or "")
        return Pixels(file, None if original else frame_files.read(file)[0], media_type, name, bayer)

    # -- rows

    def events(self) -> Row:
        return {"total": len(self._event_times), "events": list(self._events)}

    def logs(self, query: LogQuery) -> Row:
        """Rows are numbered in the order in which they lie in the journals now."""
        limit = min(query.limit, MOST_LOG_ROWS)
        found: deque[Row] = deque(maxlen=limit + 1)
        levels, needle = query.levels, query.text.lower()
        number = -1
        for record in self._records():
            if record["k"] != "log":
                continue
            number += 1
            if query.before is not None and number >= query.before:
                break
            if metadata.level(record["l"]) not in levels:
                continue
            if needle and needle not in record["m"].lower() and needle not in record["s"].lower():
                continue
            found.append(log_row(number, record["t"], record["l"], record["s"], record["m"], record["c"]))
        more = len(found) > limit
        rows = list(found)[::-1][:limit]
        return {"total": self._logs, "rows": rows, "next": rows[-1]["number"] if more else None}

    # -- charts

    def telemetry(self) -> Row:
        grouped: dict[tuple[str, str], dict[str, tuple[np.ndarray, np.ndarray]]] = {}
        for (name, column, label), (times, values) in self._lines.items():
            lines = grouped.setdefault((name, column), {})
            lines[label] = np.array(times, np.int64), np.array(values, np.float64)
        units = {key: columns.units(key[0], [key[1]]).get(key[1], "") for key in grouped}
        for column, shown, unit, scale in charts.OF_FRAMES:
            units["frames", shown] = unit
            lines = grouped.setdefault(("frames", shown), {})
            for camera, records in self._frames.items():
                values = [record["v"].get(column) for record in records]
                numbers = np.array([np.nan if value is None else value for value in values], np.float64)
                lines[camera] = np.array([record["at"] for record in records], np.int64), numbers * scale
        return {"charts": charts.build((*key, units[key], lines) for key, lines in grouped.items())}
