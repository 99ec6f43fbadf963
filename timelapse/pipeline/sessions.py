"""Frames of sessions: the camera's own files and arrays, embedded or outside, finished or still growing."""

import io
import math
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store import frames as framefiles
from sessions.store import journal, layout
from sessions.store.reading import open_session
from skycam_project.common.clock import from_microseconds
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import under
from timelapse.pipeline import decode
from timelapse.pipeline.decoders import Decoders
from timelapse.pipeline.develop import Counts, File
from timelapse.pipeline.errors import FrameError, SourceError
from timelapse.pipeline.folders import said_of, twins
from timelapse.pipeline.frames import FrameInfo, FrameSource, LostProblem, Problem, Said, describe, suffix

LIGHT = "Light Frame"
"""What a session calls a picture, as opposed to darks, flats and bias."""


def _no_pixels() -> np.ndarray:
    raise FrameError("it is a file")


@dataclass(frozen=True, slots=True)
class _Stored:
    """One frame of a session: its row, and how to get at it."""

    row: Mapping[str, Any]
    name: str
    data: Callable[[], bytes] | None  # of an original
    pixels: Callable[[], np.ndarray] = _no_pixels  # of an array
    shape: tuple[int, ...] = ()
    dtype: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)  # of the camera
    settings: Mapping[str, Any] = field(default_factory=dict)


class _Session(FrameSource):
    """What both kinds of sessions share."""

    def __init__(self, path: Path, title: str, camera: str | None, stored: dict[str, list[_Stored]]) -> None:
        counts = Counter({name: len(frames) for name, frames in stored.items()})
        if camera is not None and camera not in stored:
            known = ", ".join(sorted(stored)) or "none"
            raise SourceError(f"{path.name} has no camera {camera!r}; it has: {known}")
        name = camera or (counts.most_common(1)[0][0] if counts else "")
        found, problems, self._stored, self._camera = [], [], [], name
        decoders = Decoders()
        double = twins(frame.name for frame in stored.get(name, []))
        for frame in sorted(stored.get(name, []), key=lambda frame: frame.row["time"]):
            if frame.name in double:
                continue
            try:
                info = self._info(frame, name, decoders)
            except SkycamError as error:
                problems.append(Problem(frame.name, str(error)))
                continue
            except OSError as error:
                problems.append(LostProblem(frame.name, f"cannot be read ({error.strerror or error})"))
                continue
            found.append(replace(info, index=len(self._stored)))
            self._stored.append(frame)
        decoders.close()
        super().__init__(path, title, found, problems, said_of(double))

    @staticmethod
    def _info(frame: _Stored, camera: str, decoders: Decoders) -> FrameInfo:
        row = frame.row
        details = row.get("details") or {}
        kind = str(details.get("image_type") or LIGHT)
        if kind != LIGHT:
            raise FrameError(f"a {kind.lower()}, no picture of the sky")
        if frame.data is not None:
            if suffix(frame.name) not in decode.FILES:
                raise FrameError(f"no decoder for .{suffix(frame.name)} files")
            info = describe(io.BytesIO(frame.data()), frame.name, row["sha256"], decoders)
        else:
            if len(frame.shape) < 2:
                raise FrameError(f"an array of shape {frame.shape} is no picture")
            height, width = frame.shape[:2]
            info = FrameInfo(0, frame.name, None, None, None, None, None, row["sha256"], width, height)
        exposure = row.get("exposure_us")
        time = row["time"]
        return replace(
            info,
            time=time if isinstance(time, datetime) else from_microseconds(time),
            exposure_s=exposure / 1e6 if exposure else info.exposure_s,
            iso=_number(row.get("gain")) or info.iso,
            aperture_f=_number(details.get("aperture_f")) or info.aperture_f,
            camera=camera,
        )

    def _said(self, number: int) -> Said:
        frame = self._stored[number]
        return Said(self._camera, frame.info, frame.settings, frame.row)

    def _counted(self, number: int) -> tuple[int, ...]:
        frame = self._stored[number]
        if frame.data is None:
            return frame.shape if frame.dtype != "uint8" else ()
        width, height = self._unturned_size
        return (height, width) if suffix(frame.name) in decode.SENSOR else ()

    def _content(self, number: int) -> File | Counts:
        frame = self._stored[number]
        try:
            if frame.data is not None:
                return File(frame.name, frame.data())
            return Counts(frame.pixels(), _pattern(frame.info))
        except FrameError:
            raise
        except (SkycamError, ValueError) as error:
            raise FrameError(str(error)) from error


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else None


