"""Where frames come from: a folder of pictures, a finished session's file, or a running session's folder.

`open_source` finds out which; what cannot be a frame of the sequence is in `problems`, never an exception.
"""

import contextlib
import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sessions.calibration.library import Correction
from sessions.calibration.matching import Matches
from sessions.store import frames as framefiles
from sessions.store.blocks import Codec
from skycam_project.common.units import Seconds
from timelapse.pipeline import calibration, decode, heads
from timelapse.pipeline.decoders import Decoders
from timelapse.pipeline.develop import SAMPLES, Counts, Develop, Developer, File, Fix
from timelapse.pipeline.errors import AwayError, FrameError, SourceError
from timelapse.pipeline.planes import Planes, to_rgb
from timelapse.pipeline.said import Said as Said

_HEAD_BYTES = 256 << 10
"""Enough of a FITS file for its header."""
_PROBES = 8
"""Other frames that are tried when one cannot be read."""
_BY_NAME = "Some frames do not say when they were taken: their order is that of their names."


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """What is known of one frame without decoding it.

    Attributes:
        index: place in the sequence, from 0, without gaps.
        name: file name, or number in the session.
        time: when it was taken, UTC; None when nothing says so.
        exposure_s: seconds, > 0.
        iso: ISO, or gain in the camera's units.
        aperture_f: f-number.
        camera: name in the session, or model.
        digest: SHA-256, hexadecimal, of the content in a session, of name, size and time stamp in a folder:
            another digest means another frame. With masters (`FrameSource.calibrate`) they are part of it.
        width, height: pixels.
        turn: degrees clockwise that make it upright, as its camera felt itself held: 0, 90, 180, 270.
    """

    index: int
    name: str
    time: datetime | None
    exposure_s: Seconds | None
    iso: float | None
    aperture_f: float | None
    camera: str | None
    digest: str
    width: int
    height: int
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """A frame that is left out, and why."""

    name: str
    reason: str


class LostProblem(Problem):
    """A frame that could not be reached: it is gone, or everything is (`AwayError`)."""


