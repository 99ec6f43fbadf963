"""The scale of a picture by what its file says of lens and sensor; a focal length that is engraved is right to 5 %."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from sky.angles import ARCSEC_PER_RADIAN
from skycam_project.common.units import Arcseconds

_FULL_FRAME_MM = 43.27  # diagonal that crop factors refer to


def scale_of_cards(cards: Mapping[str, Any]) -> Arcseconds | None:
    """Per pixel, by a FITS header's focal length (mm) and size of a pixel as read out (µm)."""
    focal_mm, pixel_um = (_positive(cards.get(name)) for name in ("FOCALLEN", "XPIXSZ"))
    return ARCSEC_PER_RADIAN * pixel_um / 1000 / focal_mm if focal_mm and pixel_um else None


def scale_of_exif(exif: Mapping[str, Any], shape: tuple[int, ...]) -> Arcseconds | None:
    """Per pixel, by focal length and camera; the lensfun database knows how large its sensor is.

    Args:
        exif: some of `make model focal_length_mm`.
        shape: rows and columns of the whole sensor.
    """
    focal_mm = _positive(exif.get("focal_length_mm"))
    maker, model = (str(exif.get(word) or "").strip("\0 ") for word in ("make", "model"))
    if focal_mm is None or not model:
        return None
    lensfunpy: Any = import_module("lensfunpy")  # its types are not declared
    cameras = lensfunpy.Database().find_cameras(maker, model, loose_search=False)
    if not cameras:
        return None
    pixel_mm = _FULL_FRAME_MM / cameras[0].crop_factor / float(np.hypot(shape[0], shape[1]))
    return ARCSEC_PER_RADIAN * pixel_mm / focal_mm


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None
