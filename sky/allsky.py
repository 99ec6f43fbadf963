"""Calibration of an all-sky camera from one frame: where it points and how its lens bends.

Eight parameters: focal length, two corrections of the lens, centre, and the three angles of the camera.
Site and time must be known, the focal length to 10 %. A coarse search over focal length and turn about the
zenith finds candidates, each is refined with bright stars, the best one with all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sky.errors import NoMatchError
from sky.kernels import exact_kernel
from sky.matching import nearest
from sky.projection import Lens
from skycam_project.common.units import Pixels

Floats = NDArray[np.float64]

FEWEST = 25
LARGEST_RMS: Pixels = 1.0
_BRIGHT_V = 2.6
_BRIGHT_DETECTIONS = 110
_CANDIDATES = 24
_SCALES = np.linspace(0.9, 1.1, 9)
_TURNS = np.radians(np.arange(0, 360, 2.0))
_FOCAL, _K3, _K5, _X, _Y, _TURN, _TILT_E, _TILT_N = range(8)
_STEPS = np.array([0.05, 1e-4, 1e-5, 0.05, 0.05, 1e-5, 1e-5, 1e-5])  # for the numeric derivative
_STAGES = ((_FOCAL, _X, _Y, _TURN), (_X, _Y, _TURN, _TILT_E, _TILT_N), tuple(n for n in range(8) if n != _K5))


@dataclass(frozen=True, slots=True, eq=False)
class AllSkyFit:
    """A calibrated camera: `pixels` says where its sky falls."""

    lens: Lens
    matrix: (
        Floats  # (3, 3) attitude, as `projection.attitude` makes it; of the mirrored picture if `mirrored`
    )
    mirrored: bool  # x runs the other way: measure it from the right edge
    rms_px: Pixels
    matched: int
    turn_deg: float  # of the camera about the vertical: 0 = north on top
    tilt_deg: float  # of the optical axis from the zenith


def _attitude(p: Floats) -> Floats:
    """Looking up: north on top and east on the left, tilted about east and north, then turned."""
    s, c = np.sin(p[_TILT_E]), np.cos(p[_TILT_E])
    about_east = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    s, c = np.sin(p[_TILT_N]), np.cos(p[_TILT_N])
    about_north = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    s, c = np.sin(p[_TURN]), np.cos(p[_TURN])
    up_view = np.array([[-c, -s, 0.0], [s, -c, 0.0], [0, 0, 1.0]])
    return up_view @ about_east @ about_north


def _lens(p: Floats) -> Lens:
    return Lens("fisheye", float(p[_FOCAL]), float(p[_X]), float(p[_Y]), float(p[_K3]), float(p[_K5]))


def _project(p: Floats, enu: Floats) -> Floats:
    return np.stack(_lens(p).project(enu @ _attitude(p).T), axis=-1)


@exact_kernel
def _scores(x, y, scales, turns, centre_x, centre_y, dx, dy, width, out):
    """How well stars at unit-focal (x, y) fall on detections, for every scale and turn."""
    for i in range(len(scales)):
        for k in range(len(turns)):
            c, s = np.cos(turns[k]) * scales[i], np.sin(turns[k]) * scales[i]
            total = 0.0
            for n in range(len(x)):
                px, py = centre_x + c * x[n] + s * y[n], centre_y - s * x[n] + c * y[n]
                closest = 9.0 * width * width
                for d in range(len(dx)):
                    closest = min(closest, (dx[d] - px) ** 2 + (dy[d] - py) ** 2)
                total += np.exp(-closest / (2 * width * width))
            out[i, k] = total


def _fit(p: Floats, enu: Floats, seen: Floats, free: tuple[int, ...], width: Pixels) -> Floats:
    """Damped least squares with residuals far beyond `width` losing weight (soft L1)."""
    p, which = p.copy(), list(free)

    def cost(q: Floats) -> tuple[float, Floats]:
        residual = _project(q, enu) - seen
        reach = np.sum(residual**2, axis=1) / width**2
        return float(np.sum(np.sqrt(1 + reach))), residual

    before, residual = cost(p)
    damping = 1e-3
    for _ in range(12):
        weight = (1 + np.sum(residual**2, axis=1) / width**2) ** -0.25
        derivative = np.empty((residual.size, len(which)))
        for column, n in enumerate(which):
            shifted = p.copy()
            shifted[n] += _STEPS[n]
            derivative[:, column] = (
                (_project(shifted, enu) - seen - residual) * weight[:, None]
            ).ravel() / _STEPS[n]
        normal = derivative.T @ derivative
        step = np.linalg.solve(
            normal + damping * np.diag(np.diag(normal) + 1e-12),
            derivative.T @ (residual * weight[:, None]).ravel(),
        )
        trial = p.copy()
        trial[which] -= step
        after, there = cost(trial)
        if after < before:
            gained, p, before, residual, damping = before - after, trial, after, there, damping / 5
            if gained < 1e-7 * before:
                break
        else:
            damping *= 10
    return p


def calibrate(
    x: Floats, y: Floats, directions: Floats, v: Floats, width: int, height: int, focal_px: Pixels, *,
    mirrored: bool | None = None,
) -> AllSkyFit:  # fmt: skip
    """Fit lens and attitude of an all-sky camera.

    Args:
        x: pixels of the detections, brightest first.
        y: likewise.
        directions: (n, 3) observed east, north, up of catalogue stars, V < 5.5 and above 8°.
        v: their V.
        width: of the picture.
        height: of the picture.
        focal_px: focal length to 10 %.
        mirrored: whether the picture is mirrored; None tries both.

    Raises:
        NoMatchError: fewer than 25 stars fit, or not to a pixel.
    """
    order = np.argsort(v)
    sorted_enu, brightness = directions[order], v[order]
    best: AllSkyFit | None = None
    most = 0
    for flip in (False, True) if mirrored is None else (mirrored,):
        seen = np.stack([width - 1 - x if flip else x, y], axis=1).astype(np.float64)
        p, n = _search(seen, sorted_enu, brightness, width, height, focal_px)
        fit, matched = _finish(p, n, seen, sorted_enu, flip)
        most = max(most, matched)
        if fit and (best is None or fit.matched > best.matched):
            best = fit
    if best is None:
        raise NoMatchError(
            f"the sky of this site and time does not fit {len(x)} detections (best guess: {most} stars);"
            " clouds, a wrong site, time or focal length do that", detected=len(x), best=most,
        )  # fmt: skip
    return best


def _search(
    seen: Floats, enu: Floats, v: Floats, width: int, height: int, focal: Pixels
) -> tuple[Floats, int]:
    """The best placement of bright stars, and how many stars it used."""
    count = max(20, int((v < _BRIGHT_V).sum()))
    start = np.array([1.0, 0, 0, 0, 0, 0, 0, 0])
    flat = _project(start, enu[:count])
    few = seen[:_BRIGHT_DETECTIONS]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    shifts = [middle + 0.018 * height * np.array([i, j]) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    scores = np.empty((len(shifts), len(_SCALES), len(_TURNS)))
    x, y, dx, dy = (a.copy() for a in (flat[:, 0], flat[:, 1], few[:, 0], few[:, 1]))
    for n, centre in enumerate(shifts):
        _scores(x, y, _SCALES * focal, _TURNS, centre[0], centre[1], dx, dy, 0.012 * height, scores[n])
    best, most, used = start, -1, count
    for n, i, k in _distinct(scores):
        p = np.array([_SCALES[i] * focal, 0, 0, *shifts[n], _TURNS[k], 0, 0])
        p, reached, matched = _refine(p, few, enu, count, height)
        if matched > most:
            best, most, used = p, matched, reached
    return best, used


def _distinct(scores: Floats) -> list[tuple[int, int, int]]:
    """The best (shift, scale, turn), no two so alike that refinement would take them to the same place."""
    chosen: list[tuple[int, int, int]] = []
    for flat_index in np.argsort(-scores, axis=None):
        n, i, k = (int(a) for a in np.unravel_index(flat_index, scores.shape))
        if all(abs(i - b) > 1 or min((k - c) % len(_TURNS), (c - k) % len(_TURNS)) > 2 for _, b, c in chosen):
            chosen.append((n, i, k))
        if len(chosen) == _CANDIDATES:
            break
    return chosen


def _refine(p: Floats, seen: Floats, enu: Floats, count: int, height: int) -> tuple[Floats, int, int]:
    tolerance, n = 0.035 * height, count
    for free in (*_STAGES, _STAGES[-1]):
        for _ in range(2):
            known, pairs = _match(p, seen, enu[:n], tolerance)
            if len(known) < 8:
                return p, n, 0
            p = _fit(p, enu[known], seen[pairs], free, max(0.5, tolerance / 8))
        tolerance, n = max(2.5, tolerance * 0.6), min(len(enu), int(n * 1.5))
    return p, n, len(_match(p, seen, enu[:n], 2.5)[0])


def _match(
    p: Floats, seen: Floats, enu: Floats, tolerance: Pixels
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Stars that have a detection, and which."""
    at = _project(p, enu)
    pairs = nearest(at[:, 0], at[:, 1], seen[:, 0], seen[:, 1], tolerance)
    known = np.flatnonzero(pairs >= 0)
    return known, pairs[known]


