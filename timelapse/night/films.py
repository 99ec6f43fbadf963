"""Small films of a night: as it was, as the trails grew, and a few seconds about each meteor."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycam_project.common.clock import from_microseconds, microseconds_utc
from skycam_project.common.files import fsync_folder, write_atomic
from timelapse.night.drawing import save_jpeg, save_thumbnail
from timelapse.night.frames import Look, NightFrame, Paper, paper_of, tone
from timelapse.night.keogram import NothingYetError
from timelapse.night.opencv import cv2
from timelapse.night.sightings import Sighting
from timelapse.night.streaks import Streak

_WIDTH = 1280
_TRAILS_SUN = -12.0
_TRAILS_SKY = 36.0  # a brighter sky (moon, clouds, dawn) is shown like this, or it would stay for good
_FOLLOWS = 0.1
_CLIP_FRAMES = 3  # before and after
_CLIP_SMALLEST = 512
_TICK = (255, 190, 90)
_TICKS_AWAY, _TICKS_END = 40, 16  # parts of the clip's longer side, from the line
_EVEN = 64
"""Pixels of width of which x264 wants a whole number: with a remainder its AVX2 code gives other bits each time."""

Picture = NDArray[np.uint8]


class Reel:
    """A small picture of each frame, a file each, from which films are made when they are asked for.

    Args:
        folder: of the pictures.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paper: Paper | None = None  # the night's: its white stays, its black follows the sky

    def append(self, look: Look) -> None:
        """Keep a frame's picture; the same frame again replaces it. Raises `OSError`."""
        dark = look.sun_deg is None or look.sun_deg < _TRAILS_SUN
        own = paper_of(look)
        if dark:
            self.paper = own if self.paper is None else _followed(self.paper, own)
        image = look.colour
        height, width = image.shape[:2]
        wanted = min(width, _WIDTH) // _EVEN * _EVEN or width
        if width > wanted:
            size = wanted, round(height * wanted / width / 2) * 2
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        picture = tone(image, look.frame, self.paper or replace(own, black=np.zeros(3)))
        name = (
            f"{microseconds_utc(look.frame.start):017d}-{look.frame.digest[:12]}{'-dark' if dark else ''}.jpg"
        )
        save_jpeg(self.folder / name, picture, 88)

    def pictures(self) -> list[tuple[datetime, Path]]:
        """By time."""
        found = []
        for path in sorted(self.folder.glob("*.jpg")):
            text = path.name.split("-")[0]
            if text.isdigit():
                found.append((from_microseconds(int(text)), path))
        return found

    def film(self, path: Path, fps: int = 25, *, trails: bool = False) -> Path:
        """Make the mini timelapse, or the film in which star trails grow. Raises `NothingYetError`, `OSError`."""
        pictures = [(t, path) for t, path in self.pictures() if not trails or path.stem.endswith("-dark")]
        if not pictures:
            raise NothingYetError("no frame has been filmed yet")
        still = 1.0 if trails else 0.5  # when all of the trails are there; when the night is dark
        number = int(still * (len(pictures) - 1))
        return encode(path, _noted(path, _grown(pictures) if trails else _read(pictures), number), fps)


def _noted(path: Path, pictures: Iterable[Picture], number: int) -> Iterator[Picture]:
    """The pictures as they are; one of them becomes the film's thumbnail."""
    for n, picture in enumerate(pictures):
        if n == number:
            save_thumbnail(path, picture)
        yield picture


def _followed(night: Paper, own: Paper) -> Paper:
    """The night's paper on a further frame: slowly, lest the film flickers, but no sky turns black."""
    return Paper(night.white, np.minimum(own.black, (1 - _FOLLOWS) * night.black + _FOLLOWS * own.black))


def _read(pictures: Iterable[tuple[datetime, Path]]) -> Iterator[Picture]:
    for _, path in pictures:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if image is not None:
            yield image.astype(np.uint8, copy=False)


def _grown(pictures: Iterable[tuple[datetime, Path]]) -> Iterator[Picture]:
    most: Picture | None = None
    for picture in _read(pictures):
        sky = float(np.median(picture[::8, ::8].mean(axis=2)))
        black = max(255 * (sky - _TRAILS_SKY) / (255 - _TRAILS_SKY), 0.0)
        darker = (np.arange(256) - black) * (255 / max(255 - black, 1.0))  # white stays white
        image: Picture = cv2.LUT(picture, np.clip(darker, 0, 255).astype(np.uint8))
        if most is None or most.shape != image.shape:
            most = image.copy()
        else:
            cv2.max(most, image, most)
        yield most.copy()


