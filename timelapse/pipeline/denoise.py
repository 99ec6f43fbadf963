"""Noise reduction over time where nothing moves, over space where something does.

A running mean S follows the frames: S += a (cur - S), with a small where cur - S is what noise explains, and 1 where
it is more. Two things are asked of a box of 6 x 6 pixels: the mean of |cur - S|, which shows edges that move, and
|mean of cur - S|, in which noise cancels, which shows clouds and shadows that creep. The light of the whole scene may
change (dusk); the mean is brought along by what the deflicker knows of it. Where a is high there is no mean over time,
so there the frame itself is smoothed, edges kept.
"""

from dataclasses import dataclass

import numpy as np

from sky.kernels import exact_kernel, in_bands
from timelapse.pipeline.planes import Planes

_LOW, _HIGH = 1.15, 1.9
"""Mean |difference| in units of the noise curve at which the mean is left, and at which nothing is kept of it."""
_LOW_BIAS, _HIGH_BIAS = 2.2, 3.5
"""The same for |mean difference| in units of its own noise."""
_BINS = 32
_ALIKE = 2.2
"""Difference of the means of two blocks, in units of the noise curve, that noise explains."""
_SOFT = 0.8
"""Share of the mean over neighbours where nothing is known from before."""
_FEWEST = 300
"""Pixels of a tone that tell its noise."""
_FLOOR = 45.0
"""16-bit codes: rounding alone makes so much noise."""


@dataclass(frozen=True, slots=True)
class Light:
    """How the light of the scene changed from the frame before.

    Attributes:
        luma: `[256]` int32, change of luma (16-bit codes) by luma / 256.
        chroma: factor of the distance from grey.
    """

    luma: np.ndarray
    chroma: float


STEADY = Light(np.zeros(256, np.int32), 1.0)


@dataclass(frozen=True, slots=True)
class NoiseCurve:
    """Usual |difference| of two frames, 16-bit codes.

    Attributes:
        luma: `[256]` float32 by luma / 256.
        chroma: of both chroma planes.
        cancelling: part of it that is left in the mean of 6 x 6 luma pixels, 0 … 1; 1/6 when pixels are independent.
        chroma_cancelling: likewise.
    """

    luma: np.ndarray
    chroma: float
    cancelling: float
    chroma_cancelling: float


def measure(before: Planes, after: Planes, light: Light) -> NoiseCurve:
    """Noise of a camera by tone, from two frames of a still scene whose light may have changed."""
    import cv2

    codes = np.arange(256, dtype=np.float32)
    lit = np.interp(before.y / np.float32(256), codes, codes * 256 + light.luma).astype(np.float32)
    before = Planes(lit, before.u, before.v)
    away = [b.astype(np.float32) - a for b, a in zip(after, before, strict=True)]
    boxes = [cv2.blur(plane, (6, 6))[::2, ::2] for plane in away]
    away = [np.abs(plane[::2, ::2]) for plane in away]
    tone = (lit[::2, ::2] * np.float32(_BINS / 65536)).clip(0, _BINS - 1).astype(int)
    found = np.full(_BINS, np.nan)
    for number in range(_BINS):
        inside = away[0][tone == number]
        if inside.size > _FEWEST:
            found[number] = np.median(inside) * 1.25
    known = np.flatnonzero(np.isfinite(found))
    usual = [max(float(np.median(plane)), _FLOOR / 1.25) for plane in away]
    left = [
        float(np.clip(np.median(np.abs(box)) / scale, 1 / 6, 1))
        for box, scale in zip(boxes, usual, strict=True)
    ]
    curve = (
        np.interp(codes, (known + 0.5) * 256 / _BINS, found[known]) if len(known) else codes * 0 + usual[0]
    )
    return NoiseCurve(curve.clip(64, 2560).astype(np.float32), 1.25 * max(usual[1:]), left[0], max(left[1:]))


