"""Linear counts become a picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sky.tone import asinh_softening

_ROWS = 64


def developed(
    image: NDArray[Any], offset: float, top: float, white: NDArray[np.float64], sky: float = 0.12
) -> NDArray[np.uint8]:
    """Linear counts as a picture: the sky at `sky` of the range, bright stars kept in colour (arcsinh curve).

    Args:
        image: (h, w, 3) or (h, w, 1).
        offset: value of darkness.
        top: largest value that should still differ from white.
        white: factors on R, G, B.
        sky: where the background goes, 0…1.
    """
    part = _above(image[::6, ::6], offset, white).reshape(-1, 3)
    lit = part[part.sum(axis=1) > 0]
    background = np.median(lit, axis=0) if len(lit) else np.ones(3)
    noise = max(
        1.4826 * float(np.median(np.abs(lit.mean(axis=1) - background.mean()))) if len(lit) else 1.0, 1e-3
    )
    black = np.maximum(background - 2.5 * noise, 0).astype(np.float32)
    level = max(float((background - black).mean()), 1e-3)
    whole = max(top - offset, level * 4)
    soft = softening(level, whole, sky)
    out = np.empty((*image.shape[:2], 3), np.uint8)
    for first in range(0, len(image), _ROWS):  # all at once it would take ten times the picture
        rows = slice(first, first + _ROWS)
        plane = np.maximum(_above(image[rows], offset, white) - black, 0)
        full = image[rows].reshape(*plane.shape[:2], -1).max(axis=2) >= 0.97 * top
        out[rows] = _shown(plane, full, soft, np.float32(np.arcsinh(whole / soft)))
    return out


def _above(image: NDArray[Any], offset: float, white: NDArray[np.float64]) -> NDArray[np.float32]:
    """(h, w, 3) above darkness, white balanced."""
    plane = np.maximum(image.astype(np.float32) - np.float32(offset), 0)
    if plane.ndim == 2 or plane.shape[2] == 1:
        plane = np.repeat(plane.reshape(*plane.shape[:2], 1), 3, axis=2)
    return plane * white.astype(np.float32)


def _shown(
    plane: NDArray[np.float32], full: NDArray[np.bool_], soft: np.float32, brightest_of_all: np.float32
) -> NDArray[np.uint8]:
    """(h, w, 3) through the curve."""
    light = plane.mean(axis=2)
    # One curve for all three colours keeps the hue of bright stars: scale each pixel by f(light) / light.
    curve = np.arcsinh(light / soft) / brightest_of_all
    gain = curve / np.maximum(light, 1e-6)
    out = plane * gain[..., None]
    # A saturated pixel has lost its colour: without this the white balance would paint it.
    out[full] = np.maximum(curve[full], out[full].max(axis=1, initial=0.0) if full.any() else 0)[:, None]
    brightest = np.maximum(out.max(axis=2, keepdims=True), 1.0)
    return np.clip(out / brightest * 255 + 0.5, 0, 255).astype(np.uint8)


def softening(level: float, top: float, wanted: float) -> np.float32:
    """Knee of the arcsinh curve that puts `level` at `wanted` of the way to `top`; see `sky.tone`."""
    return np.float32(top * asinh_softening(level / top, wanted))
