"""Plate solving with a hint: which part of the catalogue is in the picture?

1. Catalogue stars in a cone about the hint, the brightest ones only, projected to pixels about the hint.
2. Pairs of bright detections, brightest first, are laid on catalogue pairs of equal length. Each gives a
shift, a turn
   and a scale; the one that puts most detections on catalogue stars wins.
3. The winner is fitted four times with more and more of both lists, tangent point in the middle of the
picture. 4. What remains must be far beyond chance, or there is no match. A wrong answer would send a
telescope astray;
   none is cheap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sky.angles import ARCSEC_PER_RADIAN, Vectors, east_north, longitude_latitude, separation_deg, unit_vector
from sky.catalogue import StarTable, stars
from sky.detection import Detections
from sky.errors import NoMatchError
from sky.kernels import kernel
from sky.matching import nearest
from sky.projection import Wcs
from skycam_project.common.units import Arcseconds, Degrees, Pixels

FEWEST = 6
"""Stars without which nothing is claimed."""
_VOTERS = 24
_TOLERANCE_PX = 5.0
_MOST_CATALOGUE = 900
_MOST_PAIRS = 400_000
_ENOUGH, _LEAST = 0.60, 0.35  # shares of the voters that end the search, and that may win it
_LARGEST_RMS_PX = 3.0
_CHANCE = 1e-9
_LONGEST_SEARCH = 3_000_000  # placements tried


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Where a picture lies on the sky. Directions are ICRS, epoch J2000."""

    wcs: Wcs
    ra_deg: Degrees  # of the middle of the picture
    dec_deg: Degrees
    position_angle_deg: Degrees  # of the picture's top, east of north
    scale_arcsec: Arcseconds  # per pixel
    mirrored: bool
    rms_arcsec: Arcseconds  # of the matched stars
    detected: NDArray[np.intp]  # matched detections, as indices of the list given
    rows: NDArray[np.int64]  # their rows in the star table

    @property
    def matched(self) -> int:
        """Number of matched stars."""
        return len(self.rows)


