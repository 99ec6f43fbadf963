"""Frames of a bracket or of a focus run, laid over each other.

Frames are compared by their local contrast (mean and scatter of a window taken out), so neither exposure nor tone
matters; the shift is found by enhanced correlation (Evangelidis and Psarakis 2008, `cv2.findTransformECC`).
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from timelapse.fusion.pictures import Picture, check, white

WINDOW = 21
LARGEST_SIDE = 1400
"""Pixels of the frames that are compared; a tenth of a pixel is found there."""
CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)


def align(pictures: Sequence[Picture], *, breathing: bool = False) -> list[Picture]:
    """The pictures laid over the one in the middle of the list.

    Args:
        pictures: see `pictures.Picture`; neighbours overlap largely.
        breathing: frames of a focus run, whose scale changes; else shift and rotation only.

    Returns:
        pictures of the same shape and type; edges that a frame lacks repeat its border. A frame that agrees with
        nothing (correlation not found) stays where it is.

    Raises:
        InvalidValueError: no pictures, or of different shapes or types.
    """
    check(pictures, least=1)
    middle = len(pictures) // 2
    model = cv2.MOTION_AFFINE if breathing else cv2.MOTION_EUCLIDEAN
    scale = min(1.0, LARGEST_SIDE / max(pictures[0].shape[:2]))
    contrasts = [_contrast(picture, scale) for picture in pictures]
    result = list(pictures)
    for order in (range(middle - 1, -1, -1), range(middle + 1, len(pictures))):
        pose = np.eye(2, 3, dtype=np.float32)  # from the middle frame to the last neighbour found
        for index in order:
            # A focus run drifts away from its middle: each frame starts from where its neighbour was.
            pose = _found(contrasts[middle], contrasts[index], pose, model)
            result[index] = _warped(pictures[index], pose, scale)
    return result


def _contrast(picture: Picture, scale: float) -> NDArray[Any]:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) * (255 / white(picture.dtype))
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.0)
    mean = cv2.blur(grey, (WINDOW, WINDOW))
    spread = np.sqrt(np.maximum(cv2.blur(grey * grey, (WINDOW, WINDOW)) - mean * mean, 0))
    return ((grey - mean) / (spread + 2.0)).astype(np.float32)


def _found(reference: NDArray[Any], other: NDArray[Any], pose: NDArray[Any], model: int) -> NDArray[Any]:
    try:
        _, found = cv2.findTransformECC(reference, other, pose.copy(), model, CRITERIA)
    except cv2.error:  # it does not converge: fog, a black frame
        return pose
    return found.astype(np.float32)


def _warped(picture: Picture, pose: NDArray[Any], scale: float) -> Picture:
    matrix = pose.astype(np.float64)
    centre = (1 - scale) / (2 * scale)  # pixel centres of the smaller frame lie between those of the larger
    offset = np.array([centre, centre])
    matrix[:, 2] = matrix[:, 2] / scale + offset - matrix[:, :2] @ offset
    size = picture.shape[1], picture.shape[0]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
