"""A finished session for those who read it frame by frame; memory is one frame, however long it is."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store import tree
from sessions.store.blockfile import BlockFile
from sessions.store.errors import DamagedFileError
from sessions.store.reading import LogTable

CALIBRATION_LISTS = {"dark_frames": "Dark Frame", "flat_frames": "Flat Frame", "bias_frames": "Bias Frame"}
"""Lists of a session's calibration tree, and what FITS calls their frames."""


@dataclass(frozen=True, slots=True)
class FrameEntry:
    """One frame of a session.

    Attributes:
        camera: its name; empty for frames of the calibration tree.
        index: number among the camera's.
        kind: `Light Frame`, `Dark Frame`, `Flat Frame` or `Bias Frame`.
        row: the frame table's row: `time` (UTC), `exposure_us`, `gain`, …, `details`.
        original: whether it is a camera's file; else it is an array.
        node: what the tree says of it: a reference to an array, or the path of an original outside.
    """

    camera: str
    index: int
    kind: str
    row: dict[str, Any]
    original: bool
    node: Any

    @property
    def details(self) -> dict[str, Any]:
        """What has no column."""
        return self.row.get("details") or {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array; of an original inside its number of bytes."""
        return tuple(int(n) for n in self.node["shape"]) if isinstance(self.node, dict) else ()

    @property
    def file_name(self) -> str:
        """The camera's name for an original; empty for an array."""
        return Path(str(self.row.get("file_name") or "")).name


@dataclass(frozen=True, slots=True)
class CameraPart:
    """What a session says of one camera: `info` and `settings` as recorded."""

    info: dict[str, Any]
    settings: dict[str, Any]


class Contents(BlockFile):
    """A finished session, open frame by frame; use it as a context manager, from one thread.

    Args:
        path: the session's file.

    Attributes:
        meta: the `meta` mapping.
        metrics: the `observability/metrics` mapping.
        cameras: by name.

    Raises `DamagedFileError` when it is no session, `OSError`.
    """

    def __init__(self, path: Path) -> None:
        known = tree.read_header(path)
        content = known[0]
        try:
            self.meta: dict[str, Any] = dict(content["meta"])
            self.metrics: dict[str, Any] = dict(content["observability"]["metrics"])
            self.cameras = {
                name: CameraPart(dict(part.get("info") or {}), dict(part.get("settings") or {}))
                for name, part in (content.get("cameras") or {}).items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedFileError(f"{path} is not a session: {error}") from error
        super().__init__(path, known)

    # ---- frames

    def frames(self) -> Iterator[FrameEntry]:
        """All frames that are there, camera by camera in the order of their numbers, calibration last."""
        for name, part in (self.tree.get("cameras") or {}).items():
            for row in self.table(part["frame_table"]):
                if not row["dropped"] and row["position"] >= 0:
                    kind = str((row.get("details") or {}).get("image_type") or "Light Frame")
                    form = "frames" if row["form"] == "array" else "originals"
                    node = part[form][row["position"]]
                    yield FrameEntry(name, row["index"], kind, row, form == "originals", node)
        calibration = self.tree.get("calibration") or {}
        for row in self.table(calibration["frame_table"]) if "frame_table" in calibration else ():
            if not row["dropped"] and row["list"] in CALIBRATION_LISTS:
                node = calibration[row["list"]][row["position"]]
                yield FrameEntry("", row["index"], CALIBRATION_LISTS[row["list"]], row, False, node)

    def pixels(self, frame: FrameEntry) -> np.ndarray:
        """The array of a frame that is one: `[h, w]` or `[h, w, 3]`, ADU.

        Raises `DamagedFileError`, `OSError`.
        """
        return self.read(frame.node)

    def original(self, frame: FrameEntry) -> Iterator[bytes]:
        """The bytes of an original, in pieces. Raises `DamagedFileError`, `OSError`."""
        return self.pieces(frame.node)

    def size(self, frame: FrameEntry) -> int:
        """Bytes of an original."""
        if isinstance(frame.node, str):
            return self.outside(frame.node).stat().st_size
        return math.prod(frame.shape)

    # ---- tables

    def table(self, node: dict[str, Any]) -> LogTable:
        """A column table of the tree, its arrays read now."""
        return LogTable(self._resolved(node))

    @property
    def telemetry(self) -> dict[str, LogTable]:
        """The series, each read when this is asked for."""
        return {name: self.table(node) for name, node in (self.tree.get("telemetry") or {}).items()}

    def _resolved(self, node: Any) -> Any:
        if isinstance(node, dict) and "source" in node and "datatype" in node:
            return self.read(node)
        if isinstance(node, dict):
            return {name: self._resolved(value) for name, value in node.items()}
        return [self._resolved(value) for value in node] if isinstance(node, list) else node
