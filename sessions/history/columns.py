"""Column tables read as arrays: rows are picked before anything becomes an object.

The tables are described in `sessions/store/tables.py`. A million log rows are sixteen parts; a page of rows loads
the parts it needs and drops them again.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from sessions.store.blockfile import BlockFile
from sessions.store.errors import DamagedFileError

Node = dict[str, Any]
LARGEST_COLUMN = 1 << 30
"""Bytes of one column's array that are unpacked at most."""
MOST_ROWS = 1 << 32
"""Rows that a table may claim."""


def _array(source: BlockFile, node: object) -> np.ndarray:
    return source.read(node, LARGEST_COLUMN)


class Column:
    """One column of one part."""

    def __init__(self, name: str, node: object, source: BlockFile) -> None:
        lone = isinstance(node, dict) and "source" in node
        parts = {} if lone or not isinstance(node, dict) else node
        self.categories = [str(word) for word in parts.get("categories", ())]
        self._json = parts.get("format") == "json"
        self._valid = _array(source, parts["valid"]) if "valid" in parts else None
        self._text = _array(source, parts["utf8"]).tobytes() if "utf8" in parts else None
        key = "offsets" if self._text is not None else "codes" if "categories" in parts else "values"
        self.numbers = _array(source, node if lone else parts[key])

    def at(self, row: int) -> Any:
        """The value of one row: a number, a text, what JSON held, or None."""
        if self._valid is not None and not self._valid[row]:
            return None
        if self._text is not None:
            raw = self._text[self.numbers[row] : self.numbers[row + 1]]
            if self._json:
                return orjson.loads(raw) if raw else None
            return raw.decode("utf-8", "replace")
        value = self.numbers[row].item()
        return self.categories[value] if self.categories else value

    def floats(self) -> np.ndarray:
        """The column as `float64`, NaN where there is no number."""
        if self._text is not None or self.categories:
            return np.full(self.rows, np.nan)
        numbers = self.numbers.astype(np.float64)
        return numbers if self._valid is None else np.where(self._valid.astype(bool), numbers, np.nan)

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return self._text is None and not self.categories and self.numbers.dtype.kind in "iuf"

    @property
    def rows(self) -> int:
        """How many values it has."""
        return len(self.numbers) - (self._text is not None)

    def rows_with(self, words: str) -> np.ndarray:
        """Mask of the rows whose text holds `words`; A to Z in either case are the same."""
        needle = words.encode().lower()
        if self.categories:
            hit = [needle in word.encode().lower() for word in self.categories]
            return np.array(hit, bool)[self.numbers]
        mask = np.zeros(self.rows, bool)
        if self._text is None:
            return mask
        text, ends, at = self._text.lower(), self.numbers, 0
        while (found := text.find(needle, at)) >= 0:
            row = int(np.searchsorted(ends, found, "right")) - 1
            if found + len(needle) <= ends[row + 1]:
                mask[row] = True
                at = int(ends[row + 1])
            else:  # it reaches into the next row
                at = found + 1
        return mask

    def rows_of(self, wanted: set[str]) -> np.ndarray:
        """Mask of the rows whose category is one of `wanted`."""
        return np.array([word in wanted for word in self.categories], bool)[self.numbers]


class Part:
    """One part of a table; a column is loaded on first use."""

    def __init__(self, node: Node, first: int, source: BlockFile) -> None:
        self.rows, self.first = int(node["n"]), first
        self._nodes: Node = node["columns"]
        self._source = source
        self._columns: dict[str, Column] = {}
        if not 0 <= self.rows < MOST_ROWS:
            raise DamagedFileError(f"{source.path.name}: a table of {self.rows} rows")

    @property
    def names(self) -> list[str]:
        return list(self._nodes)

    def column(self, name: str) -> Column | None:
        """A column, `None` when no row of this part has it."""
        if name not in self._nodes:
            return None
        if name not in self._columns:
            column = Column(name, self._nodes[name], self._source)
            if column.rows != self.rows:
                raise DamagedFileError(f"{self._source.path.name}: column {name} has {column.rows} rows")
            self._columns[name] = column
        return self._columns[name]

    def numbers(self, name: str) -> np.ndarray:
        """A column as `float64`, NaN where there is none."""
        column = self.column(name)
        return np.full(self.rows, np.nan) if column is None else column.floats()

    def times(self) -> np.ndarray:
        """Microseconds UTC; 0 where a foreign writer left them out."""
        column = self.column("time")
        return np.zeros(self.rows, np.int64) if column is None else column.numbers.astype(np.int64)

    def row(self, number: int) -> Node:
        """One row by its place in the part: columns without a value are left out."""
        found = {}
        for name in self._nodes:
            column = self.column(name)
            value = None if column is None else column.at(number)
            if value is not None:
                found[name] = value
        return found


class Columns:
    """A whole table."""

    def __init__(self, node: object, source: BlockFile) -> None:
        self._source = source
        self._nodes: list[Node] = []
        if isinstance(node, dict):
            self._nodes = list(node.get("parts", [node]))
        self.units: dict[str, str] = dict(node.get("units", {})) if isinstance(node, dict) else {}
        self._firsts = [0]
        for part in self._nodes:
            self._firsts.append(self._firsts[-1] + int(part["n"]))

    def __len__(self) -> int:
        return self._firsts[-1]

    def parts(self, newest_first: bool = False) -> Iterator[Part]:
        """Its parts, one at a time: each is free again when the next is asked for."""
        numbers = range(len(self._nodes))
        for number in reversed(numbers) if newest_first else numbers:
            yield Part(self._nodes[number], self._firsts[number], self._source)

    def part_of(self, row: int) -> Part:
        """The part that holds a row."""
        number = min(bisect_right(self._firsts, row) - 1, len(self._nodes) - 1)
        return Part(self._nodes[number], self._firsts[number], self._source)
