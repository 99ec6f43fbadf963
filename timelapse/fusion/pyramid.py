"""Laplacian pyramids: pictures are mixed band by band, so that no seam shows (Burt and Adelson 1983)."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]
"""`float32`, a plane `[h, w]` or a picture `[h, w, 3]`."""


def depth(height: int, width: int) -> int:
    """Levels after which the smallest side has about eight pixels, at least 1."""
    return max(1, int(np.log2(min(height, width))) - 3)


def up(plane: Plane, like: Plane) -> Plane:
    """Twice as large, of the size of `like`."""
    return cv2.pyrUp(plane, dstsize=(like.shape[1], like.shape[0]))


def bands(plane: Plane, levels: int) -> list[Plane]:
    """`levels` bands from fine to coarse, and what remains."""
    result = []
    for _ in range(levels):
        smaller = cv2.pyrDown(plane)
        result.append(plane - up(smaller, plane))
        plane = smaller
    return [*result, plane]


def collapse(parts: Sequence[Plane]) -> Plane:
    """The picture of which `parts` are the bands."""
    result = parts[-1]
    for band in reversed(parts[:-1]):
        result = up(result, band) + band
    return result


def mix(planes: Sequence[Plane], weights: Sequence[Plane], levels: int) -> Plane:
    """Planes mixed by weights that sum to 1 at each pixel; one plane's pyramid in memory at a time.

    Args:
        planes: `[h, w]` each.
        weights: of the same shape.
        levels: of the pyramid.
    """
    total: list[Plane] | None = None
    for plane, weight in zip(planes, weights, strict=True):
        parts = bands(plane, levels)
        for level, part in enumerate(parts):
            part *= weight
            if level < levels:
                weight = cv2.pyrDown(weight)
        total = parts if total is None else [cv2.add(a, b) for a, b in zip(total, parts, strict=True)]
    if total is None:
        raise ValueError("nothing to mix")
    return collapse(total)
