"""A sequence of brackets as a sequence of frames, each fused of one bracket."""

import hashlib
from dataclasses import replace

import numpy as np

from timelapse.fusion.align import align
from timelapse.fusion.exposure import fuse
from timelapse.pipeline.develop import Counts, Develop, File
from timelapse.pipeline.frames import FrameInfo, FrameSource, Problem
from timelapse.pipeline.planes import Planes, from_rgb


def bracketed(source: FrameSource, count: int) -> FrameSource:
    """The source itself when `count` is 1; else one whose frames are fused of `count` frames each."""
    return source if count == 1 else Brackets(source, count)


class Brackets(FrameSource):
    """Frames fused of the brackets of another source.

    A bracket is `count` frames that follow one another; frames at the end that fill none are left out. Exposure is
    that of the middle frame, so recorded exposures mean the same for every bracket.

    Args:
        source: of the single frames; closed with this one.
        count: frames of a bracket, from 2.
    """

    def __init__(self, source: FrameSource, count: int) -> None:
        self._source, self._count = source, count
        whole = len(source) // count
        found = [self._info(source.frames[n * count : (n + 1) * count], n) for n in range(whole)]
        rest = [Problem(frame.name, f"no bracket of {count}") for frame in source.frames[whole * count :]]
        super().__init__(source.path, source.title, found, [*source.problems, *rest], source.notes)

    @staticmethod
    def _info(frames: tuple[FrameInfo, ...], number: int) -> FrameInfo:
        digest = hashlib.sha256("".join(frame.digest for frame in frames).encode()).hexdigest()
        return replace(frames[len(frames) // 2], index=number, digest=digest)

    def develop(self, wish: Develop) -> None:
        """Have the single frames developed like this."""
        self.wish = wish
        self._source.develop(wish)

    def close(self) -> None:
        """Close the source of the single frames."""
        self._source.close()

    def _content(self, number: int) -> File | Counts:
        return File(*self._source.read_original(number * self._count + self._count // 2))

    def _read(self, number: int) -> Planes:
        first = number * self._count
        pictures = [self._source.read_rgb(first + place) for place in range(self._count)]
        order = np.argsort([float(picture[::8, ::8].mean()) for picture in pictures])
        return from_rgb(fuse(align([pictures[place] for place in order])))
