"""The YAML tree of a session's file (schema 1.0.0), written by hand and read without the ASDF library."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store import yamltext
from sessions.store.blocks import Codec
from sessions.store.collect import Collection, Entry
from sessions.store.errors import DamagedFileError, UntrustedFileError
from sessions.store.tables import BlockSpool, Table
from sessions.store.yamltext import Yaml

SCHEMA_VERSION = "1.0.0"
HEADER_LIMIT = 64 << 20
"""Bytes of a tree that are read at most; `layout.MAX_FRAMES` frames with the longest names stay below it."""
_END = b"\n...\n"
_YAML_ROWS = 200
"""Longer lists of calibration results become a table: every mapping in the tree costs each reader 0.1 ms."""
_BLOSC_NEEDED = (
    "!core/extension_metadata-1.0.0 {extension_class: asdf_compression.blsc.extensions.BloscExtension, "
    'extension_uri: "asdf://asdf-format.org/compression/extensions/blsc-1.0.0", '
    "software: !core/software-1.0.0 {name: asdf-compression, version: 0.1.0}}"
)


def render(
    collection: Collection,
    meta: dict[str, Any],
    metrics: dict[str, Any],
    spool: BlockSpool,
    external: str | None,
    codec: Codec,
) -> bytes:
    """The tree of a finished session. Finishes the collection's tables: their last blocks go to the spool.

    Args:
        collection: the session's content.
        meta: the `meta` mapping, complete.
        metrics: the `observability/metrics` mapping.
        spool: blocks of the columns; they are numbered first, the frames after them.
        external: folder name of the frames, relative to the file; `None` to number them as blocks.
        codec: what the arrays are stored with; a reader without it is then told which package it needs.
    """
    logs, events = collection.logs.finish(), collection.events.finish()
    tables = {name: table.finish() for name, table in collection.telemetry.items()}
    frame_tables = {name: camera.table.finish() for name, camera in collection.cameras.items()}
    calibration_table = collection.calibration_table.finish()
    results = {name: _results(found, spool) for name, found in collection.calibration_values.items()}
    reference = _References(len(spool.sizes), external)

    lines = [yamltext.HEAD.rstrip()]
    _mapping(lines, 0, {"meta": meta})
    _mapping(
        lines, 0, {"observability": {"metrics": Yaml(yamltext.flow(metrics)), "logs": logs, "events": events}}
    )
    cameras = {}
    for name, camera in collection.cameras.items():
        cameras[name] = {
            "info": Yaml(yamltext.flow(camera.info)),
            "settings": Yaml(yamltext.flow(camera.settings)),
        }
        cameras[name]["frames"] = [reference.array(entry) for entry in camera.arrays]
        cameras[name]["originals"] = [reference.original(entry) for entry in camera.originals]
        cameras[name]["frame_table"] = frame_tables[name]
    _mapping(lines, 0, {"cameras": cameras, "telemetry": tables})
    calibration: dict[str, Any] = dict(results)
    if collection.calibration_frames:
        calibration["frame_table"] = calibration_table
    for name, entries in collection.calibration_frames.items():
        calibration[name] = [reference.array(entry) for entry in entries] + list(calibration.get(name, []))
    _mapping(lines, 0, {"calibration": calibration})
    lines.extend(_history(meta["status"], meta["software"], codec))
    return ("\n".join(lines) + "\n" + yamltext.TAIL).encode()


class _References:
    """Gives every frame its block number, or its path outside."""

    def __init__(self, first: int, external: str | None) -> None:
        self._next = first
        self._external = external

    def array(self, entry: Entry) -> Yaml:
        return yamltext.ndarray(self._where(entry), entry.dtype, entry.shape)

    def original(self, entry: Entry) -> Yaml:
        where = self._where(entry)
        if isinstance(where, str):
            return Yaml(yamltext.quote(where))
        return yamltext.ndarray(where, entry.dtype, entry.shape)

    def _where(self, entry: Entry) -> int | str:
        if self._external:
            return f"{self._external}/{entry.file}"
        self._next += 1
        return self._next - 1


def _results(found: list[Any], spool: BlockSpool) -> list[Any] | Yaml:
    if len(found) <= _YAML_ROWS:
        return found
    table = Table(spool, {}, {})
    for row in found:
        table.add(row if isinstance(row, dict) else {"value": row})
    return table.finish()


def _mapping(lines: list[str], depth: int, content: Mapping[str, Any]) -> None:
    """Block style for mappings and lists of the upper levels, one line for everything else."""
    indent = "  " * depth
    for name, value in content.items():
        start = f"{indent}{yamltext.key(name)}:"
        if isinstance(value, Mapping) and value and depth < 2:
            lines.append(start)
            _mapping(lines, depth + 1, value)
        elif isinstance(value, list) and value:
            lines.append(start)
            lines.extend(f"{indent}- {yamltext.flow(item)}" for item in value)
        else:
            lines.append(f"{start} {yamltext.flow(value)}")


def _history(status: str, software: list[dict[str, str]], codec: Codec) -> list[str]:
    what = {"recovered": "recovered: put together after its writer died"}.get(status, "created")
    made = yamltext.flow(software[0])
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    needs = [f"  - {_BLOSC_NEEDED}"] if codec is Codec.BLSC else []
    return [
        "history:",
        "  extensions:" + ("" if needs else " []"),
        *needs,
        "  entries:",
        f"  - !core/history_entry-1.0.0 {{description: {yamltext.quote(what)}, time: {when}, "
        f"software: !core/software-1.0.0 {made}}}",
    ]


def read_text(path: Path, limit: int = HEADER_LIMIT) -> tuple[bytes, int]:
    """The text of a file's tree, and the offset of the first block.

    Raises:
        UntrustedFileError: the tree is longer than `limit` bytes.
        DamagedFileError: there is no tree.
        OSError: the file cannot be read.
    """
    text = bytearray()
    end, size = -1, 1 << 16
    with path.open("rb") as file:
        while end < 0 and (more := file.read(size)):
            if len(text) > limit:
                raise UntrustedFileError(path, f"its tree is longer than {limit >> 20} MiB")
            searched = max(0, len(text) - len(_END))
            text += more
            size = 1 << 20
            if not text.startswith(b"#ASDF "):
                raise DamagedFileError(f"{path} is not an ASDF file")
            end = text.find(_END, searched)
    if end < 0:
        raise DamagedFileError(f"{path} has no ASDF tree")
    offset = end + len(_END)
    return bytes(text[:offset]), offset


def parse(path: Path, text: bytes | yamltext.Folded) -> dict[str, Any]:
    """The tree of a text that was read from `path`. Raises `DamagedFileError`."""
    try:
        found = yamltext.parse(text)
    except ValueError as error:
        raise DamagedFileError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise DamagedFileError(f"{path} has no ASDF tree")
    return found


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The tree of a file, without its arrays, and the offset of the first block. Raises as `read_text`."""
    text, offset = read_text(path)
    return parse(path, text), offset


def references(content: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """The arrays in blocks, and the names of files outside, that a tree refers to."""
    arrays: list[dict[str, Any]] = []
    names: list[str] = []
    waiting: list[Any] = [content]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            source = node.get("source")
            if isinstance(source, int) and "datatype" in node:
                arrays.append(node)
            elif isinstance(source, str) and "datatype" in node:
                names.append(source)
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    for camera in content.get("cameras", {}).values():
        names.extend(item for item in camera.get("originals", []) if isinstance(item, str))
    return arrays, names


def array_bytes(node: dict[str, Any]) -> int:
    """Bytes of the array that a reference describes. Raises `KeyError`, `TypeError`, `ValueError`."""
    shape = [int(n) for n in node["shape"]]
    if any(n < 0 for n in shape):
        raise ValueError(f"a shape of {shape}")
    return math.prod(shape) * np.dtype(str(node["datatype"]).replace("bool8", "bool")).itemsize
