"""Frames by their row of the table, arrays and camera files alike, as far as numpy alone can read them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_BLOCK, _CARD = 2880, 80
_LARGEST = 1 << 31
_KINDS = {8: ">u1", 16: ">i2", 32: ">i4", -32: ">f4", -64: ">f8"}


def stored(camera: Mapping[str, Any], row: Mapping[str, Any]) -> np.ndarray | bytes:
    """What a session holds of one frame: the array, or the camera's file byte for byte.

    Args:
        camera: one of `session["cameras"]`.
        row: a row of its `frame_table`.

    Raises `ValueError` for a frame that was dropped.
    """
    if row["position"] < 0:
        raise ValueError("this frame was dropped; its row is all that is left")
    if row["form"] == "original":
        return bytes(np.asarray(camera["originals"][row["position"]]))
    return np.array(camera["frames"][row["position"]])


def pixels(camera: Mapping[str, Any], row: Mapping[str, Any]) -> np.ndarray | None:
    """`[h, w]` or `[h, w, 3]`, ADU; `None` when a JPEG or RAW file needs another library. Raises as `stored`."""
    found = stored(camera, row)
    if isinstance(found, bytes):
        return fits_pixels(found) if found.startswith(b"SIMPLE") else None
    return found


def fits_pixels(data: bytes) -> np.ndarray:
    """The primary image of a FITS file, uncompressed; three planes become colours.

    Raises `ValueError` when there is none, or when it is cut.
    """
    cards, at = {}, 0
    while "END" not in cards:
        block = data[at : at + _BLOCK]
        if len(block) < _BLOCK:
            raise ValueError("the FITS header has no end")
        for start in range(0, _BLOCK, _CARD):
            card = block[start : start + _CARD].decode("ascii", "replace")
            cards.setdefault(card[:8].strip(), card[10:].split("/")[0].strip())
        at += _BLOCK
    try:
        shape = [int(cards[f"NAXIS{n}"]) for n in range(min(4, int(cards["NAXIS"])), 0, -1)]
        kind = np.dtype(_KINDS[int(cards["BITPIX"])])
        zero, scale = float(cards.get("BZERO", 0)), float(cards.get("BSCALE", 1))
    except KeyError as error:
        raise ValueError(f"the FITS header lacks {error} or says something that does not exist") from None
    size = math.prod(shape) * kind.itemsize if len(shape) in (2, 3) and min(shape) > 0 else 0
    if not 0 < size <= min(_LARGEST, len(data) - at):
        raise ValueError(f"the FITS file holds no image of {shape} that can be read here")
    raw = np.frombuffer(data, kind, size // kind.itemsize, at).reshape(shape)
    if (kind.str, zero, scale) == (">i2", 32768.0, 1.0):
        image = (raw.astype(np.int32) + 32768).astype(np.uint16)
    elif (zero, scale) == (0.0, 1.0):
        image = raw.astype(kind.newbyteorder("="))
    else:
        image = raw * scale + zero
    return np.moveaxis(image, 0, -1) if image.ndim == 3 else image
