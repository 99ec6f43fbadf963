"""Dates and logos on the finished picture, drawn once and mixed into the planes.

FFmpeg's text filter is not in the library that we ship, and a frame's own raster needs no font on the machine: the
font is the one of the pages.
"""

import hashlib
import io
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import sha256_of
from timelapse.pipeline.planes import Planes

PLACES = ("bottom-left", "bottom-right", "top-left", "top-right")
FONT = Path(__file__).resolve().parents[2] / "static/vendor/inter-5.3.0/inter-latin-wght-normal.woff2"
MARGIN = 0.025
LARGEST_LOGO = 64 << 20


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is written on the picture.

    Attributes:
        text: with `strftime` codes for the frame's time, e.g. `%Y-%m-%d %H:%M`; "" for none.
        zone: time zone of the text, e.g. `Europe/Zurich`.
        place: of the text, one of `PLACES`.
        size: height of the text, share of the picture's height, 0.01 to 0.2.
        logo: path of a PNG with transparency; "" for none.
        logo_sha256: of that file, hexadecimal; "" takes what it is now. With it another picture of the same name is
            refused, and what was made with one logo is not taken for what another would give.
        logo_place: one of `PLACES`.
        logo_size: height of the logo, share of the picture's height, 0.01 to 0.5.
        opacity: 0 to 1.
    """

    text: str = ""
    zone: str = "UTC"
    place: str = "bottom-left"
    size: float = 0.035
    logo: str = ""
    logo_sha256: str = ""
    logo_place: str = "bottom-right"
    logo_size: float = 0.08
    opacity: float = 0.85

    def __post_init__(self) -> None:
        for name, allowed in (("place", PLACES), ("logo_place", PLACES)):
            if getattr(self, name) not in allowed:
                raise InvalidValueError(f"overlay.{name}", getattr(self, name), ", ".join(allowed))
        for name, low, high in (("size", 0.01, 0.2), ("logo_size", 0.01, 0.5), ("opacity", 0.0, 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InvalidValueError(f"overlay.{name}", value, f"a number from {low:g} to {high:g}")
        if not isinstance(self.text, str) or len(self.text) > 200:
            raise InvalidValueError("overlay.text", self.text, "up to 200 characters")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
            raise InvalidValueError("overlay.zone", self.zone, "a time zone such as Europe/Zurich") from error
        if self.logo:
            digest = _digest(self.logo)
            if self.logo_sha256 not in ("", digest):
                raise InvalidValueError(
                    "overlay.logo", self.logo, "the picture that was chosen: it has changed since"
                )
            object.__setattr__(self, "logo_sha256", digest)
            _logo(self.logo, digest)

    @classmethod
    def from_json(cls, data: Any) -> "Overlay | None":
        """An overlay of plain values; None for none. Raises `InvalidValueError`."""
        if data is None or isinstance(data, Overlay):
            return data
        known = {field.name for field in fields(cls)}
        if not isinstance(data, dict) or not set(data) <= known:
            raise InvalidValueError("overlay", data, f"a mapping of {', '.join(sorted(known))}")
        return cls(**data)

    @property
    def timed(self) -> bool:
        """Whether the text says the frame's time."""
        return "%" in self.text

    def line(self, time: datetime | None) -> str:
        """The text of a frame; "" when it needs a time and there is none."""
        if not self.timed:
            return self.text
        return time.astimezone(ZoneInfo(self.zone)).strftime(self.text) if time else ""


def draw(planes: Planes, overlay: Overlay, time: datetime | None) -> Planes:
    """Working planes with the overlay on them; the planes given may be written on."""
    width, height = planes.size
    margin = round(height * MARGIN) & ~1
    if line := overlay.line(time):
        pixels = text_pixels(line, round(height * overlay.size))
        _mix(planes, pixels, _corner(overlay.place, pixels, width, height, margin), overlay.opacity)
    if overlay.logo:
        pixels = _scaled_logo(overlay.logo, overlay.logo_sha256, round(height * overlay.logo_size))
        _mix(planes, pixels, _corner(overlay.logo_place, pixels, width, height, margin), overlay.opacity)
    return planes


