"""Linear counts become a picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sky.tone import asinh_softening


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
    plane = np.maximum(image.astype(np.float32) - np.float32(offset), 0)
    if plane.ndim == 2 or plane.shape[2] == 1:
        plane = np.repeat(plane.reshape(*plane.shape[:2], 1), 3, axis=2)
    plane *= white.astype(np.float32)
    part = plane[::6, ::6].reshape(-1, 3)
    lit = part[part.sum(axis=1) > 0]
    background = np.median(lit, axis=0) if len(lit) else np.ones(3)
    noise = max(
        1.4826 * float(np.median(np.abs(lit.mean(axis=1) - background.mean()))) if len(lit) else 1.0, 1e-3
    )
    black = np.maximum(background - 2.5 * noise, 0).astype(np.float32)
    level = max(float((background - black).mean()), 1e-3)
    plane = np.maximum(plane - black, 0)
    light = plane.mean(axis=2)
    # One curve for all three colours keeps the hue of bright stars: scale each pixel by f(light) / light.
    soft = softening(level, max(top - offset, level * 50), sky)
    curve = np.arcsinh(light / soft) / np.float32(np.arcsinh(max(top - offset, level * 50) / soft))
    gain = curve / np.maximum(light, 1e-6)
    out = plane * gain[..., None]
    # A saturated pixel has lost its colour: without this the white balance would paint it.
    full = (image.max(axis=2) >= 0.97 * top) if image.ndim == 3 else image >= 0.97 * top
    out[full] = np.maximum(curve[full], out[full].max(axis=1, initial=0.0) if full.any() else 0)[:, None]
    brightest = np.maximum(out.max(axis=2, keepdims=True), 1.0)
    return np.clip(out / brightest * 255 + 0.5, 0, 255).astype(np.uint8)


def softening(level: float, top: float, wanted: float) -> np.float32:
    """Knee of the arcsinh curve that puts `level` at `wanted` of the way to `top`; see `sky.tone`."""
    return np.float32(top * asinh_softening(level / top, wanted))
