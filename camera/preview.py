"""What the page shows of a frame: preview, thumbnail, cheap statistics, with little decoding.

Reading all of a 12 MB JPEG costs 90 ms, of which the scaling saves nothing: every coefficient is decoded
first. Cameras put a smaller copy behind the picture (CIPA DC-007, "multi-picture format"); where there is
one it is used instead.
"""

import io
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat, UnidentifiedImageError

from camera.embedded import embedded_jpeg
from camera.errors import CameraError
from skycam_project.common.files import under

PREVIEW_SIDE = 1600
"""Pixels of a preview's longer side, at most."""
SMALLEST_SIDE = 1200
"""Pixels of the longer side down to which a camera's own copy, or a coarser decoding, is good enough."""
THUMBNAIL_SIDE = 320
MOST_PIXELS = 250_000_000
QUALITY = 85
CLIPPED = 254
"""Codes from here up count as clipped."""
DARK = 0.2
"""Mean light (share of full scale, linear) below which stars are counted."""
_PEAK, _LEAST_PEAK = 5.0, 12
"""A star stands out by so many standard deviations, and so many codes."""
_ORIENTATION = 0x0112
_LINEAR = tuple(
    (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in (i / 255 for i in range(256))
)


class NotShowableError(CameraError):
    """There is nothing in the file that can be shown. The file itself may be perfectly good."""

    code = "not_showable"


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the preview's pixels, so single stars hardly count.

    Attributes:
        mean: of the luma codes, 0 to 255.
        median: of the luma codes.
        linear_mean: mean light as a fraction of full scale, sRGB curve undone.
        clipped_fraction: of pixels at the top, in the channel that has most of them.
        histogram: counts of the 256 codes of red, green and blue.
        stars: points of light in a dark picture; None in a bright one.
    """

    mean: float
    median: int
    linear_mean: float
    clipped_fraction: float
    histogram: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    stars: int | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON, the channels by name."""
        return {**asdict(self), "histogram": dict(zip(("red", "green", "blue"), self.histogram, strict=True))}


@dataclass(frozen=True, slots=True)
class Preview:
    """Names of the two files in the preview folder; the original's size in pixels; statistics."""

    preview: str
    thumbnail: str
    width: int
    height: int
    statistics: Statistics


class PreviewFolder:
    """Makes previews in a folder and keeps the newest.

    Args:
        folder: made when missing; nothing else is kept there.
        keep: previews that stay, > 0.
    """

    def __init__(self, folder: Path, keep: int = 200) -> None:
        self.folder, self.keep = folder, keep
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._names = sorted((path.name for path in folder.glob("*-preview.jpg")), key=self._age)

    def _age(self, name: str) -> float:
        return (self.folder / name).stat().st_mtime

    def make(self, file: BinaryIO, media_type: str, name: str) -> Preview:
        """Write `<name>-preview.jpg` and `<name>-thumbnail.jpg`. Blocking; call it in a thread.

        Args:
            file: open for reading; an open file may be moved meanwhile.
            media_type: what is in it.
            name: of the previews, a plain file name.

        Raises:
            NotShowableError: the file is no picture we can read.
            OSError: the disk failed.
        """
        small, size = _small_copy(file, media_type)
        statistics = measure(small)
        names = f"{name}-preview.jpg", f"{name}-thumbnail.jpg"
        thumbnail = small.copy()
        thumbnail.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        for file_name, image in zip(names, (small, thumbnail), strict=True):
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=QUALITY)
            self.put(file_name, buffer.getvalue())
        with self._lock:
            self._prune(names[0])
        return Preview(*names, *size, statistics)

    def put(self, name: str, data: bytes) -> None:
        """Write a file so that readers see the old or the new one. Not synced: it can be made again."""
        target = under(self.folder, name)
        temporary = target.with_name(f".{name}.{os.getpid()}.{threading.get_ident()}.tmp")
        temporary.write_bytes(data)
        temporary.replace(target)

    def _prune(self, newest: str) -> None:
        if newest in self._names:
            self._names.remove(newest)
        self._names.append(newest)
        while len(self._names) > self.keep:
            old = self._names.pop(0)
            (self.folder / old).unlink(missing_ok=True)
            (self.folder / old.replace("-preview.jpg", "-thumbnail.jpg")).unlink(missing_ok=True)


