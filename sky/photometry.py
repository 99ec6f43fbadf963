"""How bright stars and sky are: apertures, zero point, sky brightness, cloud cover."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sky.catalogue import StarTable, stars
from sky.detection import Detections
from sky.errors import SkyError
from sky.kernels import exact_kernel
from sky.solver import Solution
from skycam_project.common.units import Arcseconds, Magnitudes, Pixels, Seconds

Floats = NDArray[np.float64]

_FEWEST = 8
_EXTINCTION_V = 0.20  # magnitudes per airmass of a clear sky
_COLOUR_TERM = 0.10  # green pixels see V + 0.10 (B-V)


class TooFewStarsError(SkyError):
    """Not enough measurable stars for a zero point."""

    code = "too_few_stars"


@dataclass(frozen=True, slots=True)
class SkyQuality:
    """Zero point and sky brightness of one frame."""

    zero_point: (
        Magnitudes  # V of a star that gives 1 ADU per second in the green pixels, outside the atmosphere
    )
    sky_mag: Magnitudes  # V mag/arcsec²
    scatter: Magnitudes  # robust standard deviation of one star
    stars: int


@exact_kernel
def _apertures(image, mosaic, x, y, radius, inner, outer, light, sky, peak):
    """Light of each star (ADU above its ring), level of the ring (ADU per pixel), highest pixel."""
    height, width = image.shape
    ring = np.empty(int((2 * outer + 3) ** 2))
    for k in range(len(x)):
        light[k], sky[k], peak[k] = np.nan, np.nan, 0.0
        ix, iy = int(np.floor(x[k] + 0.5)), int(np.floor(y[k] + 0.5))
        reach = int(outer) + 1
        if ix < reach or iy < reach or ix >= width - reach or iy >= height - reach:
            continue
        n, count, total = 0, 0, 0.0
        for j in range(iy - reach, iy + reach + 1):
            for i in range(ix - reach, ix + reach + 1):
                if mosaic and ((i + j) & 1) == 0:  # RGGB: green where row + column is odd
                    continue
                r = np.sqrt((i - x[k]) ** 2 + (j - y[k]) ** 2)
                if r <= radius:
                    total += image[j, i]
                    count += 1
                    peak[k] = max(peak[k], float(image[j, i]))
                elif inner <= r <= outer:
                    ring[n] = image[j, i]
                    n += 1
        around = np.sort(ring[:n])
        # Mean within 3 σ: a median would round to whole ADU, a plain mean would take in stars.
        middle = around[n // 2]
        limit = 3.0 * max(middle - around[int(0.16 * n)], 1.0)
        part, used = 0.0, 0
        for q in range(n):
            if abs(around[q] - middle) <= limit:
                part += around[q]
                used += 1
        sky[k] = part / used
        light[k] = total - count * sky[k]


def apertures(
    image: NDArray[np.uint16] | NDArray[np.float32], x: ArrayLike, y: ArrayLike, *, mosaic: bool,
    radius: Pixels = 7.0, inner: Pixels = 11.0, outer: Pixels = 17.0,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Aperture photometry; of a mosaic in the green pixels alone.

    Returns:
        Light above the ring in ADU, level of the ring in ADU per pixel, highest pixel; each (n,), light and
        level NaN where the aperture leaves the frame.
    """
    x, y = np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64)
    light, sky, peak = np.empty(len(x)), np.empty(len(x)), np.empty(len(x))
    _apertures(np.ascontiguousarray(image), mosaic, x, y, radius, inner, outer, light, sky, peak)
    return light, sky, peak


