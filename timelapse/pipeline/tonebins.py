"""How much brighter one frame is than another, tone by tone: medians that moving things do not move."""

import numpy as np

from sky.kernels import exact_kernel

BINS = 32
CENTRES = (np.arange(BINS) + 0.5) * 256 / BINS
"""Code value in the middle of each bin."""
MINIMUM = 150
"""Pixels a bin needs to count."""


def compare(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Median code difference of two small frames per channel and tone.

    Args:
        before: `[h, w, 3]` uint8.
        after: of the same size.

    Returns `[3, BINS, 2]` float32: the median of after - before of pixels whose mean code lies in the bin
    (interpolated within codes), and its standard error; an error of 0 marks a bin with too few pixels. Codes
    near the ends of the range are left out.
    """
    found = np.zeros((3, BINS, 2), np.float32)
    for channel in range(3):
        counts = np.zeros((BINS, 512), np.int32)
        _count(before, after, channel, counts)
        _medians(counts, found[channel])
    return found


@exact_kernel
def _count(before, after, channel, counts):
    for j in range(before.shape[0]):
        for i in range(before.shape[1]):
            x, y = int(before[j, i, channel]), int(after[j, i, channel])
            if min(x, y) > 3 and max(x, y) < 250:
                counts[((x + y) * BINS) >> 9, y - x + 256] += 1


@exact_kernel
def _quantile(counts, part, total):
    wanted, below = part * total, 0
    for code in range(512):
        here = counts[code]
        if here and below + here >= wanted:
            return code - 256.5 + (wanted - below) / here
        below += here
    return 0.0


@exact_kernel
def _medians(counts, found):
    for tone in range(counts.shape[0]):
        total = 0
        for code in range(512):
            total += counts[tone, code]
        if total > MINIMUM:
            spread = _quantile(counts[tone], 0.75, total) - _quantile(counts[tone], 0.25, total)
            found[tone, 0] = _quantile(counts[tone], 0.5, total)
            found[tone, 1] = max(0.3, spread / 1.35) * 1.25 / np.sqrt(total)
