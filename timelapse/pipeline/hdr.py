"""Working planes for HDR displays: BT.2020 primaries with the PQ or the HLG curve.

Diffuse white (code 255) becomes 203 cd/m2 in PQ and 75 % of the HLG signal, as ITU-R BT.2408 says.
"""

import numpy as np

from sky.kernels import exact_kernel, in_bands
from timelapse.pipeline.planes import Planes

WHITE_NITS = 203.0
_SIZE = 4096
# BT.709 to BT.2020, linear light (ITU-R BT.2087).
_PRIMARIES = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], np.float32
)


def linear(code: np.ndarray) -> np.ndarray:
    """Light 0 … 1 of an sRGB code 0 … 1 (IEC 61966-2-1)."""
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def nits(code: float) -> float:
    """Light of a grey of code 0 … 255 in cd/m2."""
    return WHITE_NITS * float(linear(np.array(code / 255)))


def pq(light: np.ndarray) -> np.ndarray:
    """Signal 0 … 1 of light in cd/m2 (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = np.clip(np.asarray(light, float) / 10000, 0, 1) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


def hlg(light: np.ndarray) -> np.ndarray:
    """Signal 0 … 1 of scene light 0 … 1 (ARIB STD-B67, ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    light = np.asarray(light, float)
    return np.where(light <= 1 / 12, np.sqrt(3 * light), a * np.log(np.maximum(12 * light - b, 1e-9)) + c)


def _curve(transfer: str) -> np.ndarray:
    """Signal 0 … 1 by the square root of light 0 … 1: fine steps in the dark, where the eye sees them."""
    light = (np.arange(_SIZE) / (_SIZE - 1)) ** 2
    if transfer == "hdr10":
        return pq(light * WHITE_NITS).astype(np.float32)
    return hlg(light * 0.2649627).astype(np.float32)  # this light gives 75 % of the signal


def convert(planes: Planes, transfer: str) -> Planes:
    """Working planes (sRGB curve, BT.709 primaries, BT.601 matrix) as working planes of `hdr10` or `hlg`.

    The result has BT.2020's primaries and non-constant-luminance matrix, limited range.
    """
    to_light = linear(np.arange(_SIZE) / (_SIZE - 1)).astype(np.float32)
    curve = _curve(transfer)
    out = Planes(*(np.empty_like(plane) for plane in planes))
    in_bands(
        len(planes.u),
        lambda first, end: _convert(*planes, *out, to_light, curve, _PRIMARIES, first, end),
    )
    return out


@exact_kernel
def _convert(y, u, v, y_out, u_out, v_out, to_light, curve, primaries, first, end):
    top = np.float32(_SIZE - 1)
    zero, one = np.float32(0), np.float32(1)
    for j in range(first, end):
        for i in range(u.shape[1]):
            cb = (np.float32(u[j, i]) - np.float32(32768)) / np.float32(224 * 256)
            cr = (np.float32(v[j, i]) - np.float32(32768)) / np.float32(224 * 256)
            red_part, blue_part = np.float32(1.402) * cr, np.float32(1.772) * cb
            green_part = np.float32(-0.344136) * cb - np.float32(0.714136) * cr
            sum_cb, sum_cr = zero, zero
            for k in range(4):
                row, column = 2 * j + k // 2, 2 * i + k % 2
                luma = (np.float32(y[row, column]) - np.float32(4096)) / np.float32(219 * 256)
                r = to_light[np.int32(min(one, max(zero, luma + red_part)) * top)]
                g = to_light[np.int32(min(one, max(zero, luma + green_part)) * top)]
                b = to_light[np.int32(min(one, max(zero, luma + blue_part)) * top)]
                r2 = primaries[0, 0] * r + primaries[0, 1] * g + primaries[0, 2] * b
                g2 = primaries[1, 0] * r + primaries[1, 1] * g + primaries[1, 2] * b
                b2 = primaries[2, 0] * r + primaries[2, 1] * g + primaries[2, 2] * b
                r2 = curve[np.int32(np.sqrt(min(one, r2)) * top)]
                g2 = curve[np.int32(np.sqrt(min(one, g2)) * top)]
                b2 = curve[np.int32(np.sqrt(min(one, b2)) * top)]
                signal = np.float32(0.2627) * r2 + np.float32(0.678) * g2 + np.float32(0.0593) * b2
                y_out[row, column] = np.uint16(np.int32(np.float32(4096.5) + signal * np.float32(219 * 256)))
                sum_cb += (b2 - signal) / np.float32(1.8814)
                sum_cr += (r2 - signal) / np.float32(1.4746)
            scale = np.float32(224 * 64)
            u_out[j, i] = np.uint16(np.int32(np.float32(32768.5) + sum_cb * scale))
            v_out[j, i] = np.uint16(np.int32(np.float32(32768.5) + sum_cr * scale))
