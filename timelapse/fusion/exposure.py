"""Exposure fusion: a bracket becomes one picture that shows shadows and lights (Mertens, Kautz, Van Reeth 2007).

Differs from the paper where that was measured to be better: exposedness is judged on luma, wide and a little above
the middle (longer exposures have less noise), contrast is not a weight (it prefers noise), luma is mixed in full and
colour in half size.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from timelapse.fusion.ghosts import still
from timelapse.fusion.pictures import Picture, Planes, check, halved, picture_of, planes
from timelapse.fusion.pyramid import depth, mix

MIDDLE, WIDTH = 0.55, 0.30
"""Of the bell curve over luma that says how well a pixel is exposed."""
SATURATION = 0.2
"""Exponent of colourfulness."""
LEAST = 1e-6
"""A pixel that no frame shows well is still somebody's."""

Weight = NDArray[Any]


def fuse(pictures: Sequence[Picture], *, ghosts: bool = True) -> Picture:
    """One picture of a bracket of the same scene.

    Args:
        pictures: aligned, any number from 2, in any order; see `pictures.Picture`.
        ghosts: leave what moved to the middle exposure.

    Returns:
        a picture of the same shape and type.

    Raises:
        InvalidValueError: fewer than two pictures, or of different shapes or types.
    """
    check(pictures)
    parts = [planes(picture) for picture in pictures]
    weights = [_weight(part) for part in parts]
    if ghosts:
        _leave_to_the_middle(parts, weights)
    return picture_of(_mixed(parts, weights), pictures[0].dtype)


def _weight(parts: Planes) -> Weight:
    """How much a frame has to say, in half size."""
    luma, red, blue = halved(parts[0]), parts[1], parts[2]
    weight = luma - np.float32(MIDDLE)
    weight *= weight
    weight *= np.float32(-1 / (2 * WIDTH**2))
    cv2.exp(weight, dst=weight)
    colour = cv2.magnitude(red - np.float32(0.5), blue - np.float32(0.5))
    colour += np.float32(0.02)
    weight *= cv2.pow(colour, SATURATION)
    weight += np.float32(LEAST)
    return weight


def _leave_to_the_middle(parts: Sequence[Planes], weights: Sequence[Weight]) -> None:
    small = [
        cv2.cvtColor(cv2.merge([halved(luma), red, blue]), cv2.COLOR_YCrCb2RGB) for luma, red, blue in parts
    ]
    middle = int(np.argsort([float(picture.mean()) for picture in small])[len(small) // 2])
    for index, picture in enumerate(small):
        if index != middle:
            weights[index][...] *= still(small[middle], picture)
            weights[index][...] += np.float32(LEAST)


def _mixed(parts: Sequence[Planes], weights: list[Weight]) -> Planes:
    total = 1 / np.sum(weights, axis=0, dtype=np.float32)
    weights = [weight * total for weight in weights]
    height, width = parts[0][0].shape
    full = [cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR) for weight in weights]
    levels = depth(height, width)
    return (
        mix([part[0] for part in parts], full, levels),
        mix([part[1] for part in parts], weights, max(1, levels - 1)),
        mix([part[2] for part in parts], weights, max(1, levels - 1)),
    )
