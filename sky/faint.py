"""Stars too faint for the star table, V 11…15: invented, but always the same ones in the same place.

The sky is cut into cells of about 1°. A cell holds as many faint stars as its share of table stars says,
growing by 10^0.4 per magnitude; number, places and colours come from a hash of the cell. They are scenery:
the solver never sees them as truth.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sky.catalogue import FAINTEST, stars
from skycam_project.common.units import Degrees, Magnitudes

LIMIT: Magnitudes = 15.0
_GROWTH = 0.4  # decades per magnitude
_COLUMNS = np.maximum(1, np.round(360 * np.cos(np.radians(np.arange(180) - 89.5)))).astype(np.int64)

FaintStars = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@lru_cache(maxsize=1)
def _densities() -> tuple[NDArray[np.float64], ...]:
    """Table stars of V < 11 per cell, of each zone, smoothed over the neighbouring cells."""
    table = stars()
    out = []
    for zone in range(180):
        rows = slice(int(table.zone[zone]), int(table.zone[zone + 1]))
        columns = _COLUMNS[zone]
        count = np.bincount(table.ra[rows].astype(np.int64) * columns >> 24, minlength=columns).astype(
            np.float64
        )
        out.append((np.roll(count, 1) + count + np.roll(count, -1)) / 3)
    return tuple(out)


@lru_cache(maxsize=512)
def _cell(zone: int, column: int) -> FaintStars:
    """Unit vectors (n, 3), V rising, B-V of one cell."""
    base = _densities()[zone][column]
    random = np.random.default_rng([zone, column, 11])
    count = int(random.poisson(base * (10 ** (_GROWTH * (LIMIT - FAINTEST)) - 1)))
    # The k-th star is where the counts reach k: equal steps of the number above the table's.
    number = base + (np.arange(count) + random.random(count))
    v = FAINTEST + np.log10(number / max(base, 1e-9)) / _GROWTH
    ra = (column + random.random(count)) * (2 * np.pi / _COLUMNS[zone])
    low, high = np.sin(np.radians([zone - 90, zone - 89]))
    z = low + (high - low) * random.random(count)
    flat = np.sqrt(1 - z * z)
    bv = np.clip(random.normal(0.75, 0.3, count), -0.1, 1.8)
    order = np.argsort(v)
    return np.stack([flat * np.cos(ra), flat * np.sin(ra), z], axis=1)[order], v[order], bv[order]


def cone(direction: NDArray[np.float64], radius_deg: Degrees, faintest: Magnitudes) -> FaintStars:
    """Faint stars of the cells that a cone about an ICRS unit vector touches; some lie outside it."""
    parts = [(np.zeros((0, 3)), np.zeros(0), np.zeros(0))]
    dec = np.degrees(np.arctan2(direction[2], np.hypot(direction[0], direction[1])))
    ra = np.degrees(np.arctan2(direction[1], direction[0])) % 360
    for zone in range(
        max(0, int(np.floor(dec - radius_deg + 90))), min(179, int(np.floor(dec + radius_deg + 90))) + 1
    ):
        columns = int(_COLUMNS[zone])
        farthest = max(abs(zone - 90), abs(zone - 89), abs(dec))
        if farthest + radius_deg > 88:
            chosen = np.arange(columns)
        else:
            half = np.degrees(
                np.arcsin(min(1.0, np.sin(np.radians(radius_deg)) / np.cos(np.radians(farthest))))
            )
            first, last = np.floor(np.array([ra - half, ra + half]) / 360 * columns).astype(int)
            chosen = np.unique(np.arange(first, last + 1) % columns)
        for column in chosen:
            xyz, v, bv = _cell(zone, int(column))
            end = int(np.searchsorted(v, faintest))
            parts.append((xyz[:end], v[:end], bv[:end]))
    return tuple(np.concatenate([p[n] for p in parts]) for n in range(3))  # pyright: ignore[reportReturnType]
