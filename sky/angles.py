"""Directions as unit vectors, and the few formulas of spherical geometry that everybody needs."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycam_project.common.units import Degrees

ARCSEC_PER_RADIAN = 206264.80624709636
Vectors = NDArray[np.float64]


def unit_vector(longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> Vectors:
    """Unit vectors (..., 3) of a right ascension and declination, or any such pair of angles."""
    lon, lat = np.radians(longitude_deg), np.radians(latitude_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat) + 0 * lon], axis=-1)


def longitude_latitude(vectors: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees, longitude in 0…360; the inverse of `unit_vector` for vectors of any length."""
    v = np.asarray(vectors, np.float64)
    lon = np.degrees(np.arctan2(v[..., 1], v[..., 0])) % 360
    return lon, np.degrees(np.arctan2(v[..., 2], np.hypot(v[..., 0], v[..., 1])))


def separation_deg(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Angle between vectors (..., 3), degrees; exact for tiny and for 180° alike."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.degrees(np.arctan2(cross, np.sum(a * b, axis=-1)))


def east_north(direction: ArrayLike) -> tuple[Vectors, Vectors]:
    """Unit vectors towards east and north at a direction (3,); at a pole, east is that of RA 0."""
    v = np.asarray(direction, np.float64)
    flat = np.hypot(v[0], v[1])
    east = np.array([-v[1], v[0], 0.0]) / flat if flat > 1e-12 else np.array([0.0, 1.0, 0.0])
    return east, np.cross(v, east)


def position_angle_deg(origin: ArrayLike, other: ArrayLike) -> Degrees:
    """Direction from `origin` to `other`, degrees east of north, 0…360."""
    east, north = east_north(origin)
    other = np.asarray(other, np.float64)
    return float(np.degrees(np.arctan2(other @ east, other @ north)) % 360)


def offset(direction: ArrayLike, position_angle: Degrees, distance: Degrees) -> Vectors:
    """The unit vector `distance` away from `direction` towards `position_angle` (east of north)."""
    v = np.asarray(direction, np.float64)
    east, north = east_north(v)
    angle, way = np.radians(position_angle), np.radians(distance)
    return v * np.cos(way) + (north * np.cos(angle) + east * np.sin(angle)) * np.sin(way)
