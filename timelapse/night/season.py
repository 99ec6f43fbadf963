"""The long-term keogram: one line per night, months under each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skycam_project.common.nights import evening
from timelapse.night import drawing, state
from timelapse.night.keogram import Keogram, NothingYetError
from timelapse.pipeline.quality import of_product

_MINUTES = 1440
_SUFFIX = ".night"
LINES = ".nights"
"""Folder of the nights' lines, in the folder of the picture."""
PICTURE = "season.png"


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A night: a pixel each minute from noon on, which minutes have a frame, and how good its frames are."""

    pixels: NDArray[np.uint8]
    known: NDArray[np.bool_]
    quality: float | None


class Season:
    """Nights of one camera, each a small file, so that a night can be added or done again at any time.

    Args:
        folder: of the files; made when the first night comes.
        zone: of the site: a night goes from noon to noon there.
    """

    def __init__(self, folder: Path, zone: ZoneInfo) -> None:
        self.folder, self.zone = folder, zone

    def add(self, keogram: Keogram, quality: float | None = None) -> list[date]:
        """Put the nights of a keogram in; what is there of them already stays where this one has no frame.

        A night may have several sessions, and a session may last for days.

        Args:
            keogram: of a session.
            quality: of its frames, 0 to 1.

        Returns: their evenings. Raises `NothingYetError`, `OSError`.
        """
        spans = keogram.spans()
        if not spans:
            raise NothingYetError("the keogram has no frame yet")
        day, last = (evening(moment, self.zone) for moment in (spans[0][0], spans[-1][0]))
        added = []
        while day <= last:
            noon = datetime.combine(day, time(12), self.zone)
            pixels, known = keogram.strip(_MINUTES, noon, noon + timedelta(days=1))
            if known.any():
                self._put(day, pixels, known, quality)
                added.append(day)
            day += timedelta(days=1)
        return added

    def _put(
        self, day: date, pixels: NDArray[np.uint8], known: NDArray[np.bool_], quality: float | None
    ) -> None:
        rows = len(pixels)
        line = pixels[rows // 3 : max(2 * rows // 3, rows // 3 + 1)].mean(axis=0).astype(np.uint8)
        if (old := self._line(day)) is not None:
            line[~known] = old.pixels[~known]
            quality = _mean([(quality, int(known.sum())), (old.quality, int((old.known & ~known).sum()))])
            known = known | old.known
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{day}{_SUFFIX}"
        state.save(path, {"quality": quality}, {"line": line, "known": known})

    def quality(self) -> float | None:
        """Of the picture, 0 to 1, by the nights of which it is known."""
        lines = [self._line(night) for night in self.nights()]
        known = [line.quality for line in lines if line is not None and line.quality is not None]
        return round(of_product(known), 4) if known else None

    def files(self) -> list[Path]:
        """The nights' files, oldest first."""
        return [self.folder / f"{night}{_SUFFIX}" for night in self.nights()]

    def nights(self) -> list[date]:
        """Evenings that there are, oldest first."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            try:
                found.append(date.fromisoformat(path.stem))
            except ValueError:
                continue
        return sorted(found)

    def _line(self, day: date) -> "_Line | None":
        loaded = state.load(self.folder / f"{day}{_SUFFIX}")
        if loaded is None:
            return None
        meta, arrays = loaded
        return _Line(arrays["line"], arrays["known"].astype(bool), meta.get("quality"))

    def picture(self, title: str = "Long-term keogram", last: int = 366, width: int = 1480) -> Image.Image:
        """The newest `last` nights; a night without frames keeps its line. Raises `NothingYetError`."""
        nights = self.nights()
        if not nights:
            raise NothingYetError("the long-term keogram has no night yet")
        first = max(nights[0], nights[-1] - timedelta(days=last - 1))
        count = (nights[-1] - first).days + 1
        each = int(np.clip(700 // count, 2, 24))
        lines = {night: line for night in nights if night >= first and (line := self._line(night))}
        low, high = _window([line.known for line in lines.values()])
        left, right, top = 76, width - 24, 48
        height = count * each
        pixels = drawing.hatched(right - left, height)
        minute = low + ((np.arange(right - left) + 0.5) / (right - left) * (high - low)).astype(int)
        for night, line in lines.items():
            y = (night - first).days * each
            part, known = pixels[y : y + each], line.known[minute]
            part[:, known] = line.pixels[minute][known]
            if each > 4:
                part[-1] //= 3
        sheet, draw = drawing.paper(width, top + height + 46)
        noon = datetime.combine(nights[-1], time(12), self.zone)
        begin, end = noon + timedelta(minutes=low), noon + timedelta(minutes=high)
        axis = drawing.TimeAxis(begin, end, left, right, self.zone)
        note = f"{len(lines)} of {count} nights · {axis.zone_name()}"
        drawing.heading(draw, left, right, title, note)
        axis.draw(draw, top, top + height)
        sheet.paste(Image.fromarray(pixels), (left, top))
        draw.rectangle([left - 1, top - 1, right, top + height], outline=drawing.LINE)
        _dates(draw, first, count, each, left, top)
        return sheet


def grown(folder: Path, nights: Iterable[tuple[Keogram, float | None]], zone: ZoneInfo) -> Path:
    """Put nights, each with its quality, into the long-term keogram of a folder, and draw it.

    Raises `NothingYetError`, `OSError`.
    """
    season = Season(folder / LINES, zone)
    for keogram, quality in nights:
        season.add(keogram, quality)
    return drawing.save_png(folder / PICTURE, season.picture())


def scores_of(folder: Path, zone: ZoneInfo) -> dict[str, float]:
    """Quality of a folder's long-term keogram; empty when no night says it: they were put in by an older version."""
    quality = Season(folder / LINES, zone).quality()
    return {} if quality is None else {"quality": quality}


def _mean(parts: Iterable[tuple[float | None, int]]) -> float | None:
    """Of the known values, by their weights."""
    known = [(value, weight) for value, weight in parts if value is not None and weight]
    return (
        sum(value * weight for value, weight in known) / sum(weight for _, weight in known) if known else None
    )


def _window(known: list[NDArray[np.bool_]]) -> tuple[int, int]:
    """Minutes after noon between which there are frames, in whole hours."""
    any_known = np.flatnonzero(np.logical_or.reduce(known))
    if not len(any_known):
        return 0, _MINUTES
    low, high = any_known[0] // 60 * 60, -(-(any_known[-1] + 1) // 60) * 60
    return int(low), int(min(high, _MINUTES))


def _dates(
    draw: drawing.ImageDraw.ImageDraw, first: date, count: int, each: int, left: int, top: int
) -> None:
    """Month names where months begin, days where there is room."""
    last_y = -100
    for n in range(count):
        day = first + timedelta(days=n)
        y = top + n * each
        month = day.day == 1 or n == 0
        if not month and (each < 14 or y - last_y < 16):
            continue
        if y - last_y < 14:
            continue
        label = f"{day.day} {day:%b}" if each >= 14 or day.day != 1 else f"{day:%b %Y}"
        draw.text(
            (left - 10, y + min(each, 14) / 2), label, fill=drawing.SOFT, font=drawing.font(12), anchor="rm"
        )
        draw.line([(left - 6, y), (left - 1, y)], fill=drawing.LINE)
        last_y = y
