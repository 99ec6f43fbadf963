"""Noise reduction over time where nothing moves, over space where something does.

A running mean S follows the frames: S += a (cur - S), with a small where |cur - S| is what noise explains,
and 1 where it is more. Where a is high there is no mean over time, so there the frame itself is smoothed a
little, edges kept.
"""

from dataclasses import dataclass

import numpy as np

from sky.kernels import exact_kernel, in_bands
from timelapse.pipeline.planes import Planes

_LOW, _HIGH = 1.15, 1.9
_BINS = 32


@dataclass(slots=True)
class NoiseCurve:
    """Usual |difference| of two frames, box averaged, by luma: `[256]` float32, 16-bit codes."""

    luma: np.ndarray
    chroma: float


def measure(before: Planes, after: Planes) -> NoiseCurve:
    """Noise of a camera by tone, from two frames of a still scene."""
    y, s = after.y[::2, ::2].astype(np.float32), before.y[::2, ::2].astype(np.float32)
    difference, tone = np.abs(y - s), np.minimum(s / (65536 / _BINS), _BINS - 1).astype(int)
    found = np.full(_BINS, np.nan)
    for number in range(_BINS):
        inside = difference[tone == number]
        if inside.size > 1000:
            found[number] = np.median(inside) * 1.25
    known = np.flatnonzero(np.isfinite(found))
    if not len(known):
        return NoiseCurve(np.full(256, 64.0, np.float32), 45.0)
    curve = np.interp(np.arange(256), (known + 0.5) * 256 / _BINS, found[known]).clip(64, 2560)
    return NoiseCurve(curve.astype(np.float32), float(np.median(curve)) * 0.7)


class Denoiser:
    """Running mean of working planes.

    Args:
        strength: 0 … 1; 0.8 keeps a fifth of each new frame where nothing moves, 1 a sixteenth.
    """

    def __init__(self, strength: float, noise: NoiseCurve | None = None) -> None:
        self._least = np.float32(max(1 - strength, 1 / 16))
        self._noise = noise
        self._state: Planes | None = None

    def __call__(self, planes: Planes) -> Planes:
        """The next frame. The result is this object's; it stays untouched for one more call."""
        if self._state is None:
            self._state = planes
            return planes
        if self._noise is None:
            self._noise = measure(self._state, planes)
        chroma = np.full(256, self._noise.chroma, np.float32)
        curves = (self._noise.luma, chroma, chroma)
        self._state = Planes(*map(self._plane, planes, self._state, curves))
        return self._state

    def _plane(self, plane: np.ndarray, state: np.ndarray, curve: np.ndarray) -> np.ndarray:
        out = np.empty_like(plane)
        in_bands(len(out), lambda first, end: _follow(plane, state, curve, self._least, out, first, end))
        return out


@exact_kernel
def _differences(cur, state, row, into):
    """|cur - state| of a row, summed over 5 columns."""
    j = min(cur.shape[0] - 1, max(0, row))
    width = cur.shape[1]
    one, two = cur[j], state[j]
    single = np.empty(width + 4, np.int32)
    for i in range(width):
        single[i + 2] = abs(np.int32(one[i]) - np.int32(two[i]))
    single[0], single[1] = single[4], single[3]
    single[width + 2], single[width + 3] = single[width], single[width - 1]
    for i in range(width):
        into[i] = single[i] + single[i + 1] + single[i + 2] + single[i + 3] + single[i + 4]


@exact_kernel
def _follow(cur, state, curve, least, out, first, end):
    height, width = cur.shape
    ring = np.empty((5, width), np.int32)
    inverse, limits = np.empty(256, np.float32), np.empty(256, np.float32)
    for tone in range(256):
        inverse[tone] = np.float32(1 / (25 * (_HIGH - _LOW))) / curve[tone]
        limits[tone] = np.float32(2) * curve[tone]
    offset = np.float32(_LOW / (_HIGH - _LOW))
    fifth = np.float32(0.2) / (np.float32(1) - least)
    for row in range(first - 2, first + 2):
        _differences(cur, state, row, ring[row % 5])
    for j in range(first, end):
        _differences(cur, state, j + 2, ring[(j + 2) % 5])
        r0, r1, r2, r3, r4 = ring[0], ring[1], ring[2], ring[3], ring[4]
        one, two, result = cur[j], state[j], out[j]
        upper, lower = cur[max(0, j - 1)], cur[min(height - 1, j + 1)]
        for i in range(width):
            tone = two[i] >> 8
            box = np.float32(r0[i] + r1[i] + r2[i] + r3[i] + r4[i])
            part = min(np.float32(1), max(least, box * inverse[tone] - offset))
            here, old = np.float32(one[i]), np.float32(two[i])
            if part > least:
                # Four neighbours that noise explains, as far as there is no mean over time.
                near, limit = np.float32(0), limits[tone]
                a, b = np.float32(one[max(0, i - 1)]) - here, np.float32(one[min(width - 1, i + 1)]) - here
                c, d = np.float32(upper[i]) - here, np.float32(lower[i]) - here
                near += a if abs(a) < limit else np.float32(0)
                near += b if abs(b) < limit else np.float32(0)
                near += c if abs(c) < limit else np.float32(0)
                near += d if abs(d) < limit else np.float32(0)
                here += fifth * (part - least) * near
            result[i] = np.uint16(np.int32(old + part * (here - old) + np.float32(0.5)))
