"""ASDF blocks by hand: header, codecs, index. Standard: ASDF 1.6.0, low-level file layout.

A block is `D3 42 4C 4B`, a big-endian uint16 with the size of the rest of the header (48 or more), then
uint32 flags, 4 bytes of compression label, uint64 allocated, used and data size, 16 bytes MD5 of the *stored*
bytes (zeros = none).
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import blosc

from sessions.store.disk import Buffer, digest
from sessions.store.errors import DamagedFileError

MAGIC = b"\xd3BLK"
INDEX_MAGIC = b"#ASDF BLOCK INDEX\n"
_FIELDS = struct.Struct(">I4sQQQ16s")
_PREFIX = struct.Struct(">4sH")
HEADER_SIZE = _PREFIX.size + _FIELDS.size
RAW = bytes(4)
"""Compression label of data as it is."""
LABELS = frozenset({RAW, b"blsc", b"zlib"})
"""Compression labels that are read here."""

# blosc keeps the interpreter's lock unless told otherwise, and then uses its thread-safe contexts.
blosc.set_releasegil(True)
blosc.set_nthreads(1)  # 6 ms for a 4K frame; the other core belongs to someone else


class Codec(StrEnum):
    """How arrays are stored."""

    BLSC = "blsc"
    """blosc, bitshuffle + lz4: faster than no compression; readers need the asdf-compression package."""
    PORTABLE = "portable"
    """zlib level 1: every ASDF reader."""
    NONE = "none"
    """Raw bytes: every ASDF reader."""


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """One block's header.

    Attributes:
        label: compression label, four NUL bytes for none.
        size: bytes of the header itself, magic included.
        allocated: bytes between the header and whatever follows.
        used: bytes of stored data.
        data_size: bytes of data once decompressed.
        md5: of the stored bytes; 16 NUL bytes when none was written.
    """

    label: bytes
    size: int
    allocated: int
    used: int
    data_size: int
    md5: bytes


def pack_header(label: bytes, used: int, data_size: int, md5: bytes) -> bytes:
    """The header of a block of `used` stored bytes, allocated exactly."""
    return _PREFIX.pack(MAGIC, _FIELDS.size) + _FIELDS.pack(0, label, used, used, data_size, md5)


def pack_index(offsets: list[int]) -> bytes:
    """What ends a file: the offset of every block."""
    return INDEX_MAGIC + b"%YAML 1.1\n---\n" + b"".join(b"- %d\n" % offset for offset in offsets) + b"...\n"


def read_header(handle: int, offset: int, file_size: int) -> BlockHeader:
    """The header at `offset` of an open file.

    Raises `DamagedFileError` when there is none, its block ends behind the file, or it is a streamed block.
    """
    raw = os.pread(handle, HEADER_SIZE, offset)
    if len(raw) < HEADER_SIZE or raw[:4] != MAGIC:
        raise DamagedFileError(f"no block at byte {offset}")
    rest = _PREFIX.unpack_from(raw)[1]
    flags, label, allocated, used, data_size, md5 = _FIELDS.unpack_from(raw, _PREFIX.size)
    header = BlockHeader(label, _PREFIX.size + rest, allocated, used, data_size, md5)
    if rest < _FIELDS.size or flags or used > allocated or offset + header.size + used > file_size:
        raise DamagedFileError(f"the block at byte {offset} is cut or its header is damaged")
    return header


def compress(codec: Codec, data: Buffer, itemsize: int) -> tuple[bytes, Any]:
    """Stored form of `data` (C-contiguous; elements of `itemsize` bytes, 0 for text): label and bytes.

    What does not become smaller, or is too large for blosc (2 GiB), is stored as it is.
    """
    view = memoryview(data).cast("B")
    stored = None
    if codec is Codec.BLSC and 0 < view.nbytes <= blosc.MAX_BUFFERSIZE:
        if itemsize == 0:
            # zlib, because every Python can read it (skycam-reader without the blosc package)
            stored = blosc.compress(view, typesize=1, clevel=3, shuffle=blosc.NOSHUFFLE, cname="zlib")
        else:
            stored = blosc.compress(view, typesize=itemsize, clevel=5, shuffle=blosc.BITSHUFFLE, cname="lz4")
    elif codec is Codec.PORTABLE:
        stored = zlib.compress(view, 1)
    if stored is None or len(stored) >= view.nbytes:
        return RAW, view
    return (b"blsc" if codec is Codec.BLSC else b"zlib"), stored


def pack(codec: Codec, data: Buffer, itemsize: int) -> tuple[bytes, Any]:
    """Header and stored bytes of a block of `data`; arguments as `compress`."""
    label, stored = compress(codec, data, itemsize)
    md5 = hashlib.md5(stored, usedforsecurity=False).digest()
    return pack_header(label, len(stored), memoryview(data).nbytes, md5), stored


def decompress(header: BlockHeader, stored: bytes) -> bytes:
    """The data of a block, at most `header.data_size` bytes of memory whatever the stored bytes claim.

    Raises `DamagedFileError` for an unknown label or bytes that do not yield exactly `data_size`.
    """
    if header.label == RAW:
        data = stored
    elif header.label == b"blsc":
        # Bytes 4..8 of a blosc buffer: the size it will decompress to. Trusting it alone would let a file
        # fill the memory.
        if len(stored) < 16 or int.from_bytes(stored[4:8], "little") != header.data_size:
            raise DamagedFileError("a compressed block disagrees with its header")
        try:
            data = blosc.decompress(stored)
        except Exception as error:
            raise DamagedFileError(f"a compressed block cannot be read: {error}") from error
    elif header.label == b"zlib":
        try:
            data = zlib.decompressobj().decompress(stored, header.data_size + 1)
        except zlib.error as error:
            raise DamagedFileError(f"a compressed block cannot be read: {error}") from error
    else:
        raise DamagedFileError(f"compression {header.label!r} is not known here")
    if len(data) != header.data_size:
        raise DamagedFileError(f"a block holds {len(data)} bytes instead of {header.data_size}")
    return data


def read_stored(handle: int, offset: int, header: BlockHeader) -> bytes:
    """The stored bytes of the block at `offset`."""
    return os.pread(handle, header.used, offset + header.size)


def md5_of(handle: int, start: int, length: int) -> bytes:
    """MD5 of a range of an open file, read in pieces."""
    return digest(handle, start, length, hashlib.md5(usedforsecurity=False))[0]


def check(handle: int, offset: int, header: BlockHeader) -> None:
    """Raise `DamagedFileError` when the stored bytes do not have the MD5 that the header says."""
    if header.md5 != bytes(16) and md5_of(handle, offset + header.size, header.used) != header.md5:
        raise DamagedFileError(f"the block at byte {offset} does not have its checksum")


def iterate(handle: int, offset: int, file_size: int) -> Iterator[tuple[int, BlockHeader]]:
    """Offset and header of every block from `offset` to the index. Raises as `read_header`."""
    while offset < file_size and os.pread(handle, len(INDEX_MAGIC), offset) != INDEX_MAGIC:
        header = read_header(handle, offset, file_size)
        yield offset, header
        offset += header.size + header.allocated
