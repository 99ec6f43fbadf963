"""Moving a picture by parts of a pixel and remapping its tones, in one pass over each plane.

A camera on a tripod turns by hundredths of a degree, so within a small tile the shift is one number: bicubic
interpolation (Catmull-Rom) then is two short filters with constant weights, at full precision, several times
faster than a general warp. The filtered value goes through the tone table before it is rounded.

What comes out ("working planes") is uint16 at limited range of 16 bit: luma 16 * 256 … 235 * 256, chroma
around 128 * 256; ITU-R BT.601 as before. All later steps keep this form; encoders round it once.
"""

import numpy as np

from sky.kernels import exact_kernel, in_bands
from timelapse.pipeline.planes import Planes

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
_NEAR_RAD = 0.0025
_TILE_ERROR_PX = 0.01
_ROWS = 16


def chroma_matrix(matrix: np.ndarray) -> np.ndarray:
    """The same movement on planes of half the size whose samples lie in the middle of four pixels."""
    half = np.array([0.5, 0.5])
    turn, shift = matrix[:, :2], matrix[:, 2]
    return np.column_stack([turn, (shift + turn @ half - half) / 2])


def render(planes: Planes, matrix: np.ndarray, luma: np.ndarray, factor: np.ndarray) -> Planes:
    """Working planes of a frame: moved, tones remapped.

    Args:
        planes: as decoded.
        matrix: `[2, 3]`, where the pixel (x, y) of the result is found in the frame, luma pixels.
        luma: `[4096]` new code 0 … 255 for codes 0 … 256 in steps of 1 / 16.
        factor: `[4096]` of chroma at that luma.
    """
    near = abs(matrix[1, 0]) < _NEAR_RAD and abs(np.hypot(matrix[0, 0], matrix[1, 0]) - 1) < 1e-6
    if not near:
        planes, matrix = _far(planes, matrix), IDENTITY
    scale = np.float32(1 if planes.y.dtype == np.uint8 else 1 / 256)
    table = np.rint(4096 + luma * (219 * 256 / 255)).astype(np.uint16)
    factor_at = _by_new_luma(luma, factor)
    y = np.empty(planes.y.shape, np.uint16)
    tile = _tile(matrix)
    in_bands(
        len(y) // _ROWS or 1,
        lambda first, end: _luma(planes.y, y, matrix, scale, table, tile, *_rows(first, end, len(y))),
    )
    half = chroma_matrix(matrix)
    u, v = np.empty(planes.u.shape, np.uint16), np.empty(planes.v.shape, np.uint16)
    in_bands(
        len(u) // _ROWS or 1,
        lambda first, end: _chroma(
            planes.u, planes.v, y, u, v, half, scale, factor_at, tile, *_rows(first, end, len(u))
        ),
    )
    return Planes(y, u, v)


