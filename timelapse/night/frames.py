"""One frame of a night as all products see it, and what several of them need of it, computed once."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sky.coordinates import VACUUM, Observer, Site
from sky.detection import Detections, Kind, detect
from sky.ephemeris import body
from sky.solver import Solution
from skycam_project.common.units import Arcseconds, Degrees, Pixels, Seconds
from timelapse.night.opencv import cv2

Floats = NDArray[np.float32]

_STRETCH = 400.0
_BLACK = 0.7  # share of the sky that is shown as black
_DARK_SIDE = 0.15  # quantile of the sky's light: where the moon is not
_LIT = 0.25
_CLEARLY = 25.0  # peak signal to noise of a star whose width is worth knowing
_MANY = 600_000  # values from which a table of the curve is quicker, and smaller
_BINNED_ABOVE = 2_500_000  # pixels: a picture larger than this is searched for streaks at half its size


@dataclass(frozen=True, slots=True)
class Camera:
    """What is known of a night's camera before its first frame; None: unknown."""

    site: Site | None = None
    scale_arcsec: Arcseconds | None = None  # per pixel in the middle, to 10 %
    lens: Literal["auto", "perspective", "fisheye"] = "auto"
    pointed: bool = False  # a telescope: its frames say where they look, and follow the stars


@dataclass(frozen=True, slots=True, eq=False)
class NightFrame:
    """One frame.

    Attributes:
        digest: names the pixels: a frame is counted once, however often it is offered.
        start: when the shutter opened, aware.
        exposure_s: how long it was open.
        image: (h, w) RGGB mosaic (uint16) or monochrome, or (h, w, 3) RGB; uint8 or uint16.
        kind: which of them.
        top: value of a saturated pixel.
        offset: value of a dark pixel.
        dark_known: whether somebody said so: without, the sky's light cannot be told from the sensor's own level.
        linear: counts; else a picture with the tone curve of sRGB.
        name: for people.
        hint: about where it looks: right ascension and declination, ICRS degrees.
        scale_arcsec: per pixel in the middle, as its own header says.
    """

    digest: str
    start: datetime
    exposure_s: Seconds
    image: NDArray[Any]
    kind: Kind
    top: float
    offset: float = 0.0
    dark_known: bool = True
    linear: bool = True
    name: str = ""
    hint: tuple[Degrees, Degrees] | None = None
    scale_arcsec: Arcseconds | None = None

    @property
    def middle(self) -> datetime:
        """Mid-exposure."""
        return self.start + timedelta(seconds=self.exposure_s / 2)

    @property
    def end(self) -> datetime:
        """When the shutter closed."""
        return self.start + timedelta(seconds=self.exposure_s)


