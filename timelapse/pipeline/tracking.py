"""Where a frame lies relative to a key frame: never frame by frame, so that nothing adds up.

Coarse: Lucas and Kanade on a quarter of the size, local contrast normalised. Fine: some 700 patches of
25 x 25 pixels at full size, inverse compositional alignment (Baker and Matthews, IJCV 56, 2004), each patch
with zero mean and unit norm, so that exposure does not matter. A rigid fit of what most patches share throws out
what moves by itself: clouds, cars, people. The sky turns over a camera that stands: where most patches are stars,
the ground is asked, and a frame that shows no ground is not found.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sky.kernels import exact_kernel, in_bands
from timelapse.pipeline import rigid
from timelapse.pipeline.errors import FrameError

_R = 12
_SIDE = 2 * _R + 1
_STEPS = 10
_GRID = (16, 9)
_FLOW = {"winSize": (21, 21), "maxLevel": 3, "criteria": (3, 30, 0.003)}
MINIMUM = 8
"""Patches that a position needs."""
_STAR_R = 5
_COMPACT = 0.4
"""Share of a patch's contrast within `_STAR_R` pixels of its brightest from which it is a star; ground has .1, rarely .3."""
_BY_STARS = 0.2
"""Share of stars among the patches that agree from which they follow the sky: measured .3 to 1 for skies, ≤ .1 for ground."""
_FEW = 12
"""Patches of ground that outweigh any number of stars."""
_GROUND_SHARE = 0.1
"""Of the patches that agree on the sky: so many must be ground that moves as the sky does, or they are faint stars."""
_STEADY_PX = 1.0
"""What stands scatters less, what drifts or turns by itself scatters more."""
_ALIKE_PX = 0.5


class Hold(StrEnum):
    """What a sequence is held by."""

    CAMERA = "camera"
    STARS = "stars"


@dataclass(frozen=True, slots=True)
class Match:
    """Where a frame lies.

    Attributes:
        matrix: `[2, 3]`, takes points of the key frame to the frame, pixels.
        patches: that agree.
        sigma: scatter of the patches, pixels.
        stars: share of the patches that are stars.
    """

    matrix: np.ndarray
    patches: int
    sigma: float
    stars: float = 0.0


