"""Brackets as linear light: for an HDR master, where fusion would be a matter of taste.

Each frame is brought to light by the camera's response, and the frames are averaged by the inverse of their variance
(photons and read noise; Hasinoff, Durand, Freeman 2010), without codes that are clipped or lost in the dark.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skycam_project.common.errors import InvalidValueError
from timelapse.fusion.pictures import Picture, check, white

LOWEST, HIGHEST, SLOPE = 2 / 255, 252 / 255, 12 / 255
"""Codes outside are not used; inside, trust grows over `SLOPE`."""
PHOTONS, READ = 4e-4, 2e-5
"""Variance of a frame per unit of light, and without light; only their ratio matters."""


def srgb_response(codes: int) -> NDArray[Any]:
    """Light 0 to 1 of each code of a camera that follows sRGB (IEC 61966-2-1)."""
    value = np.linspace(0, 1, codes)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def merge_radiance(
    pictures: Sequence[Picture], exposures_ev: Sequence[float], response: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Light of the scene, in units of the code range of a frame of 0 EV.

    Args:
        pictures: aligned frames; see `pictures.Picture`.
        exposures_ev: exposure of each against the first unit, in EV: +1 is twice the light.
        response: light of each code, 256 or 65536 values; sRGB when None.

    Returns:
        light `[h, w, 3]`, and where at least one frame knew it. Where none did: the nearest end of the range.

    Raises:
        InvalidValueError: see `fuse`; or another number of exposures, or a response of another length.
    """
    check(pictures)
    if len(exposures_ev) != len(pictures):
        raise InvalidValueError("exposures", len(exposures_ev), f"one for each of {len(pictures)} pictures")
    codes = int(white(pictures[0].dtype)) + 1
    table = srgb_response(codes) if response is None else response
    if table.shape != (codes,):
        raise InvalidValueError("response", table.shape, f"{codes} values")
    total = np.zeros(pictures[0].shape, np.float32)
    trust = np.zeros_like(total)
    for picture, ev in zip(pictures, exposures_ev, strict=True):
        weight = _trust(table, ev)
        total += _look_up(picture, table * np.float32(2.0**-ev) * weight)
        trust += _look_up(picture, weight)
    known = trust > 0
    np.divide(total, trust, out=total, where=known)
    darkest = _look_up(pictures[int(np.argmin(exposures_ev))], table * np.float32(2.0 ** -min(exposures_ev)))
    np.copyto(total, darkest, where=~known)
    return total, known


def _trust(table: NDArray[Any], ev: float) -> NDArray[Any]:
    """Inverse variance of the light that a code says."""
    code = np.linspace(0, 1, len(table), dtype=np.float32)
    ends = np.clip(np.minimum(code - LOWEST, HIGHEST - code) / SLOPE, 0, 1)
    return (ends * 4.0**ev / (table * PHOTONS + READ)).astype(np.float32)


def _look_up(picture: Picture, table: NDArray[Any]) -> NDArray[Any]:
    if picture.dtype == np.uint8:
        return cv2.LUT(picture, table)
    return table[picture]