def _finish(p: Floats, n: int, seen: Floats, enu: Floats, flip: bool) -> tuple[AllSkyFit | None, int]:
    """All parameters, ever more stars, ever narrower."""
    tolerance = 8.0
    for _ in range(8):
        known, pairs = _match(p, seen, enu[:n], tolerance)
        if len(known) < 12:
            return None, len(known)
        p = _fit(p, enu[known], seen[pairs], tuple(range(8)), 0.5)
        tolerance, n = max(2.0, tolerance * 0.7), min(len(enu), int(n * 1.5))
    known, pairs = _match(p, seen, enu[:n], 2.0)
    residual = _project(p, enu[known]) - seen[pairs]
    rms = float(np.sqrt(np.mean(np.sum(residual**2, axis=1)))) if len(known) else np.inf
    if len(known) < FEWEST or rms > LARGEST_RMS:
        return None, len(known)
    matrix = _attitude(p)
    tilt = float(np.degrees(np.arccos(np.clip(matrix[2, 2], -1, 1))))
    turn = float(np.degrees(p[_TURN]) % 360)
    return AllSkyFit(_lens(p), matrix, flip, rms, len(known), turn, tilt), len(known)


def pixels(fit: AllSkyFit, directions: Floats, width: int) -> tuple[Floats, Floats]:
    """Pixels of east, north, up vectors (..., 3) in a picture of `width`, mirrored or not."""
    x, y = fit.lens.project(directions @ fit.matrix.T)
    return (width - 1 - x if fit.mirrored else x), y
