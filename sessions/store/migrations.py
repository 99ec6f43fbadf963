"""Trees of older schemas become trees of the newest, one major version at a time, in memory.

`MIGRATIONS[n]` takes the tree of a file of major version n, as the ASDF library reads it, and gives that of
n + 1. Within a major version only optional things are added, so a reader of 1.x reads every 1.y.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sessions.store import columns, host, metadata
from sessions.store.errors import StoreError
from skycam_project.common.errors import InvalidValueError

Tree = dict[str, Any]

NEWEST = 1


def major(tree: Mapping[str, Any]) -> int:
    """Major version of a tree; 0 for files from before there were versions.

    Raises `StoreError` when it is no session.
    """
    if not isinstance(tree.get("meta"), Mapping):
        raise StoreError("this file is no session: it has no `meta`")
    version = str(tree["meta"].get("schema_version", "0")).partition(".")[0]
    if not version.isdigit():
        raise StoreError(f"schema version {tree['meta']['schema_version']!r} is no version")
    return int(version)


def upgraded(tree: Mapping[str, Any]) -> Tree:
    """A tree of an older major version as one of the newest."""
    upgraded = dict(tree)
    for version in range(major(tree), NEWEST):
        upgraded = MIGRATIONS[version](upgraded)
    return upgraded


def target(path: Path, tree: Mapping[str, Any]) -> Path:
    """Where the migrated copy of a file goes. Raises `StoreError` when there is nothing to do."""
    if major(tree) >= NEWEST:
        raise StoreError(f"{path.name} has schema {tree['meta']['schema_version']}: nothing to migrate")
    made = path.with_name(f"{path.stem}_v{NEWEST}.asdf")
    if made.exists():
        raise StoreError(f"{made} is there already; remove it to migrate {path.name} again")
    return made


def document_uuid(meta: Mapping[str, Any]) -> str:
    """The uuid of a session of version 0, which has none: always the same for the same session.

    Raises `KeyError`, `InvalidValueError`.
    """
    start = _text(meta["start_time"])
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"skycam:{meta['session_id']}:{start}"))


def _from_document(tree: Tree) -> Tree:
    """Document 002's tree: lists of mappings, no ids, no table of frames.

    What the document does not say is unknown, never invented: frames have no time of their own.
    """
    said = tree["meta"]
    start, end = _text(said["start_time"]), _text(said.get("end_time") or said["start_time"])
    made = {"name": "unknown", "version": "0"} | dict(tree.get("asdf_library", {}))
    meta = {
        "schema_version": "1.0.0",
        "session_id": str(said["session_id"]),
        "uuid": document_uuid(said),
        "session_type": said["session_type"],
        "instrument": "default",
        "start_time": start,
        "end_time": end,
        "status": "complete",
        "software": [{"name": str(made["name"]), "version": str(made["version"])}, host.software()[0]],
    }
    meta |= {name: value for name, value in said.items() if name not in meta}
    observed = tree.get("observability", {})
    cameras = {name: _camera(camera) for name, camera in tree.get("cameras", {}).items()}
    logs = observed.get("logs", [])
    levels = [metadata.level(row.get("level")) for row in logs]
    metrics = {
        "frames_captured": sum(len(camera["frames"]) for camera in cameras.values()),
        "errors": sum(level in ("ERROR", "CRITICAL") for level in levels),
        "warnings": levels.count("WARNING"),
        "duration_seconds": (metadata.parse_iso(end) - metadata.parse_iso(start)).total_seconds(),
        "frames_lost": 0,
        "journal_bad_lines": 0,
        "bytes": 0,
    } | observed.get("metrics", {})
    events = columns.event_table(_times(observed.get("events", [])))
    rows = columns.log_table(row | {"level": level} for row, level in zip(_times(logs), levels, strict=True))
    return {
        **{name: value for name, value in tree.items() if name not in ("meta", "observability", "cameras")},
        "meta": meta,
        "observability": {"metrics": metrics, "logs": rows, "events": events},
        "cameras": cameras,
        "telemetry": {
            name: columns.series_table(name, _times(series))
            for name, series in tree.get("telemetry", {}).items()
        },
        "calibration": dict(tree.get("calibration", {})),
    }


MIGRATIONS: dict[int, Callable[[Tree], Tree]] = {0: _from_document}


def _camera(camera: Mapping[str, Any]) -> Tree:
    settings, taken = dict(camera.get("settings", {})), list(camera.get("frames", []))
    same = {name: settings[name] for name in metadata.FRAME_COLUMNS if name in settings}
    rows = [
        same | {"index": number, "form": "array", "position": number, "dropped": 0}
        for number in range(len(taken))
    ]
    return {
        "info": dict(camera.get("info", {})),
        "settings": settings,
        "frames": taken,
        "originals": [],
        "frame_table": columns.frame_table(rows),
    }


def _times(rows: Any) -> list[Tree]:
    """Rows whose time is microseconds, as columns have it; a time that is none is missing."""
    found = []
    for row in rows:
        time: int | None = None
        if row.get("time") is not None:
            try:
                time = metadata.moment(_aware(row["time"]), 0)
            except InvalidValueError:
                time = None
        found.append({**row, "time": time})
    return found


def _aware(value: object) -> object:
    """A time as the library reads it: YAML's own times have no zone and mean UTC."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _text(value: object) -> str:
    return metadata.iso(metadata.moment(_aware(value), 0))
