"""A simple rendered night: sky by the sun, stars that move, a horizon, noise that obeys the exposure.

Light is followed in fractions of full scale, linear, and becomes an sRGB JPEG at the end, with no tone
curve
between: so a picture's linear mean is proportional to exposure time, ISO and 1 / f-number² until it clips.
"""

import io
import math
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from camera.simulator.camera import Shot
from camera.simulator.dng import dng
from skycam_project.common.units import Degrees

ILLUMINANCE: Final = np.array(
    [
        (-90, 0.0008), (-18, 0.0008), (-15, 0.0012), (-12, 0.008), (-9, 0.13), (-6, 3.4), (-3, 45),
        (0, 450), (5, 4_500), (10, 11_000), (20, 30_000), (40, 75_000), (60, 105_000), (90, 120_000),
    ]
)  # fmt: skip
"""Height of the sun (degrees) and illuminance of the ground (lux), clear and moonless."""
SATURATION: Final = 390.0
"""lux·s·ISO at f/1 of an evenly lit sky that fill the pixel: 78 lux·s / ISO on the sensor (ISO 12232,
saturation based), sensor illuminance = sky illuminance x 0.8 transmission / (4 N²)."""
FULL_WELL: Final = 60_000.0
"""Electrons at full scale and ISO 100."""
READ_NOISE: Final = 3.0
"""Electrons, rms."""
MAGNITUDE_ZERO: Final = 2.54e-6
"""lux outside the telescope of a star of magnitude 0."""
VIEW: Final = math.radians(74.0)
"""Width of the picture on the sky: a 24 mm lens on 36 x 24 mm."""
LOOKS_AT: Final = (math.radians(180.0), math.radians(30.0))
"""Azimuth and altitude of the picture's middle."""
STARS: Final = 5000
"""On the whole sphere; some 400 of them are in the picture."""
FAINTEST: Final = 6.2
SEEING: Final = 0.8
"""Sigma of a star's image in pixels of a picture 3000 wide."""
NOISE_POOL: Final = 1 << 21
QUALITY: Final = 88
COPY_WIDTH: Final = 1500
MAKE, MODEL = "Skycam", "Skycam DSLR"


def sun_elevation(moment: datetime, latitude: Degrees, longitude: Degrees) -> Degrees:
    """Height of the sun's centre above the horizon, without refraction, to 0.02 degrees (1950 to 2050).

    The low-precision formulae of the Astronomical Almanac, section C.
    """
    days = _days_since_2000(moment)
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360)
    longitude_sun = math.radians(
        (280.460 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly)) % 360
    )
    obliquity = math.radians(23.439 - 0.0000004 * days)
    declination = math.asin(math.sin(obliquity) * math.sin(longitude_sun))
    right_ascension = math.atan2(math.cos(obliquity) * math.sin(longitude_sun), math.cos(longitude_sun))
    hour_angle = sidereal_angle(moment, longitude) - right_ascension
    phi = math.radians(latitude)
    height = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(
        hour_angle
    )
    return math.degrees(math.asin(max(-1.0, min(1.0, height))))


def sidereal_angle(moment: datetime, longitude: Degrees) -> float:
    """Local mean sidereal time as an angle, radians."""
    return math.radians((280.46061837 + 360.98564736629 * _days_since_2000(moment) + longitude) % 360)


def illuminance(elevation: Degrees) -> float:
    """Illuminance of the ground, lux, for a height of the sun: log-linear between the table's rows."""
    return float(10 ** np.interp(elevation, ILLUMINANCE[:, 0], np.log10(ILLUMINANCE[:, 1])))


