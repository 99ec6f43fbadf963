"""How much room is left, and what still may be written."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from sessions.store.errors import DiskFullError, StoreError, WriteError

WARN_FREE = 0.10
"""Share of the disk below which a warning is recorded."""
REFUSE_FREE = 0.02
"""Share of the disk below which frames are refused; logs and events still go through."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def disk_space(folder: Path) -> tuple[int, int]:
    """Free bytes (for a program that is not root) and size of the file system that holds `folder`."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


class FreeSpace:
    """The free-space rules of one data folder.

    Args:
        folder: any folder of the file system.
        measure: returns free and total bytes.
    """

    def __init__(self, folder: Path, measure: Callable[[Path], tuple[int, int]] = disk_space) -> None:
        self._folder = folder
        self._measure = measure
        self._warned = False

    def share(self) -> float:
        """Free share of the disk, 0 to 1."""
        free, total = self._measure(self._folder)
        return free / total if total else 1.0

    def check(self) -> str | None:
        """Allow one more frame; returns a warning the first time that the disk is low.

        Raises `DiskFullError` below the reserve.
        """
        share = self.share()
        if share < REFUSE_FREE:
            raise DiskFullError(
                f"{self._folder}: {share:.1%} of the disk is free, frames need {REFUSE_FREE:.0%}; "
                "free some space or move the data folder, logs are still recorded"
            )
        low = share < WARN_FREE
        first, self._warned = low and not self._warned, low
        return f"{share:.1%} of the disk is free; frames stop at {REFUSE_FREE:.0%}" if first else None

    def room_for(self, size: int) -> bool:
        """Whether `size` bytes may be written and the reserve still stands."""
        free, total = self._measure(self._folder)
        return free - size > REFUSE_FREE * total


def write_failure(what: str, error: OSError) -> StoreError:
    """The error to raise when a file could not be written."""
    if error.errno in _FULL:
        return DiskFullError(f"{what} was not kept: the disk is full ({error.strerror}); free some space")
    return WriteError(f"{what} was not kept: {error.strerror or error}")