class KeyFrame:
    """A frame that others are found relative to.

    Args:
        luma: `[h, w]` uint8.

    Raises `FrameError` when there is nothing in it to hold on to.
    """

    def __init__(self, luma: np.ndarray) -> None:
        import cv2

        self._scale = 4 if min(luma.shape) >= 480 else 2  # at an eighth there are no stars left
        self._coarse = _normalised(_shrunk(luma, self._scale))
        self._coarse_points = _corners(self._coarse, 4, 12)
        soft = cv2.GaussianBlur(luma, (0, 0), 0.8) if luma.shape[1] >= 2000 else luma
        points = _corners(soft, 5, 40).astype(np.float64)
        if len(points) < MINIMUM or len(self._coarse_points) < MINIMUM:
            raise FrameError("nothing in the picture to hold on to")
        self._patches = np.empty((len(points), _SIDE, _SIDE), np.float32)
        for number, point in enumerate(points):
            _sample(luma, point[0], point[1], self._patches[number])
            _normalise(self._patches[number], np.empty(_SIDE, np.float32))
        self._points = points
        self._prepare()

    def _prepare(self) -> None:
        """Gradients and inverse Hessians of the patches, and which are stars."""
        import cv2

        soft = np.stack([cv2.GaussianBlur(patch, (3, 3), 0.6) for patch in self._patches])
        self._stars = _are_stars(self._patches, soft)
        self._gx, self._gy = np.zeros_like(soft), np.zeros_like(soft)
        self._gx[:, :, 1:-1] = (soft[:, :, 2:] - soft[:, :, :-2]) / 2
        self._gy[:, 1:-1] = (soft[:, 2:] - soft[:, :-2]) / 2
        inner = (slice(None), slice(1, -1), slice(1, -1))
        xx = (self._gx[inner] ** 2).sum((1, 2)) + 1e-3
        xy = (self._gx[inner] * self._gy[inner]).sum((1, 2))
        yy = (self._gy[inner] ** 2).sum((1, 2)) + 1e-3
        determinant = xx * yy - xy * xy
        self._hessians = np.stack([yy / determinant, -xy / determinant, xx / determinant], 1)

    def find(
        self, luma: np.ndarray, last: np.ndarray | None = None, hold: Hold = Hold.CAMERA
    ) -> Match | None:
        """Where a frame of the same size lies; None when it shows nothing of the key frame.

        Args:
            luma: `[h, w]` uint8.
            last: `[2, 3]`, where the frame before lay; None: by whatever most patches share.
            hold: with `last`, by what. `CAMERA`: stars are not followed, and a frame that shows nothing else is not
                found. `STARS`: not the ground, where there are stars.
        """
        guess, found = self._roughly(luma), None
        places = self._points
        if guess is not None:
            places, likeness = self._matched(luma, guess)
            good = likeness > 0.5
            if good.sum() < 20:
                good = likeness > 0.2
            found = self._fitted(places, likeness, good) if good.sum() >= MINIMUM else None
        if last is None:
            return found
        sky = found if found is not None and found.stars >= _BY_STARS else None
        if hold is Hold.STARS:
            return sky or self._among(self._stars, *self._matched(luma, last)) or found
        if found is not None and sky is None and found.sigma < _STEADY_PX:
            return found
        near = self._matched(luma, last)
        if sky is None:
            return self._among(~self._stars, *near) or found
        turned = rigid.off(sky.matrix, self._points, places) < 2 * sky.sigma  # faint stars among them
        # Where the sky hardly turned yet all goes with it.
        ground = self._among(~self._stars & ~turned, *near) or self._among(~self._stars, *near)
        return ground if ground and self._is_ground(ground, sky) else None

    def _among(self, these: np.ndarray, places: np.ndarray, likeness: np.ndarray) -> Match | None:
        """By some of the patches, matched near where the frame before lay."""
        good = (likeness > 0.5) & these
        if good.sum() < _FEW:
            return None
        matrix = rigid.shared(self._points[good], places[good], likeness[good] ** 2)
        good &= rigid.off(matrix, self._points, places) < _STEADY_PX  # the other group scatters
        return self._fitted(places, likeness, good) if good.sum() >= _FEW else None

    def _is_ground(self, found: Match, sky: Match) -> bool:
        """Whether what is no star stands under the sky, or moves with it: then few are faint stars, many a pushed camera."""
        if found.patches >= _GROUND_SHARE * sky.patches:
            return True
        stars = self._points[self._stars]
        turned = stars @ sky.matrix[:, :2].T + sky.matrix[:, 2]
        return float(np.median(rigid.off(found.matrix, stars, turned))) > _ALIKE_PX

    def _matched(self, luma: np.ndarray, guess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`[n, 2]` where each patch lies, within 6 pixels of a guess `[2, 3]`, and `[n]` how like it is, 0 … 1."""
        start = self._points @ guess[:, :2].T + guess[:, 2]
        found, likeness = np.empty_like(start), np.zeros(len(start))
        arguments = (luma, self._patches, self._gx, self._gy, self._hessians, start, found, likeness)
        in_bands(len(start), lambda first, end: _refine(*arguments, first, end))
        return found, likeness

    def _fitted(self, places: np.ndarray, likeness: np.ndarray, good: np.ndarray) -> Match:
        matrix, trust, sigma = rigid.fit(self._points[good], places[good], likeness[good] ** 2)
        agree = trust > 0.4
        stars = float(self._stars[good][agree].mean()) if agree.any() else 0.0
        return Match(matrix, int(agree.sum()), sigma, stars)

    def _roughly(self, luma: np.ndarray) -> np.ndarray | None:
        import cv2

        coarse = _normalised(_shrunk(luma, self._scale))
        points = self._coarse_points.reshape(-1, 1, 2)
        moved, status, _ = cv2.calcOpticalFlowPyrLK(self._coarse, coarse, points, None, **_FLOW)  # pyright: ignore
        there = status.ravel() == 1
        if there.sum() < MINIMUM:
            return None
        matrix, _, _ = rigid.fit(
            self._coarse_points[there].astype(float), moved.reshape(-1, 2)[there].astype(float)
        )
        middle = np.full(2, (self._scale - 1) / 2)
        return np.column_stack([matrix[:, :2], self._scale * matrix[:, 2] + middle - matrix[:, :2] @ middle])


def _are_stars(patches: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """`[n]` bool: patches `[n, side, side]`, and without their noise, that are one bright spot on an even ground."""
    count, edge = len(patches), _R // 2
    inner = soft[:, edge:-edge, edge:-edge]
    brightest = inner.reshape(count, -1).argmax(1)
    row, column = (place[:, None, None] + edge for place in np.divmod(brightest, inner.shape[2]))
    down, across = np.mgrid[:_SIDE, :_SIDE]
    near = (down - row) ** 2 + (across - column) ** 2 <= _STAR_R**2
    above = patches - np.median(patches.reshape(count, -1), 1)[:, None, None]
    spot = (np.maximum(above, 0) ** 2 * near).sum((1, 2))
    return spot > _COMPACT * (above**2).sum((1, 2))


def _shrunk(luma: np.ndarray, scale: int) -> np.ndarray:
    import cv2

    size = (luma.shape[1] // scale, luma.shape[0] // scale)
    return cv2.resize(luma[: size[1] * scale, : size[0] * scale], size, interpolation=cv2.INTER_AREA)


def _normalised(luma: np.ndarray, reach: int = 10) -> np.ndarray:
    """Local contrast, uint8: what exposure and vignetting change is gone."""
    import cv2

    values, window = luma.astype(np.float32), (2 * reach + 1, 2 * reach + 1)
    mean = cv2.blur(values, window)
    variance = np.maximum(cv2.blur(values * values, window) - mean * mean, 0)
    return np.clip((values - mean) / np.sqrt(variance + 9) * 40 + 128, 0, 255).astype(np.uint8)


def _corners(luma: np.ndarray, each: int, margin: int) -> np.ndarray:
    """`[n, 2]` float32: the best corners of every cell of a grid, so that all parts of the picture count."""
    import cv2

    height, width = luma.shape
    high, wide = height // _GRID[1], width // _GRID[0]
    found = [np.empty((0, 2), np.float32)]
    for row in range(_GRID[1]):
        for column in range(_GRID[0]):
            x, y = column * wide, row * high
            corners = cv2.goodFeaturesToTrack(luma[y : y + high, x : x + wide], each, 0.02, 12, blockSize=5)
            if corners is not None:
                found.append(corners.reshape(-1, 2) + np.array([x, y], np.float32))
    points = np.concatenate(found).astype(np.float32)
    inside = (points > margin).all(1) & (points[:, 0] < width - margin) & (points[:, 1] < height - margin)
    return points[inside]


@exact_kernel
def _sample(luma, x, y, out):
    left, top = math.floor(x), math.floor(y)
    height, width = luma.shape
    if left - _R < 0 or top - _R < 0 or left + _R + 1 >= width or top + _R + 1 >= height:
        return False
    dx, dy = np.float32(x - left), np.float32(y - top)
    one = np.float32(1)
    a, b, c, d = (one - dx) * (one - dy), dx * (one - dy), (one - dx) * dy, dx * dy
    for j in range(_SIDE):
        row, k = top - _R + j, left - _R
        upper, lower, line = luma[row, k : k + _SIDE + 1], luma[row + 1, k : k + _SIDE + 1], out[j]
        for i in range(_SIDE):
            line[i] = (
                a * np.float32(upper[i])
                + b * np.float32(upper[i + 1])
                + c * np.float32(lower[i])
                + d * np.float32(lower[i + 1])
            )
    return True


@exact_kernel
def _total(columns):
    total = np.float32(0)
    for i in range(columns.shape[0]):
        total += columns[i]
    return total


@exact_kernel
def _normalise(patch, columns):
    """Zero mean and unit norm. Sums go down the columns first: then a row is one vector instruction."""
    columns[:] = 0
    for j in range(_SIDE):
        line = patch[j]
        for i in range(_SIDE):
            columns[i] += line[i]
    mean = _total(columns) / np.float32(_SIDE * _SIDE)
    columns[:] = 0
    for j in range(_SIDE):
        line = patch[j]
        for i in range(_SIDE):
            line[i] -= mean
            columns[i] += line[i] * line[i]
    scale = np.float32(1) / (np.sqrt(_total(columns) / np.float32(_SIDE * _SIDE)) + np.float32(1e-3))
    for j in range(_SIDE):
        line = patch[j]
        for i in range(_SIDE):
            line[i] *= scale


@exact_kernel
def _products(now, patch, gx, gy, across, down, same):
    """Column sums of the error by the gradients, and of the likeness, inside the patch's edge."""
    across[:], down[:], same[:] = 0, 0, 0
    for j in range(1, _SIDE - 1):
        one, two, x, y = now[j], patch[j], gx[j], gy[j]
        for i in range(1, _SIDE - 1):
            error = one[i] - two[i]
            across[i] += x[i] * error
            down[i] += y[i] * error
            same[i] += one[i] * two[i]


@exact_kernel
def _refine(luma, patches, gx, gy, hessians, start, found, likeness, first, end):
    now = np.empty((_SIDE, _SIDE), np.float32)
    across, down, same = np.zeros(_SIDE, np.float32), np.zeros(_SIDE, np.float32), np.zeros(_SIDE, np.float32)
    for k in range(first, end):
        x, y = start[k, 0], start[k, 1]
        likeness[k] = 0
        inside = False
        for _ in range(_STEPS):
            inside = _sample(luma, x, y, now)
            if not inside:
                break
            _normalise(now, across)
            _products(now, patches[k], gx[k], gy[k], across, down, same)
            bx, by = _total(across), _total(down)
            dx = hessians[k, 0] * bx + hessians[k, 1] * by
            dy = hessians[k, 1] * bx + hessians[k, 2] * by
            x -= dx
            y -= dy
            if abs(dx) + abs(dy) < 0.003:
                break
        found[k, 0], found[k, 1] = x, y
        if inside and math.hypot(x - start[k, 0], y - start[k, 1]) < 6:
            likeness[k] = _total(same) / ((_SIDE - 2) * (_SIDE - 2))
