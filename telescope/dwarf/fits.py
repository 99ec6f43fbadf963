"""A FITS reader for files that a telescope sent: small, strict, and unable to take its process down.

Reads the primary array of FITS 4.0 files with BITPIX 8, 16 or 32 and one to three axes; that is all a DWARF
writes (raw mosaics with BZERO 32768, stacks with three planes). Nothing is allocated before its size was
checked against a limit and against the file's length, and no compressed or variable-length form is
understood, so there is no decoder to attack.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from telescope.errors import DeviceDataError

BLOCK = 2880
CARD = 80
MOST_HEADER_BLOCKS = 40
"""1440 cards; a DWARF writes about 30."""
MOST_PIXELS = 64 * 1024 * 1024
"""Four times the largest stack (3 × 3856 × 2180)."""
LONGEST_AXIS = 20_000

Value = str | int | float | bool
_DTYPES = {8: np.dtype("u1"), 16: np.dtype(">i2"), 32: np.dtype(">i4")}
_KEYWORD = re.compile(rb"[A-Z0-9_-]{1,8}")
_NUMBER = re.compile(rb"[+-]?[0-9]+")
_FLOAT = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[EeDd][+-]?[0-9]{1,3})?")
_TEXT = re.compile(rb"'((?:[^']|'')*)'")


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a primary array.

    Attributes:
        cards: keyword to value in the order of the file; COMMENT, HISTORY and cards without a value are left
            out.
        shape: numpy shape of the array: (rows, columns) or (planes, rows, columns).
        bitpix: 8, 16 or 32.
        offset: bytes from the start of the file to the array.
    """

    cards: Mapping[str, Value]
    shape: tuple[int, ...]
    bitpix: int
    offset: int

    @property
    def data_bytes(self) -> int:
        """Length of the array in the file without padding, bytes."""
        return int(np.prod(self.shape)) * self.bitpix // 8


def read_header(path: Path) -> Header:
    """Read and check the header of a file.

    Raises:
        DeviceDataError: not a FITS file, unreasonable sizes, or shorter than its header says.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        cards, offset = _cards(file, path.name)
        length = file.seek(0, 2)
    header = _checked(cards, offset, path.name)
    if length < offset + header.data_bytes:
        raise DeviceDataError(
            f"{path.name}: {length} bytes, its header promises {offset + header.data_bytes}"
        )
    return header


def read_pixels(path: Path, header: Header | None = None) -> np.ndarray[Any, np.dtype[Any]]:
    """Read the array in physical values.

    Args:
        path: the file.
        header: what `read_header` returned for the same file, to save reading it again.

    Returns:
        uint16 when BITPIX is 16 and BZERO 32768 (the FITS way to write unsigned numbers), else the stored
        integer type in native byte order, or float64 when BSCALE or another BZERO applies. Shape as in the
        header.

    Raises:
        DeviceDataError: as `read_header`.
    """
    header = header or read_header(path)
    raw = np.fromfile(path, _DTYPES[header.bitpix], count=int(np.prod(header.shape)), offset=header.offset)
    if raw.size != np.prod(header.shape):
        raise DeviceDataError(f"{path.name} became shorter while it was read")
    raw = raw.reshape(header.shape)
    zero, scale = header.cards.get("BZERO", 0), header.cards.get("BSCALE", 1)
    if not all(isinstance(value, int | float) and isfinite(value) for value in (zero, scale)):
        raise DeviceDataError(f"{path.name}: BZERO {zero!r} or BSCALE {scale!r} is not a number")
    if (zero, scale) == (0, 1):
        return raw.astype(raw.dtype.newbyteorder("="))
    if header.bitpix == 16 and (zero, scale) == (32768, 1):
        return raw.view(">u2").astype(np.uint16) ^ np.uint16(0x8000)
    return raw * float(scale) + float(zero)


def _cards(file: Any, name: str) -> tuple[dict[str, Value], int]:
    cards: dict[str, Value] = {}
    for number in range(1, MOST_HEADER_BLOCKS + 1):
        block = file.read(BLOCK)
        if len(block) < BLOCK or (number == 1 and not block.startswith(b"SIMPLE  =")):
            raise DeviceDataError(f"{name} is not a complete FITS file")
        for start in range(0, BLOCK, CARD):
            card = block[start : start + CARD]
            if card[:8] == b"END     ":
                return cards, number * BLOCK
            keyword = card[:8].rstrip()
            if card[8:10] == b"= " and _KEYWORD.fullmatch(keyword):
                value = _value(card[10:])
                if value is not None:
                    cards.setdefault(keyword.decode(), value)
    raise DeviceDataError(f"{name}: no END in the first {MOST_HEADER_BLOCKS} header blocks")


def _value(field: bytes) -> Value | None:
    field = field.strip()
    if text := _TEXT.match(field):
        plain = text[1].replace(b"''", b"'").rstrip().decode("ascii", "replace")
        return "".join(letter if letter.isprintable() else "�" for letter in plain)
    word = field.split(b"/", 1)[0].strip()
    if word in (b"T", b"F"):
        return word == b"T"
    if _NUMBER.fullmatch(word):
        number = int(word)
        return number if abs(number) < 2**63 else None
    if _FLOAT.fullmatch(word):
        number = float(word.upper().replace(b"D", b"E"))
        return number if isfinite(number) else None
    return None


def _checked(cards: dict[str, Value], offset: int, name: str) -> Header:
    bitpix, naxis = cards.get("BITPIX"), cards.get("NAXIS")
    if bitpix not in _DTYPES or not isinstance(naxis, int) or not 1 <= naxis <= 3:
        raise DeviceDataError(
            f"{name}: BITPIX {bitpix!r} with NAXIS {naxis!r} is not an image this program reads"
        )
    axes = [cards.get(f"NAXIS{number}") for number in range(1, naxis + 1)]
    sizes = [
        axis
        for axis in axes
        if isinstance(axis, int) and not isinstance(axis, bool) and 1 <= axis <= LONGEST_AXIS
    ]
    if len(sizes) != naxis or int(np.prod(sizes)) > MOST_PIXELS:
        raise DeviceDataError(
            f"{name}: axes {axes} are not between 1 and {LONGEST_AXIS} or too large together"
        )
    return Header(MappingProxyType(cards), tuple(reversed(sizes)), int(bitpix), offset)
