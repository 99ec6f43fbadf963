"""A session's tables as lists of rows, as Skycam's storage document shows them.

A table is `{n, units, columns: {name: column}, empty: [name]}`; one of very many rows has `parts`, each a
table of this form, instead of `columns`. A column is an array of numbers, `{categories, codes}` (few
different texts) or `{utf8, offsets}` (any text, one after the other, the form of Arrow), with `valid`
where values are missing (a lone array is then `{values, valid}`) and `format: json` where the text is JSON.
`empty` names columns of which no row has a value.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, overload

import numpy as np

TABLE_TAG = "asdf://skycam/tags/log_table-1.0.0"
Row = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - Python 3.10 reads this too


class LogTable(Sequence[Row]):
    """Rows of a column table; a part's arrays are loaded when the first of its rows is asked for.

    Every row has every column; `time` columns come as aware datetimes, JSON as what it holds, a missing value
    as None. `column(name)` gives one column whole.

    Attributes:
        node: the table as it is in the file.
        units: unit of columns, where there is one.
        columns: names of the columns, in order.
    """

    def __init__(self, node: dict[str, Any]) -> None:
        self.node = node
        self.units: dict[str, str] = dict(node.get("units", {}))
        self._parts = [_Part(part) for part in node.get("parts", [node])]
        self._ends = np.cumsum([part.rows for part in self._parts]).tolist()
        self.columns: list[str] = list(dict.fromkeys(name for part in self._parts for name in part.names))

    def __len__(self) -> int:
        return self._ends[-1]

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
        before = self._ends[part - 1] if part else 0
        return {name: self._parts[part].at(name, number - before) for name in self.columns}

    def __iter__(self) -> Iterator[Row]:
        for part in self._parts:
            values = [part.values(name) for name in self.columns]
            for row in zip(*values, strict=True):
                yield dict(zip(self.columns, row, strict=True))

    def __repr__(self) -> str:
        return f"LogTable({len(self)} rows: {', '.join(self.columns)})"

    def column(self, name: str) -> list[Any]:
        """All values of one column. Raises `KeyError` when there is no such column."""
        if name not in self.columns:
            raise KeyError(name)
        return [value for part in self._parts for value in part.values(name)]


class _Part:
    """One part of a table; columns are loaded on first use."""

    def __init__(self, node: dict[str, Any]) -> None:
        self.rows = int(node["n"])
        self._nodes = node["columns"]
        self.names = [*self._nodes, *node.get("empty", [])]
        self._columns: dict[str, _Column] = {}

    def _column(self, name: str) -> "_Column | None":
        if name not in self._columns and name in self._nodes:
            self._columns[name] = _Column(name, self._nodes[name])
        return self._columns.get(name)

    def at(self, name: str, number: int) -> Any:
        column = self._column(name)
        return None if column is None else column.at(number)

    def values(self, name: str) -> list[Any]:
        column = self._column(name)
        return [None if column is None else column.at(number) for number in range(self.rows)]


class _Column:
    """One column of one part in memory."""

    def __init__(self, name: str, node: Any) -> None:
        form: dict[str, Any] = node if hasattr(node, "keys") else {"values": node}
        self._valid = np.array(form["valid"]) if "valid" in form else None
        self._json = form.get("format") == "json"
        self._categories = form.get("categories")
        self._text = np.array(form["utf8"]).tobytes() if "utf8" in form else None
        key = next(name for name in ("offsets", "codes", "values") if name in form)
        self._numbers = np.array(form[key])
        self._is_time = name == "time" and key == "values" and self._numbers.dtype.kind == "i"

    def at(self, number: int) -> Any:
        if self._valid is not None and not self._valid[number]:
            return None
        if self._text is not None:
            raw = self._text[self._numbers[number] : self._numbers[number + 1]]
            if self._json:
                return json.loads(raw) if raw else None
            return raw.decode("utf-8", "replace")
        value = self._numbers[number].item()
        if self._categories is not None:
            return self._categories[value]
        return _time(value) if self._is_time else value


def _time(value: int) -> datetime | int:
    """Microseconds since 1970 as a datetime (UTC); as they are when no calendar has them."""
    try:
        return _EPOCH + timedelta(microseconds=value)
    except OverflowError:
        return value
