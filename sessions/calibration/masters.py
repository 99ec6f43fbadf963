"""Master frames: a clipped mean of many, and the map of hot pixels. sky.md §7.4, §7.5."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skycam_project.common.errors import InvalidValueError

LEAST = 10
"""Frames that a master needs: its own noise is then a third of one frame's."""
CLIP = 3.0
"""Standard deviations beyond which a sample (a cosmic ray, a satellite) does not count."""
HOT = 8.0
"""Standard deviations above the median from which a pixel of a dark is hot."""
_BAND = 1 << 22
"""Samples of all frames together that are worked on at a time."""


def clipped_mean(frames: Iterable[np.ndarray], folder: Path | None = None) -> tuple[NDArray[np.float32], int]:
    """Mean of frames without outliers, and how many frames there were.

    Outliers are told by the median and a robust deviation: with ten frames a cosmic ray widens the plain
    standard deviation so much that it is never beyond three of it. Frames lie in a temporary file meanwhile;
    memory is one frame and a band of all.

    Args:
        frames: at least `LEAST` arrays of one shape and type, `[h, w]` or `[h, w, 3]`.
        folder: of the temporary file.

    Raises `InvalidValueError` for too few frames, or frames of several shapes.
    """
    with tempfile.TemporaryFile(dir=folder) as spool:
        shape: tuple[int, ...] = ()
        dtype, count = np.dtype(np.uint16), 0
        for frame in frames:
            if not count:
                shape, dtype = frame.shape, frame.dtype
            if frame.shape != shape or frame.dtype != dtype:
                raise InvalidValueError("frames", f"{frame.dtype} {frame.shape}", f"all {dtype} {shape}")
            spool.write(np.ascontiguousarray(frame).data.cast("B"))
            count += 1
        if count < LEAST:
            raise InvalidValueError("frames", count, f"at least {LEAST}")
        spool.flush()
        stack = np.memmap(spool, dtype, "r", shape=(count, *shape))
        mean = np.empty(shape, np.float32)
        rows = max(1, _BAND // (count * int(np.prod(shape[1:]))))
        for top in range(0, mean.shape[0], rows):
            mean[top : top + rows] = _clipped(np.asarray(stack[:, top : top + rows], np.float32))
        del stack
    return mean, count


def _clipped(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    centre = np.median(samples, axis=0)
    distance = np.abs(samples - centre)
    own = np.median(distance, axis=0) * np.float32(1.4826)
    # Integers: most samples may equal the median. What is usual here is the least that a pixel may scatter.
    usual = max(float(np.mean(own)), 0.5)
    np.greater(distance, CLIP * np.maximum(own, usual), out=distance)
    weight = 1 - distance
    return (samples * weight).sum(axis=0) / weight.sum(axis=0)


def hot_map(dark: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels of a master dark that lie far above the others."""
    median = float(np.median(dark))
    sigma = 1.4826 * float(np.median(np.abs(dark - median)))
    return dark > median + HOT * max(sigma, 1e-3)


def normalised_flat(
    flat: NDArray[np.float32], offset: NDArray[np.float32] | float, mosaic: bool
) -> NDArray[np.float32]:
    """What a flat is divided by: 1 on average in each colour of the mosaic, at least 0.05.

    Args:
        flat: the mean of the flat frames, ADU.
        offset: bias, or dark of the same exposure.
        mosaic: whether every second pixel has another colour.
    """
    light = np.maximum(flat - offset, 1e-6).astype(np.float32)
    step = 2 if mosaic and light.ndim == 2 else 1
    for y in range(step):
        for x in range(step):
            part = light[y::step, x::step]
            part /= np.median(part, axis=(0, 1))
    return np.maximum(light, np.float32(0.05))


def repair(pixels: NDArray[np.float32], bad: NDArray[np.bool_], mosaic: bool) -> None:
    """Replace bad pixels, in place, by the median of their good neighbours of the same colour.

    A pixel without any keeps its value.
    """
    step = 2 if mosaic and pixels.ndim == 2 else 1
    rows, columns = np.nonzero(bad)
    if rows.size == 0:
        return
    height, width = bad.shape
    found = []
    for dy in (-step, 0, step):
        for dx in (-step, 0, step):
            if not dy and not dx:
                continue
            y, x = rows + dy, columns + dx
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            y, x = np.where(inside, y, 0), np.where(inside, x, 0)
            good = inside & ~bad[y, x]
            shape = (-1,) + (1,) * (pixels.ndim - 2)
            found.append(np.where(good.reshape(shape), pixels[y, x], np.nan))
    around = np.stack(found)
    some = ~np.all(np.isnan(around), axis=0)
    some = some if some.ndim == 1 else some.all(axis=1)
    pixels[rows[some], columns[some]] = np.nanmedian(around[:, some], axis=0)
