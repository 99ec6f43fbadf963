"""Lens correction: where each pixel of a straight picture lies in the frame, and how much the corners are darker.

Lenses come from the lensfun database by what the camera wrote into its files. A whole-sky fisheye, which no database
has, is described by its circle. The map is composed with the stabilisation's matrix, so that a frame is interpolated
once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycam_project.common.errors import InvalidValueError
from timelapse.pipeline.planes import Planes, from_rgb, to_rgb

VIEWS = ("panorama", "straight")
_SEEN_PX = 0.1
"""Colours that lie closer together than this are not moved: it would cost three times as much for nothing."""


@dataclass(frozen=True, slots=True)
class Fisheye:
    """A lens that sees the whole sky in a circle, equal steps of height on equal steps of radius.

    Attributes:
        x, y: centre of the circle, share of width and height.
        radius: of the horizon, share of the picture's width.
        view: `panorama` (all around, horizon below) or `straight` (a window without curved lines).
        azimuth_deg: direction of the middle of the window; of a panorama, from the top of the frame clockwise.
        altitude_deg: height of the middle of the window above the horizon.
        field_deg: width of the window, 20 to 140.
    """

    kind: str = field(default="fisheye", init=False)
    x: float = 0.5
    y: float = 0.5
    radius: float = 0.28
    view: str = "panorama"
    azimuth_deg: float = 0.0
    altitude_deg: float = 35.0
    field_deg: float = 90.0

    def __post_init__(self) -> None:
        limits = {"x": (0, 1), "y": (0, 1), "radius": (0.05, 1), "azimuth_deg": (-360, 360)}
        limits |= {"altitude_deg": (0, 90), "field_deg": (20, 140)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InvalidValueError(f"lens.{name}", value, f"a number from {low:g} to {high:g}")
        if self.view not in VIEWS:
            raise InvalidValueError("lens.view", self.view, ", ".join(VIEWS))


@dataclass(frozen=True, slots=True)
class Named:
    """A lens of the database.

    Attributes:
        camera: maker and model, e.g. `NIKON CORPORATION NIKON D750`; "" takes what the frames say.
        lens: e.g. `Samyang 14mm f/2.8 AE ED AS IF UMC`; "" takes what the frames say.
        focal_mm, aperture_f: of the frames; 0 takes what they say.
        vignetting: also brighten the corners.
    """

    kind: str = field(default="named", init=False)
    camera: str = ""
    lens: str = ""
    focal_mm: float = 0.0
    aperture_f: float = 0.0
    vignetting: bool = True

    def __post_init__(self) -> None:
        for name in ("camera", "lens"):
            if not isinstance(getattr(self, name), str) or len(getattr(self, name)) > 200:
                raise InvalidValueError(f"lens.{name}", getattr(self, name), "up to 200 characters")
        for name, high in (("focal_mm", 5000), ("aperture_f", 100)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
                raise InvalidValueError(f"lens.{name}", value, f"a number from 0 to {high}")
        if not isinstance(self.vignetting, bool):
            raise InvalidValueError("lens.vignetting", self.vignetting, "true or false")


Lens = Fisheye | Named


def lens_from_json(data: Any) -> Lens | None:
    """A lens of plain values: None or "off", "auto", or a mapping with `kind`. Raises `InvalidValueError`."""
    if data is None or isinstance(data, Fisheye | Named):
        return data
    if data in ("off", "auto"):
        return None if data == "off" else Named()
    kinds: dict[Any, type[Fisheye] | type[Named]] = {"fisheye": Fisheye, "named": Named}
    if not isinstance(data, Mapping) or data.get("kind", "named") not in kinds:
        raise InvalidValueError("lens", data, "off, auto, or a mapping with kind named or fisheye")
    kind = kinds[data.get("kind", "named")]
    values = {name: value for name, value in data.items() if name != "kind"}
    known = {entry.name for entry in fields(kind) if entry.init}
    if not set(values) <= known:
        raise InvalidValueError("lens", data, f"a mapping of {', '.join(sorted(known))}")
    return kind(**values)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a lens does to pictures of one size.

    Attributes:
        title: of the lens, for people.
        place: `[h, w, 2]` float32, x and y in the frame of each pixel of the straight picture.
        gain: `[h, w]` float32 of light, by place in the frame; None for even light.
        lateral: the same as `place` for red and for blue, which a lens draws in another size than green; None where
            it does not, or nobody has measured it.
    """

    title: str
    place: NDArray[np.float32]
    gain: NDArray[np.float32] | None
    lateral: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None


def correction(lens: Lens, size: tuple[int, int], optics: Mapping[str, Any]) -> Correction:
    """The correction of a lens for pictures of a size.

    Args:
        lens: which.
        size: width and height of the frames, pixels.
        optics: what a frame says: some of `make model lens focal_length_mm aperture_f`.

    Raises:
        InvalidValueError: the database knows no such camera or lens; says what was looked for.
    """
    if isinstance(lens, Fisheye):
        return Correction("whole-sky fisheye", _fisheye(lens, size), None)
    return _from_database(lens, size, optics)


