"""The picture of a point: Moffat profile, blurred by defocus, as ready-made stamps."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from skycam_project.common.units import Pixels

PHASES = 8
"""A star's place within a pixel is rounded to 1/8: ± 1/16 px."""
BETA = 3.0
_HALF = (4, 7, 15, 31, 63)
_LEVELS = np.array(
    [3e2, 2e3, 5e4, 1e6]
)  # electrons of the whole star from which the next larger stamp is used


@dataclass(frozen=True, slots=True, eq=False)
class Stamps:
    """Five sizes of stamp in 8 × 8 phases each, one behind the other in `data`."""

    data: NDArray[np.float32]
    half: NDArray[np.int64]  # (5,) half widths: a stamp has 2·half + 1 rows
    first: NDArray[np.int64]  # (5,) where each size begins in `data`

    def level(self, electrons: NDArray[np.float64]) -> NDArray[np.int64]:
        """Size (0…4) for stars of so many electrons."""
        return np.digitize(electrons, _LEVELS)


def stamps(fwhm: Pixels, defocus: Pixels = 0.0) -> Stamps:
    """Stamps for a width and the radius of the blur disc, rounded so that few are ever made."""
    return _stamps(round(max(fwhm, 0.8), 2), round(min(defocus, 40.0), 1))


@lru_cache(maxsize=12)
def _stamps(fwhm: Pixels, defocus: Pixels) -> Stamps:
    grow = int(np.ceil(defocus))
    halves = [h + grow for h in _HALF]
    # One spare pixel on either side, so that every phase's stamp lies within the grid.
    n = (2 * halves[-1] + 3) * PHASES
    axis = (np.arange(n) - n // 2 + 0.5) / PHASES  # centres of cells: without the half, stars sit 1/16 px off
    r2 = axis[:, None] ** 2 + axis[None, :] ** 2
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / BETA) - 1))
    profile = (1 + r2 / alpha**2) ** -BETA
    if defocus > 0.15:
        whole_cells = (np.arange(n) - n // 2) / PHASES  # only one of the two may carry the half
        radius = np.hypot(whole_cells[:, None], whole_cells[None, :])
        disc = np.clip((defocus - radius) * PHASES + 0.5, 0, 1)
        spectrum = np.fft.rfft2(np.fft.ifftshift(profile)) * np.fft.rfft2(np.fft.ifftshift(disc / disc.sum()))
        profile = np.fft.fftshift(np.fft.irfft2(spectrum, profile.shape))
    sums = np.pad(np.clip(profile, 0, None).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    parts = [_cut(sums, h, n // 2) for h in halves]
    whole = parts[-1][0, 0].sum()
    sizes = [0, *np.cumsum([p.size for p in parts])[:-1]]
    data = np.concatenate([p.ravel() for p in parts]) / whole
    return Stamps(data.astype(np.float32), np.array(halves), np.array(sizes, np.int64))


def _cut(sums: NDArray[np.float64], half: int, middle: int) -> NDArray[np.float64]:
    """Stamps (8, 8, size, size): [p, q] is a star p/8 px below, q/8 px right of a pixel's centre."""
    size = 2 * half + 1
    out = np.empty((PHASES, PHASES, size, size))
    edges = (np.arange(size + 1) - half) * PHASES - PHASES // 2 + middle
    for p in range(PHASES):
        for q in range(PHASES):
            y, x = edges - p, edges - q
            block = sums[np.ix_(y, x)]
            out[p, q] = block[1:, 1:] - block[:-1, 1:] - block[1:, :-1] + block[:-1, :-1]
    return out
