"""How the stars move from one frame to the next: a smooth field, whatever the lens."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sky.detection import Detections
from sky.matching import nearest
from skycam_project.common.units import Pixels
from timelapse.night.opencv import cv2

Points = NDArray[np.float64]

FEWEST = 20
_BRIGHTEST = 500
_FARTHEST: Pixels = 40.0
_LARGEST_RMS: Pixels = 1.5
_GRID = 32  # pixels between the nodes of the field


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Displacements of stars in pixels of the frame: second-order polynomials of the place."""

    terms: Points  # (6, 2)
    centre: tuple[float, float]
    scale: float
    rms_px: Pixels
    stars: int

    def at(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[Points, Points]:
        """Displacement of places."""
        design = _design((x - self.centre[0]) / self.scale, (y - self.centre[1]) / self.scale)
        moved = design @ self.terms
        return moved[..., 0], moved[..., 1]

    @property
    def largest(self) -> Pixels:
        """Largest displacement in the picture, about."""
        corners = np.array(
            [[a * self.centre[0] * 2, b * self.centre[1] * 2] for a in (0, 0.5, 1) for b in (0, 0.5, 1)]
        )
        return float(np.hypot(*self.at(corners[:, 0], corners[:, 1])).max())

    def warped(self, image: NDArray[Any], share: float, step: int = 1) -> NDArray[Any]:
        """The picture with its stars moved on by `share` of the motion (negative: back).

        Args:
            image: (h, w) or (h, w, c).
            share: 1 = to where they are on the next frame.
            step: pixels of the frame per pixel of `image`.
        """
        height, width = image.shape[:2]
        gy, gx = np.mgrid[0 : height + _GRID : _GRID, 0 : width + _GRID : _GRID].astype(np.float64)
        dx, dy = self.at(gx * step, gy * step)
        # A node per 32 pixels, in between linear: exact to a hundredth of a pixel for such a field.
        size = (gx.shape[1] * _GRID, gx.shape[0] * _GRID)
        fields = []
        for field in (dx, dy):
            coarse = (field * (share / step)).astype(np.float32)
            shifted = np.array([[1 / _GRID, 0, 0], [0, 1 / _GRID, 0]])
            fields.append(
                cv2.warpAffine(coarse, shifted, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)[
                    :height, :width
                ]
            )
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        return cv2.remap(
            image, x - fields[0], y - fields[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )


def _design(x: NDArray[Any], y: NDArray[Any]) -> Points:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def estimate(before: Detections, after: Detections, shape: tuple[int, ...]) -> Motion | None:
    """The motion from one frame to the next, or None where the stars do not say it.

    Args:
        before: stars of the first frame.
        after: stars of the second.
        shape: of the frames.
    """
    height, width = shape[:2]
    a, b = (_places(stars, width, height) for stars in (before, after))
    if len(a) < FEWEST or len(b) < FEWEST:
        return None
    centre, scale = ((width - 1) / 2, (height - 1) / 2), max(width, height) / 2
    terms = np.zeros((6, 2))
    design = _design((a[:, 0] - centre[0]) / scale, (a[:, 1] - centre[1]) / scale)
    rms, known, reach = 0.0, np.empty(0, np.intp), _FARTHEST
    for turn in range(6):
        there = a + design @ terms
        pairs = nearest(there[:, 0], there[:, 1], b[:, 0], b[:, 1], reach)
        known = np.flatnonzero(pairs >= 0)
        if len(known) < FEWEST:
            return None
        seen = b[pairs[known]] - a[known]
        order = (1, 3, 6)[min(turn, 2)]  # first a shift, then a turn, then the bending of the lens
        terms, away = _fit(design[known], seen, order)
        inside = away < max(1.0, 3 * float(np.median(away)))
        rms = float(np.sqrt(np.mean(away[inside] ** 2)))
        reach = max(3.0, min(reach * 0.6, 4 * rms + 2))
        known = known[inside]
    if rms > _LARGEST_RMS or len(known) < FEWEST:
        return None
    return Motion(terms, centre, scale, rms, len(known))


def _fit(design: Points, seen: Points, order: int) -> tuple[Points, NDArray[np.float64]]:
    """Robust least squares of the first `order` terms; the terms (6, 2) and how far each star is off."""
    weight, terms = np.ones(len(seen)), np.zeros((6, 2))
    away = np.zeros(len(seen))
    for _ in range(6):
        w = np.sqrt(weight)[:, None]
        terms[:order] = np.linalg.lstsq(design[:, :order] * w, seen * w, rcond=None)[0]
        away = np.linalg.norm(design @ terms - seen, axis=1)
        weight = 1 / (1 + (away / max(0.3, 1.5 * float(np.median(away)))) ** 2) ** 2
    return terms, away


def _places(stars: Detections, width: int, height: int) -> Points:
    chosen = stars.spread(width, height, per_cell=14, columns=8, rows=5)[:_BRIGHTEST]
    return np.stack([stars.x[chosen], stars.y[chosen]], axis=1)
