"""Colour and tone of the finished picture: white balance, saturation, shadows, lights, local contrast.

All of it works on working planes (uint16, BT.601, limited range; see `warp`). What can be said by one tone curve goes
into the tables that deflickering uses anyway and costs nothing.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sky.kernels import exact_kernel, in_bands
from skycam_project.common.errors import InvalidValueError
from timelapse.pipeline.planes import Planes

_LIMITS = {
    "saturation": (0.0, 3.0),
    "contrast": (-1.0, 1.0),
    "shadows_ev": (-2.0, 3.0),
    "lights": (0.0, 1.0),
    "local_contrast": (0.0, 4.0),
    "dehaze": (0.0, 1.0),
}
DAYLIGHT_K = 5500.0


@dataclass(frozen=True, slots=True)
class Look:
    """How the picture is shown.

    Attributes:
        saturation: 1 leaves colours as they are, 0 is grey.
        contrast: of the middle tones, -1 to 1.
        shadows_ev: dark tones brighter by this much.
        lights: 0 to 1, how much bright tones are drawn back from white.
        local_contrast: clip limit of an adaptive histogram (CLAHE), 0 for none.
        dehaze: 0 to 1, how much of the picture's own black level is taken off.
    """

    saturation: float = 1.0
    contrast: float = 0.0
    shadows_ev: float = 0.0
    lights: float = 0.0
    local_contrast: float = 0.0
    dehaze: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InvalidValueError(f"look.{name}", value, f"a number from {low:g} to {high:g}")

    @classmethod
    def from_json(cls, data: Any) -> "Look":
        """A look of plain values. Raises `InvalidValueError`."""
        if isinstance(data, Look):
            return data
        known = {field.name for field in fields(cls)}
        if not isinstance(data, dict) or not set(data) <= known:
            raise InvalidValueError("look", data, f"a mapping of {', '.join(sorted(known))}")
        return cls(**data)

    def curve(self, codes: NDArray[Any]) -> NDArray[np.float64]:
        """Tone curve: code 0 … 255 to code 0 … 255, rising, black and white fixed unless dehazed."""
        value = np.clip(np.asarray(codes, float) / 255, 0, 1)
        if self.shadows_ev:  # a gain that fades out towards the middle tones
            value = value * 2 ** (self.shadows_ev / 2.2 * np.clip(1 - value / 0.6, 0, 1) ** 2)
        if self.contrast:
            bent = value + 0.5 * self.contrast * (value * value * (3 - 2 * value) - value) * 2
            value = np.clip(bent, 0, 1)
        if self.lights:  # a shoulder from 0.6 on
            over = np.clip((value - 0.6) / 0.4, 0, 1)
            value = np.where(value > 0.6, 0.6 + 0.4 * (over - self.lights * 0.35 * over * over), value)
        return np.maximum.accumulate(value) * 255


def apply_curve(
    look: Look, luma: NDArray[Any], factor: NDArray[Any], black: float = 0.0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Tone tables with a look on top.

    Args:
        look: the look.
        luma: `[n]` new code 0 … 255 of each old one.
        factor: `[n]` of chroma.
        black: code that the picture's haze lifts black to.
    """
    lifted = np.asarray(luma, float)
    if look.dehaze and black > 0:
        off = look.dehaze * min(black, 128.0)
        lifted = np.clip((lifted - off) * 255 / (255 - off), 0, 255)
    new = look.curve(lifted)
    # Colours keep their share of brightness where tones are lifted or drawn back.
    ratio = np.clip((new + 8) / (np.asarray(luma, float) + 8), 0.5, 2.5)
    return new.astype(np.float32), (factor * ratio**0.7 * look.saturation).astype(np.float32)


