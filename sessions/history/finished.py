"""A finished session, from its ASDF file: the tree once, then only the blocks that a question needs.

The ASDF library is not used: it costs 0.1 ms for every frame of the session at every opening, and web pages open
a session for each picture.
"""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sessions.history import charts, selection
from sessions.history.columns import Blocks, Columns, Part
from sessions.history.contents import (
    LEVELS,
    MOST_EVENTS,
    MOST_LOG_ROWS,
    FrameQuery,
    LogQuery,
    NoSuchFrameError,
    Pixels,
    Row,
    event_row,
    log_row,
)
from sessions.history.selection import FrameList
from sessions.store import frames as frame_files
from sessions.store import tree
from sessions.store.errors import DamagedFileError
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import under

LARGEST_FRAME = 1 << 30
"""Bytes of one frame's pixels, or of one original."""
_KEPT_TREES = 4
_trees: OrderedDict[tuple[Path, int, int], tuple[dict[str, Any], int]] = OrderedDict()


def _tree_of(path: Path) -> tuple[dict[str, Any], int]:
    """The tree of a file, parsed once while the file stays as it is."""
    status = path.stat()
    key = path, status.st_mtime_ns, status.st_size
    if key not in _trees:
        _trees[key] = tree.read_header(path)
        while len(_trees) > _KEPT_TREES:
            _trees.popitem(last=False)
    _trees.move_to_end(key)
    return _trees[key]


