"""The frames of a finished session by camera and place, each read by its own block and dropped again."""

from collections.abc import Iterator

import numpy as np

from sessions.store.blockfile import BlockFile


class FrameSource(BlockFile):
    """A session's file, open for its frames."""

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
        return b"".join(self.pieces(self.tree["cameras"][camera]["originals"][position]))