def _days_since_2000(moment: datetime) -> float:
    return (moment - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86_400


def to_srgb(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encode linear light in 0..1 with the curve of sRGB (IEC 61966-2-1)."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


class NightScene:
    """Renders pictures of one place; calls may come from several threads.

    Args:
        size: width and height in pixels.
        latitude: of the place, degrees north.
        longitude: of the place, degrees east.
        seed: of the stars, the horizon and the noise.
    """

    def __init__(
        self,
        size: tuple[int, int] = (3000, 2000),
        latitude: Degrees = 46.5,
        longitude: Degrees = 7.9,
        seed: int = 1,
    ) -> None:
        self.has_raw = True
        self.size, self.latitude, self.longitude = size, latitude, longitude
        generator = np.random.default_rng(seed)
        self._pool = generator.standard_normal(NOISE_POOL, dtype=np.float32)
        self._curve = np.rint(255 * to_srgb(np.linspace(0, 1, 65536, dtype=np.float32))).astype(np.uint8)
        # The sphere's stars: a uniform random direction, brightness as star counts go (10^0.5 per
        # magnitude).
        declination = np.arcsin(generator.uniform(-1, 1, STARS))
        self._stars = (
            generator.uniform(0, 2 * np.pi, STARS),
            declination,
            np.maximum(FAINTEST + 2 * np.log10(generator.uniform(1e-6, 1, STARS)), -1.0),
            generator.uniform(-0.35, 0.35, STARS),
        )
        self._ridge = _ridge(generator)
        self._horizons: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._lock = threading.Lock()
        self._generator = generator

    def files(self, shot: Shot, jpeg: bool, raw: bool) -> list[tuple[str, bytes]]:
        """The files of one exposure, raw first: suffix and bytes, EXIF included."""
        mosaic = np.empty(self.size[::-1], np.uint16) if raw else None
        picture = self.render(shot, self.size, mosaic)
        files = []
        if mosaic is not None:
            copy = _image(picture).reduce(max(1, self.size[0] // COPY_WIDTH))
            small = _jpeg(copy, shot)
            files.append(
                (
                    "DNG",
                    dng(
                        mosaic,
                        small,
                        copy.size,
                        make=MAKE,
                        model=MODEL,
                        taken=shot.taken,
                        exposure_s=shot.exposure_s,
                        f_number=shot.f_number,
                        iso=shot.iso,
                    ),
                )
            )
        if jpeg:
            files.append(("JPG", self._encode(picture, shot)))
        return files

    def preview(self, shot: Shot) -> bytes:
        """A JPEG 640 pixels wide."""
        width, height = self.size
        return self._encode(self.render(shot, (640, 640 * height // width)), shot)

    # ---- light

    def render(
        self, shot: Shot, size: tuple[int, int], mosaic: NDArray[np.uint16] | None = None
    ) -> NDArray[np.uint8]:
        """The exposure as sRGB pixels `[height, width, 4]`; the fourth byte is unused, as in Pillow.

        `mosaic` `[height, width]` receives the same light as a linear RGGB sensor sees it.
        """
        width, height = size
        elevation = sun_elevation(shot.taken, self.latitude, self.longitude)
        exposure = shot.exposure_s * shot.iso / (SATURATION * shot.f_number**2)
        rows = _sky_rows(elevation, height, _focal_length(width)) * np.float32(
            illuminance(elevation) * exposure
        )
        electrons = FULL_WELL * 100 / shot.iso  # at full scale
        picture = np.empty((height, width, 4), np.uint8)
        with self._lock:
            starts = self._generator.integers(0, NOISE_POOL - 3 * width, height)
        self._develop_sky(picture, mosaic, rows, electrons, starts)
        self._develop_stars(picture, mosaic, rows, electrons, shot, exposure)
        return picture

    def _develop_sky(
        self,
        picture: NDArray[np.uint8],
        mosaic: NDArray[np.uint16] | None,
        rows: NDArray[np.float32],
        electrons: float,
        starts: NDArray[np.int64],
    ) -> None:
        height, width = picture.shape[:2]
        horizon = self._horizon((width, height))
        first_ground, codes = int(horizon.min()), np.float32(65535)
        light, index = np.empty((3, width), np.float32), np.empty((3, width), np.int64)
        tones = np.empty((3, width), np.uint8)
        deviation = np.sqrt(rows / electrons + (READ_NOISE / electrons) ** 2) * codes
        for y in range(height):
            noise = self._pool[starts[y] : starts[y] + 3 * width].reshape(3, width)
            np.multiply(noise, deviation[y][:, None], out=light)
            light += (rows[y] * codes)[:, None]
            if y >= first_ground:
                light[:, y > horizon] *= np.float32(0.04)
            np.copyto(index, light, casting="unsafe")
            self._curve.take(index, out=tones, mode="clip")
            picture[y, :, :3] = tones.T
            if mosaic is not None:
                np.clip(light, 0, 65535, out=light)
                mosaic[y, 0::2] = light[y % 2, 0::2]
                mosaic[y, 1::2] = light[1 + y % 2, 1::2]

    def _develop_stars(
        self,
        picture: NDArray[np.uint8],
        mosaic: NDArray[np.uint16] | None,
        rows: NDArray[np.float32],
        electrons: float,
        shot: Shot,
        exposure: float,
    ) -> None:
        height, width = picture.shape[:2]
        x, y, light, colour = self._star_images(shot, (width, height), exposure)
        if not len(x):
            return
        # Every star spreads over 7 x 7 pixels; pixels of overlapping stars are summed.
        offsets = np.arange(-3, 4)
        column, row = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
        sigma = max(0.45, SEEING * width / 3000)
        spread_x = np.exp(-0.5 * ((column[:, None] + offsets - x[:, None]) / sigma) ** 2)
        spread_y = np.exp(-0.5 * ((row[:, None] + offsets - y[:, None]) / sigma) ** 2)
        spread = spread_y[:, :, None] * spread_x[:, None, :] / (2 * np.pi * sigma**2)
        places = ((row[:, None, None] + offsets[:, None]) * width + column[:, None, None] + offsets).ravel()
        tint = 1 + colour[:, None] * np.array([1.0, 0.0, -1.0])
        added = (light[:, None] * tint)[:, None, None, :] * spread[..., None]
        pixels, inverse = np.unique(places, return_inverse=True)
        total = np.zeros((len(pixels), 3))
        np.add.at(total, inverse, added.reshape(-1, 3))
        line, place = np.divmod(pixels, width)
        above = line < self._horizon((width, height))[place]
        line, place, total = line[above], place[above], total[above] + rows[line[above]]
        with self._lock:
            noise = self._generator.standard_normal(total.shape)
        total += noise * np.sqrt(total / electrons + (READ_NOISE / electrons) ** 2)
        codes = np.clip(total * 65535, 0, 65535).astype(np.int64)
        picture[line, place, :3] = self._curve.take(codes)
        if mosaic is not None:
            mosaic[line, place] = codes[np.arange(len(line)), line % 2 + place % 2]

    def _star_images(
        self, shot: Shot, size: tuple[int, int], exposure: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Each piece of each trail in the picture: x, y (pixels), light (full scales), colour."""
        width, height = size
        right_ascension, declination, magnitude, colour = self._stars
        focal = _focal_length(width)
        light = MAGNITUDE_ZERO * 10 ** (-0.4 * magnitude) * np.pi * focal**2 * exposure
        drift = focal * math.radians(15.04 / 3600) * shot.exposure_s
        pieces = max(1, min(32, math.ceil(drift / 0.7)))
        start = sidereal_angle(shot.taken, self.longitude)
        turned = np.radians(15.04 / 3600) * shot.exposure_s * (np.arange(pieces) + 0.5) / pieces
        hour_angle = start + turned[:, None] - right_ascension
        x, y, ahead = _project(hour_angle, declination, math.radians(self.latitude), focal, size)
        inside = ahead & (x > 4) & (x < width - 5) & (y > 4) & (y < height - 5)
        shape = inside.shape
        return (
            x[inside],
            y[inside],
            np.broadcast_to(light / pieces, shape)[inside],
            np.broadcast_to(colour, shape)[inside],
        )

    def _horizon(self, size: tuple[int, int]) -> NDArray[np.int64]:
        """The lowest row of sky of each column."""
        with self._lock:
            if size not in self._horizons:
                x = np.linspace(0, 1, size[0])
                heights = 0.10 + sum(a * np.sin(f * x + p) for a, f, p in self._ridge)
                self._horizons[size] = np.rint(size[1] * (1 - heights)).astype(np.int64)
            return self._horizons[size]

    # ---- file

    def _encode(self, picture: NDArray[np.uint8], shot: Shot) -> bytes:
        image = _image(picture)
        if image.width < 2 * COPY_WIDTH:
            return _jpeg(image, shot)
        # As DSLRs do: a small copy behind the picture (multi-picture format).
        return _jpeg(image, shot, [image.reduce(image.width // COPY_WIDTH)])


def _image(picture: NDArray[np.uint8]) -> Image.Image:
    height, width = picture.shape[:2]
    return Image.frombuffer("RGBX", (width, height), picture, "raw", "RGBX", 0, 1)


def _jpeg(image: Image.Image, shot: Shot, copies: Sequence[Image.Image] = ()) -> bytes:
    buffer = io.BytesIO()
    options = {"quality": QUALITY, "subsampling": "4:2:0", "exif": exif(shot)}
    if copies:
        image.save(buffer, "MPO", save_all=True, append_images=copies, **options)
    else:
        image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def exif(shot: Shot) -> Image.Exif:
    """The EXIF a camera writes: maker, exposure, and its clock's time, which runs on UTC and says so."""
    tags = Image.Exif()
    stamp = f"{shot.taken:%Y:%m:%d %H:%M:%S}"
    tags.update({0x010F: MAKE, 0x0110: MODEL, 0x0131: "Skycam simulator", 0x0132: stamp})
    tags.get_ifd(0x8769).update(
        {
            0x829A: shot.exposure_s,
            0x829D: shot.f_number,
            0x8827: shot.iso,
            0x9003: stamp,
            0x9011: "+00:00",
            0x9291: f"{shot.taken.microsecond // 1000:03d}",
            0x920A: 24.0,
        }
    )
    return tags


def _focal_length(width: int) -> float:
    """Focal length in pixels."""
    return width / 2 / math.tan(VIEW / 2)


def _ridge(generator: np.random.Generator) -> list[tuple[float, float, float]]:
    """Amplitude (heights of the picture), frequency and phase of the hills' waves."""
    return [(0.035 / n, 2.1 * n, float(generator.uniform(0, 6.28))) for n in (1, 2, 3, 5, 9, 17, 40)]


def _sky_rows(elevation: Degrees, height: int, focal: float) -> NDArray[np.float32]:
    """Each row against the mean sky, `[height, 3]`: blue by day, orange low at dusk, grey at night."""
    altitude = np.degrees(LOOKS_AT[1] + np.arctan((height / 2 - np.arange(height)) / focal))
    low = np.exp(-np.clip(altitude, 0, None) / 12)
    day = float(np.interp(elevation, [-6, 3], [0, 1]))
    dusk = max(0.0, 1 - abs(elevation + 4) / 9)
    zenith = (1 - day) * np.array([0.70, 0.96, 1.45]) + day * np.array([0.62, 1.0, 1.65])
    horizon = (1 - dusk) * np.array([1.05, 1.0, 0.95]) + dusk * np.array([2.1, 0.95, 0.45])
    colour = zenith + (horizon - zenith) * (low[:, None] * (0.5 + 0.5 * dusk))
    brightness = 0.85 + low * (0.6 + 1.6 * dusk)
    return (brightness[:, None] * colour).astype(np.float32)


def _project(
    hour_angle: NDArray[np.float64],
    declination: NDArray[np.float64],
    latitude: float,
    focal: float,
    size: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Gnomonic x and y (pixels) of stars and whether they are in front of the camera; radians in."""
    cos_dec, sin_dec = np.cos(declination), np.sin(declination)
    north = -cos_dec * np.cos(hour_angle) * np.sin(latitude) + sin_dec * np.cos(latitude)
    east = -cos_dec * np.sin(hour_angle)
    up = cos_dec * np.cos(hour_angle) * np.cos(latitude) + sin_dec * np.sin(latitude)
    azimuth, altitude = LOOKS_AT
    level = north * np.cos(azimuth) + east * np.sin(azimuth)
    right = -north * np.sin(azimuth) + east * np.cos(azimuth)
    forward = level * np.cos(altitude) + up * np.sin(altitude)
    upward = -level * np.sin(altitude) + up * np.cos(altitude)
    ahead = forward > 0.1
    depth = np.where(ahead, forward, 1.0)
    return size[0] / 2 + focal * right / depth, size[1] / 2 - focal * upward / depth, ahead