class Denoiser:
    """Running mean of working planes.

    Args:
        strength: 0 … 1; 0.8 keeps a fifth of each new frame where nothing moves, 1 a sixteenth.
    """

    def __init__(self, strength: float) -> None:
        self._least = max(1 - strength, 1 / 16)
        self._noise: NoiseCurve | None = None
        self._state: Planes | None = None
        self._count = 0

    def __call__(self, planes: Planes, light: Light = STEADY) -> Planes:
        """The next frame. The result is this object's; it stays untouched for one more call.

        Args:
            planes: working planes.
            light: what changed since the frame before.
        """
        self._count += 1
        if self._state is None:
            self._state = planes
            return planes
        if self._noise is None:
            self._noise = measure(self._state, planes, light)
        # At first a plain mean: the second frame counts a half, the third a third.
        least = np.float32(max(self._least, 1 / self._count))
        chroma = ((np.arange(256) - 128) * 256 * (light.chroma - 1)).astype(np.int32)
        even = np.full(256, self._noise.chroma, np.float32)
        y, u, v = planes
        old, noise = self._state, self._noise
        self._state = Planes(
            _followed(y, old.y, light.luma, noise.luma, noise.cancelling, least),
            _followed(u, old.u, chroma, even, noise.chroma_cancelling, least),
            _followed(v, old.v, chroma, even, noise.chroma_cancelling, least),
        )
        return self._state


def _followed(
    plane: np.ndarray,
    state: np.ndarray,
    light: np.ndarray,
    curve: np.ndarray,
    cancelling: float,
    least: np.float32,
) -> np.ndarray:
    out = np.empty_like(plane)
    steep = np.float32((_HIGH - _LOW) / ((_HIGH_BIAS - _LOW_BIAS) * cancelling))
    in_bands(
        (len(out) + 1) // 2,
        lambda first, end: _follow(plane, state, light, curve, steep, least, out, first, end),
    )
    return out


# Each step is a loop of its own over one row, with few arrays and no branches: such loops become vector instructions,
# which makes the whole four times faster.


@exact_kernel
def _load(cur, state, light, steady, row, old, away):
    """The state brought to today's light, and what the frame differs from it."""
    j = min(cur.shape[0] - 1, max(0, row))
    one, two, width = cur[j], state[j], cur.shape[1]
    if steady:
        for i in range(width):
            old[i] = two[i]
    else:
        for i in range(width):
            code = np.int32(two[i])
            old[i] = code + light[code >> 8]
        for i in range(width):
            old[i] = min(np.int32(65535), max(np.int32(0), old[i]))
    for i in range(width):
        away[i] = np.int32(one[i]) - old[i]
    if width % 2:
        away[width] = away[width - 1]


@exact_kernel
def _blocks(upper, lower, size, bias):
    """Sums over 2 x 2 pixels, of what two rows differ by; one block more at each end."""
    for i in range(size.shape[0] - 2):
        a, b, c, d = upper[2 * i], upper[2 * i + 1], lower[2 * i], lower[2 * i + 1]
        size[i + 1] = abs(a) + abs(b) + abs(c) + abs(d)
        bias[i + 1] = a + b + c + d
    for sums in (size, bias):
        sums[0], sums[-1] = sums[1], sums[-2]