def _rows(first: int, end: int, height: int) -> tuple[int, int]:
    """Bands are whole rows of tiles, so that the result is the same for any number of them."""
    return first * _ROWS, height if end == (height // _ROWS or 1) else end * _ROWS


def _tile(matrix: np.ndarray) -> int:
    turn = abs(matrix[1, 0])
    return int(np.clip(2 * _TILE_ERROR_PX / max(turn, 1e-9), 8, 128)) // 8 * 8


def _far(planes: Planes, matrix: np.ndarray) -> Planes:
    import cv2

    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    matrices = (matrix, chroma_matrix(matrix), chroma_matrix(matrix))
    return Planes(
        *(
            cv2.warpAffine(plane, turn, plane.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
            for plane, turn in zip(planes, matrices, strict=True)
        )
    )


def _by_new_luma(luma: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The chroma factor by the luma that comes out: `[256]` over working luma / 256."""
    rising = np.maximum.accumulate(luma + np.arange(len(luma)) * 1e-6)
    codes = (np.arange(256) - 16) * 255 / 219
    return np.interp(codes, rising, factor).astype(np.float32)


@exact_kernel
def _weights(shift):
    """Catmull-Rom taps at -1, 0, 1, 2 for a shift in 0 … 1."""
    t = np.float32(shift)
    half = np.float32(0.5)
    one, two, three, four, five = np.float32(1), np.float32(2), np.float32(3), np.float32(4), np.float32(5)
    return (
        half * (-t * t * t + two * t * t - t),
        half * (three * t * t * t - five * t * t + two),
        half * (-three * t * t * t + four * t * t + t),
        half * (t * t * t - t * t) * one,
    )


@exact_kernel
def _filtered(src, matrix, scale, x0, width, y0, height, lines, out):
    """`out[:height, x0:x0 + width]` of the tile at (x0, y0): source codes 0 … 255, not rounded."""
    middle_x, middle_y = x0 + 0.5 * (width - 1), y0 + 0.5 * (height - 1)
    shift_x = matrix[0, 0] * middle_x + matrix[0, 1] * middle_y + matrix[0, 2] - middle_x
    shift_y = matrix[1, 0] * middle_x + matrix[1, 1] * middle_y + matrix[1, 2] - middle_y
    column, row = int(np.floor(shift_x)), int(np.floor(shift_y))
    a0, a1, a2, a3 = _weights(shift_x - column)
    a0, a1, a2, a3 = a0 * scale, a1 * scale, a2 * scale, a3 * scale
    b0, b1, b2, b3 = _weights(shift_y - row)
    left, last_row, last_column = x0 + column - 1, src.shape[0] - 1, src.shape[1] - 1
    inside = left >= 0 and left + width + 3 <= last_column + 1
    for j in range(height + 3):
        line, new = src[min(last_row, max(0, y0 + row - 1 + j))], lines[j]
        if inside:
            part = line[left : left + width + 3]
            for i in range(width):
                new[i] = (
                    a0 * np.float32(part[i])
                    + a1 * np.float32(part[i + 1])
                    + a2 * np.float32(part[i + 2])
                    + a3 * np.float32(part[i + 3])
                )
        else:
            for i in range(width):
                k = left + i
                new[i] = (
                    a0 * np.float32(line[min(last_column, max(0, k))])
                    + a1 * np.float32(line[min(last_column, max(0, k + 1))])
                    + a2 * np.float32(line[min(last_column, max(0, k + 2))])
                    + a3 * np.float32(line[min(last_column, max(0, k + 3))])
                )
    for j in range(height):
        one, two, three, four, new = (
            lines[j],
            lines[j + 1],
            lines[j + 2],
            lines[j + 3],
            out[j, x0 : x0 + width],
        )
        for i in range(width):
            new[i] = b0 * one[i] + b1 * two[i] + b2 * three[i] + b3 * four[i]


@exact_kernel
def _row_of_tiles(src, matrix, scale, tile, y0, height, lines, out):
    for x0 in range(0, out.shape[1], tile):
        _filtered(src, matrix, scale, x0, min(tile, out.shape[1] - x0), y0, height, lines, out)


@exact_kernel
def _luma(src, dst, matrix, scale, table, tile, first, end):
    lines = np.empty((_ROWS + 3, tile), np.float32)
    value = np.empty((_ROWS, dst.shape[1]), np.float32)
    places = np.empty(dst.shape[1], np.uint16)
    y0 = first
    while y0 < end:
        height = min(_ROWS, end - y0)
        _row_of_tiles(src, matrix, scale, tile, y0, height, lines, value)
        for j in range(height):
            _looked_up(value[j], table, places, dst[y0 + j])
        y0 += height


# Loops over whole rows, with few arrays and without branches, and tables in loops of their own: they become vector
# instructions.


@exact_kernel
def _looked_up(value, table, places, out):
    """New codes of filtered ones."""
    zero, top = np.float32(0), np.float32(4095 / 16)  # the last place of the table
    for i in range(out.shape[0]):
        code = value[i]
        code = code if code > zero else zero
        code = code if code < top else top
        places[i] = np.uint16(np.int32(code * np.float32(16) + np.float32(0.5)))
    for i in range(out.shape[0]):
        out[i] = table[places[i]]


@exact_kernel
def _chroma(u, v, luma, new_u, new_v, matrix, scale, factor, tile, first, end):
    width = new_u.shape[1]
    lines = np.empty((_ROWS + 3, tile), np.float32)
    blue, red = np.empty((_ROWS, width), np.float32), np.empty((_ROWS, width), np.float32)
    means, factors = np.empty(width, np.uint8), np.empty(width, np.float32)
    y0 = first
    while y0 < end:
        height = min(_ROWS, end - y0)
        _row_of_tiles(u, matrix, scale, tile, y0, height, lines, blue)
        _row_of_tiles(v, matrix, scale, tile, y0, height, lines, red)
        for j in range(height):
            row = y0 + j
            _factors(luma[2 * row], luma[2 * row + 1], factor, means, factors)
            _coloured(blue[j], factors, new_u[row])
            _coloured(red[j], factors, new_v[row])
        y0 += height


@exact_kernel
def _factors(upper, lower, factor, means, out):
    """Of each pixel of chroma, by the mean of its four of luma."""
    for i in range(out.shape[0]):
        k = 2 * i
        total = np.int32(upper[k]) + np.int32(upper[k + 1]) + np.int32(lower[k]) + np.int32(lower[k + 1])
        means[i] = np.uint8(total >> 10)
    for i in range(out.shape[0]):
        out[i] = factor[means[i]]


@exact_kernel
def _coloured(value, factors, out):
    middle, range_ = np.float32(128), np.float32(224 * 256 / 255)
    low, high = np.float32(16 * 256), np.float32(240 * 256)
    for i in range(out.shape[0]):
        code = np.float32(32768) + (value[i] - middle) * range_ * factors[i]
        code = code if code > low else low
        code = code if code < high else high
        out[i] = np.uint16(np.int32(code + np.float32(0.5)))
