"""Pairing two lists of points."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sky.kernels import exact_kernel
from skycam_project.common.units import Pixels


@exact_kernel
def _nearest(px, py, cx, cy, tolerance, out):
    taken = np.full(len(cx), -1)
    distance = np.full(len(cx), np.inf)
    for t in range(len(px)):
        out[t] = -1
        closest = tolerance * tolerance
        for q in range(len(cx)):
            d2 = (cx[q] - px[t]) ** 2 + (cy[q] - py[t]) ** 2
            if d2 < closest:
                closest = d2
                out[t] = q
        q = out[t]
        if q >= 0:
            if closest < distance[q]:
                if taken[q] >= 0:
                    out[taken[q]] = -1
                taken[q], distance[q] = t, closest
            else:
                out[t] = -1


def nearest(
    px: ArrayLike, py: ArrayLike, cx: ArrayLike, cy: ArrayLike, tolerance: Pixels
) -> NDArray[np.int64]:
    """For each point (px, py) the index of the nearest (cx, cy) within `tolerance`, else -1.

    Each (cx, cy) is given once, to the point nearest to it; NaN never matches.
    """
    x, y, to_x, to_y = (np.ascontiguousarray(a, np.float64) for a in (px, py, cx, cy))
    out = np.empty(len(x), np.int64)
    _nearest(x, y, to_x, to_y, float(tolerance), out)
    return out
