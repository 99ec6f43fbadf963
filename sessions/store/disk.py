"""Reading and writing files in pieces; every system call goes through `os`, so a test can cut anywhere."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from sessions.store.errors import DamagedFileError
from skycam_project.common.files import fsync_folder

Buffer: TypeAlias = bytes | bytearray | memoryview

CHUNK = 4 << 20
"""Bytes read at a time where a whole block is not needed in memory."""
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


def sync_data(handle: int) -> None:
    """Bring a file's data (and its length) to the disk. Raises `OSError`."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(handle)
    else:
        os.fsync(handle)


def write_file(path: Path, fill: Callable[[int], Any], *, self_checking: bool = False) -> None:
    """Put a file under `path`; on disk (file and folder) when this returns.

    A reader sees it complete or not at all; so does the next boot after a power cut, except with
    `self_checking`: then the name may be there before the content is, which saves one commit of the file
    system's journal (5 of 18 ms for a 4K frame where it was measured). For files that say themselves whether
    they are whole.

    Args:
        path: the final name.
        fill: is given the open handle to write to.
        self_checking: see above.

    Raises what `fill` raises, and `OSError`; nothing is left then.
    """
    temporary = path.with_suffix(".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    written = temporary
    try:
        try:
            fill(handle)
            if not self_checking:
                os.fsync(handle)
            written = temporary.rename(path)
            if self_checking:
                os.fsync(handle)
        finally:
            os.close(handle)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def digest(handle: int, start: int, length: int, *hashes: Any) -> list[bytes]:
    """Feed a range of an open file through hash objects; memory stays at one piece.

    Raises `DamagedFileError` when the file ends early.
    """
    buffer = memoryview(bytearray(min(CHUNK, max(1, length))))
    end = start + length
    while start < end:
        count = os.preadv(handle, [buffer[: end - start]], start)
        if count == 0:
            raise DamagedFileError("the file ends early")
        for one in hashes:
            one.update(buffer[:count])
        start += count
    return [one.digest() for one in hashes]


def copy_range(source: int, target: int, offset: int, length: int) -> None:
    """Append a range of one file to another inside the kernel; where that is not possible, in pieces.

    Raises `DamagedFileError` when the source ends early, `OSError` when the target cannot be written.
    """
    in_kernel = hasattr(os, "copy_file_range")
    while length:
        count = 0
        if in_kernel:
            try:
                count = os.copy_file_range(source, target, min(length, 1 << 30), offset_src=offset)
            except OSError as error:
                if error.errno not in _NO_KERNEL_COPY:
                    raise
            in_kernel = count > 0
        if not in_kernel:
            piece = os.pread(source, min(CHUNK, length), offset)
            if not piece:
                raise DamagedFileError("the file ends early")
            write_all(target, piece)
            count = len(piece)
        offset += count
        length -= count


def write_all(handle: int, *parts: Buffer) -> int:
    """Write every byte of `parts`; returns their number. Raises `OSError`."""
    views = [memoryview(part).cast("B") for part in parts]
    total = sum(view.nbytes for view in views)
    while views:
        written = os.writev(handle, views)
        while views and written >= views[0].nbytes:
            written -= views.pop(0).nbytes
        if written:
            views[0] = views[0][written:]
    return total