def encode(path: Path, pictures: Iterable[Picture], fps: int, crf: int = 21) -> Path:
    """H.264 that every browser plays, (h, w, 3) RGB pictures of one size. Raises `NothingYetError`, `OSError`."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    stream: Any = None
    try:
        with av.open(str(part), "w", options={"movflags": "+faststart"}) as file:
            for image in pictures:
                height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
                if stream is None:
                    stream = file.add_stream("libx264", rate=Fraction(fps))
                    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                    stream.options = {"crf": str(crf), "preset": "veryfast"}
                elif (width, height) != (stream.width, stream.height):
                    continue
                whole = np.ascontiguousarray(image[:height, :width])
                for packet in stream.encode(av.VideoFrame.from_ndarray(whole, format="rgb24")):
                    file.mux(packet)
            if stream is None:
                raise NothingYetError("a film needs a frame")
            for packet in stream.encode():
                file.mux(packet)
        part.replace(path)
        fsync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)
    return path


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A frame as clips show it: a JPEG is a twentieth of its pixels, and seven of them wait all night."""

    frame: NightFrame  # without its pixels
    size: tuple[int, int]  # rows, columns
    jpeg: NDArray[np.uint8]
    meteors: list[Sighting]

    @classmethod
    def of(cls, look: Look, meteors: list[Sighting]) -> "_Shown":
        picture = tone(look.colour, look.frame, paper_of(look))
        fine = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        options = [cv2.IMWRITE_JPEG_QUALITY, 97, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, fine]
        _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
        bare = replace(look.frame, image=look.frame.image[:0].copy())
        return cls(bare, picture.shape[:2], jpeg, meteors)

    def part(self, rows: slice, columns: slice) -> Picture:
        """(h, w, 3) RGB."""
        return cv2.imdecode(self.jpeg, cv2.IMREAD_COLOR_RGB)[rows, columns].copy()


class MeteorClips:
    """Keeps the last frames, and makes of each meteor a picture, a short film and a record.

    Args:
        folder: of the results: `<time>-<n>.jpg`, `.mp4`, `.json`.
        marks: whether ticks in the film say where the meteor is; the still never does.
    """

    def __init__(self, folder: Path, *, marks: bool = True) -> None:
        self.folder, self._marks = folder, marks
        self._recent: list[_Shown] = []

    def append(self, look: Look, sightings: list[Sighting]) -> list[Path]:
        """Add a judged frame; what was made of meteors whose last frame this is."""
        self._recent.append(_Shown.of(look, [s for s in sightings if s.kind == "meteor"]))
        made = self._make(len(self._recent) - 1 - _CLIP_FRAMES)
        del self._recent[: max(0, len(self._recent) - 2 * _CLIP_FRAMES - 1)]
        return made

    def flush(self) -> list[Path]:
        """Make what waits for frames that will not come."""
        made = [
            path
            for n in range(max(0, len(self._recent) - _CLIP_FRAMES), len(self._recent))
            for path in self._make(n)
        ]
        self._recent = []
        return made

    def _make(self, at: int) -> list[Path]:
        if at < 0:
            return []
        shown = self._recent[at]
        around = self._recent[max(0, at - _CLIP_FRAMES) : at + _CLIP_FRAMES + 1]
        made = []
        for n, meteor in enumerate(shown.meteors):
            made += self._clip(shown, meteor, around, n)
        return made

    def _clip(self, shown: _Shown, meteor: Sighting, around: list[_Shown], number: int) -> list[Path]:
        import orjson

        frame, streak = shown.frame, meteor.streak
        rows, columns = _window(streak.path, shown.size)
        pictures = [one.part(rows, columns) for one in around if one.size == shown.size]
        if self._marks:
            for picture in pictures:
                _mark(picture, streak, (columns.start, rows.start))
        name = f"{frame.middle:%Y%m%d-%H%M%S}-{number}"
        record = {
            "frame": frame.name, "digest": frame.digest, "time": frame.start.isoformat(),
            "exposure_s": frame.exposure_s, "ends": streak.ends.round(1).tolist(), "length_px": round(streak.length, 1),
            "snr": round(streak.snr, 1), "width_px": round(streak.width, 2), "files": [f"{name}.jpg", f"{name}.mp4"],
        }  # fmt: skip
        self.folder.mkdir(parents=True, exist_ok=True)
        still = save_jpeg(self.folder / f"{name}.jpg", shown.part(rows, columns), 92)
        film = encode(self.folder / f"{name}.mp4", [p for p in pictures for _ in range(2)], 8, crf=18)
        written = self.folder / f"{name}.json"
        write_atomic(written, orjson.dumps(record, option=orjson.OPT_INDENT_2))
        return [still, film, written]


def _mark(picture: Picture, streak: Streak, corner: tuple[int, int]) -> None:
    """Draw two ticks that point at each end of a streak from both sides: the streak, and where it fades, stay as they are."""
    side = max(picture.shape[:2])
    for end, place in enumerate(streak.ends - corner):
        along_x, along_y = streak.direction(end)
        for across in (np.array([-along_y, along_x]), np.array([along_y, -along_x])):
            reach = [place + side / _TICKS_AWAY * across, place + side / _TICKS_END * across]
            begin, stop = np.rint(16 * np.stack(reach)).astype(int).tolist()  # sixteenths of a pixel
            cv2.line(picture, begin, stop, _TICK, max(1, round(side / 512)), cv2.LINE_AA, 4)


def _window(path: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns about a streak, with room, even numbers of them."""
    cut = []
    for axis, size in ((1, shape[0]), (0, shape[1])):
        low, high = float(path[:, axis].min()), float(path[:, axis].max())
        wanted = min(size, max(_CLIP_SMALLEST, int((high - low) * 1.5)))
        wanted = wanted // _EVEN * _EVEN or wanted // 2 * 2
        begin = int(np.clip((low + high) / 2 - wanted / 2, 0, size - wanted))
        cut.append(slice(begin, begin + wanted))
    return cut[0], cut[1]
