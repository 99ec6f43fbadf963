"""What moved between the frames of a bracket.

Two exposures of a still scene are tied by one curve: each code of one has its code in the other. The curve is read
off the frames themselves (medians per tone), so neither exposures nor the camera's response need be known. A pixel
that is off the curve by more than three times the usual scatter moved.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

BINS = 64
CODES = 1024
"""Tones of the curve's table, and values that are told apart."""
SIGMAS = 3.0
DARK, BRIGHT = 0.01, 0.985
"""Beyond these a reference pixel says nothing about the other frame."""
FLOOR = 0.006
"""Smallest scatter: rounding, and the compression of JPEG."""
FEWEST = 40
"""Pixels that a tone needs to be believed."""


def still(reference: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """How surely a pixel did not move, 0 to 1, softened by a few pixels.

    Args:
        reference: `float32` 0 to 1 `[h, w, channels]`; a change of colour alone is a change.
        other: the same scene with another exposure.
    """
    sure = _follows(reference[..., 0], other[..., 0])
    for channel in range(1, reference.shape[2]):
        np.minimum(sure, _follows(reference[..., channel], other[..., channel]), out=sure)
    # Noise alone puts lone pixels beyond three sigma; what moves is larger than one.
    sure = cv2.medianBlur(sure, 5)
    sure = cv2.erode(sure, np.ones((5, 5), np.uint8))
    return cv2.GaussianBlur(sure, (0, 0), 2.0)


def _follows(reference: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """1 within `SIGMAS` of the curve, 0 beyond twice that; 1 where the reference is clipped."""
    tones, values = _codes(reference), _codes(other)
    curve, scatter = _curve(tones[::3, ::3], values[::3, ::3])
    ends = np.arange(CODES) / (CODES - 1)
    scatter[(ends <= DARK) | (ends >= BRIGHT)] = np.inf
    away = np.abs(other - np.take(curve, tones))
    away *= np.take(1 / (scatter * np.float32(SIGMAS)), tones)
    return np.clip(np.subtract(2, away, out=away), 0, 1, out=away)


def _codes(plane: NDArray[Any]) -> NDArray[Any]:
    return np.clip(plane * np.float32(CODES - 1) + np.float32(0.5), 0, CODES - 1).astype(np.uint16)


def _curve(tones: NDArray[Any], values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Median of the other frame and its scatter (from the quartiles), 0 to 1, for each code of the reference."""
    joint = (tones.astype(np.int64) * BINS // CODES) * CODES + values
    counts = np.bincount(joint.ravel(), minlength=BINS * CODES).reshape(BINS, CODES)
    summed = counts.cumsum(axis=1)
    total = summed[:, -1:]
    low, middle, high = ((summed < total * share).sum(axis=1) / (CODES - 1) for share in (0.25, 0.5, 0.75))
    at = np.flatnonzero(total[:, 0] >= FEWEST)
    if len(at) < 2:  # hardly any tones: nothing can be said, and nothing is
        return np.zeros(CODES, np.float32), np.full(CODES, np.inf, np.float32)
    places, everywhere = (at + 0.5) * CODES / BINS, np.arange(CODES)
    # A brighter part of a scene is never the darker one in another frame.
    curve = np.maximum.accumulate(np.interp(everywhere, places, middle[at]))
    scatter = np.maximum(np.interp(everywhere, places, (high - low)[at] / 1.349), FLOOR)
    return curve.astype(np.float32), scatter.astype(np.float32)
