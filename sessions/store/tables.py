"""Rows become column blocks: what a session's file holds of logs, events, telemetry and frames.

The form is that of `reader/skycam_reader/tables.py`, which reads it. A table of more than `PART_ROWS` rows has
parts, so that reading a row loads one part only. A column without any value has no arrays; its name is in `empty`.
"""

import os
from array import array
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reader.skycam_reader.tables import TABLE_TAG
from sessions.store import blocks, values, yamltext
from sessions.store.blocks import Codec
from sessions.store.disk import copy_range, write_all
from sessions.store.yamltext import Yaml

PART_ROWS = 65_536
TIME_UNIT = "us since 1970-01-01T00:00:00Z"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class BlockSpool:
    """Finished blocks in a temporary file, until the tree that comes before them is known.

    Attributes:
        sizes: bytes of each block, in order.
    """

    def __init__(self, path: Path, codec: Codec) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        self._codec = codec
        self.sizes: list[int] = []

    def add(self, data: np.ndarray, text: bool = False) -> Yaml:
        """Store a one-dimensional array; returns the reference to it."""
        pixels = np.ascontiguousarray(data, dtype=data.dtype.newbyteorder("<"))
        header, stored = blocks.pack(self._codec, pixels.data, 0 if text else pixels.itemsize)
        self.sizes.append(write_all(self._handle, header, stored))
        return yamltext.ndarray(len(self.sizes) - 1, data.dtype.name, data.shape)

    def copy_to(self, target: int) -> None:
        """Append all blocks to an open file."""
        copy_range(self._handle, target, 0, sum(self.sizes))

    def close(self) -> None:
        """Forget the temporary file."""
        os.close(self._handle)


class Spool(Protocol):
    """Takes the arrays of columns."""

    def add(self, data: np.ndarray, text: bool = False) -> Any:
        """Keep a one-dimensional array; what stands for it in the table."""
        ...


class MemorySpool:
    """Keeps arrays in the table itself, for tables that are read and not written."""

    def add(self, data: np.ndarray, text: bool = False) -> np.ndarray:
        """The array."""
        return data


class Column(Protocol):
    """Collects the values of one column of one part."""

    def add(self, value: Any) -> None:
        """Append a value; `None` or what the column cannot hold becomes a missing one."""
        ...

    def store(self, spool: Spool) -> Yaml | dict[str, Any] | None:
        """Write what was collected; `None` when there was no value at all."""
        ...


class Numbers:
    """A column of one numeric type."""

    def __init__(self, dtype: str) -> None:
        self._dtype = np.dtype(dtype)
        self._convert = int if self._dtype.kind in "iu" else float
        self._values: list[Any] = []
        self._missing = 0

    def add(self, value: Any) -> None:
        try:
            self._values.append(self._convert(value))
        except (TypeError, ValueError, OverflowError):
            self._values.append(None)
            self._missing += 1

    def store(self, spool: Spool) -> Yaml | dict[str, Any] | None:
        if self._missing == len(self._values):
            return None
        if self._dtype.kind in "iu":  # what does not fit is missing: nothing may fail here
            low, high = int(np.iinfo(self._dtype).min), int(np.iinfo(self._dtype).max)
            self._values = [None if v is None or not low <= v <= high else v for v in self._values]
        valid = np.array([value is not None for value in self._values], np.uint8)
        with np.errstate(over="ignore"):
            numbers = np.array([0 if value is None else value for value in self._values]).astype(self._dtype)
        data = spool.add(numbers)
        return data if valid.all() else {"values": data, "valid": spool.add(valid)}