def _corner(place: str, pixels: NDArray[Any], width: int, height: int, margin: int) -> tuple[int, int]:
    x = margin if place.endswith("left") else width - margin - pixels.shape[1]
    y = margin if place.startswith("top") else height - margin - pixels.shape[0]
    return max(0, x) & ~1, max(0, y) & ~1


@lru_cache(64)
def text_pixels(line: str, height: int) -> NDArray[np.uint8]:
    """`[h, w, 4]` RGBA of white text with a dark rim, even sides."""
    from PIL import Image, ImageDraw

    font = _font(max(8, height))
    rim = max(1, height // 14)
    left, _, right, _ = font.getbbox(line, stroke_width=rim)
    # A fixed height keeps the line from jumping when digits change.
    ascent, descent = font.getmetrics()
    size = (int(right - left) + 2 * rim) // 2 * 2 + 2, (int(ascent + descent) + 2 * rim) // 2 * 2 + 2
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    ImageDraw.Draw(image).text(
        (rim - left, rim),
        line,
        font=font,
        fill=(255, 255, 255, 255),
        stroke_width=rim,
        stroke_fill=(0, 0, 0, 160),
    )
    return np.asarray(image)


@lru_cache(4)
def _font(size: int) -> Any:
    from PIL import ImageFont

    try:
        return ImageFont.truetype(str(FONT), size)
    except OSError:  # a FreeType without WOFF2: the font that Pillow carries
        return ImageFont.load_default(size)


def _digest(path: str) -> str:
    try:
        if Path(path).stat().st_size > LARGEST_LOGO:
            raise InvalidValueError("overlay.logo", path, f"at most {LARGEST_LOGO >> 20} MB")
        return sha256_of(Path(path))
    except (OSError, ValueError, TypeError) as error:
        raise InvalidValueError("overlay.logo", path, "the path of a picture") from error


@lru_cache(4)
def _logo(path: str, digest: str) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    data = Path(path).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise InvalidValueError("overlay.logo", path, "the picture that was chosen: it has changed since")
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGBA"))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidValueError("overlay.logo", path, "the path of a picture") from error


@lru_cache(4)
def _scaled_logo(path: str, digest: str, height: int) -> NDArray[np.uint8]:
    from PIL import Image

    whole = Image.fromarray(_logo(path, digest))
    height = max(2, height // 2 * 2)
    width = max(2, round(whole.width * height / whole.height / 2) * 2)
    return np.asarray(whole.resize((width, height), Image.Resampling.LANCZOS))


def _mix(planes: Planes, pixels: NDArray[np.uint8], corner: tuple[int, int], opacity: float) -> None:
    x, y = corner
    height = min(pixels.shape[0], planes.y.shape[0] - y) & ~1
    width = min(pixels.shape[1], planes.y.shape[1] - x) & ~1
    pixels = pixels[:height, :width]
    alpha = pixels[..., 3].astype(np.float32) * np.float32(opacity / 255)
    red, green, blue = (pixels[..., n].astype(np.float32) / 255 for n in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    target = planes.y[y : y + height, x : x + width]
    target[:] = np.rint(target * (1 - alpha) + (4096 + luma * (219 * 256)) * alpha)
    for plane, difference in ((planes.u, (blue - luma) / 1.772), (planes.v, (red - luma) / 1.402)):
        colour, part = _quarter(32768 + difference * (224 * 256)), _quarter(alpha)
        target = plane[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2]
        target[:] = np.rint(target * (1 - part) + colour * part)


def _quarter(plane: NDArray[Any]) -> NDArray[Any]:
    return plane.reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2).mean(axis=(1, 3))
