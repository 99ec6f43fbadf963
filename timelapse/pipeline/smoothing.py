"""Whittaker's smoother: the smooth curve nearest to a series, by a banded solution."""

import numpy as np


def whittaker(series: np.ndarray, period: float, weights: np.ndarray | None = None) -> np.ndarray:
    """The slow part of a series, by least squares with a penalty on third differences.

    Args:
        series: `[n]` or `[n, k]`, finite.
        period: in samples, > 2; changes of this period are halved, faster ones go.
        weights: `[n]`, >= 0; None for ones.

    Returns the same shape. Eilers, "A perfect smoother", Anal. Chem. 75 (2003); lambda =
    (2 sin(pi / period)) ** -6 puts the half-amplitude at `period`. At both ends it follows a parabola.
    """
    from scipy.linalg import solveh_banded

    count, order = len(series), 3
    if count <= order:
        return np.array(series, float)
    weight = np.ones(count) if weights is None else np.asarray(weights, float)
    penalty = (2 * np.sin(np.pi / period)) ** (-2 * order)
    taps = np.array([-1.0, 3.0, -3.0, 1.0])
    bands = np.zeros((order + 1, count))
    for lag in range(order + 1):
        for tap in range(order + 1 - lag):
            start = tap + lag  # entry (j, j + lag) of D'D collects taps[tap] * taps[tap + lag]
            bands[order - lag, start : start + count - order] += taps[tap] * taps[tap + lag]
    bands *= penalty
    bands[order] += weight
    scaled = weight * series if np.ndim(series) == 1 else weight[:, None] * series
    return solveh_banded(bands, scaled)
