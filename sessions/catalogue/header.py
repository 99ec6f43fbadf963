"""The row of a finished session from the first bytes of its file.

`meta` and `observability/metrics` come first in our files and say everything that a row holds: only those
lines are parsed. A file that is laid out otherwise is read by its whole tree.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from sessions.catalogue import Row
from sessions.store import metadata, migrations, tree, yamltext
from sessions.store.errors import DamagedFileError
from sessions.store.ids import SessionType

FIRST = 16 << 10
"""Bytes that hold `meta` and the metrics of nearly every file."""
HASH_LIMIT = 256 << 10
"""Files up to this size are hashed while they are read; larger ones when there is time."""
STATUSES = ("complete", "recovered", "aborted")
_WANTED = (
    b"schema_version",
    b"session_id",
    b"uuid",
    b"session_type",
    b"instrument",
    b"start_time",
    b"end_time",
    b"status",
    b"target",
    b"purpose",
    b"target_coords",
    b"location",
    b"merged_from",
)
_PREFIXES = tuple(b"  " + name + b":" for name in _WANTED)
# Quoted text is matched first, so that nothing inside it is taken for a key.
_KEY = re.compile(r'"(?:[^"\\]|\\.)*"|([A-Za-z_][A-Za-z0-9_]*)(?=:)')
_METRICS = b"\n  metrics: {"


def read_row(path: Path, root: Path, hash_limit: int = HASH_LIMIT) -> Row:
    """The catalogue's row of a finished session, without what was decided about it.

    Args:
        path: the file, below `root`.
        root: the sessions' folder.
        hash_limit: largest file whose SHA-256 is computed, bytes; the column stays empty otherwise.

    Raises:
        DamagedFileError: it is no finished session.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        head = file.read(FIRST)
        sha256 = ""
        if status.st_size <= hash_limit:
            sha256 = _sha256(file, head)
    meta, metrics = _first_lines(head) or _whole_tree(path)
    try:
        row = _row(meta, metrics)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DamagedFileError(f"{path} is no session: {type(error).__name__}: {error}") from error
    return row | {
        "asdf_path": path.relative_to(root).as_posix(),
        "file_size": status.st_size,
        "file_mtime_ns": status.st_mtime_ns,
        "sha256": sha256,
        "catalogued_at": datetime.now(UTC),
    }


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; memory stays at one piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(file: Any, head: bytes) -> str:
    found = hashlib.sha256(head)
    while piece := file.read(1 << 20):
        found.update(piece)
    return found.hexdigest()


