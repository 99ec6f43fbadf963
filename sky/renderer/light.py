"""All the light of a frame, and how it is spread over the pixels strip by strip."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sky.kernels import in_bands, kernel
from sky.renderer.psf import PHASES, Stamps

STRIP = 48
"""Rows drawn at a time: what a core holds of them stays in its cache."""


@dataclass(slots=True, eq=False)
class Points:
    """Sources without extent, in order of their strip.

    C is 4 for a mosaic (2 × row odd + column odd), 3 for RGB.
    """

    x: NDArray[np.float64]  # (n,) pixels
    y: NDArray[np.float64]
    flux: NDArray[np.float32]  # (n, C) electrons
    strip: NDArray[np.int16]  # (n,) y // STRIP, rising

    @classmethod
    def of(
        cls, parts: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.floating]]], channels: int
    ) -> "Points":
        """Join (x, y, flux) triples."""
        if not parts:
            return cls(np.zeros(0), np.zeros(0), np.zeros((0, channels), np.float32), np.zeros(0, np.int16))
        x, y = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        flux = np.concatenate([p[2] for p in parts]).astype(np.float32)
        strip = np.clip(y // STRIP, -30_000, 30_000).astype(np.int16)
        order = np.argsort(
            strip, kind="stable"
        )  # numpy sorts 16-bit numbers by radix, 20 times as fast as floats
        return cls(x[order], y[order], flux[order], strip[order])


@dataclass(slots=True, eq=False)
class Patch:
    """Something with extent: a grid of brightness, interpolated between its nodes."""

    x: float  # pixel of grid[0, 0]
    y: float
    step: float  # pixels between nodes
    grid: NDArray[np.float32]  # (gh, gw)
    flux: NDArray[np.float32]  # (C,) electrons per pixel where the grid is 1


@dataclass(slots=True, eq=False)
class Light:
    """What falls on the sensor in one exposure, in electrons."""

    cell: int  # pixels between the nodes of the coarse grids
    sky: NDArray[np.float32]  # (C, gh, gw)
    ground: NDArray[np.float32]  # (C, gh, gw)
    land: NDArray[np.float32]  # (gh, gw) pixels above the horizon
    points: Points
    stamps: Stamps
    patches: list[Patch] = field(default_factory=list)

    @property
    def has_land(self) -> bool:
        """Whether the horizon or something below it is in the picture."""
        return bool(self.land.min() < 1)


@kernel
def _stamp(light, first_row, x, y, flux, level, begin, end, data, half, first, phases):
    planes, rows, width = light.shape
    for s in range(begin, end):
        ix, iy = int(np.floor(x[s] + 0.5)), int(np.floor(y[s] + 0.5))
        qx = int(np.floor((x[s] - ix) * phases + 0.5))
        qy = int(np.floor((y[s] - iy) * phases + 0.5))
        # Phases count from the pixel's centre to the right and down; a star left of it belongs to the pixel
        # before.
        if qx < 0:
            qx += phases
            ix -= 1
        if qy < 0:
            qy += phases
            iy -= 1
        h = half[level[s]]
        size = 2 * h + 1
        base = first[level[s]] + (qy * phases + qx) * size * size
        left, right = max(0, h - ix), min(size, width - ix + h)
        for r in range(max(0, first_row - iy + h), min(size, first_row + rows - iy + h)):
            row = iy - h + r
            k = row - first_row
            line = base + r * size
            if planes == 1:
                even, odd = flux[s, (row & 1) * 2], flux[s, (row & 1) * 2 + 1]
                for c in range(left, right):
                    column = ix - h + c
                    light[0, k, column] += data[line + c] * (odd if column & 1 else even)
            else:
                red, green, blue = flux[s, 0], flux[s, 1], flux[s, 2]
                for c in range(left, right):
                    column = ix - h + c
                    value = data[line + c]
                    light[0, k, column] += value * red
                    light[1, k, column] += value * green
                    light[2, k, column] += value * blue


@kernel
def _add_patch(light, first_row, x0, y0, step, grid, flux):
    planes, rows, width = light.shape
    gh, gw = grid.shape
    left, right = max(0, int(np.ceil(x0))), min(width - 1, int(np.floor(x0 + (gw - 1) * step)))
    one = np.float32(1.0)
    for k in range(rows):
        row = first_row + k
        gy = (row - y0) / step
        if gy < 0 or gy > gh - 1:
            continue
        j = min(int(gy), gh - 2)
        fy = np.float32(gy - j)
        for x in range(left, right + 1):
            gx = (x - x0) / step
            i = min(int(gx), gw - 2)
            fx = np.float32(gx - i)
            value = (grid[j, i] * (one - fx) + grid[j, i + 1] * fx) * (one - fy) + (
                grid[j + 1, i] * (one - fx) + grid[j + 1, i + 1] * fx
            ) * fy
            if planes == 1:
                light[0, k, x] += value * flux[(row & 1) * 2 + (x & 1)]
            else:
                for p in range(planes):
                    light[p, k, x] += value * flux[p]


def draw(light: Light, height: int, width: int, expose: Callable[[NDArray[np.float32], int], None]) -> None:
    """Spread the light over strips of rows and hand each to `expose(electrons, first row)`."""
    planes = 1 if light.sky.shape[0] == 4 else 3
    points, stamps = light.points, light.stamps
    level = stamps.level(points.flux.max(axis=1) if len(points.flux) else np.zeros(0))
    reach = -(-(int(stamps.half[-1]) + 2) // STRIP)
    strips = -(-height // STRIP)

    def work(first: int, end: int) -> None:
        strip_light = np.empty((planes, min(STRIP, height), width), np.float32)
        for strip in range(first, end):
            top = strip * STRIP
            bottom = min(top + STRIP, height)
            if bottom - top != strip_light.shape[1]:
                strip_light = np.empty((planes, bottom - top, width), np.float32)
            strip_light[:] = 0
            begin, stop = np.searchsorted(points.strip, (strip - reach, strip + reach + 1))
            _stamp(
                strip_light, top, points.x, points.y, points.flux, level, begin, stop, stamps.data,
                stamps.half, stamps.first, PHASES,
            )  # fmt: skip
            for patch in light.patches:
                if patch.y < bottom and patch.y + (patch.grid.shape[0] - 1) * patch.step >= top:
                    _add_patch(strip_light, top, patch.x, patch.y, patch.step, patch.grid, patch.flux)
            expose(strip_light, top)

    in_bands(strips, work)