class Finished(_Session):
    """A finished session's file, with the frames that lie beside it."""

    def __init__(self, path: Path, camera: str | None = None) -> None:
        try:
            self._file = open_session(path)
        except Exception as error:  # the library raises what its parts raise
            raise SourceError(f"{path} cannot be opened as a session ({error})") from error
        self._lock = threading.Lock()  # the library loads blocks when they are asked for, without a lock
        self.path, self._root = path, path.with_suffix(".frames")
        try:
            cameras = self._file["cameras"]
            stored = {name: list(self._frames(name, cameras[name])) for name in cameras}
            super().__init__(path, path.stem, camera, stored)
        except BaseException:
            self._file.close()
            raise

    def _frames(self, camera: str, node: Any) -> Iterator[_Stored]:
        info, settings = dict(node.get("info") or {}), dict(node.get("settings") or {})
        for row in node["frame_table"]:
            if row.get("dropped") or row["position"] < 0:
                continue
            position = row["position"]
            if row["form"] == "original":
                name = row.get("file_name") or f"{row['index']:06d}.bin"
                read = lambda at=position: self._embedded(camera, at)  # noqa: E731
                yield _Stored(row, name, read, info=info, settings=settings)
            else:
                array = node["frames"][position]
                yield _Stored(
                    row,
                    f"{row['index']:06d}",
                    None,
                    lambda at=position: self._array(camera, at),
                    tuple(array.shape),
                    str(array.dtype),
                    info,
                    settings,
                )

    def _embedded(self, camera: str, position: int) -> bytes:
        with self._lock:
            kept = self._file["cameras"][camera]["originals"][position]
            if not isinstance(kept, str):
                return np.asarray(kept).tobytes()
        return under(self._root, self.path.parent / kept).read_bytes()

    def _array(self, camera: str, position: int) -> np.ndarray:
        with self._lock:
            return np.array(self._file["cameras"][camera]["frames"][position])

    def close(self) -> None:
        self._file.close()


def _pattern(info: Mapping[str, Any]) -> str:
    """Of a camera's mosaic, as its `info` says it."""
    return str(info.get("bayer_pattern") or "").upper()


def is_running(path: Path) -> bool:
    """Whether a folder is a session that is not finished."""
    return layout.read_head(path) is not None or (path / journal.OWNER).exists()


class Running(_Session):
    """A running session's folder, as far as it is acknowledged when this is made."""

    def __init__(self, path: Path, camera: str | None = None) -> None:
        root = path / layout.FRAMES
        stored: dict[str, list[_Stored]] = defaultdict(list)
        seen: set[str] = set()
        cameras: dict[str, dict[str, Any]] = defaultdict(dict)
        for file in sorted(path.glob(journal.PATTERN)):
            for record in journal.JournalReader(file):
                if record["k"] == "cam":
                    cameras[record["cam"]].update(record)
                elif record["k"] == "frame" and record.get("f") not in seen:
                    seen.add(record["f"])
                    stored[record["cam"]].append(_journalled(root, record, cameras[record["cam"]]))
        super().__init__(path, path.stem, camera, dict(stored))


def _journalled(root: Path, record: dict[str, Any], camera: Mapping[str, Any]) -> _Stored:
    info, settings = camera.get("info") or {}, camera.get("settings") or {}
    row = {**record["v"], "time": record["at"], "sha256": record["h"]}
    file = record["f"]
    if record["form"] == "original":
        name = row.get("file_name") or Path(file).name
        return _Stored(row, name, lambda: under(root, file).read_bytes(), info=info, settings=settings)
    return _Stored(
        row,
        f"{record['i']:06d}",
        None,
        lambda: framefiles.read(under(root, file))[0],
        tuple(record["x"]["s"]),
        str(np.dtype(record["x"]["d"])),
        info,
        settings,
    )
