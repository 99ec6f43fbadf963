"""A finished session for those who read it frame by frame: the tree once, each array by its own block.

Memory is one frame, however long the session is (the ASDF library keeps every frame it has touched until the
file is closed).
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from sessions.store import blocks, frames, tree
from sessions.store.errors import DamagedFileError
from sessions.store.reading import LogTable
from skycam_project.common.files import under

CHUNK = 1 << 20
"""Bytes of an original that are read at a time."""
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
        source: number of its block, or path of its file.
        dtype: of the array; `uint8` for an original inside.
        shape: of the array.
    """

    camera: str
    index: int
    kind: str
    row: dict[str, Any]
    original: bool
    source: int | Path
    dtype: str = "uint8"
    shape: tuple[int, ...] = ()

    @property
    def details(self) -> dict[str, Any]:
        """What has no column."""
        return self.row.get("details") or {}

    @property
    def file_name(self) -> str:
        """The camera's name for an original; empty for an array."""
        return Path(str(self.row.get("file_name") or "")).name


@dataclass(frozen=True, slots=True)
class CameraPart:
    """What a session says of one camera: `info` and `settings` as recorded."""

    info: dict[str, Any]
    settings: dict[str, Any]


class Contents:
    """A finished session, open; use it as a context manager, from one thread.

    Args:
        path: the session's file.

    Attributes:
        meta: the `meta` mapping.
        metrics: the `observability/metrics` mapping.
        cameras: by name.

    Raises `DamagedFileError` when it is no session, `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree, offset = tree.read_header(path)
        try:
            self.meta: dict[str, Any] = dict(self.tree["meta"])
            self.metrics: dict[str, Any] = dict(self.tree["observability"]["metrics"])
            self.cameras = {
                name: CameraPart(dict(part.get("info") or {}), dict(part.get("settings") or {}))
                for name, part in (self.tree.get("cameras") or {}).items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedFileError(f"{path} is not a session: {error}") from error
        self._handle = os.open(path, os.O_RDONLY)
        try:
            self._size = os.fstat(self._handle).st_size
            self._offsets = [at for at, _ in blocks.iterate(self._handle, offset, self._size)]
        except BaseException:
            os.close(self._handle)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)

    # ---- frames

    def frames(self) -> Iterator[FrameEntry]:
        """All frames that are there, camera by camera in the order of their numbers, calibration last."""
        for name, part in (self.tree.get("cameras") or {}).items():
            for row in self.table(part["frame_table"]):
                if not row["dropped"] and row["position"] >= 0:
                    yield self._entry(name, part, row)
        calibration = self.tree.get("calibration") or {}
        for row in self.table(calibration["frame_table"]) if "frame_table" in calibration else ():
            if not row["dropped"] and row["list"] in CALIBRATION_LISTS:
                node = calibration[row["list"]][row["position"]]
                yield self._array_entry("", CALIBRATION_LISTS[row["list"]], row, node)

    def _entry(self, camera: str, part: dict[str, Any], row: dict[str, Any]) -> FrameEntry:
        kind = str((row.get("details") or {}).get("image_type") or "Light Frame")
        if row["form"] == "array":
            return self._array_entry(camera, kind, row, part["frames"][row["position"]])
        node = part["originals"][row["position"]]
        if isinstance(node, str):
            return FrameEntry(camera, row["index"], kind, row, True, self._outside(node))
        return FrameEntry(
            camera, row["index"], kind, row, True, node["source"], "uint8", tuple(node["shape"])
        )

    def _array_entry(self, camera: str, kind: str, row: dict[str, Any], node: dict[str, Any]) -> FrameEntry:
        source = node["source"] if isinstance(node["source"], int) else self._outside(node["source"])
        shape = tuple(int(n) for n in node["shape"])
        return FrameEntry(camera, row["index"], kind, row, False, source, str(node["datatype"]), shape)

    def _outside(self, name: str) -> Path:
        return under(self.path.with_suffix(".frames"), self.path.parent / name)

    def pixels(self, frame: FrameEntry) -> np.ndarray:
        """The array of a frame that is one: `[h, w]` or `[h, w, 3]`, ADU.

        Raises `DamagedFileError`, `OSError`.
        """
        if isinstance(frame.source, Path):
            return frames.read(frame.source)[0]
        return self._block(frame.source, frame.dtype, frame.shape)

    def original(self, frame: FrameEntry) -> Iterator[bytes]:
        """The bytes of an original, in pieces of at most `CHUNK`. Raises `DamagedFileError`, `OSError`."""
        if isinstance(frame.source, Path):
            with frame.source.open("rb") as file:
                while piece := file.read(CHUNK):
                    yield piece
            return
        header = blocks.read_header(self._handle, self._offset(frame.source), self._size)
        if header.label != blocks.RAW:
            yield self._block(frame.source, "uint8", frame.shape).tobytes()
            return
        start = self._offset(frame.source) + header.size
        for at in range(start, start + header.used, CHUNK):
            yield os.pread(self._handle, min(CHUNK, start + header.used - at), at)

    def size(self, frame: FrameEntry) -> int:
        """Bytes of an original."""
        return frame.source.stat().st_size if isinstance(frame.source, Path) else math.prod(frame.shape)

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
            return self._block(node["source"], str(node["datatype"]), tuple(node["shape"]))
        if isinstance(node, dict):
            return {name: self._resolved(value) for name, value in node.items()}
        return [self._resolved(value) for value in node] if isinstance(node, list) else node

    # ---- blocks

    def _offset(self, number: int) -> int:
        if not 0 <= number < len(self._offsets):
            raise DamagedFileError(
                f"{self.path}: the tree names block {number}, the file has {len(self._offsets)}"
            )
        return self._offsets[number]

    def _block(self, number: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        kind = np.dtype(dtype.replace("bool8", "bool")).newbyteorder("<")
        header = blocks.read_header(self._handle, self._offset(number), self._size)
        if header.data_size != math.prod(shape) * kind.itemsize:
            raise DamagedFileError(f"{self.path}: block {number} is not {shape} of {dtype}")
        stored = blocks.read_stored(self._handle, self._offset(number), header)
        return np.frombuffer(blocks.decompress(header, stored), kind).reshape(shape)
