"""The JPEG that a camera put into its raw file: all we show of a raw file without developing it."""

import struct
from typing import BinaryIO

MOST_DIRECTORIES = 32
MOST_ENTRIES = 512
LARGEST_JPEG = 64 * 1024 * 1024
"""Limits for files that lie about themselves."""

_SUB_IFDS, _EXIF_IFD = 0x014A, 0x8769
_STRIP_OFFSETS, _STRIP_LENGTHS = 0x0111, 0x0117
_JPEG_OFFSET, _JPEG_LENGTH = 0x0201, 0x0202
_SIZES = {3: ("H", 2), 4: ("I", 4), 13: ("I", 4)}


def embedded_jpeg(file: BinaryIO) -> bytes | None:
    """The largest JPEG inside a raw file, `None` where none is found.

    Knows TIFF-like files (NEF, CR2, ARW, DNG, PEF, ORF, RW2: TIFF 6.0, TIFF/EP) and Fuji's RAF. Raises
    `OSError`.
    """
    file.seek(0)
    head = file.read(108)
    if head.startswith(b"FUJIFILMCCD-RAW") and len(head) >= 92:
        candidates = [struct.unpack(">II", head[84:92])]
    elif head[:2] in (b"II", b"MM"):
        candidates = _Tiff(file, "<" if head[:2] == b"II" else ">").jpegs(head)
    else:
        return None
    for offset, length in sorted(candidates, key=lambda place: -place[1]):
        if 0 < length <= LARGEST_JPEG:
            file.seek(offset)
            data = file.read(length)
            if data.startswith(b"\xff\xd8\xff") and len(data) == length:
                return data
    return None


class _Tiff:
    """Image file directories of a TIFF-like file."""

    def __init__(self, file: BinaryIO, order: str) -> None:
        self._file, self._order = file, order

    def jpegs(self, head: bytes) -> list[tuple[int, int]]:
        """Offset and length of everything that a directory calls a JPEG or one strip."""
        if len(head) < 8:
            return []
        waiting, seen, found = list(struct.unpack_from(f"{self._order}I", head, 4)), set(), []
        while waiting and len(seen) < MOST_DIRECTORIES:
            place = waiting.pop()
            if place in seen or place == 0:
                continue
            seen.add(place)
            entries, following = self._directory(place)
            waiting += [*entries.get(_SUB_IFDS, ()), *entries.get(_EXIF_IFD, ()), following]
            for offsets, lengths in ((_JPEG_OFFSET, _JPEG_LENGTH), (_STRIP_OFFSETS, _STRIP_LENGTHS)):
                pair = entries.get(offsets, ()), entries.get(lengths, ())
                if len(pair[0]) == len(pair[1]) == 1:
                    found.append((pair[0][0], pair[1][0]))
        return found

    def _directory(self, place: int) -> tuple[dict[int, tuple[int, ...]], int]:
        """Whole-number entries of a directory, and the place of the next."""
        self._file.seek(place)
        count_bytes = self._file.read(2)
        if len(count_bytes) < 2:
            return {}, 0
        count = min(struct.unpack(f"{self._order}H", count_bytes)[0], MOST_ENTRIES)
        data = self._file.read(12 * count + 4)
        entries: dict[int, tuple[int, ...]] = {}
        for start in range(0, min(len(data), 12 * count) - 11, 12):
            tag, kind, number = struct.unpack_from(f"{self._order}HHI", data, start)
            if kind in _SIZES and 0 < number <= MOST_DIRECTORIES:
                entries[tag] = self._values(data[start + 8 : start + 12], kind, number)
        following = data[12 * count : 12 * count + 4]
        return entries, struct.unpack(f"{self._order}I", following)[0] if len(following) == 4 else 0

    def _values(self, field: bytes, kind: int, number: int) -> tuple[int, ...]:
        code, size = _SIZES[kind]
        if number * size > 4:
            self._file.seek(struct.unpack(f"{self._order}I", field)[0])
            field = self._file.read(number * size)
        if len(field) < number * size:
            return ()
        return struct.unpack_from(f"{self._order}{number}{code}", field)
