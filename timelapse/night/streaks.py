"""Straight and gently bent lines: meteors, satellites, aircraft.

A faint line is below the noise in every pixel; only its sum stands out (`radon`). What stands out is followed
along its way, measured, and wiped out before the next one is looked for.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sky.kernels import exact_kernel
from skycam_project.common.units import Pixels
from timelapse.night.frames import Floats
from timelapse.night.opencv import cv2
from timelapse.night.radon import lines

Points = NDArray[np.float64]

_THRESHOLD = 5.3  # of a piece of a line, in standard deviations
_CERTAIN = 6.0
_LOUDEST = 9.0  # standard deviations that one pixel may add to a line
_MOST = 14
_PARTS = 24
_TRIES = 400
_LEG = 10.0
_STEADY = 4.0
"""A faint line is followed in legs so long that each stands out by so many standard deviations."""
_FOLLOWS = 5.5
_FOLLOWS_FAR = 7.0
_LEG_SNR = 2.4
_AROUND = 40  # pixels to both sides of a line that say how even the sky is there
_BESIDE = 12  # of them nearest to it, which may hold its own light
_EVEN = 2.0  # scatter of lines in a clear sky, in units of single pixels' noise: 1.3 to 1.7


@dataclass(frozen=True, slots=True, eq=False)
class Streak:
    """A line on one frame. Lengths are pixels of the frame.

    Attributes:
        path: (n, 2) x, y along the line.
        length: of it.
        snr: of its light together.
        width: full width at half of its light.
        profile: light along it in 24 equal parts, the brightest three on average 1.
        at_edge: whether each end lies at the edge of the picture.
        flashes: whether its light comes in regular flashes, as strobes do.
        open: share of the sky that is known on its more hidden side, 0…1; the rest is behind something bright.
    """

    path: Points
    length: Pixels
    snr: float
    width: Pixels
    profile: NDArray[np.float64]
    at_edge: tuple[bool, bool]
    flashes: bool
    open: float = 1.0

    def direction(self, end: int) -> Points:
        """Unit vector that points outwards at the first (0) or last (1) point."""
        path = self.path if end else self.path[::-1]
        way = path[-1] - path[max(len(path) - 4, 0)]
        return way / max(float(np.linalg.norm(way)), 1e-9)

    @property
    def ends(self) -> Points:
        """(2, 2) the first and the last point."""
        return self.path[[0, -1]]


@exact_kernel
def _along(image, x0, y0, x1, y1, half):
    """Sum and number of the known pixels within `half` of a line."""
    length = np.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2)
    steps = max(int(length), 1)
    ux, uy = (x1 - x0) / steps, (y1 - y0) / steps
    nx, ny = -uy, ux
    norm = max(np.sqrt(nx * nx + ny * ny), 1e-6)
    nx, ny = nx / norm, ny / norm
    total, n = 0.0, 0
    for k in range(steps):
        for o in range(-half, half + 1):
            px, py = int(x0 + k * ux + o * nx + 0.5), int(y0 + k * uy + o * ny + 0.5)
            if 0 <= px < image.shape[1] and 0 <= py < image.shape[0] and image[py, px] != 0.0:
                total += image[py, px]  # 0 is hidden by a star, and says nothing
                n += 1
    return total, n


@exact_kernel
def _walk(image, x, y, ux, uy, leg, least, out):
    """Follow a line from (x, y): legs that may turn a little. Returns the number of points in `out`."""
    n, missed = 0, 0
    end = 0
    while n < len(out):
        best, best_turn = -1e9, 0.0
        for t in range(-4, 5):
            turn = 0.05 * t
            vx, vy = ux - uy * turn, uy + ux * turn
            total, count = _along(image, x, y, x + leg * vx, y + leg * vy, 1)
            if count >= leg * 0.7:
                score = total / np.sqrt(count) - 0.12 * abs(t)
                if score > best:
                    best, best_turn = score, turn
        if best <= -1e9:
            break
        if best < least:
            missed += 1
            best_turn = 0.0
            if missed > 2:
                break
        else:
            missed = 0
        share = 0.6
        vx, vy = ux - uy * best_turn * share, uy + ux * best_turn * share
        norm = np.sqrt(vx * vx + vy * vy)
        x, y = x + leg * (ux - uy * best_turn), y + leg * (uy + ux * best_turn)
        ux, uy = vx / norm, vy / norm
        out[n, 0], out[n, 1] = x, y
        n += 1
        if missed == 0:
            end = n
    return end


def find(image: Floats, step: int = 1, shortest: Pixels = 40.0) -> list[Streak]:
    """Lines in a `difference`, strongest first, at most 14.

    Args:
        image: `difference`.
        step: pixels of the frame per pixel of `image`.
        shortest: pixels of the frame; shorter ones are not reported.
    """
    soft = np.minimum(image, np.float32(_LOUDEST))
    smooth = cv2.GaussianBlur(soft, (0, 0), 0.9)
    candidates = lines(smooth, _THRESHOLD)[:_TRIES]
    work = soft.copy()
    paths: list[Points] = []
    for _, x0, y0, x1, y1 in candidates:
        total, count = _along(work, x0, y0, x1, y1, 1)
        if total < 0.7 * _THRESHOLD * np.sqrt(max(count, 1)):
            continue
        leg = float(
            np.clip(
                (_STEADY * np.sqrt(count / 3.0) * np.sqrt(3.0) / total) ** 2 * count / 3.0, _LEG, 4 * _LEG
            )
        )
        walked = _traced(work, x0, y0, x1, y1, leg)
        paths.append(_trimmed(work, walked))
        _wipe(work, walked)
        if len(paths) == 3 * _MOST:
            break
    whole = (_measured(soft, image, _trimmed(soft, path), step) for path in _joined(paths))
    found = [
        streak
        for streak in whole
        if streak.length >= shortest and streak.snr > _certain(streak.length / step)
    ]
    kept: list[Streak] = []
    for streak in sorted(found, key=lambda streak: -streak.snr):
        middle = streak.path[len(streak.path) // 2]
        if not any(_beside(middle, other.path, 12.0 * step) for other in kept):
            kept.append(streak)
    return kept[:_MOST]


def _beside(place: Points, path: Points, reach: Pixels) -> bool:
    """Whether a place lies along a path: what is left of a bright line is no second one."""
    dense = np.stack(
        [np.interp(np.linspace(0, 1, 200), np.linspace(0, 1, len(path)), path[:, c]) for c in (0, 1)], 1
    )
    return bool(np.linalg.norm(dense - place, axis=1).min() < reach)


def _certain(length: Pixels) -> float:
    """Least signal to noise of a whole line: whoever may turn at every step finds some light in noise too."""
    return _CERTAIN + float(np.sqrt(length / _LEG))


def _joined(paths: list[Points]) -> list[Points]:
    """Pieces of one line put together: a faint stretch may have parted them."""
    paths = sorted(paths, key=len, reverse=True)
    done: list[Points] = []
    while paths:
        path = paths.pop(0)
        n = 0
        while n < len(paths):
            both = _end_to_end(path, paths[n])
            if both is None:
                n += 1
            else:
                path = both
                paths.pop(n)
                n = 0
        done.append(path)
    return done


def _end_to_end(one: Points, other: Points) -> Points | None:
    """Both in a row if a straight way leads from an end of one to an end of the other."""
    reach = 0.35 * float(np.linalg.norm(one[-1] - one[0])) + 3 * _LEG
    for a in (one, one[::-1]):
        for b in (other, other[::-1]):
            gap = b[0] - a[-1]
            if len(a) < 2 or len(b) < 2 or float(np.linalg.norm(gap)) > reach:
                continue
            way = a[-1] - a[max(len(a) - 4, 0)]
            way = way / max(float(np.linalg.norm(way)), 1e-9)
            beyond = b[min(3, len(b) - 1)] - b[0]
            beyond = beyond / max(float(np.linalg.norm(beyond)), 1e-9)
            ahead, aside = float(gap @ way), abs(float(gap[0] * way[1] - gap[1] * way[0]))
            if ahead > -_LEG and aside < 4 + 0.1 * abs(ahead) and float(way @ beyond) > 0.96:
                return np.concatenate([a, b])
    return None


def follows(image: Floats, streak: Streak, end: int, step: int, gap: Pixels = 0.0) -> bool:
    """Whether a line goes on, in a neighbour's `difference`, from one end of a streak.

    Args:
        image: `difference` of the neighbour.
        streak: of the frame beside it.
        end: 0 its first point, 1 its last one.
        step: pixels of the frame per pixel of `image`.
        gap: pixels of the frame by which the shutter's pause may have parted the two.
    """
    start, way = (streak.ends[end] - (step - 1) / 2) / step, streak.direction(end)
    aside = np.array([way[1], -way[0]])
    for ahead in np.arange(0.0, max(gap / step, 1.0), 2 * _LEG):
        # Farther on there is more to be found by chance: it must be as bright as the streak, nearly.
        sure = (_FOLLOWS, 0.25) if ahead == 0 else (_FOLLOWS_FAR, 0.6)
        shifts = (0.0, -3.0, 3.0) if ahead > 2 * _LEG else (0.0,)
        for shift in shifts:
            if _goes_on(image, streak, start + way * ahead + aside * shift, way, step, sure):
                return True
    return False


def seen_beyond(image: Floats, streak: Streak, end: int, step: int) -> float:
    """Share of a neighbour's `difference` that is known where a streak would go on: neither hidden nor outside.

    Args: as of `follows`.
    """
    start = (streak.ends[end] - (step - 1) / 2) / step
    path = np.stack([start, start + streak.direction(end) * streak.length / step])
    return float((_strip(image, path, 1) != 0).mean())


def _goes_on(
    image: Floats, streak: Streak, start: Points, way: Points, step: int, sure: tuple[float, float]
) -> bool:
    """`sure`: least signal to noise, and least share of the streak's."""
    room = np.empty((8, 2))
    n = _walk(
        np.minimum(image, np.float32(_LOUDEST)), start[0], start[1], way[0], way[1], _LEG, _LEG_SNR, room
    )
    if n < 2:
        return False
    path = np.concatenate([start[None], room[:n]])
    total = float(np.minimum(_strip(image, path, 1), _LOUDEST).sum())
    snr = total / np.sqrt(3 * _LEG * n)
    # What goes on is about as bright there: beside a bright meteor a little noise is no satellite.
    alike = sure[1] * streak.snr * np.sqrt(_LEG * n * step / max(streak.length, 1.0))
    return bool(snr > max(sure[0], alike))


