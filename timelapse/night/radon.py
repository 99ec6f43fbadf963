"""Lines below the noise of every pixel: a fast partial Radon transform (Götz & Druckmüller 1996).

Sums along all lines through strips of 16 to 128 rows, and of columns, at about the cost of a few additions per
pixel and level.
"""

import numpy as np
from numpy.typing import NDArray

from sky.kernels import exact_kernel, in_bands
from timelapse.night.frames import Floats

_LEVELS = (4, 5, 6, 7)  # strips of 2^n rows


def lines(image: Floats, threshold: float) -> NDArray[np.float64]:
    """Pieces of lines that stand out: (n, 5) score in standard deviations, x0, y0, x1, y1; strongest first."""
    parts: dict[int, NDArray[np.float64]] = {}

    def octants(first: int, end: int) -> None:
        for n in range(first, end):
            parts[n] = _octant(image, bool(n & 2), bool(n & 1), threshold)

    in_bands(4, octants)
    found = np.concatenate([parts[n] for n in range(4)])
    return found[np.argsort(-found[:, 0], kind="stable")]


@exact_kernel
def _double(lines, out):
    """Join strips two by two: (s, a, x) to (s / 2, 2 a, x)."""
    strips, slopes, width = lines.shape
    for s in range(strips // 2):
        for a in range(2 * slopes):
            shift = (a + 1) // 2
            for x in range(width - shift):
                out[s, a, x] = lines[2 * s, a // 2, x] + lines[2 * s + 1, a // 2, x + shift]
            for x in range(max(width - shift, 0), width):
                out[s, a, x] = lines[2 * s, a // 2, x]


@exact_kernel
def _peaks(lines, threshold, out):
    """Best slope and neighbourhood maxima above `threshold`: strip, slope, x, score. Returns how many."""
    strips, slopes, width = lines.shape
    n = 0
    for s in range(strips):
        for x0 in range(0, width, 8):
            best, best_a, best_x = threshold, -1, -1
            for x in range(x0, min(x0 + 8, width)):
                for a in range(slopes):
                    if lines[s, a, x] > best:
                        best, best_a, best_x = lines[s, a, x], a, x
            if best_a >= 0 and n < len(out):
                out[n, 0], out[n, 1], out[n, 2], out[n, 3] = s, best_a, best_x, best
                n += 1
    return n


def _octant(image: Floats, turned: bool, flipped: bool, threshold: float) -> NDArray[np.float64]:
    """Lines that stand out in one octant: (n, 5) score, x0, y0, x1, y1 of `image`."""
    plane = image.T if turned else image
    plane = plane[:, ::-1] if flipped else plane
    top = 1 << _LEVELS[-1]
    height, width = plane.shape
    padded = np.zeros((-(-height // top) * top, width), np.float32)
    padded[:height] = plane
    lines, found = padded[:, None, :], []
    for level in range(1, _LEVELS[-1] + 1):
        joined = np.empty((lines.shape[0] // 2, lines.shape[1] * 2, width), np.float32)
        _double(np.ascontiguousarray(lines), joined)
        lines = joined
        if level not in _LEVELS:
            continue
        part = lines[:, ::3, ::7]
        spread = 1.4826 * float(np.median(np.abs(part)))
        room = np.empty((4096, 4))
        n = _peaks(lines, np.float32(threshold * max(spread, 1e-3)), room)
        rows = float(1 << level)
        s, a, x, score = room[:n].T
        ends = np.stack([score / max(spread, 1e-3), x, s * rows, x + a, s * rows + rows - 1], axis=1)
        found.append(ends)
    out = np.concatenate(found)
    if flipped:
        out[:, [1, 3]] = width - 1 - out[:, [1, 3]]
    return out[:, [0, 2, 1, 4, 3]] if turned else out
