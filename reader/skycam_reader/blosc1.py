"""Blosc 1 buffers without the blosc package: numpy and the standard library.

For machines where blosc cannot be installed: a 4K frame takes half a second instead of milliseconds. Formats:
README_CHUNK_FORMAT of c-blosc 1.21, "LZ4 Block Format Description". Reads what Skycam writes: LZ4 (frames) and
zlib (text), bit- or byte-shuffled.
"""

import struct
import zlib

import numpy as np

_HEADER = struct.Struct("<BBBBIII")
_SHUFFLED, _COPIED, _BIT_SHUFFLED, _WHOLE = 0x01, 0x02, 0x04, 0x10
_LZ4, _ZLIB = 1, 3
_SMALLEST_SPLIT = 128


def decompress(stored: bytes) -> bytes:
    """The data of a buffer. Raises `ValueError` when it is damaged or made by another compressor."""
    if len(stored) < _HEADER.size:
        raise ValueError("a blosc buffer without its header")
    _, _, flags, itemsize, size, block, length = _HEADER.unpack_from(stored)
    if length > len(stored):
        raise ValueError("a blosc buffer that is cut")
    if flags & _COPIED:
        return stored[_HEADER.size : _HEADER.size + size]
    if size == 0:
        return b""
    try:
        return _blocks(stored, size, block, itemsize, flags)
    except (struct.error, zlib.error, ZeroDivisionError) as error:
        raise ValueError(f"a blosc buffer that is damaged: {error}") from error


def _blocks(stored: bytes, size: int, block: int, itemsize: int, flags: int) -> bytes:
    count = -(-size // block)
    pieces = []
    for number, start in enumerate(struct.unpack_from(f"<{count}I", stored, _HEADER.size)):
        wanted = min(block, size - number * block)
        split = (
            not flags & _WHOLE and itemsize <= 16 and wanted == block and block // itemsize >= _SMALLEST_SPLIT
        )
        raw = _block(stored, start, wanted, itemsize if split else 1, flags >> 5)
        pieces.append(_unshuffled(raw, itemsize, flags))
    return b"".join(pieces)


def _block(stored: bytes, start: int, wanted: int, streams: int, compressor: int) -> bytes:
    """One block: its streams one after the other, each with its length in front."""
    raw = []
    share = wanted // streams
    for _ in range(streams):
        (length,) = struct.unpack_from("<i", stored, start)
        stream = stored[start + 4 : start + 4 + length]
        start += 4 + length
        if length == share:  # it did not become smaller
            raw.append(stream)
        elif compressor == _LZ4:
            raw.append(_lz4(stream, share))
        elif compressor == _ZLIB:
            raw.append(zlib.decompressobj().decompress(stream, share))
        else:
            raise ValueError("this blosc buffer needs the blosc package: pip install blosc")
    data = b"".join(raw)
    if len(data) != wanted:
        raise ValueError("a blosc block that is damaged")
    return data


def _unshuffled(raw: bytes, itemsize: int, flags: int) -> bytes:
    """Bytes (or bits) of the same significance stand together in a block; put them back into their items."""
    items = len(raw) // itemsize
    whole, rest = raw[: items * itemsize], raw[items * itemsize :]
    if flags & _BIT_SHUFFLED:
        if items % 8:
            return raw
        planes = np.frombuffer(whole, np.uint8).reshape(8 * itemsize, items // 8)
        bits = np.unpackbits(planes, axis=1, bitorder="little")
        return np.packbits(bits.T, axis=1, bitorder="little").tobytes() + rest
    if flags & _SHUFFLED and itemsize > 1:
        return np.frombuffer(whole, np.uint8).reshape(itemsize, items).T.tobytes() + rest
    return raw


def _lz4(stream: bytes, wanted: int) -> bytes:
    """One LZ4 block: literals, then a copy of what came before, again and again."""
    out = bytearray()
    at, end = 0, len(stream)
    try:
        while at < end:
            token = stream[at]
            at += 1
            literals = token >> 4
            if literals == 15:
                literals, at = _longer(stream, at, literals)
            out += stream[at : at + literals]
            at += literals
            if at >= end:
                break
            distance = stream[at] | stream[at + 1] << 8
            at += 2
            length = token & 15
            if length == 15:
                length, at = _longer(stream, at, length)
            length += 4
            begin = len(out) - distance
            if not distance or begin < 0 or len(out) + length > wanted:
                raise ValueError("an LZ4 block that is damaged")
            if distance >= length:
                out += out[begin : begin + length]
            else:  # the copy overlaps itself: a pattern that goes on
                pattern = bytes(out[begin:])
                out += (pattern * (length // distance + 1))[:length]
    except IndexError:
        raise ValueError("an LZ4 block that is cut") from None
    return bytes(out)


def _longer(stream: bytes, at: int, length: int) -> tuple[int, int]:
    """A length that did not fit into its token; and where it ends."""
    while True:
        more = stream[at]
        at += 1
        length += more
        if more != 255:
            return length, at