class Categories:
    """A column of few different texts."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self._index = {text: number for number, text in enumerate(known)}
        self._codes = array("l")
        self._missing = 0

    def add(self, value: Any) -> None:
        if value is None:
            self._missing += 1
            self._codes.append(-1)
        else:
            text = value if isinstance(value, str) else str(value)
            self._codes.append(self._index.setdefault(text, len(self._index)))

    def store(self, spool: Spool) -> dict[str, Any] | None:
        if self._missing == len(self._codes):
            return None
        codes = np.array(self._codes, np.int64)
        column: dict[str, Any] = {"categories": list(self._index)}
        column["codes"] = spool.add(np.maximum(codes, 0).astype(np.min_scalar_type(len(self._index))))
        if self._missing:
            column["valid"] = spool.add((codes >= 0).astype(np.uint8))
        return column


class Texts:
    """A column of any text; `json` says that it is JSON, where missing is empty."""

    def __init__(self, json: bool = False) -> None:
        self._json = json
        self._bytes = bytearray()
        self._offsets = array("q", [0])
        self._valid = bytearray()

    def add(self, value: Any) -> None:
        if value is not None:
            self._bytes += values.encode(value) if self._json else str(value).encode("utf-8", "replace")
        self._valid.append(value is not None)
        self._offsets.append(len(self._bytes))

    def store(self, spool: Spool) -> dict[str, Any] | None:
        if not any(self._valid):
            return None
        column: dict[str, Any] = {"format": "json"} if self._json else {}
        # An array may not be empty: a column of empty texts keeps one byte that no offset names.
        column["utf8"] = spool.add(np.frombuffer(bytes(self._bytes) or b"\0", np.uint8), text=True)
        column["offsets"] = spool.add(np.array(self._offsets, np.int64))
        if not self._json and not all(self._valid):
            column["valid"] = spool.add(np.frombuffer(self._valid, np.uint8))
        return column


class Anything:
    """A column of an open set: its type is what all its values have in common."""

    def __init__(self, missing: int = 0) -> None:
        self._values: list[Any] = [None] * missing

    def add(self, value: Any) -> None:
        self._values.append(value)

    def store(self, spool: Spool) -> Yaml | dict[str, Any] | None:
        column = self._typed({type(value) for value in self._values if value is not None})
        for value in self._values:
            column.add(value)
        return column.store(spool)

    def _typed(self, types: set[type]) -> Column:
        if types == {bool}:
            return Numbers("bool")
        if types == {int} and all(v is None or -(2**63) <= v < 2**63 for v in self._values):
            return Numbers("int64")
        exact = all(not isinstance(v, int) or abs(v) <= 1 << 53 for v in self._values)
        if types and types <= {int, float} and exact:
            return Numbers("float64")
        if types == {str}:
            different = len(set(self._values))
            return Categories() if different <= 256 and different * 2 <= len(self._values) + 1 else Texts()
        return Texts(json=True)


class Table:
    """Collects rows and stores them part by part; memory stays at one part.

    Args:
        spool: where the blocks go.
        columns: name to factory of the columns that are known; others appear with their first value.
        units: unit of columns, for the reader.
    """

    def __init__(self, spool: Spool, columns: dict[str, Any], units: dict[str, str]) -> None:
        self._spool = spool
        self._known = columns
        self._units = units
        self._parts: list[dict[str, Any]] = []
        self.rows = 0
        self._begin()

    def _begin(self) -> None:
        self._count = 0
        self._columns: dict[str, Column] = {name: make() for name, make in self._known.items()}

    def add(self, row: dict[str, Any]) -> None:
        """Append a row; a key that is not there is a missing value."""
        if not row.keys() <= self._columns.keys():
            for name in row:
                if name not in self._columns:
                    self._columns[name] = Anything(missing=self._count)
        for name, column in self._columns.items():
            column.add(row.get(name))
        self._count += 1
        self.rows += 1
        if self._count == PART_ROWS:
            self._store()

    def _store(self) -> None:
        stored = {name: column.store(self._spool) for name, column in self._columns.items()}
        columns = {name: column for name, column in stored.items() if column is not None}
        empty = [name for name in stored if name not in columns]
        part = {"n": self._count, "units": self._units_of(columns), "columns": columns}
        self._parts.append(part | ({"empty": empty} if empty else {}))
        self._begin()

    def _units_of(self, columns: dict[str, Any]) -> dict[str, str]:
        return {name: unit for name, unit in self._units.items() if name in columns}

    def node(self) -> dict[str, Any]:
        """Store the rest; the table as a mapping."""
        if self._count or not self._parts:
            self._store()
        if len(self._parts) == 1:
            return self._parts[0]
        units = {name: unit for part in self._parts for name, unit in part["units"].items()}
        return {"n": self.rows, "units": units, "parts": self._parts}

    def finish(self) -> Yaml:
        """Store the rest; the table under its tag, for the tree."""
        return Yaml(f"!<{TABLE_TAG}> {yamltext.flow(self.node())}")
