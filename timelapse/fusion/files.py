"""Pictures from files and into files, 8 or 16 bit."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from skycam_project.common.errors import InvalidValueError
from timelapse.fusion.pictures import Picture

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
_EIGHT_BITS = frozenset({".jpg", ".jpeg"})


def read(path: Path) -> Picture:
    """Red, green, blue of a file. Raises `InvalidValueError` when it is no picture, `OSError`."""
    found = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if found is None or found.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError("picture", str(path), "a JPEG, PNG or TIFF of 8 or 16 bits")
    return cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def write(picture: Picture, path: Path) -> None:
    """Write a picture; JPEG takes 8 bits of it. Raises `InvalidValueError` for another suffix, `OSError`."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidValueError("out", str(path), f"a name that ends in {', '.join(sorted(SUFFIXES))}")
    if suffix in _EIGHT_BITS and picture.dtype == np.uint16:
        picture = ((picture.astype(np.uint32) + 128) // 257).astype(np.uint8)
    _, encoded = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    path.write_bytes(encoded.tobytes())


def by_brightness(pictures: Sequence[Picture]) -> list[Picture]:
    """Darkest first: the middle one is what the others are laid over."""
    return sorted(pictures, key=lambda picture: float(picture[::8, ::8].mean()))
