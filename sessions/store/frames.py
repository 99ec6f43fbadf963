"""Frame files: one array, one complete ASDF file (`NNNNNN.frame`), written by hand.

The library costs about 90 ms per 4K frame above the disk; this costs the compression, two hashes and the
disk. The file's block is later copied as it is into the session's file.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store import blocks, yamltext
from sessions.store.blocks import BlockHeader, Codec
from sessions.store.disk import write_all, write_file
from sessions.store.errors import DamagedFileError
from skycam_project.common.errors import InvalidValueError

SUFFIX = ".frame"
DTYPES = frozenset({"uint8", "uint16", "uint32", "int16", "int32", "float32", "float64"})
_HEAD_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A frame file in memory, ready to be written.

    Attributes:
        parts: the file's bytes, in order.
        size: their number.
        offset: where the block begins.
        sha256: of the pixels as little-endian C-order bytes, hexadecimal.
        dtype: numpy's name of the element type.
        shape: height, width and, for colour, 3.
    """

    parts: tuple[Any, ...]
    size: int
    offset: int
    sha256: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """What a frame file says about itself."""

    offset: int
    header: BlockHeader
    dtype: str
    shape: tuple[int, ...]
    meta: dict[str, Any]


def encode(array: np.ndarray, meta: dict[str, Any], codec: Codec) -> EncodedFrame:
    """Compress and hash one frame. What does not compress stays a view of `array` until it is written.

    Args:
        array: `[h, w]` or `[h, w, 3]`, one of `DTYPES`; ADU.
        meta: JSON-like values, kept in the file beside the pixels (`sha256` is added).
        codec: how the pixels are stored.

    Raises:
        InvalidValueError: the array is not an image.
    """
    name = array.dtype.name
    if (
        name not in DTYPES
        or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3))
        or array.size == 0
    ):
        raise InvalidValueError(
            "frame",
            f"{name} {array.shape}",
            f"[h, w] or [h, w, 3], not empty, of {', '.join(sorted(DTYPES))}",
        )
    pixels = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    data = pixels.data.cast("B")
    sha256 = hashlib.sha256(data).hexdigest()
    header, stored = blocks.pack(codec, data, pixels.itemsize)
    tree = (
        f"{yamltext.HEAD}meta: {yamltext.flow({**meta, 'sha256': sha256})}\n"
        f"data: {yamltext.ndarray(0, name, array.shape)}\n{yamltext.TAIL}"
    )
    head = tree.encode()
    parts = (
        head,
        header,
        stored,
        blocks.pack_index([len(head)]),
    )
    return EncodedFrame(parts, sum(map(len, parts)), len(head), sha256, name, array.shape)


def write(path: Path, encoded: EncodedFrame) -> None:
    """Put a frame under `path`, complete or not at all; on disk when this returns. Raises `OSError`."""
    write_file(path, lambda handle: write_all(handle, *encoded.parts), self_checking=True)


def inspect(path: Path) -> FrameInfo:
    """Read and check a frame file without decompressing it: tree, header, checksum, end.

    Raises:
        DamagedFileError: it is not a whole frame file.
        OSError: it cannot be read.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        return _inspect(handle, path)
    finally:
        os.close(handle)


def read(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Pixels and `meta` of a frame file. Raises as `inspect`."""
    handle = os.open(path, os.O_RDONLY)
    try:
        info = _inspect(handle, path)
        data = blocks.decompress(info.header, blocks.read_stored(handle, info.offset, info.header))
    finally:
        os.close(handle)
    pixels = np.frombuffer(data, np.dtype(info.dtype).newbyteorder("<")).reshape(info.shape)
    return pixels, info.meta


def _inspect(handle: int, path: Path) -> FrameInfo:
    size = os.fstat(handle).st_size
    head = os.pread(handle, _HEAD_LIMIT, 0)
    end = head.find(b"\n...\n" + blocks.MAGIC)
    if not head.startswith(b"#ASDF ") or end < 0:
        raise DamagedFileError(f"{path} is not a frame file")
    offset = end + len(b"\n...\n")
    try:
        tree = yamltext.parse(head[:offset])
        meta, data = dict(tree["meta"]), tree["data"]
        dtype, shape = str(data["datatype"]), tuple(int(n) for n in data["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(f"{path}: its header is damaged ({error})") from error
    header = blocks.read_header(handle, offset, size)
    blocks.check(handle, offset, header)
    if dtype not in DTYPES or int(np.prod(shape)) * np.dtype(dtype).itemsize != header.data_size:
        raise DamagedFileError(f"{path}: shape {shape} of {dtype} is not {header.data_size} bytes")
    return FrameInfo(offset, header, dtype, shape, meta)
