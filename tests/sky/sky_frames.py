"""Instruments, conditions and measurements that the tests of the renderer share."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from sky.coordinates import Site
from sky.instruments import DWARF3_TELE, Instrument
from sky.renderer import Conditions

SITE = Site(46.0, 7.5, 1000.0)
DARK = datetime(2026, 11, 10, 20, tzinfo=UTC)  # one day after new moon
CLEAR = Conditions(SITE, satellites_per_hour=0, meteors_per_hour=0)


def sized(instrument: Instrument, width: int, height: int, **changes) -> Instrument:
    return replace(instrument, sensor=replace(instrument.sensor, width=width, height=height, **changes))


SMALL = sized(DWARF3_TELE, 960, 640)
WHOLE = sized(DWARF3_TELE, 960, 540, pixel_um=8.0)  # the whole field in a sixteenth of the pixels
QUIET = sized(DWARF3_TELE, 960, 640, hot_fraction=0.0, dark_e_per_s=0.0, read_noise_e=0.1, response=0.0)


def superpixels(mosaic):
    return (
        mosaic.reshape(mosaic.shape[0] // 2, 2, mosaic.shape[1] // 2, 2).astype(np.float64).sum(axis=(1, 3))
    )


def box(image, x, y, half):
    ix, iy = round(float(x)), round(float(y))
    return image[iy - half : iy + half + 1, ix - half : ix + half + 1].astype(np.float64)


def star_adu(image, x, y):
    """Light of a star in 19 × 19 pixels above the mean of the ring around them."""
    outer = box(image, x, y, 14)
    inner = outer[5:-5, 5:-5]
    return inner.sum() - (outer.sum() - inner.sum()) / (outer.size - inner.size) * inner.size