def _small_copy(file: BinaryIO, media_type: str) -> tuple[Image.Image, tuple[int, int]]:
    """An upright RGB picture of at most `PREVIEW_SIDE`, and the size of the picture it was made from."""
    try:
        if media_type == "image/jpeg":
            return _shrink(file)
        jpeg = embedded_jpeg(file)
        if jpeg is None:
            raise NotShowableError(f"no preview inside this {media_type} file")
        return _shrink(io.BytesIO(jpeg))
    except (UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NotShowableError(f"unreadable picture: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise NotShowableError(f"unreadable picture: {error}") from error  # Pillow's word for a cut file


def _shrink(source: BinaryIO) -> tuple[Image.Image, tuple[int, int]]:
    with Image.open(source, formats=("JPEG",)) as image:
        size = image.size
        if size[0] * size[1] > MOST_PIXELS:
            raise NotShowableError(f"a picture of {size[0]} x {size[1]} pixels")
        orientation = image.getexif().get(_ORIENTATION, 1)
        if not _take_copy(image):
            scale = max(s for s in (1, 2, 4, 8) if s == 1 or max(size) // s >= SMALLEST_SIDE)
            image.draft("RGB", (size[0] // scale, size[1] // scale))
        small = image.convert("RGB")
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BOX)
    if orientation != 1:
        small.getexif()[_ORIENTATION] = orientation
        small = ImageOps.exif_transpose(small)
    return small, size


def _take_copy(image: Image.Image) -> bool:
    """Turn to the smallest sufficient copy behind the main picture, if there is one of the same shape."""
    width, height = image.size
    best: tuple[int, int] | None = None
    for number in range(1, getattr(image, "n_frames", 1)):
        try:
            image.seek(number)
        except (ValueError, EOFError, OSError, SyntaxError):
            break  # a directory of copies that is wrong does not spoil the picture
        side = max(image.size)
        same_shape = abs(image.width * height - image.height * width) <= 0.02 * image.width * height
        if same_shape and SMALLEST_SIDE <= side < max(width, height) and (best is None or side < best[0]):
            best = side, number
    image.seek(best[1] if best else 0)
    return best is not None


def measure(image: Image.Image) -> Statistics:
    """Statistics of an RGB picture."""
    counts = image.histogram()
    grey = image.convert("L")
    luma = grey.histogram()
    pixels = image.width * image.height
    channels = tuple(counts[256 * i : 256 * (i + 1)] for i in range(3))
    half, seen, median = (pixels + 1) // 2, 0, 0
    for median, count in enumerate(luma):  # noqa: B007 (the code at which the loop ends)
        seen += count
        if seen >= half:
            break
    linear_mean = sum(light * count for light, count in zip(_LINEAR, luma, strict=True)) / pixels
    return Statistics(
        mean=sum(code * count for code, count in enumerate(luma)) / pixels,
        median=median,
        linear_mean=linear_mean,
        clipped_fraction=max(sum(channel[CLIPPED:]) for channel in channels) / pixels,
        histogram=(tuple(channels[0]), tuple(channels[1]), tuple(channels[2])),
        stars=count_stars(grey) if linear_mean < DARK else None,
    )


def count_stars(grey: Image.Image) -> int:
    """Points of light in a grey picture: local maxima that stand out of their surroundings.

    For comparing frames of one camera with each other, not for photometry: Pillow alone, so that a camera's
    process needs no detector.
    """
    grey = grey.reduce(2)  # a quarter of the work, and noise that is no star
    around = grey.filter(ImageFilter.BoxBlur(6))
    above = ImageChops.subtract(grey, around)
    spread = ImageStat.Stat(above).stddev[0]
    least = max(_LEAST_PEAK, round(_PEAK * spread))
    highest = above.filter(ImageFilter.MaxFilter(5))
    peaks = ImageChops.subtract(highest, above).point([255] + [0] * 255)  # white where a pixel is the highest
    strong = above.point([0] * least + [255] * (256 - least))
    # Neighbours of equal height would count twice: what touches is one.
    marks = ImageChops.multiply(peaks, strong)
    firsts = ImageChops.subtract(marks, ImageChops.lighter(_moved(marks, 1, 0), _moved(marks, 0, 1)))
    return firsts.histogram()[255]


def _moved(image: Image.Image, right: int, down: int) -> Image.Image:
    moved = Image.new("L", image.size)
    moved.paste(image, (right, down))
    return moved
