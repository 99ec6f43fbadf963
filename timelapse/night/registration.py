"""How one frame lies on another: triangles of stars that look alike, then every star."""

import contextlib
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sky.matching import nearest
from sky.projection import Wcs
from skycam_project.common.units import Degrees, Pixels

Floats = NDArray[np.float64]
By = Literal["plate", "pattern"]

FEWEST = 8
"""Stars without which a frame is not laid on another."""
_BRIGHTEST = 40
_NEIGHBOURS = 7
_LIKE = 0.004  # difference of two triangles' side ratios
_SHORTEST: Pixels = 8.0
_TOLERANCES: tuple[Pixels, ...] = (4.0, 2.0, 2.0)
_ALL = 300
_STRETCH = 0.03  # a camera's scale changes less, by focus and refraction


class NoOverlapError(Exception):
    """The stars of two frames do not fit on each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where places of the reference lie in a frame: x' = `matrix` @ (x, y, 1)."""

    matrix: Floats  # (2, 3): turn and scale, shift
    stars: int
    rms_px: Pixels
    by: By = "pattern"  # how it was found, before every star refined it

    @property
    def rotation_deg(self) -> Degrees:
        """Counted from x towards y."""
        return float(np.degrees(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))

    @property
    def shift(self) -> tuple[Pixels, Pixels]:
        """Of the reference's pixel (0, 0)."""
        return float(self.matrix[0, 2]), float(self.matrix[1, 2])


class Reference:
    """The stars of the frame that all others are laid on.

    Args:
        places: (n, 2) x, y, brightest first.
        plate: of that frame, if it is known.
    """

    def __init__(self, places: Floats, plate: Wcs | None = None) -> None:
        self.places = places[:_ALL]
        self.plate = plate
        self._shapes, self._corners = _triangles(self.places[:_BRIGHTEST])

    def pose(self, places: Floats, plate: Wcs | None = None) -> Pose:
        """Lay a frame on the reference; by both plates when they are known, else by the stars' pattern.

        Args:
            places: (n, 2) its stars, brightest first.
            plate: of the frame.

        Raises:
            NoOverlapError: fewer than 8 stars fit.
        """
        places = places[:_ALL]
        if self.plate is not None and plate is not None:
            with contextlib.suppress(NoOverlapError):
                return self._refined(between(self.plate, plate), places, by="plate")
        return self._refined(self._by_pattern(places), places, by="pattern")

    def _by_pattern(self, places: Floats) -> Floats:
        from scipy.spatial import KDTree

        bright = places[:_BRIGHTEST]
        shapes, corners = _triangles(bright)
        if not len(shapes) or not len(self._shapes):
            raise NoOverlapError(f"{len(places)} stars are too few to recognise a pattern")
        distance, which = KDTree(self._shapes).query(shapes, distance_upper_bound=_LIKE)
        which = np.asarray(which)
        like = np.flatnonzero(np.isfinite(distance))
        votes = np.zeros((len(bright), len(self.places)), np.int32)
        np.add.at(votes, (corners[like].ravel(), self._corners[which[like]].ravel()), 1)
        best = votes.argmax(axis=1)
        mine = np.flatnonzero(
            (votes.max(axis=1) >= 3) & (votes[:, best].argmax(axis=0) == np.arange(len(bright)))
        )
        if len(mine) < 3:
            raise NoOverlapError("the pattern of the stars is another one")
        return _robust(self.places[best[mine]], bright[mine])[0]

    def _refined(self, matrix: Floats, places: Floats, by: By) -> Pose:
        rms, count = 0.0, 0
        for tolerance in _TOLERANCES:
            there = self.places @ matrix[:, :2].T + matrix[:, 2]
            pairs = nearest(there[:, 0], there[:, 1], places[:, 0], places[:, 1], tolerance)
            known = np.flatnonzero(pairs >= 0)
            if len(known) < FEWEST:
                raise NoOverlapError(f"only {len(known)} stars fit; {FEWEST} are needed")
            matrix, rms, count = _robust(self.places[known], places[pairs[known]])
        scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        if count < FEWEST or rms > 1.5 or abs(scale - 1) > _STRETCH:
            raise NoOverlapError(f"{count} stars fit to {rms:.1f} px: not the same field")
        return Pose(matrix, count, rms, by)


def between(reference: Wcs, frame: Wcs) -> Floats:
    """(2, 3) from pixels of one plate to pixels of another, near the middle of the first."""
    span = np.array([0.0, 400.0, -400.0])
    x, y = (a.ravel() for a in np.meshgrid(reference.x + span, reference.y + span))
    to_x, to_y = frame.pixel(*reference.sky(x, y))
    if not np.isfinite(to_x).all():
        raise NoOverlapError("the frame looks at another part of the sky")
    return _robust(np.stack([x, y], 1), np.stack([to_x, to_y], 1))[0]


def _triangles(places: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Side ratios (n, 2) of triangles among neighbours, and their corners (n, 3) by length of the far side."""
    if len(places) < 3:
        return np.empty((0, 2)), np.empty((0, 3), np.intp)
    far = np.linalg.norm(places[:, None] - places[None], axis=2)
    near = np.argsort(far, axis=1)[:, 1 : _NEIGHBOURS + 1]
    corners = np.array(
        [
            (i, near[i, a], near[i, b])
            for i in range(len(places))
            for a, b in combinations(range(near.shape[1]), 2)
        ]
    )
    sides = np.stack(
        [
            far[corners[:, 1], corners[:, 2]],
            far[corners[:, 0], corners[:, 2]],
            far[corners[:, 0], corners[:, 1]],
        ],
        axis=1,
    )
    order = np.argsort(sides, axis=1)
    sides, corners = np.take_along_axis(sides, order, 1), np.take_along_axis(corners, order, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        good = (
            (sides[:, 0] > _SHORTEST)
            & (sides[:, 2] > 1.02 * sides[:, 1])
            & (sides[:, 1] > 1.02 * sides[:, 0])
        )
        shapes = np.stack([sides[:, 0] / sides[:, 2], sides[:, 1] / sides[:, 2]], axis=1)
    return shapes[good], corners[good]


def _robust(a: Floats, b: Floats) -> tuple[Floats, Pixels, int]:
    """Turn, scale and shift (2, 3) that take `a` to `b`; rms of the inliers, and how many they are."""
    weight = np.ones(len(a))
    matrix, far = np.eye(2, 3), np.zeros(len(a))
    for _ in range(8):
        total = weight.sum()
        ca, cb = weight @ a / total, weight @ b / total
        za, zb = (a - ca) @ [1, 1j], (b - cb) @ [1, 1j]
        turn = (weight * za.conj()) @ zb / max(float(weight @ np.abs(za) ** 2), 1e-12)
        matrix[:, :2] = [[turn.real, -turn.imag], [turn.imag, turn.real]]
        matrix[:, 2] = cb - matrix[:, :2] @ ca
        far = np.linalg.norm(a @ matrix[:, :2].T + matrix[:, 2] - b, axis=1)
        scale = 2 * max(0.02, 1.48 * float(np.median(far)))
        weight = 1 / (1 + (far / scale) ** 2) ** 2
    inside = far < max(0.3, 4 * float(np.median(far)))
    return matrix.copy(), float(np.sqrt(np.mean(far[inside] ** 2))), int(inside.sum())
