"""Masters from the darks, flats and bias frames that sessions hold."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sessions import provenance
from sessions.calibration.key import KINDS, Key, key_of
from sessions.calibration.library import Library
from sessions.calibration.masters import LEAST, clipped_mean
from sessions.calibration.matching import EQUAL, Master
from sessions.exchange.contents import CameraPart, Contents, FrameEntry
from sessions.exchange.decoding import Decoder
from skycam_project.common.errors import InvalidValueError

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Group:
    """Calibration frames of the same settings.

    Attributes:
        kind: `dark`, `flat` or `bias`.
        key: their settings; temperature: the median of theirs.
        frames: (session file, position among all frames of that session).
        times: when they were taken.
        mosaic: whether their pixels have the colours of a mosaic.
    """

    kind: str
    key: Key
    frames: list[tuple[Path, int]]
    times: list[datetime]
    mosaic: bool = True

    @property
    def enough(self) -> bool:
        """Whether there are enough for a master."""
        return len(self.frames) >= LEAST


def groups(sessions: Iterable[Path]) -> list[Group]:
    """Calibration frames of sessions by kind and settings; temperatures within 2 K are one group.

    Raises `DamagedFileError`, `OSError`.
    """
    found: list[Group] = []
    temperatures: dict[int, list[float]] = {}
    for path in sessions:
        with Contents(path) as contents:
            for number, frame in enumerate(contents.frames()):
                if frame.kind in KINDS:
                    camera = _camera(contents, frame)
                    _sort_in(
                        found,
                        temperatures,
                        KINDS[frame.kind],
                        key_of(camera, frame),
                        (path, number),
                        frame,
                        camera,
                    )
    return found


def _camera(contents: Contents, frame: FrameEntry) -> CameraPart:
    """A calibration frame belongs to the camera that it names, or to the only one."""
    name = frame.camera or str(frame.details.get("camera") or "")
    if name in contents.cameras:
        return contents.cameras[name]
    return next(iter(contents.cameras.values())) if len(contents.cameras) == 1 else CameraPart({}, {})


def _sort_in(
    found: list[Group], temperatures: dict[int, list[float]], kind: str, key: Key, where: tuple[Path, int],
    frame: FrameEntry, camera: CameraPart,
) -> None:  # fmt: skip
    bare = replace(key, temperature_c=None, filter=key.filter if kind == "flat" else "", exposure_s=key.exposure_s if kind == "dark" else None)  # fmt: skip
    for number, group in enumerate(found):
        known = temperatures[number]
        warm = (
            kind != "dark"
            or key.temperature_c is None
            or not known
            or abs(median(known) - key.temperature_c) <= EQUAL
        )
        if group.kind == kind and replace(group.key, temperature_c=None) == bare and warm:
            break
    else:
        number = len(found)
        colour = bool(camera.info.get("bayer_pattern")) and len(frame.shape) != 3
        found.append(Group(kind, bare, [], [], colour))
        temperatures[number] = []
    group = found[number]
    group.frames.append(where)
    group.times.append(frame.row["time"])
    if key.temperature_c is not None:
        temperatures[number].append(key.temperature_c)
        group.key = replace(group.key, temperature_c=round(median(temperatures[number]), 2))


def make(group: Group, library: Library, progress: Progress | None = None) -> Master:
    """Make the master of a group, with its record.

    Raises `InvalidValueError` for too few frames, `UndecodableError`, `DamagedFileError`, `OSError`.
    """
    if not group.enough:
        raise InvalidValueError("frames", len(group.frames), f"at least {LEAST} for a {group.kind}")
    pixels, count = clipped_mean(_counted(_pixels(group.frames), len(group.frames), progress))
    height, width = pixels.shape[:2]
    key = replace(group.key, width=width, height=height)
    middle = sorted(group.times)[len(group.times) // 2]
    master = library.add(group.kind, pixels, key, count, middle, group.mosaic)
    by_session: dict[Path, list[int]] = {}
    for path, number in group.frames:
        by_session.setdefault(path, []).append(number)
    inputs = [provenance.of_session(path, numbers) for path, numbers in by_session.items()]
    parameters = {"kind": group.kind, "key": key.as_dict()}
    provenance.write(master.path, "master", inputs, parameters)
    return master


def _pixels(where: Iterable[tuple[Path, int]]) -> Iterator[np.ndarray]:
    """Pixels of frames by their position, session by session."""
    by_session: dict[Path, set[int]] = {}
    for path, number in where:
        by_session.setdefault(path, set()).add(number)
    with ExitStack() as stack:
        decoder = stack.enter_context(Decoder())
        for path, numbers in by_session.items():
            with Contents(path) as contents:
                for number, frame in enumerate(contents.frames()):
                    if number in numbers:
                        yield decoded(contents, frame, decoder)


def decoded(contents: Contents, frame: FrameEntry, decoder: Decoder) -> np.ndarray:
    """Pixels of any frame. Raises `UndecodableError`, `DamagedFileError`, `OSError`."""
    if frame.original:
        return decoder.decode(b"".join(contents.original(frame)), frame.file_name).pixels
    return contents.pixels(frame)


def _counted(frames: Iterator[np.ndarray], total: int, progress: Progress | None) -> Iterator[np.ndarray]:
    for number, frame in enumerate(frames, 1):
        yield frame
        if progress:
            progress(number, total)


def wanted(sessions: Iterable[Path]) -> Iterator[tuple[Key, datetime]]:
    """Settings and times of the light frames of sessions."""
    for path in sessions:
        with Contents(path) as contents:
            for frame in contents.frames():
                if frame.kind == "Light Frame" and frame.camera:
                    yield key_of(contents.cameras[frame.camera], frame), frame.row["time"]


def make_again(inputs: Any, parameters: dict[str, Any], folder: Path) -> list[Path]:
    """The maker of the provenance kind `master`."""
    where = [(source.path, number) for source in inputs for number in source.frames]
    pixels, count = clipped_mean(_pixels(where))
    key = Key(**parameters["key"])
    made = Library(folder / "library").add(
        parameters["kind"], pixels, key, count, datetime.fromtimestamp(0).astimezone(), True
    )
    return [made.path.rename(folder / made.path.name)]
