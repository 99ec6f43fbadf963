"""A frame as a JPEG or PNG: arrays stretched, camera files through their own preview or decoded.

Runs in the reader's process, which has a limit of memory: what a camera or a stranger's session says of its files is
not trusted.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from sessions.history import stretch
from sessions.history.contents import Pixels
from skycam_project.common.errors import SkycamError

SIDES = {"thumbnail": 320, "large": 1600, "full": None}
"""Pixels of the longer side at most."""
FORMATS = {"jpg": "JPEG", "png": "PNG"}
QUALITY = 88
MOST_PIXELS = 250_000_000
_FINISHED = ("image/jpeg", "image/png", "image/tiff", "image/webp", "image/bmp")
_FITS = ("image/fits", "application/fits")
_RAW = "image/x-"


class NotShowableError(SkycamError):
    """There is nothing in the file that can be shown. The file itself may be perfectly good."""

    code = "not_showable"


@dataclass(frozen=True, slots=True)
class _Decoded:
    """Pixels before they are stretched; `finished`: 0 to 255 for eyes already."""

    array: np.ndarray
    bayer: str
    finished: bool


def picture(pixels: Pixels, size: str, mode: str, form: str) -> bytes:
    """The picture's file.

    Args:
        pixels: the frame.
        size: one of `SIDES`.
        mode: one of `stretch.MODES`.
        form: one of `FORMATS`.

    Raises:
        NotShowableError: nothing in it can be shown.
        OSError: the disk failed.
    """
    side = SIDES[size]
    decoded = _decoded(pixels, side)
    small = stretch.small(decoded.array, decoded.bayer, side)
    image = Image.fromarray(stretch.to_bytes(small, mode, decoded.finished))
    if side:
        image.thumbnail(
            (side, side), Image.Resampling.BOX if size == "thumbnail" else Image.Resampling.LANCZOS
        )
    target = io.BytesIO()
    image.save(target, FORMATS[form], **({"quality": QUALITY} if form == "jpg" else {"compress_level": 3}))
    return target.getvalue()


def _decoded(pixels: Pixels, side: int | None) -> _Decoded:
    if not pixels.media_type:
        array = pixels.data
        return _Decoded(array, pixels.bayer, array.dtype == np.uint8 and array.ndim == 3)
    source: Any = io.BytesIO(pixels.data) if pixels.data is not None else pixels.file
    try:
        if pixels.media_type in _FITS:
            return _fits(source)
        if pixels.media_type in _FINISHED:
            return _finished(source, side)
        if pixels.media_type.startswith(_RAW):
            return _raw(source, side)
    except SkycamError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise NotShowableError(f"{pixels.name}: {error}") from error  # Pillow's word for a cut file
    except Exception as error:  # LibRaw, Pillow and astropy raise what they like for a hostile file
        raise NotShowableError(f"{pixels.name}: {error}") from error
    raise NotShowableError(
        f"{pixels.name} is {pixels.media_type}, which is not a picture that can be shown here"
    )


def _finished(source: Any, side: int | None) -> _Decoded:
    with Image.open(source, formats=("JPEG", "PNG", "TIFF", "WEBP", "BMP")) as image:
        if image.width * image.height > MOST_PIXELS:
            raise NotShowableError(f"a picture of {image.width} x {image.height} pixels")
        if side:
            image.draft("RGB", (2 * side, 2 * side))
        if image.mode.startswith(("I", "F")):
            return _Decoded(np.asarray(image.convert("F")), "", False)
        upright = ImageOps.exif_transpose(image)
        return _Decoded(np.asarray(upright.convert("RGB")), "", True)


def _raw(source: Any, side: int | None) -> _Decoded:
    import rawpy

    with rawpy.imread(source if hasattr(source, "read") else str(source)) as raw:
        try:
            thumb = raw.extract_thumb()
        except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
            thumb = None
        if thumb is not None and thumb.format == rawpy.ThumbFormat.JPEG:
            return _finished(io.BytesIO(bytes(thumb.data)), side)
        rgb = raw.postprocess(half_size=True, no_auto_bright=True, output_bps=16, use_camera_wb=True)
    return _Decoded(rgb, "", False)


def _fits(source: Any) -> _Decoded:
    from astropy.io import fits

    with fits.open(source, memmap=False, lazy_load_hdus=True) as units:
        for unit in list[Any](units):
            sides = [
                int(unit.header.get(f"NAXIS{n}", 0)) for n in range(1, int(unit.header.get("NAXIS", 0)) + 1)
            ]
            if len(sides) < 2 or 0 in sides:
                continue
            if int(np.prod(sides, dtype=object)) > MOST_PIXELS:
                raise NotShowableError(f"a FITS image of {' x '.join(map(str, sides))}")
            bayer = str(unit.header.get("BAYERPAT", "")).strip()
            data = np.squeeze(np.asarray(unit.data))
            if data.ndim == 3 and data.shape[0] == 3:
                data = np.moveaxis(data, 0, 2)
            if data.ndim == 2 or (data.ndim == 3 and data.shape[2] == 3):
                return _Decoded(data, bayer, False)
    raise NotShowableError("a FITS file without an image")
