"""A raw file of the simulated camera: DNG 1.4 (Adobe), Bayer mosaic and embedded JPEG, uncompressed."""

import struct
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL = 1, 2, 3, 4, 5, 10
_CODES: Final = {_BYTE: "B", _SHORT: "H", _LONG: "I"}
XYZ_TO_SRGB: Final = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)
"""The simulated sensor sees linear sRGB (IEC 61966-2-1, white D65)."""

Entry = tuple[int, int, Sequence[int | float] | str]
"""Tag, type, values."""


def dng(
    mosaic: NDArray[np.uint16],
    jpeg: bytes,
    jpeg_size: tuple[int, int],
    *,
    make: str,
    model: str,
    taken: datetime,
    exposure_s: float,
    f_number: float,
    iso: int,
) -> bytes:
    """Pack a raw file.

    Args:
        mosaic: `[height, width]` uint16, RGGB, linear, 0 black, 65535 white.
        jpeg: the embedded preview.
        jpeg_size: its width and height in pixels.
        make: of the camera.
        model: of the camera.
        taken: start of the exposure, UTC.
        exposure_s: seconds.
        f_number: of the lens.
        iso: sensitivity.
    """
    height, width = mosaic.shape
    stamp = f"{taken:%Y:%m:%d %H:%M:%S}"
    exif: list[Entry] = [
        (0x829A, _RATIONAL, [exposure_s]),
        (0x829D, _RATIONAL, [f_number]),
        (0x8827, _SHORT, [iso]),
        (0x9003, _ASCII, stamp),
        (0x9011, _ASCII, "+00:00"),
    ]
    raw: list[Entry] = [
        (254, _LONG, [0]),
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [16]),
        (259, _SHORT, [1]),
        (262, _SHORT, [32803]),  # a colour filter array
        (273, _LONG, [0]),
        (277, _SHORT, [1]),
        (278, _LONG, [height]),
        (279, _LONG, [mosaic.nbytes]),
        (33421, _SHORT, [2, 2]),
        (33422, _BYTE, [0, 1, 1, 2]),
        (50714, _SHORT, [0]),
        (50717, _LONG, [65535]),
    ]
    main: list[Entry] = [
        (254, _LONG, [1]),
        (256, _LONG, [jpeg_size[0]]),
        (257, _LONG, [jpeg_size[1]]),
        (258, _SHORT, [8, 8, 8]),
        (259, _SHORT, [7]),
        (262, _SHORT, [6]),
        (271, _ASCII, make),
        (272, _ASCII, model),
        (273, _LONG, [0]),
        (277, _SHORT, [3]),
        (278, _LONG, [jpeg_size[1]]),
        (279, _LONG, [len(jpeg)]),
        (306, _ASCII, stamp),
        (330, _LONG, [0]),
        (34665, _LONG, [0]),
        (50706, _BYTE, [1, 4, 0, 0]),
        (50707, _BYTE, [1, 1, 0, 0]),
        (50708, _ASCII, f"{make} {model}"),
        (50721, _SRATIONAL, XYZ_TO_SRGB),
        (50728, _RATIONAL, [1.0, 1.0, 1.0]),
        (50778, _SHORT, [21]),
    ]
    main_at = 8
    raw_at = main_at + _length(main)
    exif_at = raw_at + _length(raw)
    jpeg_at = exif_at + _length(exif)
    raw_data_at = jpeg_at + len(jpeg) + len(jpeg) % 2
    places = {273: jpeg_at, 330: raw_at, 34665: exif_at}
    return b"".join(
        [
            struct.pack("<2sHI", b"II", 42, main_at),
            _directory([(t, k, [places[t]] if t in places else v) for t, k, v in main], main_at),
            _directory([(t, k, [raw_data_at] if t == 273 else v) for t, k, v in raw], raw_at),
            _directory(exif, exif_at),
            jpeg,
            b"\0" * (len(jpeg) % 2),
            mosaic.astype("<u2").tobytes(),
        ]
    )


def _pack(kind: int, values: Sequence[int | float] | str) -> tuple[int, bytes]:
    """Count and bytes of an entry's values."""
    if isinstance(values, str):
        data = values.encode("ascii") + b"\0"
        return len(data), data
    if kind in (_RATIONAL, _SRATIONAL):
        fractions = [Fraction(value).limit_denominator(1_000_000) for value in values]
        code = "<iI" if kind == _SRATIONAL else "<II"
        return len(values), b"".join(struct.pack(code, f.numerator, f.denominator) for f in fractions)
    return len(values), struct.pack(f"<{len(values)}{_CODES[kind]}", *values)


def _length(entries: list[Entry]) -> int:
    return len(_directory(entries, 0))


def _directory(entries: list[Entry], place: int) -> bytes:
    """An image file directory at `place`, with the values that do not fit into its entries behind it."""
    head = struct.pack("<H", len(entries))
    tail, tail_at = b"", place + 2 + 12 * len(entries) + 4
    for tag, kind, values in sorted(entries, key=lambda entry: entry[0]):
        count, data = _pack(kind, values)
        if len(data) > 4:
            field = struct.pack("<I", tail_at + len(tail))
            tail += data + b"\0" * (len(data) % 2)
        else:
            field = data.ljust(4, b"\0")
        head += struct.pack("<HHI", tag, kind, count) + field
    return head + struct.pack("<I", 0) + tail
