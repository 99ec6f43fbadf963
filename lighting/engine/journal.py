"""What the disk has not got yet, in memory that outlives a killed process."""

import contextlib
import logging
import os
import tempfile
from pathlib import Path

import orjson

log = logging.getLogger(__name__)

MEMORY = Path("/dev/shm")  # noqa: S108 - the names are random, the files private


class Journal:
    """Lines in a file of `/dev/shm`, where a write takes microseconds whatever the disk does; elsewhere in `folder`.

    Each life has a file of its own, whose path its owner notes. Belongs to one thread.
    """

    def __init__(self, folder: Path) -> None:
        place = MEMORY if os.access(MEMORY, os.W_OK) else folder
        self._handle, name = tempfile.mkstemp(prefix="skycam-lights-", dir=place)
        self.path = Path(name)
        self._lines: list[bytes] = []

    def note(self, path: Path, data: bytes, *, append: bool) -> None:
        """A file that is going to be replaced or appended to; `data` is UTF-8."""
        line = orjson.dumps({"path": str(path), "append": append, "data": data.decode()}) + b"\n"
        self._lines.append(line)
        with contextlib.suppress(OSError):  # no memory left: the disk will do
            os.write(self._handle, line)

    def __len__(self) -> int:
        """Notes that are held."""
        return len(self._lines)

    def forget(self, count: int) -> None:
        """The oldest notes are on disk."""
        del self._lines[:count]
        fresh = self.path.with_name(self.path.name + ".new")
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            log.warning("%s could not be shortened: %s", self.path, error)
            return
        with contextlib.suppress(OSError):  # no memory left: the old one will do
            os.write(handle, b"".join(self._lines))
            fresh.replace(self.path)
            self._handle, handle = handle, self._handle
        os.close(handle)

    def close(self) -> None:
        """All is on disk: the file goes."""
        os.close(self._handle)
        self.path.unlink(missing_ok=True)


def replay(path: Path) -> None:
    """Do what a killed owner had no time for, and remove its journal."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return
            lines = file.read().split(b"\n")
    except OSError:
        return  # the machine was off meanwhile
    for line in lines:
        try:
            note = orjson.loads(line)
            target, mode, data = Path(note["path"]), "ab" if note["append"] else "wb", note["data"].encode()
        except (ValueError, KeyError, TypeError):
            continue  # the torn last line
        try:
            with target.open(mode) as file:
                file.write(data)
        except OSError as error:
            log.warning("%s could not be brought up to date: %s", target, error)
    path.unlink(missing_ok=True)
