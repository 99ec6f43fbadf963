"""What is left of flicker and motion in a finished film, measured in its own pixels. Pure Python.

The same eyes that looked at the frames look at the film: what the plan for a frame says is no proof of what came out.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from skycam_project.common.units import Pixels
from timelapse.pipeline import analysis, solution
from timelapse.pipeline.develop import Counts, File
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.frames import FrameInfo, FrameSource
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import Recipe
from timelapse.pipeline.tracking import Hold

BEHIND = 8
"""Frames that are kept behind the newest one that was asked for: who looks ahead also looks back."""
FEWEST = 12
"""Frames of a film in which flicker can be told from change."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One value per frame of the film.

    Attributes:
        flicker_pct: exposure error, per cent, `[n]`.
        motion_px: distance from the usual place, in pixels of the frames that the film was made of, `[n]`.
    """

    flicker_pct: np.ndarray
    motion_px: np.ndarray


class Film(FrameSource):
    """A video as a source of frames; read in order, by as many threads as like."""

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path))
        stream = self._container.streams.video[0]
        width, height, count = stream.width & ~1, stream.height & ~1, stream.frames
        if not count:  # a fragmented file does not say
            with av.open(str(path)) as again:
                count = sum(packet.pts is not None for packet in again.demux(video=0))
        frames = [
            FrameInfo(number, str(number), None, None, None, None, None, str(number), width, height)
            for number in range(count)
        ]
        super().__init__(path, path.stem, frames, [])
        self._decoder = self._container.decode(video=0)
        self._next, self._kept, self._lock = 0, dict[int, Planes](), threading.Lock()

    def _read(self, number: int) -> Planes:
        with self._lock:
            while number not in self._kept:
                if number < self._next:
                    raise FrameError("a film is read forwards only")
                try:
                    frame = next(self._decoder)
                except (StopIteration, av.FFmpegError) as error:
                    raise FrameError(f"the film ends before frame {number} ({error})") from None
                self._kept[self._next] = _planes(frame)
                self._next += 1
            for old in [each for each in self._kept if each < number - BEHIND]:
                del self._kept[old]
            return self._kept[number]

    def _content(self, number: int) -> File | Counts:
        raise FrameError("a film has no files of its frames")

    def close(self) -> None:
        self._container.close()


def _planes(frame: av.VideoFrame) -> Planes:
    """Full range, as the frames of a camera have it."""
    full = frame.reformat(format="yuvj420p")
    parts = [
        np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width].copy()
        for plane in full.planes
    ]
    return Planes(*parts)


def measure(
    film: Path,
    recipe: Recipe,
    hold: Hold | None,
    width: Pixels,
    folder: Path,
    step: Callable[[int, int], None],
) -> Measured | None:
    """Look at a film.

    Args:
        film: a video file.
        recipe: it was made by.
        hold: what its frames were held by.
        width: of the frames it was made of.
        folder: for the rows, emptied by the caller.
        step: told frames done and all; may raise to stop.

    Returns:
        `None` when the film is too short for an answer.
    """
    source = Film(film)
    try:
        if len(source) < FEWEST:
            return None
        rows = analysis.analyse(
            source,
            list(range(len(source))),
            folder,
            hold or Hold.CAMERA,
            lambda done: step(done, len(source)),
        )
        if sum(not row.reason for row in rows) < FEWEST:
            return None
        found = solution.solve(rows, source.frames, source.size, recipe)
    finally:
        source.close()
    error = (found.exposure.curve - found.exposure.smooth).mean(axis=1)
    still = np.median(found.poses[:, :2], axis=0) if recipe.stabilise != "moving" else found.path[:, :2]
    moved = np.hypot(*(found.poses[:, :2] - still).T) * width / source.size[0]
    return Measured(100 * (2.0**error - 1), moved)
