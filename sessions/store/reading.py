"""Finished sessions through the ASDF library: its tables read as lists of rows, as document 002 shows them.

`open_session(path)` is `asdf.open` with the extension; `register()` makes plain `asdf.open` know it in
this process. The library takes 0.2 s to import, so this module is imported by readers only.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, overload

import asdf
import numpy as np
import orjson
from asdf.extension import Converter, Extension

from sessions.store.tables import TAG
from skycam_project.common.clock import from_microseconds

Row = dict[str, Any]


class LogTable(Sequence[Row]):
    """Rows of a column table; a part's arrays are loaded when the first of its rows is asked for.

    A row has every column of its part; `time` columns come as aware datetimes, JSON as what it holds, a
    missing value as None. `column(name)` gives one column whole.

    Attributes:
        units: unit of columns, where there is one.
    """

    def __init__(self, node: dict[str, Any]) -> None:
        self._node = node
        self.units: dict[str, str] = dict(node.get("units", {}))
        self._parts = [_Part(part) for part in node.get("parts", [node])]
        self._ends = list(np.cumsum([part.rows for part in self._parts]))

    def __len__(self) -> int:
        return int(self._ends[-1])

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        part = bisect_right(self._ends, number)
        before = int(self._ends[part - 1]) if part else 0
        return self._parts[part].row(number - before)

    def __iter__(self) -> Iterator[Row]:
        for part in self._parts:
            yield from part

    def __repr__(self) -> str:
        return f"LogTable({len(self)} rows: {', '.join(self.columns)})"

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return list(dict.fromkeys(name for part in self._parts for name in part.names))

    def column(self, name: str) -> list[Any]:
        """All values of one column. Raises `KeyError` when no row has it."""
        if name not in self.columns:
            raise KeyError(name)
        return [value for part in self._parts for value in part.values(name)]


class _Part:
    """One part of a table; columns become Python lists on first use."""

    def __init__(self, node: dict[str, Any]) -> None:
        self.rows = int(node["n"])
        self._nodes = node["columns"]
        self._columns: dict[str, _Column] = {}

    @property
    def names(self) -> list[str]:
        return list(self._nodes)

    def _column(self, name: str) -> "_Column":
        if name not in self._columns:
            self._columns[name] = _Column(name, self._nodes[name])
        return self._columns[name]

    def values(self, name: str) -> list[Any]:
        if name not in self._nodes:
            return [None] * self.rows
        column = self._column(name)
        return [column.at(number) for number in range(self.rows)]

    def row(self, number: int) -> Row:
        return {name: self._column(name).at(number) for name in self._nodes}

    def __iter__(self) -> Iterator[Row]:
        names = self.names
        for row in zip(*(self.values(name) for name in names), strict=True) if names else ():
            yield dict(zip(names, row, strict=True))


class _Column:
    """One column of one part in memory."""

    def __init__(self, name: str, node: Any) -> None:
        lone = not isinstance(node, dict)
        self._valid = None if lone or "valid" not in node else np.array(node["valid"])
        self._json = not lone and node.get("format") == "json"
        self._categories = None if lone else node.get("categories")
        self._text = b"" if lone or "utf8" not in node else np.array(node["utf8"]).tobytes()
        key = "offsets" if self._text else "codes" if self._categories is not None else "values"
        self._numbers = np.array(node if lone else node[key])
        self._is_time = name == "time" and self._numbers.dtype.kind == "i" and not self._text

    def at(self, number: int) -> Any:
        if self._valid is not None and not self._valid[number]:
            return None
        if self._text:
            raw = self._text[self._numbers[number] : self._numbers[number + 1]]
            if self._json:
                return orjson.loads(raw) if raw else None
            return raw.decode("utf-8", "replace")
        value = self._numbers[number].item()
        if self._categories is not None:
            return self._categories[value]
        return _time(value) if self._is_time else value


def _time(value: int) -> datetime | int:
    try:
        return from_microseconds(value)
    except OverflowError:
        return value


class _Tables(Converter):
    """Tagged mappings <-> `LogTable`; writing gives back what was read."""

    @property
    def tags(self) -> list[str]:
        return [TAG]

    @property
    def types(self) -> list[type]:
        return [LogTable]

    def to_yaml_tree(self, obj: LogTable, tag: str, ctx: Any) -> Any:
        return obj._node

    def from_yaml_tree(self, node: Any, tag: str, ctx: Any) -> LogTable:
        return LogTable(node)


class SkycamExtension(Extension):
    """Teaches the ASDF library the table tag."""

    @property
    def extension_uri(self) -> str:
        return "asdf://skycam/extensions/sessions-1.0.0"

    @property
    def converters(self) -> list[Any]:
        return [_Tables()]

    @property
    def tags(self) -> list[Any]:
        return [TAG]


def register() -> None:
    """Let `asdf.open` of this process read the tables. Idempotent."""
    asdf.get_config().add_extension(SkycamExtension())


def open_session(path: Path | str, **options: Any) -> asdf.AsdfFile:
    """`asdf.open` of a finished session, with tables as sequences of rows; use it as a context manager."""
    register()
    return asdf.open(path, **options)