class Finished:
    """A finished session (`contents.Contents`).

    Args:
        path: its `.asdf` file.

    Raises:
        DamagedFileError: it is no session file.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _tree_of(path)
        self._tree = self._known[0]
        if not isinstance(self._tree.get("meta"), dict):
            raise DamagedFileError(f"{path.name} is not a session")

    def _open(self) -> Blocks:
        return Blocks(self._path, self._known)

    def _mapping(self, *names: str) -> dict[str, Any]:
        node: Any = self._tree
        for name in names:
            node = node.get(name) if isinstance(node, dict) else None
        return node if isinstance(node, dict) else {}

    def _table(self, source: Blocks, *names: str) -> Columns:
        node = self._mapping(*names)
        return Columns(node or None, source)

    def summary(self) -> Row:
        with self._open() as source:
            series = {
                name: {"rows": len(table), "units": table.units}
                for name in self._mapping("telemetry")
                if (table := self._table(source, "telemetry", name)) is not None
            }
            return {
                "running": False,
                "meta": self._mapping("meta"),
                "metrics": self._mapping("observability", "metrics"),
                "cameras": [self._camera(source, name) for name in self._mapping("cameras")],
                "series": series,
                "solves": self._solves(source),
                "logs": len(self._table(source, "observability", "logs")),
                "events": len(self._table(source, "observability", "events")),
                "history": self._tree.get("history", {}).get("entries", []),
            }

    def _camera(self, source: Blocks, name: str) -> Row:
        frames = self._frame_list(source, name)
        return {
            "name": name,
            "info": self._mapping("cameras", name, "info"),
            "settings": self._mapping("cameras", name, "settings"),
            "frames": len(frames),
            "dropped": int(frames.dropped.sum()),
        }

    def _solves(self, source: Blocks) -> list[Row]:
        node = self._mapping("calibration").get("plate_solve_results", [])
        if isinstance(node, list):
            return [row for row in node if isinstance(row, dict)]
        table = Columns(node, source)
        newest = next(table.parts(newest_first=True))
        return [newest.row(number) for number in range(max(0, newest.rows - 200), newest.rows)]

    # -- frames

    def _frame_list(self, source: Blocks, camera: str) -> FrameList:
        table = self._table(source, "cameras", camera, "frame_table")
        parts = list(table.parts())
        column = lambda name, kind: np.concatenate([_whole(part, name) for part in parts]).astype(kind)  # noqa: E731
        if not len(table):
            empty = np.zeros(0, np.int64)
            return FrameList(camera, empty, empty, empty, lambda place: {})
        firsts = np.array([part.first for part in parts])

        def row(place: int) -> dict[str, Any]:
            part = parts[int(np.searchsorted(firsts, place, "right")) - 1]
            return part.row(place - part.first)

        times, indices = column("time", np.int64), column("index", np.int64)
        return FrameList(camera, times, indices, column("dropped", np.int8), row)

    def _lists(self, source: Blocks) -> list[FrameList]:
        return [self._frame_list(source, name) for name in self._mapping("cameras")]

    def frames(self, query: FrameQuery) -> Row:
        with self._open() as source:
            events = [part.times() for part in self._table(source, "observability", "events").parts()]
            moments = np.concatenate(events) if events else np.zeros(0, np.int64)
            return selection.select(self._lists(source), query, moments, lambda: self._stars(source))

    def _stars(self, source: Blocks) -> selection.Readings:
        """When stars were counted, and how many."""
        parts = list(self._table(source, "telemetry", "stars").parts())
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0)
        times = np.concatenate([part.times() for part in parts])
        return times, np.nan_to_num(np.concatenate([part.numbers("value") for part in parts]))

    def _checked_camera(self, camera: str) -> None:
        if camera not in self._mapping("cameras"):
            raise NoSuchFrameError(f"this session has no camera {camera}")

    def frame(self, camera: str, index: int) -> Row:
        self._checked_camera(camera)
        with self._open() as source:
            return selection.with_neighbours(self._frame_list(source, camera), index) | {"running": False}

    def pixels(self, camera: str, index: int) -> Pixels:
        self._checked_camera(camera)
        with self._open() as source:
            row = self._frame_list(source, camera).raw(index)
            position, original = int(row.get("position", -1)), row.get("form") == "original"
            nodes = self._tree["cameras"][camera].get("originals" if original else "frames", [])
            if row.get("dropped") or not 0 <= position < len(nodes):
                raise NoSuchFrameError(f"frame {index} of camera {camera} is gone: it was dropped or lost")
            node = nodes[position]
            name = str(row.get("file_name") or f"{self._path.stem}_{camera}_{index:05d}")
            bayer = str(self._mapping("cameras", camera, "info").get("bayer_pattern") or "")
            media_type = str(row.get("media_type") or "application/octet-stream") if original else ""
            outside = (
                node if isinstance(node, str) else node.get("source") if isinstance(node, dict) else None
            )
            if isinstance(outside, str):
                file = self._outside(outside)
                return Pixels(file, None if original else frame_files.read(file)[0], media_type, name, bayer)
            array = source.array(node, LARGEST_FRAME)
            return Pixels(None, array.tobytes() if original else array, media_type, name, bayer)

    def _outside(self, name: str) -> Path:
        try:
            return under(self._path.parent / f"{self._path.stem}.frames", self._path.parent / name)
        except SkycamError as error:
            raise DamagedFileError(f"{self._path.name}: {error}") from error

    # -- rows

    def events(self) -> Row:
        with self._open() as source:
            table = self._table(source, "observability", "events")
            rows: list[Row] = []
            for part in table.parts(newest_first=True):
                for number in reversed(range(part.rows)):
                    if len(rows) < MOST_EVENTS:
                        row = part.row(number)
                        rows.append(event_row(row["time"], row.get("event", ""), row.get("details")))
            return {"total": len(table), "events": rows[::-1]}

    def logs(self, query: LogQuery) -> Row:
        with self._open() as source:
            table = self._table(source, "observability", "logs")
            before = len(table) if query.before is None else query.before
            limit = min(query.limit, MOST_LOG_ROWS)
            rows: list[Row] = []
            for part in table.parts(newest_first=True):
                if part.first >= before or len(rows) >= limit:
                    continue
                mask = _matching(part, query)
                found = np.flatnonzero(mask[: before - part.first])
                for number in reversed(found[-(limit - len(rows)) :].tolist()):
                    row = part.row(number)
                    words = row.get("level", LEVELS[1]), row.get("source"), row.get("message", "")
                    rows.append(log_row(part.first + number, row["time"], *words, row.get("context")))
            following = rows[-1]["number"] if len(rows) == limit and rows[-1]["number"] > 0 else None
            return {"total": len(table), "rows": rows, "next": following}

    # -- charts

    def telemetry(self) -> Row:
        with self._open() as source:
            found = [*self._series(source), *self._of_frames(source)]
            return {"charts": charts.build(found)}

    def _series(self, source: Blocks) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        for name in self._mapping("telemetry"):
            table = self._table(source, "telemetry", name)
            parts = list(table.parts())
            times = np.concatenate([part.times() for part in parts]) if parts else np.zeros(0, np.int64)
            names = list(dict.fromkeys(column for part in parts for column in part.names if column != "time"))
            label = next((column for column in names if _is_label(parts, column)), None)
            codes, words = _labels(parts, label) if label else (None, [])
            for column in names:
                values = np.concatenate([part.numbers(column) for part in parts])
                if np.isfinite(values).any():
                    lines = dict(charts.by_label(times, values, codes, words))
                    yield name, column, table.units.get(column, ""), lines

    def _of_frames(self, source: Blocks) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """What the cameras said with each frame."""
        tables = {
            name: list(self._table(source, "cameras", name, "frame_table").parts())
            for name in self._mapping("cameras")
        }
        for column, shown, unit, scale in charts.OF_FRAMES:
            lines = {}
            for name, parts in tables.items():
                if parts and any(part.rows for part in parts):
                    values = np.concatenate([part.numbers(column) for part in parts]) * scale
                    lines[name] = np.concatenate([part.times() for part in parts]), values
            yield "frames", shown, unit, lines


def _whole(part: Part, name: str) -> np.ndarray:
    """A column of whole numbers, 0 where it has none."""
    column = part.column(name)
    return np.zeros(part.rows, np.int64) if column is None else column.numbers


def _matching(part: Part, query: LogQuery) -> np.ndarray:
    """Mask of the rows of a part that a query wants."""
    level = part.column("level")
    mask = np.ones(part.rows, bool) if level is None else level.rows_of(query.levels)
    if query.text and mask.any():
        text = np.zeros(part.rows, bool)
        for name in ("message", "source"):
            column = part.column(name)
            if column is not None:
                text |= column.rows_with(query.text)
        mask &= text
    return mask


def _is_label(parts: list[Part], name: str) -> bool:
    columns = [column for part in parts if (column := part.column(name)) is not None]
    return bool(columns) and all(column.categories for column in columns)


def _labels(parts: list[Part], name: str) -> tuple[np.ndarray, list[str]]:
    """Codes of a label column over all parts, and the words they stand for; -1 where there is none."""
    words: dict[str, int] = {}
    codes = []
    for part in parts:
        column = part.column(name)
        if column is None:
            codes.append(np.full(part.rows, -1))
            continue
        own = np.array([words.setdefault(word, len(words)) for word in column.categories] or [0])
        codes.append(own[column.numbers])
    return np.concatenate(codes), list(words)