class FrameSource(ABC):
    """Frames of one size in the order of time, or as they were found when one has none. Reading is safe from several threads.

    Attributes:
        path: what was opened.
        title: a name for people.
        frames: the usable ones (by their headers; a body may still turn out damaged).
        problems: the others.
        notes: what else people should know of them, a sentence each.
        size: width and height of the frames, pixels.
        wish: how RAW files and linear counts are developed.
    """

    wish = Develop()

    def __init__(
        self,
        path: Path,
        title: str,
        found: Iterable[FrameInfo],
        problems: Iterable[Problem],
        notes: Iterable[str] = (),
    ) -> None:
        self.path = path
        self.title = title
        self.notes = list(notes)
        frames, self.problems = list(found), list(problems)
        sizes = Counter((frame.width, frame.height) for frame in frames)
        self.size = max(sizes, key=lambda size: (sizes[size], size), default=(0, 0))
        for frame in frames:
            if (frame.width, frame.height) != self.size:
                reason = f"its size is {frame.width}x{frame.height}, most are {self.size[0]}x{self.size[1]}"
                self.problems.append(Problem(frame.name, reason))
        self._developer = Developer(self.wish, self._samples)
        kept = [frame for frame in frames if (frame.width, frame.height) == self.size]
        times = [frame.time for frame in kept if frame.time]
        if len(times) == len(kept):
            kept = [frame for _, frame in sorted(zip(times, kept, strict=True), key=lambda pair: pair[0])]
        elif times and _BY_NAME not in self.notes:
            self.notes.append(_BY_NAME)
        self._numbers = [frame.index for frame in kept]
        self._fixes: dict[int, Fix] = {}
        self._unturned = tuple(replace(frame, index=index) for index, frame in enumerate(kept))
        self._unturned_size, self._turn = self.size, 0
        self._digests = [frame.digest for frame in kept]
        self._show()

    def _show(self) -> None:
        """Frames as they are named and turned now."""
        width, height = self._unturned_size
        self.size = (height, width) if self._turn in (90, 270) else (width, height)
        turned = f"@{self._turn}" if self._turn else ""
        self.frames = tuple(
            replace(frame, width=self.size[0], height=self.size[1], digest=digest + turned)
            for frame, digest in zip(self._unturned, self._digests, strict=True)
        )

    def turn(self, degrees: int | None) -> None:
        """Show frames turned clockwise from now on.

        Args:
            degrees: 0, 90, 180, 270; None: as most frames' cameras say, alike for all of them. A camera that looks
                up cannot tell how it is held, and says so differently from frame to frame.
        """
        said = Counter(frame.turn for frame in self._unturned)
        usual = max(said, key=lambda turn: (said[turn], -turn), default=0)
        self._turn = usual if degrees is None else degrees
        self._show()

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def digest(self) -> str:
        """SHA-256 over all frames, hexadecimal: another digest means another timelapse."""
        return hashlib.sha256("".join(frame.digest for frame in self.frames).encode()).hexdigest()

    def read_yuv(self, index: int) -> Planes:
        """Pixels of a frame, even width and height. Raises `FrameError` when they cannot be had, `AwayError`."""
        try:
            planes = self._read(self._numbers[index])
        except OSError as error:
            raise FrameError(f"cannot be read ({error.strerror or error})") from error
        if planes.size != (self._unturned_size[0] & ~1, self._unturned_size[1] & ~1):
            raise FrameError(f"its size is {planes.size[0]}x{planes.size[1]} when decoded")
        return planes.turned(self._turn)

    def develop(self, wish: Develop) -> None:
        """Have RAW files and linear counts developed like this from now on."""
        self.wish = wish
        self._developer.close()
        self._developer = Developer(wish, self._samples)

    def calibrate(self, masters: calibration.Calibration | None) -> None:
        """Have a session's RAW files and linear counts corrected from now on; None: left as they are."""
        self._fixes.clear()
        self._digests = [frame.digest for frame in self._unturned]
        if masters:
            self._correct(masters)
        self._show()

    def _correct(self, masters: calibration.Calibration) -> None:
        for place, number in enumerate(self._numbers):
            said, shape = self._said(number), self._counted(number)
            if said and shape and (found := masters.matches(said, shape)):
                colours = bool(said.info.get("bayer_pattern"))
                self._fixes[number] = partial(_fix, masters, found, colours)
                self._digests[place] = calibration.named(self._digests[place], found)

    def _counted(self, number: int) -> tuple[int, ...]:
        """Shape of a session's frame that holds what a sensor counted; empty for others."""
        return ()

    def _samples(self, developer: Developer) -> list[np.ndarray]:
        """Counts of a few frames over the sequence; broken ones do not count."""
        found = []
        for number in sorted({round(place) for place in np.linspace(0, len(self) - 1, SAMPLES)}):
            with contextlib.suppress(FrameError):
                content = self._kept(self._numbers[number])
                if is_linear(content):
                    found.append(developer.counts(content, self._fixes.get(self._numbers[number])))
        return found

    def _read(self, number: int) -> Planes:
        content = self._kept(number)
        if is_linear(content):
            return decode.array(self._developer.show(content, self._fixes.get(number)))
        if isinstance(content, Counts):
            return decode.array(content.pixels)
        return decode.DECODERS[suffix(content.name)](content.data)

    def read_luma(self, index: int) -> np.ndarray:
        """Luma `[h, w]` uint8. Raises `FrameError`."""
        return luma8(self.read_yuv(index))

    def read_rgb(self, index: int) -> np.ndarray:
        """`[h, w, 3]` RGB, uint8 or uint16. Raises `FrameError`."""
        return to_rgb(self.read_yuv(index))

    def read_small(self, index: int, width: int = 480) -> np.ndarray:
        """`[h', w', 3]` RGB uint8 about `width` wide, area averaged. Raises `FrameError`."""
        return small(self.read_yuv(index), width)

    def content(self, index: int) -> File | Counts:
        """A frame as it is kept: a file's bytes, or the counts of an array. Raises `FrameError`, `AwayError`."""
        return self._kept(self._numbers[index])

    def _kept(self, number: int) -> File | Counts:
        """`_content`; a frame counts as broken only while others can be read. Raises `FrameError`, `AwayError`."""
        try:
            return self._content(number)
        except OSError as error:
            if not self.reached(number):
                reason = error.strerror or str(error)
                raise AwayError(f"{self.path} cannot be read just now ({reason})") from error
        try:
            return self._content(number)  # everything may have been away for a moment
        except OSError as error:
            raise FrameError(f"cannot be read ({error.strerror or error})") from error

    def reached(self, after: int = -1) -> bool:
        """Whether a few other frames can be read; those behind `after` first: the system may still remember the others."""
        numbers = sorted(self._numbers)
        behind = [number for number in numbers if number > after]
        before = [number for number in reversed(numbers) if number < after]
        probes = behind[:: max(1, len(behind) // _PROBES)][:_PROBES]
        for number in (probes + before)[:_PROBES]:
            try:
                self._content(number)
            except OSError:
                continue
            except FrameError:
                pass  # damaged, but there
            return True
        return False

    def said(self, index: int) -> Said | None:
        """What the session says of a frame; None for a folder's."""
        return self._said(self._numbers[index])

    def _said(self, number: int) -> Said | None:
        return None

    def read_original(self, index: int) -> tuple[str, bytes]:
        """File name and bytes of a frame as it came; an array comes as a frame file (ASDF)."""
        content = self._content(self._numbers[index])
        if isinstance(content, File):
            return Path(content.name).name, content.data
        frame = self.frames[index]
        encoded = framefiles.encode(content.pixels, {"time": str(frame.time)}, Codec.PORTABLE)
        return f"{frame.name}{framefiles.SUFFIX}", b"".join(encoded.parts)

    def close(self) -> None:
        """Give back what is open."""
        self._developer.close()

    @abstractmethod
    def _content(self, number: int) -> File | Counts:
        """The frame that was found as number `number`. Raises `FrameError`, `OSError`."""


def _fix(masters: calibration.Calibration, found: Matches, colours: bool, mosaic: bool) -> Correction:
    return masters.correction(found, mosaic or colours)


def is_linear(content: File | Counts) -> bool:
    """Whether a frame holds what a sensor counted, not a picture."""
    if isinstance(content, Counts):
        return content.pixels.dtype != np.uint8
    return suffix(content.name) in decode.SENSOR


def luma8(planes: Planes) -> np.ndarray:
    """Luma `[h, w]` uint8, rows without gaps: a kernel compiled for gaps adds up in another order."""
    luma = planes.y if planes.y.dtype == np.uint8 else (planes.y >> 8).astype(np.uint8)
    return np.ascontiguousarray(luma)


def small(planes: Planes, width: int = 480) -> np.ndarray:
    """`[h', w', 3]` RGB uint8 of planes, area averaged by a whole factor, about `width` wide."""
    import cv2

    factor = max(1, planes.size[0] // width)
    size = (max(2, planes.size[0] // factor & ~1), max(2, planes.size[1] // factor & ~1))
    parts = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes]
    if parts[0].dtype != np.uint8:
        parts = [(part >> 8).astype(np.uint8) for part in parts]
    return cv2.cvtColor(cv2.merge([parts[0], parts[2], parts[1]]), cv2.COLOR_YCrCb2RGB)


def suffix(name: str) -> str:
    """The part behind the last dot, lower case."""
    return Path(name).suffix[1:].lower()


def describe(file: BinaryIO, name: str, digest: str, decoders: Decoders) -> FrameInfo:
    """What a frame's file says of it before it is decoded. Raises `FrameError`."""
    if suffix(name) in decode.SENSOR:
        data = file.read(-1 if suffix(name) in decode.RAW else _HEAD_BYTES)
        found = heads.of_sensor(data, name, decoders)
    else:
        found = heads.of_picture(file)
    return FrameInfo(
        index=0,
        name=name,
        time=found.time,
        exposure_s=found.exposure_s,
        iso=found.iso,
        aperture_f=found.aperture_f,
        camera=found.camera,
        digest=digest,
        width=found.width,
        height=found.height,
        turn=found.turn,
    )


def open_source(path: Path, camera: str | None = None) -> FrameSource:
    """Open a folder of pictures, a finished session (`.asdf`) or a running session's folder.

    Args:
        path: what to open.
        camera: of a session with several cameras; None takes the one with most frames.

    Raises:
        SourceError: nothing there that could be a sequence (broken frames alone are not an error).
        AwayError: it is not there, or went away while it was looked at.
    """
    from timelapse.pipeline import folders
    from timelapse.pipeline import sessions as stored

    opener: Callable[[], FrameSource]
    if path.is_file() and path.suffix == ".asdf":
        opener = lambda: stored.Finished(path, camera)  # noqa: E731
    elif path.is_dir() and stored.is_running(path):
        opener = lambda: stored.Running(path, camera)  # noqa: E731
    elif path.is_dir():
        opener = lambda: folders.Folder(path)  # noqa: E731
    else:
        kind = SourceError if path.exists() else AwayError
        raise kind(f"{path} is neither a folder nor a session file (.asdf)")
    source = opener()
    lost = next((problem for problem in source.problems if isinstance(problem, LostProblem)), None)
    if source.frames and lost and not source.reached():
        source.close()
        raise AwayError(f"{path} cannot be read just now ({lost.name}: {lost.reason})")
    if not source.frames:
        source.close()
        raise SourceError(f"{path} holds no usable frame{_why(path, source.problems)}")
    return source


def _why(path: Path, problems: list[Problem]) -> str:
    if problems:
        return f" ({len(problems)} broken; {problems[0].name}: {problems[0].reason})"
    if not path.is_dir():
        return ""
    others = Counter(file.suffix for file in path.iterdir() if file.suffix and file.is_file())
    kinds = (
        f"; it has {', '.join(f'{count} {kind}' for kind, count in others.most_common(3))}" if others else ""
    )
    return f": no JPEG, PNG, TIFF, WebP, BMP, FITS or RAW file lies in it{kinds}"
