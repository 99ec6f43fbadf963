"""The mountains on the horizon: deterministic, textured, lit by sun, moon and sky."""

import numpy as np
from numpy.typing import NDArray

from sky.renderer.conditions import Conditions
from sky.renderer.skylight import CD_PER_M2, Lamps, colour, ground_lux, linear
from sky.renderer.texture import SIZE, fractal, sample

Grid = NDArray[np.float64]

_PEAKS = ((2, 1.6), (3, 1.5), (7, 1.5), (16, 1.2), (37, 0.7), (79, 0.35), (171, 0.15))
"""Peaks per half turn and their height in degrees."""
_FOREST = (-0.10, 0.0, 0.90)
_SNOW = (-0.42, 0.0, 0.42)


def ridge_deg(conditions: Conditions, azimuth_deg: Grid) -> Grid:
    """Altitude of the horizon, degrees, 0…9."""
    if not conditions.hills:
        return np.zeros_like(azimuth_deg)
    turn = np.radians(azimuth_deg)
    phases = np.random.default_rng([conditions.seed, 3]).uniform(0, 2 * np.pi, len(_PEAKS))
    height = 1.0 + np.zeros_like(turn)
    for (n, size), phase in zip(_PEAKS, phases, strict=True):
        height += size * (1 - np.abs(np.sin(n * turn + phase)))  # sharp above, round below
    return np.clip(height, 0, 9)


def above_ridge_deg(conditions: Conditions, directions: Grid) -> Grid:
    """How far (..., 3) directions lie above the horizon, degrees; negative on the land."""
    altitude = np.degrees(np.arcsin(np.clip(directions[..., 2], -1, 1)))
    return altitude - ridge_deg(conditions, np.degrees(np.arctan2(directions[..., 0], directions[..., 1])))


def land_light(conditions: Conditions, lamps: Lamps, directions: Grid) -> Grid:
    """Brightness (..., 3) of the land, as `skylight.clear_sky`."""
    altitude = np.degrees(np.arcsin(np.clip(directions[..., 2], -1, 1)))
    azimuth = np.degrees(np.arctan2(directions[..., 0], directions[..., 1]))
    # 512 cells span 1/6 of the horizon, so that details are 0.12° wide.
    rock = sample(fractal(conditions.seed, 1.2), azimuth * 6 * SIZE / 360, altitude * 9)
    height = altitude / np.maximum(ridge_deg(conditions, azimuth), 0.5) + 0.12 * rock
    snow = np.clip((height - 0.55) / 0.12, 0, 1)[..., None] * bool(conditions.hills)
    sun, moon = ground_lux(lamps)
    aside = np.radians(azimuth - lamps.sun.azimuth_deg)
    # Slopes opposite the sun face it; the relief of the rock throws shadows while the sun is up.
    facing = 1 - 0.35 * np.cos(aside) * np.clip(lamps.sun.altitude_deg / 10, 0, 1)
    relief = np.exp(0.35 * rock)
    lux = (sun + moon) * facing * relief
    reflected = 0.09 * colour(_FOREST) * (1 - snow) + 0.55 * colour(_SNOW) * snow
    starlit = linear(conditions.zenith_mag) * 0.6
    return (lux / np.pi / CD_PER_M2 + starlit)[..., None] * reflected
