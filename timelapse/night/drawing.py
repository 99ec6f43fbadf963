"""How products look around the pixels: dark paper, a time axis, the bands of twilight and moon."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sky.coordinates import VACUUM, Observer, Site
from sky.ephemeris import body
from skycam_project.common.files import write_atomic
from timelapse.sidecar import THUMBS

PAPER, PANEL, LINE, GRID = "#0b0d11", "#07090c", "#3a4250", "#1e242d"
TEXT, SOFT, FAINT = "#e8ebf0", "#b3bcc9", "#8d98a8"
HATCH = (38, 44, 54)
SERIES = {"stars": "#f4d58a", "sqm": "#8fbaff", "cloud": "#aab4c2", "fwhm": "#46d0b0", "quality": "#63cf8e"}
_BANDS = ((-0.833, "#5f8fc4"), (-6, "#3d6294"), (-12, "#24406a"), (-18, "#142643"), (-91, "#080f1d"))
_MOON = (243, 239, 220)
_THUMB = 320  # pixels of the longer side at most
_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180)

Box = tuple[int, int, int, int]


@lru_cache(maxsize=16)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The one typeface, which Pillow carries."""
    return ImageFont.load_default(size)


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Time from left to right, to scale.

    Attributes:
        start, end: the moments at `left` and `right`.
        left, right: pixels.
        zone: the labels' time zone.
    """

    start: datetime
    end: datetime
    left: int
    right: int
    zone: tzinfo = UTC

    def x(self, moment: datetime) -> float:
        """Pixel of a moment."""
        share = (moment - self.start) / max(self.end - self.start, timedelta(seconds=1))
        return self.left + share * (self.right - self.left)

    def ticks(self) -> Iterator[tuple[float, str, bool]]:
        """x, label, whether a new day begins, at round times at least 70 px apart."""
        minutes = (self.end - self.start).total_seconds() / 60
        room = max(1.0, (self.right - self.left) / 70)
        step = next((s for s in _STEPS_MIN if minutes / s <= room), 360)
        local = self.start.astimezone(self.zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        begin = int((local - midnight).total_seconds() // 60 // step)
        for n in range(begin, begin + int(minutes / step) + 3):
            # Through UTC: adding to a local time would ignore a change of clocks in between.
            moment = midnight.astimezone(UTC) + timedelta(minutes=n * step)
            if self.start <= moment <= self.end:
                there = moment.astimezone(self.zone)
                yield self.x(moment), f"{there:%H:%M}", (there.hour, there.minute) == (0, 0)

    def draw(self, draw: ImageDraw.ImageDraw, top: int, bottom: int) -> None:
        """Ticks below `bottom` and their lines from `top`."""
        for x, label, _ in self.ticks():
            draw.line([(x, top), (x, bottom + 5)], fill=GRID)
            draw.text((x, bottom + 8), label, fill=SOFT, font=font(13), anchor="ma")

    def zone_name(self) -> str:
        """Such as "CET"."""
        return self.start.astimezone(self.zone).tzname() or "UTC"


def sky_bands(draw: ImageDraw.ImageDraw, axis: TimeAxis, top: int, height: int, site: Site) -> None:
    """A strip coloured by the sun's altitude, and in its lower half the moon where it is up."""
    step = max(1, (axis.right - axis.left) // 300)
    for x in range(axis.left, axis.right, step):
        moment = axis.start + (axis.end - axis.start) * ((x - axis.left) / (axis.right - axis.left))
        observer = Observer(site, moment, VACUUM)
        sun = body("sun", observer).altitude_deg
        colour = next(colour for limit, colour in _BANDS if sun > limit)
        draw.rectangle([x, top, min(x + step, axis.right) - 1, top + height - 1], fill=colour)
        moon = body("moon", observer)
        if moon.altitude_deg > 0:
            share = 0.25 + 0.75 * moon.illuminated
            fill = tuple(int(c * share) for c in _MOON)
            draw.rectangle([x, top + height - 4, min(x + step, axis.right) - 1, top + height - 1], fill=fill)


def hatched(width: int, height: int) -> NDArray[np.uint8]:
    """(h, w, 3) of the pattern that means: there was no frame."""
    y, x = np.mgrid[0:height, 0:width]
    out = np.full((height, width, 3), 7, np.uint8)
    out[(x + y) % 9 == 0] = HATCH
    return out


def heading(draw: ImageDraw.ImageDraw, left: int, right: int, title: str, note: str) -> None:
    """The line above a product."""
    draw.text((left, 14), title, fill=TEXT, font=font(19), anchor="la")
    draw.text((right, 18), note, fill=FAINT, font=font(13), anchor="ra")


def paper(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty sheet."""
    image = Image.new("RGB", (width, height), PAPER)
    return image, ImageDraw.Draw(image)


def save_png(path: Path, image: Image.Image | NDArray[np.uint8]) -> Path:
    """Replace `path` as a whole."""
    return _save(path, image, "PNG", compress_level=4)


def save_jpeg(path: Path, image: Image.Image | NDArray[np.uint8], quality: int = 90) -> Path:
    """Replace `path` as a whole."""
    return _save(path, image, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)


def save_thumbnail(path: Path, image: Image.Image | NDArray[np.uint8]) -> Path:
    """A small picture, in the folder `THUMBS` beside `path`: a list of pictures must not load them all."""
    whole = _image(image)
    small = whole.reduce(-(-max(whole.size) // _THUMB)).convert("RGB")
    return save_jpeg(path.parent / THUMBS / f"{path.stem}.jpg", small, 80)


def _image(image: Image.Image | NDArray[np.uint8]) -> Image.Image:
    return image if isinstance(image, Image.Image) else Image.fromarray(np.ascontiguousarray(image))


def _save(path: Path, image: Image.Image | NDArray[np.uint8], kind: str, **options: int) -> Path:
    buffer = BytesIO()
    _image(image).save(buffer, kind, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, buffer.getvalue())
    return path
