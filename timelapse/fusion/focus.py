"""Focus stacking: of several pictures focused at different distances, one that is sharp everywhere.

At each level of a Laplacian pyramid a frame counts by the cube of its local energy, so that the sharpest decides
without a hard edge between frames; what is too coarse to be out of focus follows the coarsest band.
"""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from timelapse.fusion.pictures import Picture, check, picture_of, planes
from timelapse.fusion.pyramid import bands, collapse

LEVELS = 6
SPREAD = 1.6
FINEST_SPREAD = 2.2
"""Sigma in pixels over which energy is averaged; the finest band is mostly noise and needs more."""
QUIET = 0.05
"""Energy, in squared 8-bit codes, below which all frames count alike."""
DECISION = 3
"""Exponent: how clearly the sharpest frame wins."""

Plane = NDArray[Any]


class FocusStack:
    """Takes one picture at a time; memory does not grow with their number."""

    def __init__(self) -> None:
        self._sums: list[list[Plane]] = []
        self._trust: list[Plane] = []
        self._first: Picture | None = None

    def add(self, picture: Picture) -> None:
        """Count one more picture, aligned with the others. Raises `InvalidValueError`, see `pictures.check`."""
        check([picture] if self._first is None else [self._first, picture], least=1)
        self._first = picture if self._first is None else self._first
        levels = max(2, min(LEVELS, int(np.log2(min(picture.shape[:2]))) - 3))
        luma, red, blue = planes(picture)
        parts = [bands(luma, levels), bands(red, levels - 1), bands(blue, levels - 1)]
        weights = _weights(parts[0])
        for plane, offset in zip(parts, (0, 1, 1), strict=True):
            for band, weight in zip(plane, weights[offset:], strict=True):
                band *= weight
        if not self._sums:
            self._sums, self._trust = parts, weights
            return
        for total, plane in zip(self._sums, parts, strict=True):
            for sum_of_band, band in zip(total, plane, strict=True):
                sum_of_band += band
        for trust, weight in zip(self._trust, weights, strict=True):
            trust += weight

    def picture(self) -> Picture:
        """The stack so far, of the shape and type of its pictures. Raises `InvalidValueError` without any."""
        check([] if self._first is None else [self._first], least=1)
        assert self._first is not None  # noqa: S101 - for the type checker; `check` has refused
        luma, red, blue = (
            collapse([total / trust for total, trust in zip(plane, self._trust[offset:], strict=True)])
            for plane, offset in zip(self._sums, (0, 1, 1), strict=True)
        )
        return picture_of((luma, red, blue), self._first.dtype)


def _weights(luma_bands: list[Plane]) -> list[Plane]:
    weights = []
    for level, band in enumerate(luma_bands[:-1]):
        energy = cv2.GaussianBlur(band * band, (0, 0), SPREAD if level else FINEST_SPREAD)
        energy *= np.float32(255**2)
        energy += np.float32(QUIET)
        weights.append(energy**DECISION)
    rest = luma_bands[-1]
    weights.append(cv2.resize(weights[-1], (rest.shape[1], rest.shape[0]), interpolation=cv2.INTER_AREA))
    return weights


def focus_stack(pictures: Iterable[Picture]) -> Picture:
    """One picture, sharp where any of these is.

    Args:
        pictures: aligned, at least two; see `pictures.Picture`. May be a generator: one is held at a time.

    Raises:
        InvalidValueError: fewer than two pictures, or of different shapes or types.
    """
    stack, count = FocusStack(), 0
    for picture in pictures:
        stack.add(picture)
        count += 1
    if count < 2:
        check([], least=2)
    return stack.picture()
