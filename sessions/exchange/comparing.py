"""Are two files the same product? By bytes, else by what they show, else how far apart.

Encoders and file headers change with versions and clocks; pixels should not. Libraries are loaded when a file
of their kind is compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from skycam_project.common.files import sha256_of

VIDEOS = frozenset({".mp4", ".mkv", ".mov", ".webm", ".avi", ".ts"})
ANIMATIONS = frozenset({".webp", ".gif"})
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".exr", ".bmp"})
FITS = frozenset({".fits", ".fit", ".fts", ".fz"})


class Likeness(StrEnum):
    """How much two files have in common, best first."""

    IDENTICAL = "identical"
    """Every byte."""
    EQUAL = "equal"
    """Other bytes, the same pixels, frames or rows."""
    CLOSE = "close"
    """Within the tolerance that the kind of product allows."""
    DIFFERENT = "different"
    MISSING = "missing"
    """One of the two is not there."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a remade product may be from the first one, as shares of full scale.

    Attributes:
        mean: of the absolute difference over all samples, 0 to 1.
        largest: of one sample, 0 to 1.
    """

    mean: float = 0.0
    largest: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison of one output found.

    Attributes:
        path: of the output, relative to the product.
        likeness: see `Likeness`.
        mean: mean absolute difference, share of full scale; 0 for identical files.
        largest: largest difference of one sample, share of full scale.
        note: what else there is to say.
    """

    path: str
    likeness: Likeness
    mean: float = 0.0
    largest: float = 0.0
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether this output counts as reproduced."""
        return self.likeness in (Likeness.IDENTICAL, Likeness.EQUAL, Likeness.CLOSE)


def compare(name: str, old: Path, new: Path, tolerance: Tolerance) -> Verdict:
    """Compare two files of one name.

    Args:
        name: what the verdict calls them.
        old: the first one.
        new: the second one; its kind is told by its extension.
        tolerance: for what is neither identical nor equal.
    """
    if not old.is_file() or not new.is_file():
        return Verdict(name, Likeness.MISSING, note="not made again" if old.is_file() else "no longer there")
    if old.stat().st_size == new.stat().st_size and sha256_of(old) == sha256_of(new):
        return Verdict(name, Likeness.IDENTICAL)
    suffix = new.suffix.lower()
    if suffix == ".parquet":
        return _compare_tables(name, old, new)
    reader = _reader(suffix)
    if reader is None:
        return Verdict(name, Likeness.DIFFERENT, 1.0, 1.0, "other bytes")
    try:
        return _compare_arrays(name, reader(old), reader(new), tolerance)
    except Exception as error:
        return Verdict(name, Likeness.DIFFERENT, 1.0, 1.0, f"cannot be decoded: {error}")


def _reader(suffix: str) -> Any:
    if suffix in VIDEOS:
        return _video
    if suffix in FITS:
        return _fits
    if suffix in ANIMATIONS:
        return _animation
    return {".npy": _numpy}.get(suffix, _image if suffix in IMAGES else None)


def _compare_arrays(
    name: str,
    old: Iterator[tuple[np.ndarray, float]],
    new: Iterator[tuple[np.ndarray, float]],
    tolerance: Tolerance,
) -> Verdict:
    total = largest = count = 0.0
    for number, (one, other) in enumerate(zip_longest(old, new)):
        if one is None or other is None:
            return Verdict(name, Likeness.DIFFERENT, 1.0, 1.0, f"one ends after {number} images")
        (first, scale), (second, _) = one, other
        if first.shape != second.shape:
            note = f"image {number} is {second.shape} instead of {first.shape}"
            return Verdict(name, Likeness.DIFFERENT, 1.0, 1.0, note)
        if np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
            count += first.size
            continue
        distance = np.abs(first.astype(np.float64) - second) / scale
        if np.any(np.isnan(distance)):
            both = np.isnan(first) & np.isnan(second)
            distance = np.where(both, 0.0, np.nan_to_num(distance, nan=1.0))
        total, count = total + float(distance.sum()), count + first.size
        largest = max(largest, float(distance.max()))
    mean = total / count if count else 0.0
    if largest == 0.0:
        return Verdict(name, Likeness.EQUAL)
    close = mean <= tolerance.mean and largest <= tolerance.largest
    return Verdict(name, Likeness.CLOSE if close else Likeness.DIFFERENT, mean, largest)


def _compare_tables(name: str, old: Path, new: Path) -> Verdict:
    import polars

    if polars.read_parquet(old).equals(polars.read_parquet(new)):
        return Verdict(name, Likeness.EQUAL)
    return Verdict(name, Likeness.DIFFERENT, 1.0, 1.0, "other rows")


def _full_scale(array: np.ndarray) -> float:
    if array.dtype.kind in "iu":
        return float(np.iinfo(array.dtype).max)
    finite = array[np.isfinite(array)]
    return float(finite.max() - finite.min()) or 1.0 if finite.size else 1.0


def _video(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(), float((1 << frame.format.components[0].bits) - 1)


def _image(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    import cv2

    array = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise ValueError(f"{path.name} is not an image that can be read")
    yield array, _full_scale(array)


def _animation(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            yield np.asarray(frame.convert("RGBA")), 255.0


def _numpy(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    array = np.load(path, allow_pickle=False)
    yield array, _full_scale(array)


def _fits(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    from astropy.io import fits

    with fits.open(path, memmap=False) as found:
        for unit in found:
            if (
                isinstance(unit, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU)
                and unit.data is not None
            ):
                yield unit.data, _full_scale(unit.data)
