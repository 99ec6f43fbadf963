"""Sun, moon and planets with their size, phase and markings."""

import numpy as np
from numpy.typing import NDArray

from sky.ephemeris import Body
from sky.renderer.texture import fractal, sample
from skycam_project.common.units import Pixels

Map = NDArray[np.float64]

# Dark plains of the moon: selenographic longitude and latitude in degrees (east positive), radius in
# degrees.
_MARIA = np.array(
    [
        (-57, 18, 26), (-16, 35, 19), (17, 27, 12), (31, 8, 14), (59, 17, 9), (51, -7, 13), (34, -15, 7),
        (-17, -10, 12), (-39, -23, 8), (3, 13, 5), (-34, 55, 12), (10, 56, 10), (-45, 43, 6), (84, -2, 8),
        (-30, 5, 12),
    ]
)  # fmt: skip


def disc(b: Body, radius: Pixels, to_limb: float, to_pole: float, size: int, per_pixel: int) -> Map:
    """Brightness of a body's disc, (size·per_pixel)² samples with the sum 1.

    Args:
        b: the body.
        radius: of the disc.
        to_limb: direction of the lit limb in the picture, radians from x (right) towards y (down).
        to_pole: direction of the north pole in the picture, likewise.
        size: pixels on a side; the body is in the middle.
        per_pixel: samples per pixel and axis.
    """
    axis = (np.arange(size * per_pixel) + 0.5) / per_pixel - size / 2
    x, y = axis[None, :] / radius, axis[:, None] / radius
    r2 = x * x + y * y
    inside = np.clip((1 - np.sqrt(r2)) * radius * per_pixel + 0.5, 0, 1)
    z = np.sqrt(np.clip(1 - r2, 0, 1))
    if b.name == "sun":
        return _normal(inside * (0.4 + 0.6 * z))  # limb darkening in V
    i = np.radians(b.phase_angle_deg)
    sun = np.array([np.cos(to_limb) * np.sin(i), np.sin(to_limb) * np.sin(i), np.cos(i)])
    lit = np.clip(x * sun[0] + y * sun[1] + z * sun[2], 0, None)
    # Lommel-Seeliger: the full moon is flat, clouds of gas giants are darker at the limb.
    light = lit / (lit + z + 1e-6) if b.name in ("moon", "mercury", "mars") else lit
    pole = np.array([np.cos(to_pole), np.sin(to_pole)])
    tilt = np.radians(b.tilt_deg)
    along = x * pole[0] + y * pole[1]
    sin_lat = along * np.cos(tilt) + z * np.sin(tilt)
    across = x * -pole[1] + y * pole[0]
    if b.name == "moon":
        light = light * _moon_albedo(sin_lat, across, z * np.cos(tilt) - along * np.sin(tilt)) + 2e-4 * (
            1 - b.illuminated
        )
    elif b.name in ("jupiter", "saturn"):
        light = light * (1 - 0.3 * np.exp(-(((np.abs(sin_lat) - 0.22) / 0.09) ** 2)))
    out = inside * light
    if b.name == "saturn":
        out = out + _rings(along, across, np.sin(tilt), inside)
    return _normal(out)


def _normal(brightness: Map) -> Map:
    return brightness / max(brightness.sum(), 1e-12)


def _moon_albedo(sin_lat: Map, east: Map, towards: Map) -> Map:
    lat = np.arcsin(np.clip(sin_lat, -1, 1))
    lon = np.arctan2(east, np.maximum(towards, 1e-9))
    albedo = np.ones_like(lat)
    for mare_lon, mare_lat, radius in np.radians(_MARIA):
        cosine = np.sin(lat) * np.sin(mare_lat) + np.cos(lat) * np.cos(mare_lat) * np.cos(lon - mare_lon)
        albedo -= 0.42 / (1 + np.exp((np.arccos(np.clip(cosine, -1, 1)) - radius) / 0.05))
    rough = sample(fractal(1969, 1.3), lon * 90 + 256, lat * 90 + 256)
    return np.clip(albedo, 0.5, 1) * np.exp(0.12 * rough)


def _rings(along: Map, across: Map, sine: float, ball: Map) -> Map:
    """Saturn's rings A and B with Cassini's gap, in front of the ball and behind it."""
    out = np.zeros(np.broadcast_shapes(along.shape, across.shape))
    if abs(sine) < 0.01:
        return out
    r = np.sqrt(across**2 + (along / sine) ** 2)
    ring = ((r > 1.53) & (r < 1.95)) * 0.9 + ((r > 2.03) & (r < 2.27)) * 0.6
    front = along * np.sign(sine) < 0
    return ring * np.where(front, 1.0, 1 - ball)