def _from_database(lens: Named, size: tuple[int, int], optics: Mapping[str, Any]) -> Correction:
    lensfunpy: Any = import_module("lensfunpy")  # its types are not declared
    maker, model = (str(optics.get(word) or "").strip("\0 ") for word in ("make", "model"))
    database = lensfunpy.Database()
    wanted = lens.camera or f"{maker} {model}".strip()
    cameras = [
        camera
        for camera in (
            database.find_cameras(maker, model, loose_search=True) if not lens.camera else database.cameras
        )
        if not lens.camera or lens.camera.lower() in f"{camera.maker} {camera.model}".lower()
    ]
    if not wanted or not cameras:
        raise InvalidValueError(
            "lens.camera", wanted or "(the frames name none)", "a camera of the lensfun database"
        )
    camera = cameras[0]
    name = lens.lens or str(optics.get("lens") or "").strip("\0 ")
    found = database.find_lenses(camera, None, name, loose_search=True) if name else []
    if not found:
        raise InvalidValueError(
            "lens.lens", name or "(the frames name none)", f"a lens of the database for {camera.model}"
        )
    focal = lens.focal_mm or _number(optics.get("focal_length_mm")) or found[0].min_focal
    aperture = lens.aperture_f or _number(optics.get("aperture_f")) or found[0].min_aperture or 8.0
    width, height = size
    modifier = lensfunpy.Modifier(found[0], camera.crop_factor, width, height)
    modifier.initialize(focal, aperture, 1000.0, scale=0.0, pixel_format=np.float32)
    place, lateral = modifier.apply_geometry_distortion(), None
    if (colours := modifier.apply_subpixel_geometry_distortion()) is not None:
        red, place, blue = (
            np.ascontiguousarray(colours[:, :, number], dtype=np.float32) for number in range(3)
        )
        shift = max(float(np.abs(colour - place).max()) for colour in (red, blue))
        lateral = (red, blue) if shift > _SEEN_PX else None
    if place is None:  # it has no distortion in the database
        place = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2)
    gain = None
    if lens.vignetting:
        light = np.ones((height, width, 3), np.float32)
        if modifier.apply_color_modification(light):
            gain = np.ascontiguousarray(light[..., 1])
    return Correction(f"{found[0].model} on {camera.model}", place.astype(np.float32), gain, lateral)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0


def _fisheye(lens: Fisheye, size: tuple[int, int]) -> NDArray[np.float32]:
    width, height = size
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    if lens.view == "panorama":
        azimuth, altitude = 2 * np.pi * (x - 0.5) + np.radians(lens.azimuth_deg), np.pi / 2 * (1 - y)
    else:
        reach = np.tan(np.radians(lens.field_deg) / 2)
        right, up = (x - 0.5) * 2 * reach, (0.5 - y) * 2 * reach * height / width
        tilt = np.radians(lens.altitude_deg)
        forward, above = np.cos(tilt) - up * np.sin(tilt), np.sin(tilt) + up * np.cos(tilt)
        azimuth = np.arctan2(right, forward) + np.radians(lens.azimuth_deg)
        altitude = np.arctan2(above, np.hypot(right, forward))
    distance = (np.pi / 2 - altitude) / (np.pi / 2) * lens.radius * width
    return np.stack(
        [
            lens.x * width - 0.5 + distance * np.sin(azimuth),
            lens.y * height - 0.5 - distance * np.cos(azimuth),
        ],
        axis=2,
    ).astype(np.float32)


def straighten(planes: Planes, lens: Correction, matrix: NDArray[Any]) -> Planes:
    """A frame moved and straightened in one interpolation.

    Args:
        planes: as decoded.
        lens: for its size.
        matrix: `[2, 3]`, where the pixel (x, y) of the result is found in the straight picture.

    Returns:
        planes, uint16 with code times 256; what lies outside the frame is black.
    """
    import cv2

    width, height = planes.size
    place = _moved(lens.place, matrix)
    if lens.lateral is not None:
        return _by_colour(planes, lens, lens.lateral, place, matrix)
    y = _looked_up(planes.y, place, 0)
    half = (cv2.resize(place, (width // 2, height // 2), interpolation=cv2.INTER_AREA) - np.float32(0.5)) / 2
    u, v = (_looked_up(plane, half, 128) for plane in (planes.u, planes.v))
    if lens.gain is not None:
        # Codes follow a power law, so a factor of light is a factor of codes; it belongs to the place in the frame.
        code_gain = _code_gain(lens.gain, place)
        y *= code_gain
        small = cv2.resize(code_gain, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        u, v = ((plane - 128 * 256) * small + 128 * 256 for plane in (u, v))
    return Planes(*(np.clip(plane + np.float32(0.5), 0, 65535).astype(np.uint16) for plane in (y, u, v)))


def _by_colour(
    planes: Planes,
    lens: Correction,
    lateral: tuple[NDArray[np.float32], NDArray[np.float32]],
    place: NDArray[np.float32],
    matrix: NDArray[Any],
) -> Planes:
    """Each colour from where the lens drew it; luma and chroma know of all three, so this goes over RGB."""
    rgb = to_rgb(planes)
    out = np.empty(rgb.shape, np.uint16)
    gain = None if lens.gain is None else _code_gain(lens.gain, place)
    for channel in range(3):
        where = place if channel == 1 else _moved(lateral[channel // 2], matrix)
        values = _looked_up(np.ascontiguousarray(rgb[..., channel]), where, 0)
        if gain is not None:
            values *= gain
        out[..., channel] = np.clip(values + np.float32(0.5), 0, 65535)
    return from_rgb(out)


def _moved(place: NDArray[np.float32], matrix: NDArray[Any]) -> NDArray[np.float32]:
    import cv2

    size = place.shape[1], place.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(place, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(
        np.float32, copy=False
    )


def _code_gain(gain: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    here = cv2.remap(gain, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return cv2.pow(here, 1 / 2.4).astype(np.float32, copy=False)


def _looked_up(plane: NDArray[Any], place: NDArray[Any], outside: int) -> NDArray[np.float32]:
    import cv2

    values = plane.astype(np.float32)
    if plane.dtype == np.uint8:
        values *= 256
    border = cv2.BORDER_CONSTANT
    return cv2.remap(values, place, None, cv2.INTER_CUBIC, borderMode=border, borderValue=[outside * 256.0])  # pyright: ignore[reportCallIssue, reportArgumentType]
