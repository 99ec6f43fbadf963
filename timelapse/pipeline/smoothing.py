"""Whittaker's smoother: the smooth curve nearest to a series, by a banded solution."""

import numpy as np

_ORDER = 3
"""Of the differences that are kept small."""


def whittaker(
    series: np.ndarray, period: float, weights: np.ndarray | None = None, bends: np.ndarray | None = None
) -> np.ndarray:
    """The slow part of a series, by least squares with a penalty on third differences.

    Args:
        series: `[n]` or `[n, k]`, finite.
        period: in samples, > 2; changes of this period are halved, faster ones go.
        weights: `[n]`, >= 0; None for ones.
        bends: `[n - 3]`, > 0, how large the square of each third difference may be; None for ones.

    Returns the same shape. Eilers, "A perfect smoother", Anal. Chem. 75 (2003); lambda =
    (2 sin(pi / period)) ** -6 puts the half-amplitude at `period`. At both ends it follows a parabola.
    """
    from scipy.linalg import solveh_banded

    count = len(series)
    if count <= _ORDER:
        return np.array(series, float)
    weight = np.ones(count) if weights is None else np.asarray(weights, float)
    bands = _penalty(period) * _roughness(count, bends)
    bands[_ORDER] += weight
    scaled = weight * series if np.ndim(series) == 1 else weight[:, None] * series
    return solveh_banded(bands, scaled)


def unlikelihood(series: np.ndarray, period: float, bends: np.ndarray | None = None) -> float:
    """How badly a period explains a series as a curve that smooth and noise from sample to sample; less is better.

    Args:
        series: `[n]`, n > 3.
        period: as of `whittaker`.
        bends: as of `whittaker`.

    Returns -2 log of the restricted likelihood, but for a constant: third differences and noise are normal, and
    the noise's size is what fits best (Wahba, Ann. Statist. 13 (1985), "generalized maximum likelihood").
    """
    from scipy.linalg import cholesky_banded

    free = len(series) - _ORDER
    bands = _penalty(period) * _roughness(len(series), bends)
    bands[_ORDER] += 1
    determinant = 2 * np.log(cholesky_banded(bands)[_ORDER]).sum() - free * np.log(_penalty(period))
    noise = series @ (series - whittaker(series, period, bends=bends)) / free
    spread = 0.0 if bends is None else float(np.log(bends).sum())
    return float(free * np.log(max(noise, 1e-12)) + determinant + spread)


def third_differences(series: np.ndarray) -> np.ndarray:
    """`[n - 3, …]` of a series `[n, …]`: what `whittaker` keeps small."""
    return np.diff(series, _ORDER, axis=0)


def _penalty(period: float) -> float:
    return float((2 * np.sin(np.pi / period)) ** (-2 * _ORDER))


def _roughness(count: int, bends: np.ndarray | None) -> np.ndarray:
    """Upper bands of D'WD, D the third differences of `count` samples, W one over how large each may be."""
    taps = np.array([-1.0, 3.0, -3.0, 1.0])
    free = count - _ORDER
    weight = np.ones(free) if bends is None else 1 / bends
    bands = np.zeros((_ORDER + 1, count))
    for lag in range(_ORDER + 1):
        for tap in range(_ORDER + 1 - lag):
            start = tap + lag  # entry (j, j + lag) of D'WD collects taps[tap] * taps[tap + lag]
            bands[_ORDER - lag, start : start + free] += taps[tap] * taps[tap + lag] * weight
    return bands
