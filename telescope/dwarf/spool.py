"""A file on its way from the telescope: what has arrived survives a broken connection and is continued."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from telescope.errors import TelescopeError

Progress = Callable[[int, int], None]
"""Told (bytes so far, bytes in all; 0 when unknown) while a file arrives."""


class SpoolError(TelescopeError):
    """This computer could not write a frame."""

    code = "disk"


class PartFile:
    """`<name>.part` until complete, then `<name>`; works in threads, raises `SpoolError`.

    Args:
        destination: the file in the end.
        progress: called after each piece.
    """

    def __init__(self, destination: Path, progress: Progress | None = None) -> None:
        self.destination = destination
        self.part = destination.with_name(destination.name + ".part")
        self._progress = progress
        self._file: IO[bytes] | None = None
        self.have = self.part.stat().st_size if self.part.exists() else 0

    async def open(self, offset: int) -> None:
        """Begin writing at `offset`, which is `have` or 0."""
        with self._disk():
            self._file = await asyncio.to_thread(self.part.open, "ab" if offset else "wb")
        self.have = offset

    async def write(self, piece: bytes, total: int) -> None:
        """Append a piece of a file of `total` bytes (0: unknown)."""
        assert self._file is not None  # noqa: S101 - open comes first
        with self._disk():
            await asyncio.to_thread(self._file.write, piece)
        self.have += len(piece)
        if self._progress:
            self._progress(self.have, total)

    async def close(self) -> None:
        """End writing; the part stays for the next attempt."""
        file, self._file = self._file, None
        if file is not None:
            with self._disk():
                await asyncio.to_thread(file.close)

    async def finish(self) -> int:
        """The file is complete: give it its name and return its size in bytes."""
        await self.close()
        with self._disk():
            await asyncio.to_thread(self.part.replace, self.destination)
        return self.have

    def discard(self) -> None:
        """Forget what has arrived."""
        self.part.unlink(missing_ok=True)
        self.have = 0

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SpoolError(f"{self.part} cannot be written: {error.strerror}. Is the disk full?") from error
