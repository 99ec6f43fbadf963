"""Pixels of a telescope's frame as the rest of the program wants them."""

from pathlib import Path
from typing import Any

import numpy as np

from telescope.dwarf.fits import read_pixels
from telescope.dwarf.session.settings import Optics


def mosaic(path: Path, optics: Optics | None = None) -> "np.ndarray[Any, np.dtype[np.uint16]]":
    """The raw mosaic of a FITS file, uint16 `[y, x]`, cropped about its centre to the model's size.

    The crop begins at even pixels, so that the Bayer pattern stays what it is. Raises `DeviceDataError`.
    """
    optics = optics or Optics()
    pixels = np.asarray(read_pixels(path))
    rows, columns = pixels.shape[-2:]
    top = max(0, (rows - optics.height_px) // 2) & ~1
    left = max(0, (columns - optics.width_px) // 2) & ~1
    cropped = pixels[..., top : top + optics.height_px, left : left + optics.width_px]
    return np.ascontiguousarray(cropped).astype(np.uint16, copy=False)
