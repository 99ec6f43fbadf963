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
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if self._taken(handle):
                break
            os.close(handle)  # its owner removed the file between our open and our lock
        self._handle = handle
        _held.add(self)

    def _taken(self, handle: int) -> bool:
        """Lock the open file and sign it; whether it still is the one under the path. Closes it on an error."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._is_current(handle):
                return False
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
        return True

    def _is_current(self, handle: int) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(handle))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Remove the file and give the lock back; nothing happens when it is not held."""
        if self._handle is not None:
            if self._is_current(self._handle):
                self.path.unlink()
            self.let_go()

    def let_go(self) -> None:
        """Close this process's handle; the file stays for whoever holds the lock."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            _held.discard(self)


def _let_go_in_child() -> None:
    """Closing the child's copy leaves the parent's lock as it is."""
    for lock in list(_held):
        with contextlib.suppress(OSError):
            lock.let_go()


os.register_at_fork(after_in_child=_let_go_in_child)
