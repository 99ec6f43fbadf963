"""The kernel's lock on a device: gone with its process, however that dies."""

import contextlib
import fcntl
import os
import weakref
from pathlib import Path

from skycam_project.common.link.errors import OwnedElsewhere

_held: "weakref.WeakSet[OwnerLock]" = weakref.WeakSet()


class OwnerLock:
    """`flock` on a file that names the owner's process id, for the message to the second one.

    The lock is not handed down: a forked child closes it, and Python's files close on exec anyway. (Otherwise
    a child would keep the device after the death of its parent.)
    """

    def __init__(self, path: Path, device: str) -> None:
        self.path, self.device = path, device
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises `OwnedElsewhere` at once when another process, or this one, has it."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.pwrite(handle, b"%d" % os.getpid(), 0)
        except BlockingIOError:
            owner = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
            os.close(handle)
            whose = f"process {owner}" if owner else "another process"
            raise OwnedElsewhere(f"{self.device} belongs to {whose}") from None
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        _held.add(self)

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            _held.discard(self)


def _let_go_in_child() -> None:
    """Closing the child's copy leaves the parent's lock as it is."""
    for lock in list(_held):
        with contextlib.suppress(OSError):
            lock.release()


os.register_at_fork(after_in_child=_let_go_in_child)
