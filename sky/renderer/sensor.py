"""What a chip makes of light: fixed patterns, photon and read noise, digitisation."""

from dataclasses import dataclass
from functools import lru_cache
from math import erf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sky.instruments import Instrument, Optics, Sensor
from sky.kernels import kernel

FLAT_STEP = 1 / 245
"""Sensitivity per unit of the flat map: 255 = 1.04."""
_DARK_LOWEST, _DARK_STEP = 0.2, 0.05
POISSON_LIMIT = 20.0
"""Electrons above which the noise is taken as Gaussian."""
_LEVELS = 160  # of the Poisson table: the square root of the mean in steps of 1/32


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Fixed patterns of one sensor behind one lens."""

    flat: NDArray[np.uint8]  # (h, w) vignetting × response, in units of FLAT_STEP
    dark: NDArray[np.uint8]  # (h, w) logarithmic code of the dark current in units of the mean
    dark_factors: NDArray[np.float32]  # (256,) what a code stands for


@lru_cache(maxsize=4)
def maps(sensor: Sensor, optics: Optics) -> Maps:
    """The patterns that belong to a sensor's serial number and a lens (0.5 s for 8 Mpx, then cached)."""
    random = np.random.default_rng([sensor.serial, 1])
    shape = sensor.height, sensor.width
    dark = np.exp(random.standard_normal(shape, np.float32) * 0.35)
    dark /= dark.mean()
    hot = int(sensor.hot_fraction * dark.size)
    where = random.integers(0, dark.size, hot)
    dark.ravel()[where] += np.exp(random.normal(np.log(60), 1.3, hot)).astype(np.float32)
    code = np.clip(np.round(np.log(dark / _DARK_LOWEST) / _DARK_STEP), 0, 255).astype(np.uint8)
    flat = random.standard_normal(shape, np.float32) * np.float32(sensor.response)
    flat += 1
    flat *= vignette(sensor, optics, np.arange(sensor.width), np.arange(sensor.height))
    steps = np.clip(np.round(flat / FLAT_STEP), 0, 255).astype(np.uint8)
    factors = _DARK_LOWEST * np.exp(np.arange(256) * _DARK_STEP)
    return Maps(steps, code, factors.astype(np.float32))


def vignette(sensor: Sensor, optics: Optics, x: ArrayLike, y: ArrayLike) -> NDArray[np.float32]:
    """Share of the light (len(y), len(x)) that reaches the pixels of columns `x` and rows `y`."""
    dy = (np.asarray(y, np.float32) - (sensor.height - 1) / 2)[:, None]
    dx = (np.asarray(x, np.float32) - (sensor.width - 1) / 2)[None, :]
    edge = np.hypot(sensor.width, sensor.height) / 2
    if optics.kind == "fisheye":
        edge = optics.focal_length_mm * 1000 / sensor.pixel_um * np.sqrt(2)
    return (1 - optics.vignetting * np.minimum((dx * dx + dy * dy) / edge**2, 1)).astype(np.float32)


@lru_cache(maxsize=1)
def normal_table() -> NDArray[np.float32]:
    """65 536 equally likely normal deviates."""
    grid = np.linspace(-5, 5, 20001)
    cdf = np.array([0.5 * (1 + erf(g / np.sqrt(2))) for g in grid])
    table = np.interp((np.arange(65536) + 0.5) / 65536, cdf, grid)
    return (table / table.std()).astype(np.float32)


@lru_cache(maxsize=1)
def poisson_table() -> NDArray[np.uint8]:
    """(160, 4096): 4096 equally likely counts for the mean (row / 32)²."""
    u = (np.arange(4096) + 0.5) / 4096
    table = np.zeros((_LEVELS, 4096), np.uint8)
    for row in range(_LEVELS):
        mean = (row / 32) ** 2
        terms = np.empty(80)
        terms[0] = np.exp(-mean)
        for k in range(1, 80):
            terms[k] = terms[k - 1] * mean / k
        table[row] = np.searchsorted(terms.cumsum(), u)
    return table


def electrons_dark(instrument: Instrument, exposure: float, temperature: float) -> float:
    """Mean dark signal of a pixel in electrons."""
    sensor = instrument.sensor
    return sensor.dark_e_per_s * 2 ** ((temperature - 25) / sensor.dark_doubling_k) * exposure


@kernel
def _mix(x):
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def _row_seed(seed, row):
    return _mix(seed * np.uint64(0x9E3779B97F4A7C15) + np.uint64(row) * np.uint64(0xD1B54A32D192ED03))