def _traced(image: Floats, x0: float, y0: float, x1: float, y1: float, leg: Pixels) -> Points:
    """Points along the whole line of which a piece is known."""
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    way = np.array([x1 - x0, y1 - y0]) / max(np.hypot(x1 - x0, y1 - y0), 1e-6)
    room = np.empty((400, 2))
    n = _walk(image, middle[0], middle[1], way[0], way[1], leg, _LEG_SNR, room)
    ahead = room[:n].copy()
    n = _walk(image, middle[0], middle[1], -way[0], -way[1], leg, _LEG_SNR, room)
    return np.concatenate([room[:n][::-1], middle[None], ahead])


def _trimmed(image: Floats, path: Points) -> Points:
    """The stretch of the line that holds its light: the steps before and after found only noise."""
    if len(path) < 2:
        return path
    light = np.convolve(_strip(image, path, 2).mean(axis=0), np.ones(5) / 5, "same")
    bright = float(np.sort(light)[-max(len(light) // 4, 1) :].mean())
    floor = max(0.12 * bright, min(0.3 * bright, 0.4))
    # The stretch with the largest sum above the floor (Kadane 1984).
    total, begin, best = 0.0, 0, (0.0, 0, len(light) - 1)
    for n, value in enumerate(light - floor):
        if total <= 0:
            total, begin = 0.0, n
        total += float(value)
        if total > best[0]:
            best = (total, begin, n)
    apart = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    first, last = float(best[1]), float(best[2])
    inner = (apart > first) & (apart < last)
    ends = [[np.interp(at, apart, path[:, c]) for c in (0, 1)] for at in (first, last)]
    return np.concatenate([ends[:1], path[inner], ends[1:]])


def _strip(image: Floats, path: Points, half: int) -> NDArray[np.float32]:
    """(2 half + 1, n) the picture straightened along `path`, a pixel per column."""
    apart = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    way = np.arange(0, max(apart[-1], 1.0))
    x, y = np.interp(way, apart, path[:, 0]), np.interp(way, apart, path[:, 1])
    dx, dy = np.gradient(x) if len(x) > 1 else np.ones(1), np.gradient(y) if len(y) > 1 else np.zeros(1)
    norm = np.maximum(np.hypot(dx, dy), 1e-6)
    across = np.arange(-half, half + 1)[:, None]
    map_x = (x - across * dy / norm).astype(np.float32)
    map_y = (y + across * dx / norm).astype(np.float32)
    return cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _measured(image: Floats, whole: Floats, path: Points, step: int) -> Streak:
    around = _strip(image, path, _AROUND)
    seen_around = _strip((image != 0).astype(np.float32), path, _AROUND) > 0.99
    middle = slice(_AROUND - 8, _AROUND + 9)
    known = seen_around[middle]
    strip = np.where(known, around[middle], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where a star hides all of it
        side = np.nan_to_num(np.nanmean(np.concatenate([strip[:4], strip[-4:]])))
        core = np.nanmean(strip[6:11], axis=0) - side
        across = np.nan_to_num(np.nanmean(strip, axis=1)) - side
        along = np.array([np.nanmean(part) if len(part) else np.nan for part in np.array_split(core, _PARTS)])
    peak = max(float(across[6:11].max()), 1e-6)
    width = float(np.clip(across, 0, None).sum() / peak)
    seen = np.flatnonzero(np.isfinite(along))
    along = np.interp(np.arange(_PARTS), seen, along[seen]) if len(seen) else np.zeros(_PARTS)
    bright = max(float(np.sort(along)[-3:].mean()), 1e-6)
    light = np.nan_to_num(strip[6:11] - side)
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()) if len(path) > 1 else 0.0
    height, across_w = image.shape
    margin = 1.6 * _LEG
    edge = [
        bool(p[0] < margin or p[1] < margin or p[0] > across_w - margin or p[1] > height - margin)
        for p in path[[0, -1]]
    ]
    return Streak(
        path=path * step + (step - 1) / 2,
        length=length * step,
        snr=float(light.sum() / np.sqrt(max(known[6:11].sum(), 1))) / _relief(around, seen_around),
        width=width * step,
        profile=along / bright,
        at_edge=(edge[0], edge[1]),
        flashes=_flashing(_strip(whole, path, 2).mean(axis=0)),
        open=float(min(known[:5].mean(), known[12:].mean())),
    )


def _relief(strip: NDArray[np.float32], known: NDArray[np.bool_]) -> float:
    """By how much lines beside a line, as long as it and along it, scatter more than noise does; at least 1.

    Edges of clouds that moved, and of what the ground hides, do not come alone: where there is one line, its
    neighbourhood is full of them. A meteor stands in a sky that is even.
    """
    total, count = np.where(known, strip, 0.0).sum(axis=1), known.sum(axis=1)
    found = []
    for row in range(2, len(strip) - 2):
        if abs(row - _AROUND) < _BESIDE or row % 2:
            continue
        part, sides = (
            slice(row - 2, row + 3),
            [*range(max(row - 8, 0), max(row - 4, 0)), *range(row + 5, min(row + 9, len(strip)))],
        )
        if count[part].sum() < 0.4 * 5 * known.shape[1] or count[sides].sum() == 0:
            continue
        side = total[sides].sum() / count[sides].sum()
        found.append((total[part].sum() - side * count[part].sum()) / np.sqrt(count[part].sum()))
    if len(found) < 6:
        return 1.0
    return max(1.0, 1.4826 * float(np.median(np.abs(found))) / _EVEN)


def _flashing(light: NDArray[np.float32]) -> bool:
    """At least four short peaks that stand far above what is between them."""
    lit = light[light > 1]
    if len(lit) < 30:
        return False
    usual = float(np.median(lit))
    high = light > max(2.5 * usual, usual + 8)
    begins = np.flatnonzero(high[1:] & ~high[:-1])
    return usual > 2 and len(begins) >= 4


def _wipe(image: Floats, path: Points) -> None:
    """Take a line out of the picture, and what lies just before and behind it."""
    whole = np.round(path * 16).astype(np.int32)[:, None]
    mask = np.zeros(image.shape, np.uint8)
    cv2.polylines(mask, [whole], False, 1, thickness=9, shift=4)
    image[mask > 0] = 0
