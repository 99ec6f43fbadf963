"""Pictures and curves for notebooks, without a plotting library."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from .frames import fits_pixels, stored

_WIDTH, _HEIGHT, _EDGE = 720, 240, 44
_SOFTNESS = 0.02


class Picture:
    """An array as a notebook shows it: stretched so that faint light can be seen.

    Args:
        pixels: `[h, w]` or `[h, w, 3]`, ADU.
        side: pixels of the longer side at most; whole pixels are left out, nothing is averaged.
    """

    def __init__(self, pixels: Any, side: int = 960) -> None:
        pixels = np.asarray(pixels)
        step = max(1, -(-max(pixels.shape[:2]) // side))
        light = pixels[::step, ::step].astype(np.float32)
        middle = np.median(light)
        spread = 1.4826 * np.median(np.abs(light - middle))
        black = middle - spread
        white = max(np.quantile(light, 0.999), middle + 30 * spread, black + 1)
        scaled = np.clip((light - black) / (white - black), 0, 1)
        self.values = (np.arcsinh(scaled / _SOFTNESS) / np.arcsinh(1 / _SOFTNESS) * 255).astype(np.uint8)

    def _repr_png_(self) -> bytes:
        height, width = self.values.shape[:2]
        rows = np.zeros((height, self.values[0].size + 1), np.uint8)  # each row begins with "no filter"
        rows[:, 1:] = self.values.reshape(height, -1)
        kind = 2 if self.values.ndim == 3 else 0
        head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )


class Photo:
    """A JPEG as a notebook shows it: the camera's own."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def _repr_jpeg_(self) -> bytes:
        return self.data


def shown(camera: Mapping[str, Any], row: Mapping[str, Any]) -> Picture | Photo:
    """One frame for a notebook, by its row of the `frame_table`; a RAW file raises `ValueError`."""
    data = stored(camera, row)
    if not isinstance(data, bytes):
        return Picture(data)
    if data.startswith(b"\xff\xd8"):
        return Photo(data)
    if data.startswith(b"SIMPLE"):
        return Picture(fits_pixels(data))
    raise ValueError(f"{row['file_name']} needs a library that develops it; `stored` gives its bytes")


class Curve:
    """A series over time as a notebook shows it; missing values leave gaps.

    Args:
        times: aware datetimes, as many as values.
        values: numbers or None.
        label: what they are, with the unit.
    """

    def __init__(self, times: Sequence[datetime], values: Sequence[float | None], label: str = "") -> None:
        self.label = label
        self.points = list(zip(times, values, strict=True))

    def _repr_svg_(self) -> str:
        numbers = [value for _, value in self.points if value is not None]
        if not numbers:
            return f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="20"></svg>'
        first, last = self.points[0][0], self.points[-1][0]
        low, high = min(numbers), max(numbers)
        span, range_ = (last - first).total_seconds() or 1.0, (high - low) or 1.0
        path, pen = [], "M"
        for time, value in self.points:
            if value is None:
                pen = "M"
                continue
            x = _EDGE + (time - first).total_seconds() / span * (_WIDTH - 2 * _EDGE)
            y = _HEIGHT - _EDGE - (value - low) / range_ * (_HEIGHT - 2 * _EDGE)
            path.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        texts = (
            (_EDGE, 24, "start", self.label),
            (_EDGE - 6, _EDGE + 4, "end", f"{high:g}"),
            (_EDGE - 6, _HEIGHT - _EDGE + 4, "end", f"{low:g}"),
            (_EDGE, _HEIGHT - 14, "start", f"{first:%Y-%m-%d %H:%M} UTC"),
            (_WIDTH - _EDGE, _HEIGHT - 14, "end", f"{last:%H:%M}"),
        )
        words = "".join(f'<text x="{x}" y="{y}" text-anchor="{a}">{_plain(t)}</text>' for x, y, a, t in texts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" '
            f'font-size="12" fill="gray">{words}<path d="{" ".join(path)}" fill="none" stroke="#4a90d9" '
            f'stroke-width="1.5" stroke-linecap="round"/></svg>'
        )


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
