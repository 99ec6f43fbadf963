"""The frames of a finished session one at a time: each is read by its own block and can be dropped again.

The ASDF library keeps every frame that was touched until the file is closed: looping over a night would need the
night's size in memory. This needs one frame, and the tree.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store import blocks, frames, tree
from sessions.store.blocks import BlockHeader
from sessions.store.errors import DamagedFileError
from skycam_project.common.files import under


class FrameSource:
    """A session's file, open for its frames; use it as a context manager.

    Args:
        path: of a finished session.

    Attributes:
        tree: the session's tree, arrays as references, tables as columns.

    Raises:
        DamagedFileError: it is no session, or cut.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.tree, offset = tree.read_header(path)
        self._handle = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(self._handle).st_size
            self._blocks = list(blocks.iterate(self._handle, offset, size))
        except BaseException:
            os.close(self._handle)
            raise

    def __enter__(self) -> "FrameSource":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    @property
    def cameras(self) -> list[str]:
        """Names of the cameras."""
        return list(self.tree.get("cameras", {}))

    def count(self, camera: str, form: str = "frames") -> int:
        """Number of a camera's `frames` or `originals`. Raises `KeyError`."""
        return len(self.tree["cameras"][camera].get(form, []))

    def array(self, camera: str, position: int) -> np.ndarray:
        """One array of a camera, by its place in `frames`: `[h, w]` or `[h, w, 3]`, ADU.

        Raises `LookupError`, `DamagedFileError`, `OSError`.
        """
        return self.read(self.tree["cameras"][camera]["frames"][position])

    def arrays(self, camera: str) -> Iterator[np.ndarray]:
        """All of them, one after the other. Raises as `array`."""
        for position in range(self.count(camera)):
            yield self.array(camera, position)

    def original(self, camera: str, position: int) -> bytes:
        """A file as the camera made it, by its place in `originals`. Raises as `array`."""
        node = self.tree["cameras"][camera]["originals"][position]
        if isinstance(node, str):
            return self._outside(node).read_bytes()
        return self._block(node["source"])[1]

    def read(self, node: dict[str, Any]) -> np.ndarray:
        """The array of a reference in the tree, calibration frames for instance. Raises as `array`."""
        source = node["source"]
        if isinstance(source, str):
            return frames.read(self._outside(source))[0]
        header, data = self._block(source)
        order = ">" if node.get("byteorder") == "big" else "<"
        dtype = np.dtype(str(node["datatype"]).replace("bool8", "bool")).newbyteorder(order)
        shape = tuple(int(n) for n in node["shape"])
        if np.prod(shape, dtype=np.float64) * dtype.itemsize != header.data_size:
            raise DamagedFileError(f"{self._path}: shape {shape} is not {header.data_size} bytes")
        return np.frombuffer(data, dtype).reshape(shape)

    def _block(self, number: int) -> tuple[BlockHeader, bytes]:
        offset, header = self._blocks[number]
        blocks.check(self._handle, offset, header)
        return header, blocks.decompress(header, blocks.read_stored(self._handle, offset, header))

    def _outside(self, name: str) -> Path:
        folder = self._path.parent
        return under(folder / f"{self._path.stem}.frames", folder / name)