def _first_lines(head: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """`meta` and metrics from a file that our store wrote; `None` for any other layout."""
    start = head.find(b"\nmeta:\n")
    metrics = head.find(_METRICS, start)
    end = head.find(b"\n", metrics + 1)
    if not head.startswith(b"#ASDF ") or start < 0 or metrics < 0 or end < 0:
        return None
    lines, wanted = [], False
    for line in head[start:metrics].split(b"\n"):
        if not line.startswith((b"    ", b"  - ")):  # else it belongs to the key before
            wanted = line.startswith(_PREFIXES)
        if wanted:
            lines.append(line)
    found = _as_json(lines, head[metrics + 1 : end]) or _as_yaml(lines, head[metrics + 1 : end])
    if found is None or not isinstance(found.get("metrics"), dict):
        return None
    counts = found.pop("metrics")
    return (found, counts) if "cameras" in counts and "uuid" in found else None


def _as_json(lines: list[bytes], metrics: bytes) -> dict[str, Any] | None:
    """Our lines are JSON once their keys are quoted: ten times as fast as YAML; `None` when one is not."""
    found: dict[str, Any] = {}
    name = ""
    try:
        for line in lines:
            if line.startswith(b"  - "):
                found[name] = [*(found[name] or ()), _flow(line[4:].decode())]
                continue
            key, _, value = line.decode().strip().partition(":")
            if not key.isidentifier():
                return None
            if line.startswith(b"    "):
                found[name] = {**(found[name] or {}), key: _flow(value)}
            else:
                name = key
                found[name] = _flow(value) if value else None
        found["metrics"] = _flow(metrics.decode().partition(":")[2])
    except (ValueError, TypeError, KeyError):
        return None
    return found


def _flow(text: str) -> Any:
    return orjson.loads(_KEY.sub(_quoted, text))


def _quoted(match: re.Match[str]) -> str:
    return f'"{match[1]}"' if match[1] else match[0]


def _as_yaml(lines: list[bytes], metrics: bytes) -> dict[str, Any] | None:
    try:
        found = yamltext.parse(b"\n".join([b"%YAML 1.1\n---", *lines, metrics]))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _whole_tree(path: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The same from a whole tree; what our metrics say beyond the document's is counted in it."""
    found, _ = tree.read_header(path)
    try:
        meta, observability = found["meta"], found["observability"]
        metrics = dict(observability["metrics"])
        cameras = found.get("cameras") or {}
        metrics.setdefault("events", _rows(observability.get("events")))
        metrics.setdefault("cameras", {str(name): _camera(node) for name, node in cameras.items()})
        metrics.setdefault("storage", _storage(cameras))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFileError(f"{path} is no session: {type(error).__name__}: {error}") from error
    return meta, metrics


def _rows(table: Any) -> int:
    if isinstance(table, dict):
        return sum(_rows(part) for part in table["parts"]) if "parts" in table else int(table.get("n", 0))
    return len(table or ())


def _camera(node: Mapping[str, Any]) -> dict[str, Any]:
    info, settings = node.get("info") or {}, node.get("settings") or {}
    taken = len(node.get("frames") or ()) + len(node.get("originals") or ())
    known = {name: settings[name] for name in ("exposure_us", "gain") if name in settings}
    return {"model": str(info.get("model") or ""), "frames": taken, **known}


def _storage(cameras: Mapping[str, Any]) -> str:
    entries = [
        entry
        for node in cameras.values()
        for name in ("frames", "originals")
        for entry in node.get(name) or ()
    ]
    if not entries:
        return "none"
    outside = any(
        isinstance(e, str) or (isinstance(e, dict) and isinstance(e.get("source"), str)) for e in entries
    )
    return "external" if outside else "embedded"


def _row(meta: Mapping[str, Any], metrics: Mapping[str, Any]) -> Row:
    coordinates, place = meta.get("target_coords") or {}, meta.get("location") or {}
    temperatures = metrics.get("temperature_c") or {}
    cameras = metrics.get("cameras") or {}
    start = metadata.parse_iso(_text(meta["start_time"]))
    return {
        "session_id": _text(meta["session_id"])[:200],
        "uuid": str(UUID(_text(meta["uuid"]))) if "uuid" in meta else migrations.document_uuid(meta),
        "session_type": SessionType(meta["session_type"]).value,
        "instrument": _text(meta.get("instrument") or "default")[:32],
        "start_time": start,
        "end_time": metadata.parse_iso(_text(meta["end_time"])) if meta.get("end_time") else start,
        "status": meta["status"] if meta.get("status") in STATUSES else "complete",
        "target": _text_or_none(meta.get("target")),
        "purpose": _text_or_none(meta.get("purpose")),
        "ra_deg": _number(coordinates.get("ra")),
        "dec_deg": _number(coordinates.get("dec")),
        "lat": _number(place.get("lat")),
        "lon": _number(place.get("lon")),
        "alt": _number(place.get("alt")),
        "cameras": ",".join(cameras),
        "frames": int(metrics.get("frames_captured", 0)),
        "frames_lost": int(metrics.get("frames_lost", 0)),
        "error_count": int(metrics.get("errors", 0)),
        "warning_count": int(metrics.get("warnings", 0)),
        "event_count": int(metrics.get("events", 0)),
        "duration_s": float(metrics.get("duration_seconds", 0)),
        "bytes": int(metrics.get("bytes", 0)),
        "temp_min_c": _number(temperatures.get("min")),
        "temp_mean_c": _number(temperatures.get("mean")),
        "temp_max_c": _number(temperatures.get("max")),
        "storage": _text(metrics.get("storage") or "none"),
        "compression": _text(metrics.get("compression") or ""),
        "schema_version": _text(meta.get("schema_version", "0")),
        "merged": len(meta.get("merged_from") or ()),
        "captures": orjson.dumps(cameras).decode(),
    }


def _text(value: Any) -> str:
    if isinstance(value, datetime):  # YAML reads an unquoted time as one
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30
    return float(value) if good else None