def sky_quality(
    image: NDArray[np.uint16],
    detections: Detections,
    solution: Solution,
    exposure: Seconds,
    airmass: float,
    *,
    mosaic: bool = True,
    dark_adu: float,
    top: float,
    table: StarTable | None = None,
) -> SkyQuality:
    """Zero point from matched stars, and from it the brightness of the sky, to about 0.03 mag.

    Vignetting falls out as long as stars and sky are measured over the same field.

    Args:
        image: the raw frame.
        detections: its stars.
        solution: its plate.
        exposure: seconds.
        airmass: of the field.
        mosaic: whether the frame is an RGGB mosaic.
        dark_adu: level of a dark frame of the same exposure (offset and dark current).
        top: value of a saturated pixel.
        table: star table of `solution`; the shipped one by default.

    Raises:
        TooFewStarsError: fewer than 8 unsaturated matched stars.
    """
    known = table or stars()
    x, y = detections.x[solution.detected], detections.y[solution.detected]
    light, ring, peak = apertures(image, x, y, mosaic=mosaic)
    v = known.v[solution.rows] + _COLOUR_TERM * known.bv[solution.rows] * mosaic
    good = np.isfinite(light) & (light > 0) & (peak < 0.8 * top)
    if mosaic:
        light = 2 * light  # every second pixel is green
    if good.sum() < _FEWEST:
        raise TooFewStarsError(
            f"only {int(good.sum())} matched stars are measurable; a zero point needs {_FEWEST}"
        )
    each = v[good] + 2.5 * np.log10(light[good] / exposure) + _EXTINCTION_V * airmass
    zero_point = float(np.median(each))
    scatter = 1.4826 * float(np.median(np.abs(each - zero_point)))
    rate = float(np.median(ring[np.isfinite(ring)]) - dark_adu) / exposure
    return SkyQuality(
        zero_point=zero_point,
        sky_mag=sky_magnitude(rate, zero_point, solution.scale_arcsec),
        scatter=scatter,
        stars=int(good.sum()),
    )


def cloud_cover(
    found: tuple[ArrayLike, ArrayLike], expected: tuple[ArrayLike, ArrayLike], width: int, height: int,
    *, within: Pixels = 4.0, tiles: int = 12, fewest: int = 3,
) -> tuple[float, NDArray[np.float64]]:  # fmt: skip
    """Share of the sky under cloud, from which of the expected stars are seen.

    Args:
        found: x and y of the detected stars.
        expected: x and y of the stars that a clear sky would show.
        width: of the frame.
        height: of the frame.
        within: an expected star counts as seen with a detection this near.
        tiles: the frame is cut into tiles × tiles.
        fewest: a tile with fewer expected stars says nothing.

    Returns:
        Cover 0…1 (NaN if no tile says anything), and the share of stars seen per tile (tiles, tiles), NaN =
        unknown. A tile is under cloud when less than half of its stars are seen.
    """
    fx, fy = (np.asarray(a, np.float64) for a in found)
    ex, ey = (np.asarray(a, np.float64) for a in expected)
    order = np.argsort(fx)
    fx, fy = fx[order], fy[order]
    low, high = np.searchsorted(fx, ex - within), np.searchsorted(fx, ex + within)
    seen = np.array(
        [
            bool((np.hypot(fx[a:b] - x, fy[a:b] - y) < within).any())
            for a, b, x, y in zip(low, high, ex, ey, strict=True)
        ]
    )
    tile = np.clip(ey / height * tiles, 0, tiles - 1).astype(int) * tiles
    tile += np.clip(ex / width * tiles, 0, tiles - 1).astype(int)
    count = np.bincount(tile, minlength=tiles * tiles)
    share = np.bincount(tile, weights=seen, minlength=tiles * tiles) / np.maximum(count, 1)
    share = np.where(count >= fewest, share, np.nan).reshape(tiles, tiles)
    known = np.isfinite(share)
    return (float((share[known] < 0.5).mean()) if known.any() else float("nan")), share


def sky_magnitude(adu_per_second: float, zero_point: Magnitudes, scale_arcsec: Arcseconds) -> Magnitudes:
    """V mag/arcsec² of a background of so many ADU per second and pixel above the dark level."""
    return zero_point - 2.5 * float(np.log10(max(adu_per_second, 1e-9) / scale_arcsec**2))