@exact_kernel
def _light(cur, row, light):
    """Sums over 2 x 2 pixels of the frame; one block more at each end."""
    height, width = cur.shape
    upper, lower = cur[min(height - 1, max(0, row))], cur[min(height - 1, max(0, row + 1))]
    for i in range(width // 2):
        j = 2 * i
        light[i + 1] = (
            np.int32(upper[j]) + np.int32(upper[j + 1]) + np.int32(lower[j]) + np.int32(lower[j + 1])
        )
    if width % 2:
        light[-2] = 2 * (np.int32(upper[width - 1]) + np.int32(lower[width - 1]))
    light[0], light[-1] = light[1], light[-2]


@exact_kernel
def _added(rows, sums):
    one, two, three = rows[0], rows[1], rows[2]
    for i in range(sums.shape[0]):
        sums[i] = one[i] + two[i] + three[i]


@exact_kernel
def _usual(shown, curve, noise):
    """What the noise curve says of each block."""
    for i in range(noise.shape[0]):
        noise[i] = curve[min(np.int32(255), shown[i + 1] >> 10)]


@exact_kernel
def _parts(size, bias, noise, steep, least, parts):
    """How much of the frame each block gets, from the sums of columns of three blocks."""
    low = np.float32(_LOW / (_HIGH - _LOW))
    low_bias = np.float32(_LOW_BIAS / (_HIGH_BIAS - _LOW_BIAS))
    unit = np.float32(1 / (36 * (_HIGH - _LOW)))
    for i in range(parts.shape[0]):
        box, mean = size[i] + size[i + 1] + size[i + 2], bias[i] + bias[i + 1] + bias[i + 2]
        scale = unit / noise[i]
        part, other = np.float32(box) * scale - low, np.float32(abs(mean)) * scale * steep - low_bias
        part = part if part > other else other
        part = part if part > least else least
        parts[i] = part if part < np.float32(1) else np.float32(1)


@exact_kernel
def _near(before, here, after, noise, even):
    """What a block is where there is no mean over time: the mean of the nine about it, as far as noise explains them."""
    zero = np.int32(0)
    for i in range(even.shape[0]):
        middle, limit = here[i + 1], np.int32(np.float32(4 * _ALIKE) * noise[i])
        total = zero
        for k in range(3):
            a, b, c = before[i + k] - middle, here[i + k] - middle, after[i + k] - middle
            total += a if abs(a) < limit else zero
            total += b if abs(b) < limit else zero
            total += c if abs(c) < limit else zero
        even[i] = np.float32(0.25) * (np.float32(middle) + np.float32(total) * np.float32(1 / 9))


@exact_kernel
def _mixed(code, before, part, soft, even, limit):
    here = np.float32(code)
    away, before = even - here, np.float32(before)
    here += soft * (away if abs(away) < limit else np.float32(0))
    return np.uint16(np.int32(before + part * (here - before) + np.float32(0.5)))


@exact_kernel
def _mix(one, old, parts, even, noise, least, result):
    """One row of the new state."""
    scale, two = np.float32(_SOFT) / (np.float32(1) - least), np.float32(2)
    for k in range(one.shape[0] // 2):
        i, part, soft, near, limit = 2 * k, parts[k], scale * (parts[k] - least), even[k], two * noise[k]
        result[i] = _mixed(one[i], old[i], part, soft, near, limit)
        result[i + 1] = _mixed(one[i + 1], old[i + 1], part, soft, near, limit)
    if one.shape[0] % 2:
        part, limit = parts[-1], two * noise[-1]
        result[-1] = _mixed(one[-1], old[-1], part, scale * (part - least), even[-1], limit)


@exact_kernel
def _follow(cur, state, light, curve, steep, least, out, first, end):
    height, width = cur.shape
    columns = (width + 1) // 2
    old, away = np.empty((4, width), np.int32), np.empty((2, 2 * columns), np.int32)
    size, bias, shown = (
        np.empty((3, columns + 2), np.int32),
        np.empty((3, columns + 2), np.int32),
        np.empty((3, columns + 2), np.int32),
    )
    sizes, biases = np.empty(columns + 2, np.int32), np.empty(columns + 2, np.int32)
    noise, parts, even = (
        np.empty(columns, np.float32),
        np.empty(columns, np.float32),
        np.empty(columns, np.float32),
    )
    steady = not light.any()
    for pair in range(first - 1, end + 1):
        place = pair % 2 * 2
        for number in range(2):
            _load(cur, state, light, steady, 2 * pair + number, old[place + number], away[number])
        _blocks(away[0], away[1], size[pair % 3], bias[pair % 3])
        _light(cur, 2 * pair, shown[pair % 3])
        if pair <= first:
            continue
        place = 2 - place  # of the pair before
        before, here, after = shown[(pair - 2) % 3], shown[(pair - 1) % 3], shown[pair % 3]
        _added(size, sizes)
        _added(bias, biases)
        _usual(here, curve, noise)
        _parts(sizes, biases, noise, steep, least, parts)
        _near(before, here, after, noise, even)
        for number in range(2):
            row = 2 * (pair - 1) + number
            if row < height:
                _mix(cur[row], old[place + number], parts, even, noise, least, out[row])
