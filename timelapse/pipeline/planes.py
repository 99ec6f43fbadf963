"""A picture as the pipeline carries it: luma and half-size chroma, as cameras' JPEGs store it."""

from typing import NamedTuple

import numpy as np

from sky.kernels import exact_kernel, in_bands


class Planes(NamedTuple):
    """One picture: Y'CbCr of BT.601 at full range, chroma 4:2:0 sited in the middle of its four pixels.

    Attributes:
        y: luma `[h, w]`, h and w even; uint8 (0 … 255) or uint16 (code times 256: 0 … 65,535).
        u: Cb `[h / 2, w / 2]`, same type; 128 (times 256) is neutral.
        v: Cr, likewise.
    """

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.y.shape[1], self.y.shape[0]

    def turned(self, degrees: int) -> "Planes":
        """Turned clockwise by a multiple of 90°; its chroma lies in the middle of four pixels, so nothing is mixed."""
        if not degrees:
            return self
        return Planes(*(np.ascontiguousarray(np.rot90(plane, -degrees // 90)) for plane in self))


def from_rgb(rgb: np.ndarray) -> Planes:
    """Planes of `[h, w, 3]` RGB, uint8 or uint16 (full scale 255 or 65,535); odd edges are cut off.

    Returns planes of the same type. Chroma is the mean of four pixels.
    """
    height, width = rgb.shape[0] & ~1, rgb.shape[1] & ~1
    y = np.empty((height, width), rgb.dtype)
    u, v = (np.empty((height // 2, width // 2), rgb.dtype) for _ in "uv")
    middle, top = (128, 255) if rgb.dtype == np.uint8 else (32768, 65535)
    in_bands(height // 2, lambda first, end: _planes_of_rgb(rgb, y, u, v, middle, top, first, end))
    return Planes(y, u, v)


def from_grey(grey: np.ndarray) -> Planes:
    """Planes of `[h, w]` grey, uint8 or uint16."""
    height, width = grey.shape[0] & ~1, grey.shape[1] & ~1
    middle = 128 if grey.dtype == np.uint8 else 32768
    chroma = np.full((height // 2, width // 2), middle, grey.dtype)
    return Planes(np.ascontiguousarray(grey[:height, :width]), chroma, chroma)


def to_rgb(planes: Planes) -> np.ndarray:
    """`[h, w, 3]` RGB of the planes' own type; chroma is repeated, not interpolated."""
    top = 255 if planes.y.dtype == np.uint8 else 65535
    middle = (top + 1) // 2
    rgb = np.empty((*planes.y.shape, 3), planes.y.dtype)
    in_bands(planes.y.shape[0], lambda first, end: _rgb_of_planes(*planes, rgb, middle, top, first, end))
    return rgb


@exact_kernel
def _planes_of_rgb(rgb, y, u, v, middle, top, first, end):
    for j in range(first, end):
        for i in range(u.shape[1]):
            red, green, blue = 0.0, 0.0, 0.0
            for dj in range(2):
                for di in range(2):
                    r = np.float32(rgb[2 * j + dj, 2 * i + di, 0])
                    g = np.float32(rgb[2 * j + dj, 2 * i + di, 1])
                    b = np.float32(rgb[2 * j + dj, 2 * i + di, 2])
                    y[2 * j + dj, 2 * i + di] = int(0.299 * r + 0.587 * g + 0.114 * b + 0.5)
                    red, green, blue = red + r, green + g, blue + b
            luma = 0.299 * red + 0.587 * green + 0.114 * blue
            cb = middle + (blue - luma) / (4 * 1.772) + 0.5
            cr = middle + (red - luma) / (4 * 1.402) + 0.5
            u[j, i] = int(min(float(top), max(0.0, cb)))
            v[j, i] = int(min(float(top), max(0.0, cr)))


@exact_kernel
def _rgb_of_planes(y, u, v, rgb, middle, top, first, end):
    for j in range(first, end):
        for i in range(y.shape[1]):
            luma = float(y[j, i]) + 0.5
            cb = float(u[j // 2, i // 2]) - middle
            cr = float(v[j // 2, i // 2]) - middle
            rgb[j, i, 0] = int(min(float(top), max(0.0, luma + 1.402 * cr)))
            rgb[j, i, 1] = int(min(float(top), max(0.0, luma - 0.344136 * cb - 0.714136 * cr)))
            rgb[j, i, 2] = int(min(float(top), max(0.0, luma + 1.772 * cb)))