@kernel
def expose_mosaic(
    light, first_row, sky, ground, land, has_land, cell, flat, dark, darks, read_noise, per_electron, offset,
    top, full_well, seed, normal, poisson, out,
):  # fmt: skip
    """Turn the light of rows `first_row` … into ADU.

    Args:
        light: (1, rows, w) electrons of stars and objects.
        first_row: row of `out` that `light[0, 0]` belongs to.
        sky: (4, gh, gw) electrons of sky at every `cell` pixels, by 2 × (row odd) + (column odd).
        ground: (4, gh, gw) as `sky`, of the land.
        land: (gh, gw) pixels above the horizon; a pixel below it shows `ground`.
        has_land: whether any node of `land` is below the horizon.
        cell: pixels between nodes.
        flat: (h, w) code of the sensitivity.
        dark: (h, w) code of the dark current.
        darks: (256,) electrons of a code in this exposure.
        read_noise: electrons.
        per_electron: ADU.
        offset: ADU.
        top: largest ADU.
        full_well: electrons.
        seed: of the noise.
        normal: `normal_table`.
        poisson: `poisson_table`.
        out: (h, w) uint16.
    """
    width = out.shape[1]
    nodes = sky.shape[2]
    noise2 = np.float32(read_noise * read_noise)
    one = np.float32(1.0)
    for k in range(light.shape[1]):
        y = first_row + k
        state = _row_seed(seed, y)
        gy = np.float32(y) / np.float32(cell)
        j = min(int(gy), sky.shape[1] - 2)
        fy = gy - np.float32(j)
        for i in range(nodes - 1):
            begin, end = i * cell, (i + 1) * cell if i < nodes - 2 else width
            step = one / np.float32(cell)
            above = land[j, i] * (one - fy) + land[j + 1, i] * fy
            above_slope = (land[j, i + 1] * (one - fy) + land[j + 1, i + 1] * fy - above) * step
            for parity in range(2):
                c = (y & 1) * 2 + parity
                s0 = sky[c, j, i] * (one - fy) + sky[c, j + 1, i] * fy
                slope = (sky[c, j, i + 1] * (one - fy) + sky[c, j + 1, i + 1] * fy - s0) * step
                g0 = ground[c, j, i] * (one - fy) + ground[c, j + 1, i] * fy
                for x in range(begin + ((begin + parity) & 1), end, 2):
                    along = np.float32(x - begin)
                    mean = light[0, k, x] + s0 + slope * along
                    if has_land:
                        share = min(max(above + above_slope * along + np.float32(0.5), np.float32(0.0)), one)
                        mean = mean * share + g0 * (one - share)
                    mean = mean * (np.float32(flat[y, x]) * np.float32(FLAT_STEP)) + darks[dark[y, x]]
                    state += np.uint64(0x9E3779B97F4A7C15)
                    u = _mix(state)
                    deviate = normal[u & np.uint64(0xFFFF)]
                    if mean > np.float32(POISSON_LIMIT):
                        e = mean + deviate * np.sqrt(mean + noise2)
                    else:
                        dither = np.float32((u >> np.uint64(28)) & np.uint64(0xFFF)) * np.float32(1 / 4096)
                        row = int(np.sqrt(max(mean, np.float32(0.0))) * np.float32(32.0) + dither)
                        count = poisson[row, (u >> np.uint64(16)) & np.uint64(0xFFF)]
                        e = np.float32(count) + deviate * np.float32(read_noise)
                    e = min(e, np.float32(full_well))
                    adu = int(np.floor(e * np.float32(per_electron) + np.float32(offset) + np.float32(0.5)))
                    out[y, x] = np.uint16(min(max(adu, 0), top))


@kernel
def expose_rgb(
    light, first_row, sky, ground, land, has_land, cell, vignetting, dark, read_noise, saturation, white,
    seed, normal, curve, out,
):  # fmt: skip
    """As `expose_mosaic`, for a picture with three colours in every pixel, ready for a screen.

    Args:
        light: (3, rows, w) electrons.
        first_row: as there.
        sky: (3, gh, gw).
        ground: (3, gh, gw).
        land: as there.
        has_land: as there.
        cell: as there.
        vignetting: (gh, gw) share of the light.
        dark: electrons.
        read_noise: electrons.
        saturation: electrons that give full scale.
        white: (3,) white balance.
        seed: as there.
        normal: as there.
        curve: (n,) uint8, code of a linear value times n - 1.
        out: (h, w, 3) uint8.
    """
    width = out.shape[1]
    nodes = sky.shape[2]
    noise2 = np.float32(read_noise * read_noise)
    one = np.float32(1.0)
    scale = np.float32((curve.shape[0] - 1) / saturation)
    last = curve.shape[0] - 1
    for k in range(light.shape[1]):
        y = first_row + k
        state = _row_seed(seed, y)
        gy = np.float32(y) / np.float32(cell)
        j = min(int(gy), sky.shape[1] - 2)
        fy = gy - np.float32(j)
        step = one / np.float32(cell)
        for i in range(nodes - 1):
            begin, end = i * cell, (i + 1) * cell if i < nodes - 2 else width
            above = land[j, i] * (one - fy) + land[j + 1, i] * fy
            above_slope = (land[j, i + 1] * (one - fy) + land[j + 1, i + 1] * fy - above) * step
            v0 = vignetting[j, i] * (one - fy) + vignetting[j + 1, i] * fy
            v_slope = (vignetting[j, i + 1] * (one - fy) + vignetting[j + 1, i + 1] * fy - v0) * step
            for x in range(begin, end):
                along = np.float32(x - begin)
                state += np.uint64(0x9E3779B97F4A7C15)
                u = _mix(state)
                share = one
                if has_land:
                    share = min(max(above + above_slope * along + np.float32(0.5), np.float32(0.0)), one)
                passed = v0 + v_slope * along
                t = along * step
                for c in range(3):
                    low = sky[c, j, i] * (one - fy) + sky[c, j + 1, i] * fy
                    high = sky[c, j, i + 1] * (one - fy) + sky[c, j + 1, i + 1] * fy
                    mean = light[c, k, x] + low + (high - low) * t
                    if share < one:
                        g0 = ground[c, j, i] * (one - fy) + ground[c, j + 1, i] * fy
                        g1 = ground[c, j, i + 1] * (one - fy) + ground[c, j + 1, i + 1] * fy
                        mean = mean * share + (g0 + (g1 - g0) * t) * (one - share)
                    mean = mean * passed + np.float32(dark)
                    e = mean + normal[(u >> np.uint64(16 * c)) & np.uint64(0xFFFF)] * np.sqrt(mean + noise2)
                    e = min(e - np.float32(dark), np.float32(saturation))
                    value = int(e * np.float32(white[c]) * scale)
                    out[y, x, c] = curve[min(max(value, 0), last)]