def halved(frame: NightFrame) -> NightFrame:
    """The frame at half its width and height: four pixels of one colour become one, their mean."""
    image, scale = frame.image, frame.scale_arcsec and 2 * frame.scale_arcsec
    unit = 4 if frame.kind == "mosaic" else 2
    image = image[: image.shape[0] // unit * unit, : image.shape[1] // unit * unit]
    size = image.shape[1] // unit, image.shape[0] // unit
    if frame.kind != "mosaic":
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return replace(frame, image=small, scale_arcsec=scale)
    half = np.empty((image.shape[0] // 2, image.shape[1] // 2), image.dtype)
    for y in (0, 1):
        for x in (0, 1):
            colour = np.ascontiguousarray(image[y::2, x::2])
            half[y::2, x::2] = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)
    return replace(frame, image=half, scale_arcsec=scale)


@dataclass(eq=False)
class Look:
    """A frame and what is seen on it. What is dear to find is found once, on first use."""

    frame: NightFrame
    camera: Camera = field(default_factory=Camera)
    solution: Solution | None = None  # where it looks, once it is solved

    @property
    def colour(self) -> NDArray[Any]:
        """The frame as (h, w, 3) RGB of its own type; a monochrome one three times.

        Made anew each time: kept for every frame that is looked at, it would be most of the memory.
        """
        image = self.frame.image
        if self.frame.kind == "mosaic":
            return cv2.cvtColor(image, cv2.COLOR_BayerRGGB2RGB)
        return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.ndim == 2 else image

    @cached_property
    def step(self) -> int:
        """Pixels of the frame along one pixel of `light`."""
        height, width = self.frame.image.shape[:2]
        return 2 if self.frame.kind == "mosaic" or height * width > _BINNED_ABOVE else 1

    @property
    def scale_arcsec(self) -> Arcseconds | None:
        """Per pixel in the middle; None: nobody says so."""
        return self.camera.scale_arcsec or self.frame.scale_arcsec

    @cached_property
    def light(self) -> Floats:
        """All colours together, linear, for finding things: (h, w) / `step`."""
        image = self.frame.image
        if image.ndim == 3:
            plane = cv2.transform(image, np.full((1, 3), 1 / 3, np.float32)).astype(np.float32)
        else:
            plane = image.astype(np.float32)
        if not self.frame.linear:
            x = plane * np.float32(1 / self.frame.top)  # near enough to sRGB's own curve
            plane = x * x * (np.float32(0.3) + np.float32(0.7) * x) * np.float32(self.frame.top)
        if self.step == 2:
            height, width = plane.shape[0] // 2, plane.shape[1] // 2
            plane = cv2.resize(
                plane[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA
            )
        return np.ascontiguousarray(plane, np.float32)

    @cached_property
    def stars(self) -> Detections:
        """Stars of the frame."""
        return detect(self.frame.image, self.frame.kind, top=self.frame.top, most=20_000)

    @cached_property
    def fwhm(self) -> Pixels | None:
        """Median of the brighter unsaturated stars; None without stars."""
        stars, widest = self.stars, 7.0 * (2 if self.frame.kind == "mosaic" else 1)  # an edge is no star
        good = stars.fwhm[~stars.saturated & (stars.snr > _CLEARLY) & (stars.fwhm < widest)][:200]
        return float(np.median(good)) if len(good) >= 8 else None

    @cached_property
    def observer(self) -> Observer | None:
        """Site and middle of the exposure."""
        site = self.camera.site
        return Observer(site, self.frame.middle, VACUUM) if site else None

    @cached_property
    def sun_deg(self) -> Degrees | None:
        """Altitude of the sun."""
        return body("sun", self.observer).altitude_deg if self.observer else None

    @cached_property
    def moon(self) -> tuple[Degrees, float] | None:
        """Altitude of the moon, and the lit share of it."""
        if self.observer is None:
            return None
        moon = body("moon", self.observer)
        return moon.altitude_deg, moon.illuminated


@dataclass(frozen=True, slots=True, eq=False)
class Paper:
    """How linear frames become pictures.

    Attributes:
        white: factors on R, G, B that show the sky as grey with a touch of blue.
        black: what is taken from R, G, B above the dark level: most of the sky, so that it looks dark.
    """

    white: NDArray[np.float64]
    black: NDArray[np.float64]


NEUTRAL = Paper(np.ones(3), np.zeros(3))


def tone(image: NDArray[Any], frame: NightFrame, paper: Paper) -> NDArray[np.uint8]:
    """A picture for people, always with the same curve, so that a night's pictures follow each other.

    Args:
        image: (…, 3) RGB of the frame's type, or what was made of such pixels.
        frame: for offset, top and whether it is linear.
        paper: white and black of a linear frame.
    """
    if not frame.linear and frame.top <= 255:
        return image.astype(np.uint8, copy=False)
    if image.dtype == np.uint16 and image.size > _MANY:
        values = np.arange(65536, dtype=np.uint16)
        curves = _toned(np.repeat(values[:, None], 3, axis=1), frame, paper)
        return np.stack([curves[:, c][image[..., c]] for c in range(3)], axis=-1)
    return _toned(image, frame, paper)


def _toned(image: NDArray[Any], frame: NightFrame, paper: Paper) -> NDArray[np.uint8]:
    if not frame.linear:
        return (image * (255 / frame.top)).astype(np.uint8)
    scale = (paper.white * (_STRETCH / (frame.top - frame.offset))).astype(np.float32)
    x = np.maximum(image.astype(np.float32) - (frame.offset + paper.black).astype(np.float32), 0) * scale
    np.arcsinh(x, out=x)
    return np.minimum(x * np.float32(255 / np.arcsinh(_STRETCH)), 255).astype(np.uint8)


def paper_of(look: Look) -> Paper:
    """White and black by the sky of this frame."""
    if not look.frame.linear:
        return NEUTRAL
    part = look.colour[::8, ::8].reshape(-1, 3) - np.float64(look.frame.offset)
    light = part.mean(axis=1)
    lit = part[light >= _LIT * np.median(light)]  # without what is black around an all-sky picture
    sky = np.quantile(lit, _DARK_SIDE, axis=0)
    return Paper(white_balance(look), _BLACK * np.maximum(sky, 0))


def white_balance(look: Look) -> NDArray[np.float64]:
    """Factors on R, G, B that show the sky of this frame as grey with a touch of blue."""
    if not look.frame.linear or look.frame.kind == "mono":
        return np.ones(3)
    part = look.colour[::8, ::8]
    middle = np.array([np.median(part[..., c]) - look.frame.offset for c in range(3)], np.float64)
    middle = np.maximum(middle, 1.0)
    return np.clip(middle[1] / middle * [0.94, 1.0, 1.10], 0.3, 4.0)
