"""Files that survive a power cut, and paths that stay where they belong."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Seconds

_LOOK: Seconds = 0.25
"""Between looks for a lock file that somebody else holds."""


class OutsideRootError(SkycamError):
    """A name from outside points out of its folder."""

    code = "outside_root"


def fsync_folder(folder: Path) -> None:
    """Make renames and new names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put `data` under `path` so that a reader sees the old file or the new one, never a part.

    On return the data is on disk (file and folder synced). Raises `OSError`; the old file
    then stands untouched.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def under(root: Path, name: str | os.PathLike[str]) -> Path:
    """Join a name that came from outside to `root`; the one way such a path is made.

    Raises `OutsideRootError` when the result, symbolic links followed, is not below `root`.
    """
    if "\0" in os.fspath(name):
        raise OutsideRootError(f"{name!r} holds a NUL character")
    top = root.resolve()
    path = (top / name).resolve()
    if path == top or not path.is_relative_to(top):
        raise OutsideRootError(f"{os.fspath(name)!r} is not inside {root}")
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal; read in pieces. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync_file(path: Path) -> None:
    """Bring the bytes of a file that somebody else has written to the disk. Raises `OSError`."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a lock file when it is free; whether it was. Gone with the process that holds it. Its folder is there."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


@contextmanager
def claimed_in_turn(path: Path, ask: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file as `claimed`, as soon as it is free; `ask` is called before each look, and gives up by raising."""
    while True:
        ask()
        with claimed(path) as mine:
            if mine:
                yield
                return
        time.sleep(_LOOK)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait for and hold a lock file, over all processes; gone with the process that holds it. Makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
