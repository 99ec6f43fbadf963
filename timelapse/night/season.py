"""The long-term keogram: one line per night, months under each other."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skycam_project.common.nights import evening
from timelapse.night import drawing, state
from timelapse.night.keogram import Keogram, NothingYetError

_MINUTES = 1440
_SUFFIX = ".night"
LINES = ".nights"
"""Folder of the nights' lines, in the folder of the picture."""
PICTURE = "season.png"


class Season:
    """Nights of one camera, each a small file, so that a night can be added or done again at any time.

    Args:
        folder: of the files; made when the first night comes.
        zone: of the site: a night goes from noon to noon there.
    """

    def __init__(self, folder: Path, zone: ZoneInfo) -> None:
        self.folder, self.zone = folder, zone

    def add(self, keogram: Keogram) -> list[date]:
        """Put the nights of a keogram in; what is there of them already stays where this one has no frame.

        A night may have several sessions, and a session may last for days.

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
                self._put(day, pixels, known)
                added.append(day)
            day += timedelta(days=1)
        return added

    def _put(self, day: date, pixels: NDArray[np.uint8], known: NDArray[np.bool_]) -> None:
        rows = len(pixels)
        line = pixels[rows // 3 : max(2 * rows // 3, rows // 3 + 1)].mean(axis=0).astype(np.uint8)
        if (old := self._line(day)) is not None:
            line[~known] = old[0][~known]
            known = known | old[1]
        self.folder.mkdir(parents=True, exist_ok=True)
        state.save(self.folder / f"{day}{_SUFFIX}", {}, {"line": line, "known": known})

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

    def _line(self, day: date) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
        loaded = state.load(self.folder / f"{day}{_SUFFIX}")
        return (loaded[1]["line"], loaded[1]["known"].astype(bool)) if loaded else None

    def picture(self, title: str = "Long-term keogram", last: int = 366, width: int = 1480) -> Image.Image:
        """The newest `last` nights; a night without frames keeps its line. Raises `NothingYetError`."""
        nights = self.nights()
        if not nights:
            raise NothingYetError("the long-term keogram has no night yet")
        first = max(nights[0], nights[-1] - timedelta(days=last - 1))
        count = (nights[-1] - first).days + 1
        each = int(np.clip(700 // count, 2, 24))
        lines = {night: line for night in nights if night >= first and (line := self._line(night))}
        low, high = _window([known for _, known in lines.values()])
        left, right, top = 76, width - 24, 48
        height = count * each
        pixels = drawing.hatched(right - left, height)
        minute = low + ((np.arange(right - left) + 0.5) / (right - left) * (high - low)).astype(int)
        for night, (line, known) in lines.items():
            y = (night - first).days * each
            part = pixels[y : y + each]
            part[:, known[minute]] = line[minute][known[minute]]
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


def grown(folder: Path, keograms: Iterable[Keogram], zone: ZoneInfo) -> Path:
    """Put nights into the long-term keogram of a folder, and draw it. Raises `NothingYetError`, `OSError`."""
    season = Season(folder / LINES, zone)
    for keogram in keograms:
        season.add(keogram)
    return drawing.save_png(folder / PICTURE, season.picture())


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
