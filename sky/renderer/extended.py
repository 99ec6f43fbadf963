"""Galaxies, globular clusters and nebulae, drawn from their size, angle and magnitude."""

import hashlib
from functools import lru_cache
from math import gamma

import numpy as np
from numpy.typing import NDArray

from sky.angles import offset, unit_vector
from sky.deepsky import GALAXY, GLOBULAR, PLANETARY, DeepSkyObject
from sky.kernels import kernel
from sky.renderer.light import Patch
from sky.renderer.texture import fractal
from sky.renderer.view import View

Floats = NDArray[np.float64]

# Share of a galaxy's light in its bulge, by Hubble type (Graham & Worley 2008, rounded).
_BULGE = {"E": 1.0, "S0": 0.35, "Sa": 0.3, "Sb": 0.2, "Sc": 0.07, "Sd": 0.03}
# Colour of glowing gas: magnitudes in R, G, B relative to V.
_GAS = {PLANETARY: (0.3, -0.3, 0.3), "SNR": (-0.5, 0.0, 0.6), "RfN": (0.15, 0.0, -0.25)}
_HYDROGEN = (-0.75, 0.15, 0.3)


def seed_of(name: str) -> int:
    """The same number for the same object, on every machine."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little")


@kernel
def _sersic_grid(
    width, height, step, inverse, cx, cy, axis_ratio, core, limit, inner, re, n, bn, arms, phase, out
):
    """One shell of a Sérsic profile: f(max(r, inner)) - f(limit) within r < limit (arcsec)."""
    edge = np.exp(-bn * ((limit / re) ** (1.0 / n) - 1.0))
    for j in range(height):
        for i in range(width):
            dx, dy = i * step - cx, j * step - cy
            u = inverse[0, 0] * dx + inverse[0, 1] * dy  # along the major axis
            w = (inverse[1, 0] * dx + inverse[1, 1] * dy) / axis_ratio
            r = np.sqrt(u * u + w * w + core * core)
            if r >= limit:
                out[j, i] = 0.0
                continue
            value = np.exp(-bn * ((max(r, inner) / re) ** (1.0 / n) - 1.0)) - edge
            if arms > 0.0:
                turn = np.arctan2(w, u)
                wave = np.cos(2.0 * (turn - phase - np.log(r / re + 0.05) / 0.3))
                value *= 1.0 + arms * wave * min(1.0, r / re)
            out[j, i] = value


def _shells(
    view: View, o: DeepSkyObject, at: Floats, re: float, n: float, total: Floats, arms: float
) -> list[Patch]:
    """A Sérsic profile of half-light radius `re` (arcsec) as patches of finer and finer grid."""
    inverse, pixel = _object_frame(view, o)
    ratio = max(o.minor_arcmin / o.major_arcmin, 0.15)
    bn = 2 * n - 1 / 3 + 0.009876 / n  # Prugniel & Simien 1997
    per_arcsec2 = total / (2 * np.pi * n * re**2 * ratio * np.exp(bn) * bn ** (-2 * n) * gamma(2 * n))
    flux = (per_arcsec2 * pixel**2).astype(np.float32)
    core = max(view.conditions.seeing_arcsec, 1.5 * pixel) / 2
    limit, phase = re * (4.5 if n < 1.5 else 6), seed_of(o.name) % 628 / 100
    patches = []
    while True:
        inner = limit / 4
        last = inner < 2 * core
        step = max(1.0, np.floor(inner * ratio / pixel / 2)) if not last else 1.0
        grid = _grid_box(view, at, limit / pixel * 1.02, step)
        if grid is not None:
            x0, y0, width, height = grid
            out = np.empty((height, width), np.float32)
            _sersic_grid(
                width, height, step, inverse, at[0] - x0, at[1] - y0, ratio, core, limit,
                0.0 if last else inner,
                re, n, bn, arms, phase, out,
            )  # fmt: skip
            patches.append(Patch(x0, y0, step, out, flux))
        if last:
            return patches
        limit = inner


def _object_frame(view: View, o: DeepSkyObject) -> tuple[Floats, float]:
    """Matrix (2, 2) from pixels to arcseconds along and across the major axis, and arcseconds per pixel."""
    plane = view.plane(unit_vector(o.ra_deg, o.dec_deg))
    angle = np.radians(o.position_angle_deg)
    turn = np.array([[np.sin(angle), np.cos(angle)], [-np.cos(angle), np.sin(angle)]])
    return np.asarray(turn @ np.linalg.inv(plane), np.float64), float(np.sqrt(1 / abs(np.linalg.det(plane))))


def _grid_box(view: View, at: Floats, reach: float, step: float) -> tuple[float, float, int, int] | None:
    """First pixel (x, y), width and height in nodes of a grid that covers the object within the picture."""
    x0, x1 = max(at[0] - reach, -step), min(at[0] + reach, view.width + step)
    y0, y1 = max(at[1] - reach, -step), min(at[1] + reach, view.height + step)
    if x1 <= x0 or y1 <= y0:
        return None
    return float(np.floor(x0)), float(np.floor(y0)), int((x1 - x0) / step) + 3, int((y1 - y0) / step) + 3


def galaxy(view: View, o: DeepSkyObject, at: Floats, total: Floats) -> list[Patch]:
    """Bulge and disc; `total` electrons (C,), `at` the pixel of the centre."""
    kind = o.hubble.replace("SAB", "S").replace("SB", "S").replace("E-S0", "S0").replace("S0-a", "S0")
    bulge = next((share for start, share in _BULGE.items() if kind.startswith(start)), 0.1)
    semi = o.major_arcmin * 30  # arcsec to the isophote of 25 mag
    patches = []
    if bulge > 0:
        patches += _shells(view, o, at, semi * (0.3 if bulge == 1 else 0.075), 2.5, total * bulge, 0.0)
    if bulge < 1:
        arms = 0.35 if kind.startswith(("Sa", "Sb", "Sc", "Sd")) and o.major_arcmin > 2 else 0.0
        patches += _shells(view, o, at, semi * 0.47, 1.0, total * (1 - bulge), arms)
    return patches


GlobularStars = tuple[Floats, Floats, Floats]


@lru_cache(maxsize=32)
def globular_stars(o: DeepSkyObject) -> GlobularStars:
    """Unit vectors (n, 3), V, B-V of the brightest members; 0.7 of the light is left to the glow."""
    random = np.random.default_rng([seed_of(o.name), 21])
    first = o.v + 5.7  # giants of M13 (V 5.8) begin near V 11.9
    count = int(np.clip(90 * 10 ** (0.35 * (15.8 - first)), 0, 1500)) if first < 15.8 else 0
    v = (
        first + np.log10(1 + random.random(count) * (10 ** (0.35 * (15.8 - first)) - 1)) / 0.35
        if count
        else np.zeros(0)
    )
    scale = o.major_arcmin / 60 * 0.11
    share = random.random(count) * 0.93
    radius = scale * np.sqrt(share / (1 - share))  # Plummer's surface density
    centre = unit_vector(o.ra_deg, o.dec_deg)
    angle = random.uniform(0, 360, count)
    xyz = np.array([offset(centre, float(a), float(r)) for a, r in zip(angle, radius, strict=True)]).reshape(
        -1, 3
    )
    return xyz, v, random.normal(0.85, 0.2, count)


def globular(view: View, o: DeepSkyObject, at: Floats, total: Floats) -> list[Patch]:
    """The unresolved glow of a globular cluster."""
    return _shells(view, o, at, o.major_arcmin * 60 * 0.11, 1.4, total * 0.7, 0.0)


@kernel
def _gas_grid(width, height, step, inverse, cx, cy, semi, ratio, field, ou, ov, shell, core, out):
    """Threads of gas within a ragged ellipse: (..., 1) relative brightness."""
    mask = field.shape[0] - 1
    for j in range(height):
        for i in range(width):
            dx, dy = i * step - cx, j * step - cy
            u = (inverse[0, 0] * dx + inverse[0, 1] * dy) / semi
            v = (inverse[1, 0] * dx + inverse[1, 1] * dy) / semi
            r2 = u * u + v * v / (ratio * ratio)
            if r2 > 1.7:
                out[j, i] = 0.0
                continue
            fu, fv = u * 90.0 + ou, v * 90.0 + ov
            a, b = int(np.floor(fu)), int(np.floor(fv))
            p, q = fu - a, fv - b
            t = field[b & mask, a & mask] * (1 - p) * (1 - q) + field[b & mask, (a + 1) & mask] * p * (1 - q)
            t += field[(b + 1) & mask, a & mask] * (1 - p) * q + field[(b + 1) & mask, (a + 1) & mask] * p * q
            thread = np.exp(-3.0 * abs(t)) + 0.35 * np.exp(0.8 * t)
            r = np.sqrt(r2) + 0.18 * t
            if shell > 0.0:
                body = np.exp(-(((r - 0.75) / 0.22) ** 2)) + 0.15 * np.exp(-r2 / 0.5)
            else:
                body = np.exp(-r2 / 0.32) + core * np.exp(-r2 / 0.012) + 0.6 * core * np.exp(-r2 / 0.05)
            fade = min(1.0, max(0.0, (1.7 - r2) / 0.7))
            out[j, i] = thread * body * fade


@lru_cache(maxsize=256)
def _gas_mean(name: str, ratio: float, shell: float, core: float) -> float:
    """Integral of `_gas_grid` in units of semi²."""
    out = np.empty((131, 131), np.float32)
    u, v = _texture_offset(name)
    _gas_grid(131, 131, 0.02, np.eye(2), 1.3, 1.3, 1.0, ratio, fractal(2, 1.6), u, v, shell, core, out)
    return float(out.sum()) * 0.02**2


def _texture_offset(name: str) -> tuple[float, float]:
    seed = seed_of(name)
    return float(seed % 512), float(seed // 512 % 512)


def nebula(view: View, o: DeepSkyObject, at: Floats, total: Floats) -> list[Patch]:
    """Glowing or lit gas."""
    inverse, pixel = _object_frame(view, o)
    ratio = max(o.minor_arcmin / o.major_arcmin, 0.2)
    semi = o.major_arcmin * 30
    shell = 1.0 if o.kind in (PLANETARY, "SNR") else 0.0
    core = 9.0 if o.kind == "Cl+N" else 0.6
    step = float(np.clip(np.floor(semi / pixel / 110), 1, 8))
    box = _grid_box(view, at, semi / pixel * 1.31, step)
    if box is None:
        return []
    x0, y0, width, height = box
    out = np.empty((height, width), np.float32)
    u, v = _texture_offset(o.name)
    _gas_grid(
        width,
        height,
        step,
        inverse,
        at[0] - x0,
        at[1] - y0,
        semi,
        ratio,
        fractal(2, 1.6),
        u,
        v,
        shell,
        core,
        out,
    )
    flux = total * pixel**2 / (semi**2 * _gas_mean(o.name, ratio, shell, core))
    return [Patch(x0, y0, step, out, flux.astype(np.float32))]


def colour(o: DeepSkyObject) -> tuple[tuple[float, float, float], bool]:
    """Magnitudes in R, G, B relative to V, and whether the light comes in lines."""
    if o.kind in (GALAXY, GLOBULAR):
        bv = 0.75 if o.kind == GALAXY else 0.7
        return (-0.55 * bv, 0.1 * bv, 0.85 * bv), False
    return _GAS.get(o.kind, _HYDROGEN), o.kind != "RfN"
