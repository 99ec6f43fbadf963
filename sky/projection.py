"""From directions to pixels: lenses, the attitude of a camera, the tangential plate (WCS)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sky.angles import ARCSEC_PER_RADIAN, Vectors, east_north, longitude_latitude, unit_vector
from skycam_project.common.units import Arcseconds, Degrees, Pixels

PERSPECTIVE, FISHEYE = 0, 1


@dataclass(frozen=True, slots=True)
class Lens:
    """How a direction in the camera's frame (x right, y down, z out) falls on the pixels.

    Perspective (gnomonic): r = f·tan θ. Fisheye (equisolid with two corrections): r = f·(2 sin(θ/2) + k3·θ³
    + k5·θ⁵), θ the angle from the optical axis. Pixel (0, 0) is the centre of the first pixel.
    """

    kind: Literal["perspective", "fisheye"]
    focal_px: Pixels
    centre_x: Pixels
    centre_y: Pixels
    k3: float = 0.0
    k5: float = 0.0

    @property
    def parameters(self) -> NDArray[np.float64]:
        """kind, focal_px, centre_x, centre_y, k3, k5 as the kernels take them."""
        kind = FISHEYE if self.kind == "fisheye" else PERSPECTIVE
        return np.array([kind, self.focal_px, self.centre_x, self.centre_y, self.k3, self.k5])

    def radius(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Distance in pixels from the centre for an angle in radians from the axis."""
        t = np.asarray(theta, np.float64)
        if self.kind == "perspective":
            return self.focal_px * np.tan(t)
        return self.focal_px * (2 * np.sin(t / 2) + self.k3 * t**3 + self.k5 * t**5)

    def theta(self, radius: ArrayLike) -> NDArray[np.float64]:
        """The inverse of `radius`, up to π; NaN beyond what the lens maps."""
        r = np.asarray(radius, np.float64) / self.focal_px
        if self.kind == "perspective":
            return np.arctan(r)
        t = 2 * np.arcsin(np.clip(r / 2, 0, 1))
        for _ in range(6):
            slope = np.cos(t / 2) + 3 * self.k3 * t**2 + 5 * self.k5 * t**4
            t = np.clip(t - (self.radius(t) / self.focal_px - r) / np.maximum(slope, 0.05), 0, np.pi)
        return np.where(np.abs(self.radius(t) / self.focal_px - r) < 1e-6, t, np.nan)

    def project(self, vectors: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels of camera-frame vectors (..., 3); NaN behind a perspective camera."""
        flat = np.hypot(vectors[..., 0], vectors[..., 1])
        theta = np.arctan2(flat, vectors[..., 2])
        hidden = (theta > 1.55) & (self.kind == "perspective")
        r = np.where(hidden, np.nan, self.radius(np.where(hidden, 0, theta)))
        scale = r / np.maximum(flat, 1e-15)
        return self.centre_x + vectors[..., 0] * scale, self.centre_y + vectors[..., 1] * scale

    def unproject(self, x: ArrayLike, y: ArrayLike) -> Vectors:
        """Camera-frame unit vectors (..., 3) of pixels; NaN outside a fisheye's reach."""
        dx = np.asarray(x, np.float64) - self.centre_x
        dy = np.asarray(y, np.float64) - self.centre_y
        r = np.hypot(dx, dy)
        theta = self.theta(r)
        scale = np.sin(theta) / np.maximum(r, 1e-12)
        return np.stack([dx * scale, dy * scale, np.cos(theta)], axis=-1)


def attitude(axis: ArrayLike, up: ArrayLike, roll_deg: Degrees = 0.0) -> NDArray[np.float64]:
    """Matrix (3, 3) that turns world vectors into the camera's frame; its rows are right, down and out.

    Args:
        axis: world direction of the optical axis.
        up: world direction (not along `axis`) that points up in the picture.
        roll_deg: angle from `up` to the picture's top, counted to the left: east of north when `up` is
            north.
    """
    out = np.asarray(axis, np.float64)
    out = out / np.linalg.norm(out)
    high = np.asarray(up, np.float64)
    high = high - out * (high @ out)
    high = high / np.linalg.norm(high)
    right = np.cross(out, high)
    c, s = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    return np.stack([right * c + high * s, right * s - high * c, out])


@dataclass(frozen=True, slots=True)
class Wcs:
    """A tangential (TAN) plate: pixels to ICRS and back.

    `cd` is degrees east and north per pixel of x and y: ((east_x, east_y), (north_x, north_y)). Pixels
    count from 0 at the centre of the first one; `fits_cards` adds the 1 that FITS wants.
    """

    ra_deg: Degrees
    dec_deg: Degrees
    x: Pixels
    y: Pixels
    cd: tuple[tuple[float, float], tuple[float, float]]

    def sky(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """RA and Dec in degrees of pixels."""
        dx, dy = np.asarray(x, np.float64) - self.x, np.asarray(y, np.float64) - self.y
        xi = np.radians(self.cd[0][0] * dx + self.cd[0][1] * dy)
        eta = np.radians(self.cd[1][0] * dx + self.cd[1][1] * dy)
        centre = unit_vector(self.ra_deg, self.dec_deg)
        east, north = east_north(centre)
        return longitude_latitude(centre + xi[..., None] * east + eta[..., None] * north)

    def pixel(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels of RA and Dec in degrees; NaN on the far half of the sky."""
        centre = unit_vector(self.ra_deg, self.dec_deg)
        east, north = east_north(centre)
        v = unit_vector(ra_deg, dec_deg)
        depth = v @ centre
        depth = np.where(depth > 1e-9, depth, np.nan)
        xi, eta = np.degrees(v @ east / depth), np.degrees(v @ north / depth)
        inverse = np.linalg.inv(np.array(self.cd))
        return self.x + inverse[0, 0] * xi + inverse[0, 1] * eta, self.y + inverse[1, 0] * xi + inverse[
            1, 1
        ] * eta

    @property
    def scale_arcsec(self) -> Arcseconds:
        """Arcseconds per pixel."""
        return float(np.sqrt(abs(np.linalg.det(np.array(self.cd)))) * 3600)

    @property
    def position_angle_deg(self) -> Degrees:
        """Direction of the picture's top, degrees east of north, 0…360."""
        return float(np.degrees(np.arctan2(-self.cd[0][1], -self.cd[1][1])) % 360)

    @property
    def mirrored(self) -> bool:
        """Whether the picture shows the sky as in a mirror (east to the right when north is up)."""
        return bool(np.linalg.det(np.array(self.cd)) < 0)

    def fits_cards(self) -> dict[str, float | str]:
        """The FITS cards of this plate, for a file whose first row is the first row in memory."""
        return {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "RADESYS": "ICRS",
            "CRVAL1": self.ra_deg,
            "CRVAL2": self.dec_deg,
            "CRPIX1": self.x + 1,
            "CRPIX2": self.y + 1,
            "CD1_1": self.cd[0][0],
            "CD1_2": self.cd[0][1],
            "CD2_1": self.cd[1][0],
            "CD2_2": self.cd[1][1],
        }


def plate(
    ra_deg: Degrees,
    dec_deg: Degrees,
    x: Pixels,
    y: Pixels,
    scale_arcsec: Arcseconds,
    position_angle_deg: Degrees,
    mirrored: bool = False,
) -> Wcs:
    """The plate whose pixel (x, y) shows (ra, dec) and whose top points to a position angle."""
    s = scale_arcsec / 3600
    c, d = np.cos(np.radians(position_angle_deg)) * s, np.sin(np.radians(position_angle_deg)) * s
    side = -1.0 if mirrored else 1.0
    # Top is (east, north) = (d, c); right is that turned by -90° on the sky: west of a picture with north
    # up.
    return Wcs(ra_deg, dec_deg, x, y, ((-c * side, -d), (d * side, -c)))


def pixels_per_radian(scale_arcsec: Arcseconds) -> float:
    """Focal length in pixels."""
    return ARCSEC_PER_RADIAN / scale_arcsec