def gains(temperature_k: float, tint: float) -> NDArray[np.float64]:
    """Red, green and blue factors in linear light, of the same luma; 1, 1, 1 for nothing to do.

    Args:
        temperature_k: warmer by as much as light of `DAYLIGHT_K` looks when it is set to this many kelvin more.
        tint: towards magenta (positive) or green, -1 to 1.
    """
    wanted = max(2000.0, DAYLIGHT_K - temperature_k)
    rgb = _black_body(wanted) / _black_body(DAYLIGHT_K)
    rgb = rgb * np.array([1 + 0.1 * tint, 1 - 0.1 * tint, 1 + 0.1 * tint])
    return rgb / (rgb @ np.array([0.2126, 0.7152, 0.0722]))


def _black_body(kelvin: float) -> NDArray[np.float64]:
    """Linear sRGB of light of a colour temperature, 1667 to 25000 K (Kim et al. 2002, cubic spline of the locus)."""
    t = 1e3 / np.clip(kelvin, 1667, 25000)
    if kelvin <= 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if kelvin <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif kelvin <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1 - x - y) / y])
    to_rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    return np.maximum(to_rgb @ xyz, 0.01)


def balance(planes: Planes, factors: NDArray[Any]) -> Planes:
    """Working planes with another white balance.

    Args:
        planes: working planes.
        factors: red, green, blue, in linear light; see `gains`. As a power law's codes they are factors too.
    """
    code_factors = np.asarray(factors, float) ** (1 / 2.4)
    out = Planes(*(np.empty_like(plane) for plane in planes))
    in_bands(len(planes.u), lambda first, end: _balance(*planes, *out, code_factors, first, end))
    return out


@exact_kernel
def _balance(y, u, v, y_out, u_out, v_out, factors, first, end):
    red, green, blue = np.float32(factors[0]), np.float32(factors[1]), np.float32(factors[2])
    span_y, span_c = np.float32(219 * 256), np.float32(224 * 256)
    for j in range(first, end):
        for i in range(u.shape[1]):
            cb = (np.float32(u[j, i]) - np.float32(32768)) / span_c
            cr = (np.float32(v[j, i]) - np.float32(32768)) / span_c
            r_part, b_part = np.float32(1.402) * cr, np.float32(1.772) * cb
            g_part = np.float32(-0.344136) * cb - np.float32(0.714136) * cr
            sum_cb, sum_cr = np.float32(0), np.float32(0)
            for k in range(4):
                row, column = 2 * j + k // 2, 2 * i + k % 2
                luma = (np.float32(y[row, column]) - np.float32(4096)) / span_y
                r, g, b = (luma + r_part) * red, (luma + g_part) * green, (luma + b_part) * blue
                new = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
                y_out[row, column] = np.uint16(
                    min(np.float32(60160), max(np.float32(4096), new * span_y + np.float32(4096.5)))
                )
                sum_cb += (b - new) / np.float32(1.772)
                sum_cr += (r - new) / np.float32(1.402)
            u_out[j, i] = np.uint16(
                min(np.float32(61440), max(np.float32(4096), sum_cb / 4 * span_c + np.float32(32768.5)))
            )
            v_out[j, i] = np.uint16(
                min(np.float32(61440), max(np.float32(4096), sum_cr / 4 * span_c + np.float32(32768.5)))
            )


def local_contrast(planes: Planes, limit: float) -> Planes:
    """Working planes whose luma is equalised by neighbourhood (CLAHE, 8 × 8 tiles, mixed half and half)."""
    import cv2

    shifted = np.clip(planes.y.astype(np.int32) - 4096, 0, 219 * 256)
    full = (shifted * (65535 / (219 * 256))).astype(np.uint16)
    lifted = cv2.createCLAHE(clipLimit=limit, tileGridSize=(8, 8)).apply(full)
    mixed = cv2.addWeighted(full, 0.5, lifted, 0.5, 0)
    y = (mixed * np.float32(219 * 256 / 65535) + np.float32(4096.5)).astype(np.uint16)
    return Planes(y, planes.u, planes.v)
