"""Counts become something an eye can judge: colours out of a mosaic, a scale, an asinh curve."""

import math

import numpy as np

from sky.tone import asinh_softening
from skycam_project.common.errors import InvalidValueError

MODES = ("auto", "linear")
BACKGROUND = 0.2
"""Brightness (0 to 1) that the median of a dark frame gets."""
_SIGMAS_BELOW = 2.8
_WHITE_PERCENTILE = 99.8
_SAMPLES = 50_000
_PATTERNS = frozenset({"RGGB", "BGGR", "GRBG", "GBRG"})


def small(array: np.ndarray, bayer: str, side: int | None) -> np.ndarray:
    """The picture in `float32`, `[h, w]` or `[h, w, 3]`, its longer side at most about twice `side` (None: as it is).

    Args:
        array: `[h, w]` or `[h, w, 3]`.
        bayer: colour pattern of a mosaic; each 2 x 2 cell becomes one pixel. Anything else: no mosaic.
        side: pixels.
    """
    pattern = bayer.upper()
    if array.ndim == 2 and pattern in _PATTERNS and min(array.shape) >= 2:
        array = _cells(array, pattern)
    factor = max(1, max(array.shape[:2]) // side) if side else 1
    return _binned(array, factor)


def _cells(array: np.ndarray, pattern: str) -> np.ndarray:
    height, width = array.shape[0] // 2 * 2, array.shape[1] // 2 * 2
    found = np.zeros((height // 2, width // 2, 3), np.float32)
    for place, letter in enumerate(pattern):
        cell = array[place // 2 : height : 2, place % 2 : width : 2]
        found[..., "RGB".index(letter)] += cell * np.float32(0.5 if letter == "G" else 1)
    return found


def _binned(array: np.ndarray, factor: int) -> np.ndarray:
    """Means of `factor` x `factor` pixels; what does not fill a block at the edge is left out."""
    if factor == 1:
        return array.astype(np.float32)
    height, width = array.shape[0] // factor, array.shape[1] // factor
    cut = array[: height * factor, : width * factor]
    # Rows first: sums along memory, three times as fast as both axes at once.
    rows = np.add.reduce(cut.reshape(height, factor, -1, *array.shape[2:]), axis=1, dtype=np.float32)
    sums = np.add.reduce(rows.reshape(height, width, factor, *array.shape[2:]), axis=2)
    return sums / np.float32(factor * factor)


def to_bytes(picture: np.ndarray, mode: str, full_scale: bool) -> np.ndarray:
    """`uint8` pixels of the same shape.

    `auto`: the sky's background becomes dark grey and what is above it is drawn on an asinh curve (Lupton et al. 1999,
    AJ 118, 1406), colours kept. A finished 8-bit colour picture stays as it is. `linear`: lowest to highest value.

    Args:
        picture: counts, finite or not.
        mode: one of `MODES`.
        full_scale: it is a finished picture of 0 to 255.

    Raises:
        InvalidValueError: another mode.
    """
    if mode not in MODES:
        raise InvalidValueError("stretch", mode, ", ".join(MODES))
    picture = np.nan_to_num(picture, nan=0.0, posinf=3e38, neginf=0.0)
    if full_scale and mode == "auto":
        return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    if mode == "linear":
        black, white = float(picture.min()), float(picture.max())
        scaled = (picture - black) / max(white - black, 1e-9)
        return (np.clip(scaled, 0, 1) * 255 + 0.5).astype(np.uint8)
    black, middle, white = _levels(picture)
    scaled = np.clip((picture - black) / max(white, 1e-9), 0, 1)
    level = middle / max(white, 1e-9)
    if 0 < level < BACKGROUND:
        knee = asinh_softening(level, BACKGROUND)
        scaled = np.arcsinh(scaled / knee) / math.asinh(1 / knee)
    return (np.clip(scaled, 0, 1) * 255 + 0.5).astype(np.uint8)


def _levels(picture: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Black point of each channel, then median and white point above it, common to all channels."""
    flat = picture.reshape(-1, picture.shape[2] if picture.ndim == 3 else 1)
    flat = flat[:: max(1, len(flat) // _SAMPLES)]
    median = np.median(flat, axis=0)
    sigma = 1.4826 * np.median(np.abs(flat - median), axis=0)
    black = np.maximum(flat.min(axis=0), median - _SIGMAS_BELOW * sigma)
    above = flat - black
    white = float(np.percentile(above, _WHITE_PERCENTILE))
    middle = float(np.median(above))
    if white <= middle:  # stars on few pixels, or one value everywhere
        white = max(float(above.max()), middle)
    return (black if picture.ndim == 3 else black[0]), middle, white
