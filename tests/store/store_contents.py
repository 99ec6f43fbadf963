"""Everything that finished sessions hold, read back through the ASDF library and checked on the way."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sessions.store import reading
from sessions.store.verify import verify


@dataclass
class Contents:
    """Rows and frames of all sessions below a folder."""

    messages: Counter = field(default_factory=Counter)
    events: Counter = field(default_factory=Counter)
    readings: Counter = field(default_factory=Counter)
    frames: Counter = field(default_factory=Counter)
    metas: list = field(default_factory=list)
    metrics: list = field(default_factory=list)
    event_rows: list = field(default_factory=list)


def finished(root: Path) -> list[Path]:
    return sorted(root.glob("[0-9]*/**/*.asdf"))


def read_all(root: Path) -> Contents:
    """Verify and read every finished session. Raises `AssertionError` for anything that is not whole."""
    found = Contents()
    for path in finished(root):
        report = verify(path)
        assert report.ok, (path, report.problems)
        read_one(path, found)
    return found


def read_one(path: Path, found: Contents) -> None:
    with reading.open_session(path, validate_checksums=True) as af:
        found.metas.append(af["meta"])
        found.metrics.append(af["observability"]["metrics"])
        assert af["meta"]["session_id"] == path.stem
        found.messages.update(row["message"] for row in af["observability"]["logs"])
        events = list(af["observability"]["events"])
        found.event_rows += events
        found.events.update(row["event"] for row in events)
        for table in af["telemetry"].values():
            found.readings.update(row["value"] for row in table if "value" in row)
        for camera in af["cameras"].values():
            for row in camera["frame_table"]:
                if row["dropped"]:
                    continue
                assert row["sha256"] == _hash(path, camera, row), (path, row)
                found.frames[row["sha256"]] += 1


def _hash(path: Path, camera, row) -> str:
    if row["form"] == "array":
        pixels = np.array(camera["frames"][row["position"]])
        return hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()
    original = camera["originals"][row["position"]]
    data = (
        (path.parent / original).read_bytes() if isinstance(original, str) else np.array(original).tobytes()
    )
    return hashlib.sha256(data).hexdigest()


def nothing_left(root: Path) -> None:
    """Raises `AssertionError` for traces of unfinished work."""
    traces = [path for path in root.rglob("*") if "quarantine" not in path.parts]
    left = [path for path in traces if path.suffix in {".partial", ".done", ".tmp"} or ".new-" in path.name]
    assert not left, left
    assert not list((root / ".live" / "current").iterdir())