@kernel
def _pairs(x, y, shortest, longest, lengths, first, second):
    """All pairs of points between two lengths; returns how many (-1: more than there is room for)."""
    n = 0
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            d2 = (x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2
            if shortest * shortest <= d2 <= longest * longest:
                if n >= len(lengths):
                    return -1
                lengths[n], first[n], second[n] = np.sqrt(d2), i, j
                n += 1
    return n


@kernel
def _grid(x, y, cell, x0, y0, head, following):
    """Chain points into cells; `head` is -1 where a cell is empty."""
    for i in range(len(x)):
        gx, gy = int((x[i] - x0) / cell) + 1, int((y[i] - y0) / cell) + 1
        following[i] = head[gy, gx]
        head[gy, gx] = i


@kernel
def _hit(px, py, cx, cy, cell, x0, y0, head, following, tolerance):
    gx, gy = int(np.floor((px - x0) / cell)) + 1, int(np.floor((py - y0) / cell)) + 1
    for j in range(max(gy - 1, 0), min(gy + 2, head.shape[0])):
        for i in range(max(gx - 1, 0), min(gx + 2, head.shape[1])):
            q = head[j, i]
            while q >= 0:
                if abs(cx[q] - px) < tolerance and abs(cy[q] - py) < tolerance:
                    return True
                q = following[q]
    return False


@kernel
def _vote(
    dx, dy, cx, cy, lengths, first, second, head, following, cell, x0, y0, shortest, stretch, tolerance,
    enough, best,
):  # fmt: skip
    """Write cos, sin (with scale), shift x, y of the best placement; returns (hits, tried)."""
    count = len(dx)
    top, tried = 0, 0
    for total in range(1, 2 * count - 2):
        for i in range(max(0, total - count + 1), (total + 1) // 2):
            j = total - i
            ex, ey = dx[j] - dx[i], dy[j] - dy[i]
            length = np.sqrt(ex * ex + ey * ey)
            if length < shortest:
                continue
            low = np.searchsorted(lengths, length * (1 - stretch) - tolerance / 2)
            high = np.searchsorted(lengths, length * (1 + stretch) + tolerance / 2)
            for k in range(low, high):
                for turned in range(2):
                    a = first[k] if turned == 0 else second[k]
                    b = second[k] if turned == 0 else first[k]
                    fx, fy = cx[b] - cx[a], cy[b] - cy[a]
                    c = (ex * fx + ey * fy) / (length * length)
                    s = (ex * fy - ey * fx) / (length * length)
                    tried += 1
                    hits = 0
                    for t in range(count):
                        px = cx[a] + c * (dx[t] - dx[i]) - s * (dy[t] - dy[i])
                        py = cy[a] + s * (dx[t] - dx[i]) + c * (dy[t] - dy[i])
                        if _hit(px, py, cx, cy, cell, x0, y0, head, following, tolerance):
                            hits += 1
                        elif t >= 8 and hits < 0.35 * (t + 1):
                            break
                    if hits > top:
                        top = hits
                        best[0], best[1] = c, s
                        best[2] = cx[a] - (c * dx[i] - s * dy[i])
                        best[3] = cy[a] - (s * dx[i] + c * dy[i])
                        if hits >= enough:
                            return top, tried
            if tried > _LONGEST_SEARCH:
                return top, tried
    return top, tried


class _Plate:
    """Tangential plane about a direction, in pixels: x west, y south, a picture with north up."""

    def __init__(self, centre: Vectors, focal_px: Pixels) -> None:
        self.centre, self.focal = centre, focal_px
        self.east, self.north = east_north(centre)

    def project(self, xyz: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        depth = self.focal / (xyz @ self.centre)
        return -(xyz @ self.east) * depth, -(xyz @ self.north) * depth

    def direction(self, x: float, y: float) -> Vectors:
        v = self.centre - self.east * x / self.focal - self.north * y / self.focal
        return v / np.linalg.norm(v)


def solve(
    x: NDArray[np.floating], y: NDArray[np.floating], width: int, height: int, scale_arcsec: Arcseconds,
    ra_deg: Degrees, dec_deg: Degrees, radius_deg: Degrees = 2.0, *, scale_tolerance: float = 0.01,
    mirrored: bool | None = False, table: StarTable | None = None,
) -> Solution:  # fmt: skip
    """Find the part of the sky that a list of stars shows.

    Args:
        x: pixels of the stars, brightest first; more than 200 are not used.
        y: likewise.
        width: of the picture.
        height: of the picture.
        scale_arcsec: arcseconds per pixel.
        ra_deg: where the middle of the picture is believed to be.
        dec_deg: likewise.
        radius_deg: how far off that may be; 2° take 5 ms, 5° take 60 ms.
        scale_tolerance: relative error of `scale_arcsec`.
        mirrored: whether the optics mirror the picture; None tries both.
        table: star table; the shipped one by default.

    Raises:
        NoMatchError: fewer than 6 stars (code `too_few_stars`), or no placement beyond chance (code
            `no_match`).
    """
    if len(x) < FEWEST:
        raise NoMatchError(
            f"{len(x)} stars are too few to recognise a field; at least {FEWEST} are needed", detected=len(x),
            code="too_few_stars",
        )  # fmt: skip
    search = _Search(
        width, height, scale_arcsec, unit_vector(ra_deg, dec_deg), radius_deg, scale_tolerance, table
    )
    best = 0
    for flip in (False, True) if mirrored is None else (mirrored,):
        solution, votes = search.run(np.asarray(x, np.float64), np.asarray(y, np.float64), flip)
        if solution:
            return solution
        best = max(best, votes)
    raise NoMatchError(
        f"{len(x)} stars match no field within {radius_deg:g}° of RA {ra_deg / 15:.3f} h, Dec {dec_deg:+.2f}°"
        f" (best guess: {best} stars); clouds, trails or a wrong hint or scale do that",
        detected=len(x), best=best,
    )  # fmt: skip


def solve_detections(
    detections: Detections, width: int, height: int, scale_arcsec: Arcseconds, ra_deg: Degrees,
    dec_deg: Degrees, radius_deg: Degrees = 2.0, *, scale_tolerance: float = 0.01,
    mirrored: bool | None = False,
) -> Solution:  # fmt: skip
    """As `solve`, for what `detection.detect` found; indices in the solution are those of `detections`."""
    chosen = detections.spread(width, height, per_cell=12)
    found = solve(
        detections.x[chosen], detections.y[chosen], width, height, scale_arcsec, ra_deg, dec_deg, radius_deg,
        scale_tolerance=scale_tolerance, mirrored=mirrored,
    )  # fmt: skip
    return Solution(
        found.wcs, found.ra_deg, found.dec_deg, found.position_angle_deg, found.scale_arcsec, found.mirrored,
        found.rms_arcsec, chosen[found.detected], found.rows,
    )  # fmt: skip


class _Search:
    def __init__(
        self, width: int, height: int, scale: Arcseconds, hint: Vectors, radius: Degrees, stretch: float,
        table: StarTable | None,
    ) -> None:  # fmt: skip
        self.width, self.height, self.hint, self.radius, self.stretch = width, height, hint, radius, stretch
        self.focal = ARCSEC_PER_RADIAN / scale
        self.table = table or stars()
        self.half_diagonal = float(np.degrees(np.arctan(np.hypot(width, height) / 2 / self.focal)))

    def _brightest(self, direction: Vectors, radius: Degrees, most: int) -> NDArray[np.int64]:
        rows = self.table.cone(direction, radius)
        return rows[np.argsort(self.table.v[rows], kind="stable")[:most]]

    def run(self, x: NDArray[np.float64], y: NDArray[np.float64], flip: bool) -> tuple[Solution | None, int]:
        """The solution for one handedness, and the votes that the best placement had."""
        dx, dy = x[:200] - (self.width - 1) / 2, y[:200] - (self.height - 1) / 2
        if flip:
            dx = -dx
        cone = self.radius + self.half_diagonal
        fields = np.pi * cone**2 / (self.width / self.focal * self.height / self.focal * np.degrees(1) ** 2)
        per_field = 30 if self.radius >= 1 else 60
        plate = _Plate(self.hint, self.focal)
        rows = self._brightest(self.hint, cone, int(min(per_field * fields, _MOST_CATALOGUE)))
        xyz = self.table.xyz[rows].astype(np.float64)
        front = xyz @ self.hint > 0.1
        cx, cy = plate.project(xyz[front])
        votes, placement = self._place(dx, dy, cx, cy)
        if votes < max(FEWEST, _LEAST * min(len(dx), _VOTERS)):
            return None, votes
        return self._refine(dx, dy, plate, placement, flip), votes

    def _place(self, dx: NDArray, dy: NDArray, cx: NDArray, cy: NDArray) -> tuple[int, NDArray[np.float64]]:
        best = np.array([1.0, 0.0, 0.0, 0.0])
        if len(cx) < FEWEST:
            return 0, best
        voters = _voters(dx, dy, self.width, self.height)
        shortest, longest = 0.12 * self.width, np.hypot(self.width, self.height) * (1 + self.stretch)
        room = min(len(cx) * (len(cx) - 1) // 2, _MOST_PAIRS)
        lengths, first, second = np.empty(room), np.empty(room, np.int64), np.empty(room, np.int64)
        count = _pairs(cx, cy, shortest * (1 - self.stretch), longest, lengths, first, second)
        if count < 0:  # room was short: a crowded catalogue of a wide field
            count = room
        order = np.argsort(lengths[:count])
        cell = 40.0
        x0, y0 = float(cx.min()), float(cy.min())
        head = np.full((int((cy.max() - y0) / cell) + 3, int((cx.max() - x0) / cell) + 3), -1, np.int64)
        following = np.empty(len(cx), np.int64)
        _grid(cx, cy, cell, x0, y0, head, following)
        enough = max(FEWEST + 1, int(np.ceil(_ENOUGH * len(voters))))
        votes, _ = _vote(
            dx[voters], dy[voters], cx, cy, lengths[order], first[order], second[order], head, following,
            cell, x0, y0, shortest, self.stretch, _TOLERANCE_PX, enough, best,
        )  # fmt: skip
        return int(votes), best

    def _refine(
        self, dx: NDArray, dy: NDArray, plate: _Plate, placement: NDArray, flip: bool
    ) -> Solution | None:
        """Fit q = a·z + b, z detections and q catalogue as complex pixels, ever better centred."""
        z = dx + 1j * dy
        a, b = complex(placement[0], placement[1]), complex(placement[2], placement[3])
        tolerance = 1.2 * _TOLERANCE_PX
        match = np.zeros(0, np.int64)
        rows = np.zeros(0, np.int64)
        known = np.zeros(0, np.intp)
        cx, residual = np.zeros(0), np.zeros(0)
        for _ in range(4):
            moved = _Plate(plate.direction(b.real, b.imag), self.focal)
            # North of the old tangent point, seen from the new one: the meridians converge towards the
            # poles.
            turn = np.arctan2(plate.north @ moved.east, plate.north @ moved.north)
            a, b, plate = a * np.exp(-1j * turn), 0j, moved
            rows = self._brightest(plate.centre, self.half_diagonal * 1.05, 600)
            cx, cy = plate.project(self.table.xyz[rows].astype(np.float64))
            q = a * z + b
            pairs = nearest(q.real, q.imag, cx, cy, tolerance)
            known = np.flatnonzero(pairs >= 0)
            if len(known) < FEWEST:
                return None
            match = pairs[known]
            target = cx[match] + 1j * cy[match]
            here, there = z[known].mean(), target.mean()
            a = np.vdot(z[known] - here, target - there) / np.vdot(z[known] - here, z[known] - here).real
            b = there - a * here
            residual = np.abs(a * z[known] + b - target)
            tolerance = max(1.5, 3 * float(np.median(residual)))
        rms = float(np.sqrt(np.mean(residual**2)))
        inside = int((np.abs(cx) < self.width).sum())
        chance = len(z) * inside * np.pi * tolerance**2 / (self.width * self.height)
        if not self._credible(len(known), chance, rms, abs(a), plate):
            return None
        return self._solution(plate, a, b, flip, rms, known, rows[match])

    def _credible(self, matched: int, chance: float, rms: Pixels, stretch: float, plate: _Plate) -> bool:
        return (
            matched >= FEWEST
            and rms <= _LARGEST_RMS_PX
            and abs(stretch - 1) <= 1.5 * self.stretch + 0.002
            and _log_poisson_tail(matched, chance) < np.log(_CHANCE)
            and float(separation_deg(plate.centre, self.hint)) <= 1.2 * self.radius + 0.3
        )

    def _solution(
        self, plate: _Plate, a: complex, b: complex, flip: bool, rms: Pixels, known: NDArray[np.intp],
        rows: NDArray[np.int64],
    ) -> Solution:  # fmt: skip
        middle = plate.direction(b.real, b.imag)
        ra, dec = (float(angle) for angle in longitude_latitude(plate.centre))
        # Degrees east and north per pixel: the plate's x runs west and its y south.
        unit = np.degrees(1 / self.focal)
        side = -1.0 if flip else 1.0
        cd = ((-a.real * unit * side, a.imag * unit), (-a.imag * unit * side, -a.real * unit))
        inverse = np.linalg.inv(np.array(cd))
        shift = inverse @ np.array([-b.real * unit, -b.imag * unit])
        wcs = Wcs(ra, dec, (self.width - 1) / 2 - shift[0], (self.height - 1) / 2 - shift[1], cd)
        centre_ra, centre_dec = (float(angle) for angle in longitude_latitude(middle))
        return Solution(
            wcs, centre_ra, centre_dec, wcs.position_angle_deg, wcs.scale_arcsec, flip,
            rms * wcs.scale_arcsec, known, rows,
        )  # fmt: skip


def _voters(dx: NDArray, dy: NDArray, width: int, height: int) -> NDArray[np.intp]:
    """The brightest stars, at most three of each cell of an 8 × 5 grid."""
    cell = np.clip((dy / height + 0.5) * 5, 0, 4).astype(int) * 8 + np.clip(
        (dx / width + 0.5) * 8, 0, 7
    ).astype(int)
    order = np.argsort(cell, kind="stable")
    rank = np.arange(len(order)) - np.searchsorted(cell[order], cell[order])
    chosen = np.sort(order[rank < 3])
    return chosen[:_VOTERS]


def _log_poisson_tail(count: int, mean: float) -> float:
    """Logarithm of the chance of `count` or more where `mean` are expected (an upper bound)."""
    if count <= mean:
        return 0.0
    # Chernoff: P(N ≥ k) ≤ exp(-λ) (eλ/k)^k.
    return float(-mean + count * (1 + np.log(max(mean, 1e-12) / count)))
