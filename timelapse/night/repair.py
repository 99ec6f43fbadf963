"""Hot pixels out of a frame: what still stands alone when darks and bad pixels are dealt with."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sky.kernels import exact_kernel, in_bands

_TILE = 64
_SAMPLE = 1024
_SIGMAS = 8.0
_NEIGHBOURS = 0.25
"""A pixel is hot when none of its neighbours has more than this share of its excess: light of a star spreads."""


@exact_kernel
def tile_levels(image, step, levels, noises, first, end):
    """Mean of the middle of each tile, and the noise below it, for each colour of a mosaic."""
    height, width = image.shape
    tw = levels.shape[2]
    for j in range(first, end):
        y0, y1 = j * height // levels.shape[1], (j + 1) * height // levels.shape[1]
        for i in range(tw):
            x0, x1 = i * width // tw, (i + 1) * width // tw
            for c in range(step * step):
                sample = np.empty(_SAMPLE, np.float32)
                n = 0
                for y in range(y0 - (y0 % step) + c // step, y1, 4):
                    for x in range(x0 - (x0 % step) + c % step, x1, 4):
                        if n < _SAMPLE:
                            sample[n] = image[y, x]
                            n += 1
                part = np.sort(sample[:n])
                low, high = int(0.3 * n), max(int(0.7 * n), int(0.3 * n) + 1)
                centre = part[low:high].mean()
                levels[c, j, i] = centre
                noises[c, j, i] = max(centre - part[int(0.16 * n)], 1.0)


@exact_kernel
def _excess(image, levels, step, y, x):
    th, tw = levels.shape[1], levels.shape[2]
    j, i = min(y * th // image.shape[0], th - 1), min(x * tw // image.shape[1], tw - 1)
    return image[y, x] - levels[(y % step) * step + x % step, j, i]


@exact_kernel
def _repair(image, levels, noises, step, out, first, end):
    height, width = image.shape
    th, tw = levels.shape[1], levels.shape[2]
    for y in range(first, end):
        j = min(y * th // height, th - 1)
        for x in range(width):
            value = image[y, x]
            out[y, x] = value
            if y < step or x < step or y >= height - step or x >= width - step:
                continue
            i = min(x * tw // width, tw - 1)
            c = (y % step) * step + x % step
            over = value - levels[c, j, i]
            if over < np.float32(_SIGMAS) * noises[c, j, i]:
                continue
            limit = np.float32(_NEIGHBOURS) * over
            if (
                _excess(image, levels, step, y - 1, x) > limit
                or _excess(image, levels, step, y + 1, x) > limit
                or _excess(image, levels, step, y, x - 1) > limit
                or _excess(image, levels, step, y, x + 1) > limit
            ):
                continue
            # The mean of the middle two of four neighbours of the same colour.
            a, b = image[y - step, x], image[y + step, x]
            d, e = image[y, x - step], image[y, x + step]
            low, high = min(min(a, b), min(d, e)), max(max(a, b), max(d, e))
            out[y, x] = (a + b + d + e - low - high) * np.float32(0.5)


def repaired(image: NDArray[Any], *, mosaic: bool) -> NDArray[np.float32]:
    """The frame as float32 with hot pixels filled from beside.

    Args:
        image: (h, w), ADU.
        mosaic: whether pixels of one colour lie two apart.
    """
    plane = np.ascontiguousarray(image, np.float32)
    step = 2 if mosaic else 1
    th, tw = max(2, plane.shape[0] // _TILE), max(2, plane.shape[1] // _TILE)
    levels, noises = (np.empty((step * step, th, tw), np.float32) for _ in range(2))
    in_bands(th, lambda first, end: tile_levels(plane, step, levels, noises, first, end))
    out = np.empty_like(plane)
    in_bands(plane.shape[0], lambda first, end: _repair(plane, levels, noises, step, out, first, end))
    return out
