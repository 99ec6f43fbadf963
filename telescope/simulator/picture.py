"""From raw mosaics to what the device shows: JPEG pictures, thumbnails, 16-bit PNG."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

FULL = 4095
"""Highest raw value."""


def half_size(mosaic: np.ndarray, step: int = 1) -> np.ndarray:
    """Colour picture of half the size: each RGGB cell is one pixel.

    Args:
        mosaic: any numeric type, shape (2h, 2w).
        step: take every `step`-th cell of every `step`-th row only.

    Returns:
        float32, shape (⌈h / step⌉, ⌈w / step⌉, 3), same scale.
    """
    height, width = (size // 2 * 2 for size in mosaic.shape)
    m, n = mosaic[:height, :width], 2 * step
    picture = np.empty((-(-height // n), -(-width // n), 3), np.float32)
    picture[..., 0] = m[0::n, 0::n]
    picture[..., 1] = (m[0::n, 1::n].astype(np.float32) + m[1::n, 0::n]) / 2
    picture[..., 2] = m[1::n, 1::n]
    return picture


def stretch(colour: np.ndarray) -> np.ndarray:
    """Eight-bit picture that shows the sky dark grey and stars white (asinh of background and noise).

    Args:
        colour: float32, shape (h, w, 3), raw scale.

    Returns:
        uint8, same shape.
    """
    sample = colour[::4, ::4].reshape(-1, 3)
    low = np.percentile(sample, 5, axis=0)
    width = max(8.0, float(np.percentile(sample.max(axis=1), 99.0) - low.min()))
    scaled = np.arcsinh(np.clip(colour - low, 0, None) * (8.0 / width)) / np.arcsinh(8.0 * FULL / width / 4)
    return (np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def jpeg(picture: np.ndarray, width: int | None = None, quality: int = 88) -> bytes:
    """JPEG of an eight-bit RGB picture, made smaller when `width` says so."""
    image = Image.fromarray(picture)
    if width is not None and width < image.width:
        image = image.resize((width, max(1, image.height * width // image.width)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def png(picture: np.ndarray) -> bytes:
    """PNG of a uint8 or uint16 picture, grey (h, w) or RGB (h, w, 3); Pillow writes no 16-bit colour."""
    height, width = picture.shape[:2]
    deep = picture.dtype == np.uint16
    rows = np.ascontiguousarray(picture.astype(">u2") if deep else picture).view(np.uint8).reshape(height, -1)
    lines = np.zeros((height, rows.shape[1] + 1), np.uint8)
    lines[:, 1:] = rows
    colour = 2 if picture.ndim == 3 else 0
    head = struct.pack(">IIBBBBB", width, height, 16 if deep else 8, colour, 0, 0, 0)
    body = zlib.compress(lines.tobytes(), 1)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
