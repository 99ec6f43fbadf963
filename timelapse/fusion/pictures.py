"""What every fusion asks of its pictures, and how they become planes."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skycam_project.common.errors import InvalidValueError

Picture = NDArray[Any]
"""`[h, w, 3]`, red green blue, `uint8` or `uint16`."""

Planes = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Luma 0 to 1 `[h, w]`, and red and blue difference 0 to 1 (grey 0.5) `[h/2, w/2]`."""


def check(pictures: Sequence[Picture], least: int = 2) -> None:
    """Raises `InvalidValueError` unless there are `least` pictures, all of one shape and type."""
    if len(pictures) < least:
        raise InvalidValueError("pictures", len(pictures), f"at least {least}")
    first = pictures[0]
    if first.ndim != 3 or first.shape[2] != 3 or first.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError(
            "picture", f"{first.dtype} {first.shape}", "uint8 or uint16, height × width × 3"
        )
    if min(first.shape[:2]) < 16:
        raise InvalidValueError("picture", f"{first.shape[1]} × {first.shape[0]}", "at least 16 × 16 pixels")
    for other in pictures[1:]:
        if other.shape != first.shape or other.dtype != first.dtype:
            sizes = f"{other.shape[1]} × {other.shape[0]} {other.dtype}"
            raise InvalidValueError(
                "picture", sizes, f"as the first: {first.shape[1]} × {first.shape[0]} {first.dtype}"
            )


def white(dtype: np.dtype[Any]) -> float:
    """The largest code."""
    return float(np.iinfo(dtype).max)


def halved(plane: NDArray[Any]) -> NDArray[Any]:
    """Half as wide and high, by averages."""
    height, width = plane.shape[:2]
    return cv2.resize(plane, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)


def planes(picture: Picture) -> Planes:
    """Luma in full size, colour in half."""
    scaled = picture.astype(np.float32)
    scaled *= 1 / white(picture.dtype)
    luma = cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY)
    small = cv2.cvtColor(halved(scaled), cv2.COLOR_RGB2YCrCb)
    return luma, np.ascontiguousarray(small[..., 1]), np.ascontiguousarray(small[..., 2])


def picture_of(parts: Planes, dtype: np.dtype[Any]) -> Picture:
    """The picture of these planes."""
    luma, red, blue = parts
    size = luma.shape[1], luma.shape[0]
    whole = cv2.merge([luma, cv2.resize(red, size), cv2.resize(blue, size)])
    return coded(cv2.cvtColor(whole, cv2.COLOR_YCrCb2RGB), dtype)


def coded(values: NDArray[Any], dtype: np.dtype[Any]) -> Picture:
    """Values of 0 to 1 as the nearest codes; what is outside is cut."""
    values = values * np.float32(white(dtype))
    np.rint(values, out=values)
    return np.clip(values, 0, white(dtype), out=values).astype(dtype)
