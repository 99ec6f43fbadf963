"""A session's file opened for single arrays: the tree once, then only the blocks that are asked for.

The ASDF library keeps every array that was touched until the file is closed: looping over a night would need the
night's size in memory, and opening costs 0.1 ms for every frame. This needs one array, and the tree. Exports, pages
and the store's own frames are read by it.
"""

import os
from collections.abc import Iterator
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from sessions.store import blocks, frames, tree
from sessions.store.blocks import BlockHeader
from sessions.store.errors import DamagedFileError
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import under

Node = dict[str, Any]
LARGEST = 2 << 30
"""Bytes of one array that is unpacked."""
CHUNK = 1 << 20
"""Bytes of an original that are read at a time."""
_TYPES = frozenset({"bool8", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"})  # fmt: skip


class BlockFile:
    """An open file; use it as a context manager, from one thread.

    Args:
        path: of a finished session.
        known: tree and end of it, where they were read before.

    Attributes:
        path: of the file.
        tree: the session's tree, arrays as references, tables as columns.

    Raises:
        DamagedFileError: it is no session, or cut.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, known: tuple[Node, int] | None = None) -> None:
        self.path = path
        self.tree, self._first = known or tree.read_header(path)
        self._handle = os.open(path, os.O_RDONLY)
        self._size = os.fstat(self._handle).st_size
        self._offsets: list[int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)

    def read(self, node: object, limit: int = LARGEST) -> np.ndarray:
        """The array of a reference in the tree, its checksum compared: inside, or a frame file beside.

        Args:
            node: `{source, datatype, byteorder, shape}`.
            limit: bytes that it may have.

        Raises:
            DamagedFileError: it is no array, larger, elsewhere, or its bytes are not what was written.
            OSError: it cannot be read.
        """
        if not isinstance(node, dict) or node.get("datatype") not in _TYPES:
            raise DamagedFileError(f"{self.path.name}: not an array")
        if isinstance(node.get("source"), str):
            return frames.read(self.outside(node["source"]))[0]
        offset, header = self._stored(node.get("source"))
        order = ">" if node.get("byteorder") == "big" else "<"
        dtype = np.dtype(node["datatype"].replace("bool8", "bool")).newbyteorder(order)
        try:
            shape = tuple(int(n) for n in node["shape"])
        except (LookupError, TypeError, ValueError) as error:
            raise DamagedFileError(f"{self.path.name}: an array of no shape") from error
        wanted = prod(shape) * dtype.itemsize
        if header.data_size != wanted or not 0 <= wanted <= limit:
            raise DamagedFileError(f"{self.path.name}: the block at byte {offset} is not {shape} of {dtype}")
        blocks.check(self._handle, offset, header)
        data = blocks.decompress(header, blocks.read_stored(self._handle, offset, header))
        return np.frombuffer(data, dtype).reshape(shape)

    def pieces(self, node: Node | str) -> Iterator[bytes]:
        """The bytes of an original, in pieces of at most `CHUNK` where it lies uncompressed. Raises as `read`."""
        if isinstance(node, str):
            with self.outside(node).open("rb") as file:
                while piece := file.read(CHUNK):
                    yield piece
            return
        offset, header = self._stored(node.get("source"))
        if header.label != blocks.RAW:
            yield self.read(node).tobytes()
            return
        blocks.check(self._handle, offset, header)
        start, end = offset + header.size, offset + header.size + header.used
        for at in range(start, end, CHUNK):
            yield os.pread(self._handle, min(CHUNK, end - at), at)

    def outside(self, name: str) -> Path:
        """A file that the tree names; only in the session's own folder. Raises `DamagedFileError`."""
        try:
            return under(self.path.with_suffix(".frames"), self.path.parent / name)
        except SkycamError as error:
            raise DamagedFileError(f"{self.path.name}: {error}") from error

    def _stored(self, source: object) -> tuple[int, BlockHeader]:
        """Offset and header of block `source`."""
        if self._offsets is None:
            self._offsets = [at for at, _ in blocks.iterate(self._handle, self._first, self._size)]
        if not isinstance(source, int) or not 0 <= source < len(self._offsets):
            raise DamagedFileError(f"{self.path.name} has no block {source}, only {len(self._offsets)}")
        offset = self._offsets[source]
        return offset, blocks.read_header(self._handle, offset, self._size)
