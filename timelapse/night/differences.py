"""What one frame has and its neighbours do not: stars and ground taken out, the rest in units of the noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sky.kernels import in_bands
from timelapse.night.frames import Floats
from timelapse.night.opencv import cv2
from timelapse.night.repair import tile_levels

_TILE = 48
_STAR = 5.0
_CELL = 96
_SHORT = 11  # pixels
_LOUD = 9.0
_CHANCE = 1.12  # so much more is found in cells of white noise too
_LOW, _LOW_OF_NORMAL = 0.3, 0.3853  # a quantile that a line through the cell hardly moves


@dataclass(frozen=True, slots=True, eq=False)
class Neighbour:
    """A frame beside another: as it is, and with its stars where they are on that one."""

    light: Floats
    moved: Floats | None = None


def difference(frame: Floats, neighbours: Sequence[Neighbour]) -> Floats:
    """What is new in `frame`, in units of its noise; stars and what is hidden behind them are 0.

    Args:
        frame: `Look.light`.
        neighbours: the frames before and after, of the same shape; none: what stands out from its surroundings.
    """
    if neighbours:
        known = _known([n.light for n in neighbours])
        moved = [n.moved for n in neighbours if n.moved is not None]
        if moved:
            known = np.maximum(known, _known(moved))
    else:
        known = cv2.blur(frame, (31, 31))
    new = np.ascontiguousarray(frame - known, np.float32)
    level, noise = _levels(new)
    out = (new - level) / noise
    background, _ = _levels(known)
    cross = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    stars = np.zeros(frame.shape, np.uint8)
    for n in neighbours:
        for other in (n.light, n.moved):
            if other is not None:
                stars |= (other - background > np.float32(_STAR) * noise).astype(np.uint8)
    out[cv2.dilate(_without_lines(stars), cross) > 0] = 0
    return np.clip(out, -3.0, 500.0) / _excess(out)


def _excess(image: Floats) -> Floats:
    """By how much sums along short lines scatter more than white noise's would, at least 1.

    Noise of JPEGs is smooth, and clouds that moved leave a relief: what is one standard deviation for a pixel there is
    less for a line.
    """
    rows, columns = (max(2, n // _CELL) for n in image.shape)
    found = np.ones((rows, columns), np.float32)
    soft = np.clip(image, -_LOUD, _LOUD)
    for size in ((_SHORT, 3), (3, _SHORT)):
        known = cv2.boxFilter((image != 0).astype(np.float32), -1, size, normalize=False)
        sums = np.abs(cv2.boxFilter(soft, -1, size, normalize=False)) / np.sqrt(np.maximum(known, 1))
        sums[known < _SHORT] = np.nan
        for j, band in enumerate(np.array_split(sums[::2], rows)):
            for i, cell in enumerate(np.array_split(band[:, ::2], columns, axis=1)):
                seen = cell[np.isfinite(cell)]
                if len(seen) > _CELL:
                    found[j, i] = max(found[j, i], np.quantile(seen, _LOW) / (_CHANCE * _LOW_OF_NORMAL))
    return cv2.resize(found, image.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _known(frames: list[Floats]) -> Floats:
    """Their mean, its noise smoothed away but not what stands out from it."""
    mean = sum(frames[1:], frames[0].copy()) / np.float32(len(frames))
    smooth = cv2.GaussianBlur(mean, (0, 0), 1.3)
    detail = mean - smooth
    spread = 1.4826 * float(np.median(np.abs(detail[::5, ::5])))
    detail[np.abs(detail) < np.float32(2.2 * spread)] = 0
    return smooth + detail


def _levels(image: Floats) -> tuple[Floats, Floats]:
    height, width = image.shape
    th, tw = max(2, height // _TILE), max(2, width // _TILE)
    level, noise = (np.empty((1, th, tw), np.float32) for _ in range(2))
    in_bands(th, lambda first, end: tile_levels(image, 1, level, noise, first, end))
    smooth = [
        cv2.resize(plane[0], (width, height), interpolation=cv2.INTER_LINEAR) for plane in (level, noise)
    ]
    return smooth[0], smooth[1]


def _without_lines(stars: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blobs only: a satellite on a neighbouring frame must not hide what crosses its way."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(stars, connectivity=8)
    longest = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    thin = (longest > 24) & (stats[:, cv2.CC_STAT_AREA] < 6 * longest)
    if count < 2 or not thin[1:].any():
        return stars
    labels = cv2.connectedComponents(stars, connectivity=8)[1]
    return (stars > 0).astype(np.uint8) * (~thin[labels]).astype(np.uint8)
