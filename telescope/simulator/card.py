"""The virtual SD card: a folder with the device's tree, a size, and the device's clock on its files."""

import os
import shutil
import threading
from datetime import datetime
from pathlib import Path

from skycam_project.common import files
from telescope.dwarf.codes import Code
from telescope.simulator.wire import RefusedError

FOLDERS = ("Astronomy", "Normal_Photos", "Videos", "Burst", "Panorama", "Timelapse")
PREFIX = "DWARF3"
"""Folder under which the files server shows the card; the album's paths begin with it."""
_INCOMING = ".incoming"
RESERVE = 200_000_000
"""Bytes that must stay free before a capture starts."""


class Card:
    """Files of the device.

    Args:
        root: folder of the machine; what is in it already stays.
        capacity: bytes of the card.
    """

    def __init__(self, root: Path, capacity: int) -> None:
        self.root = root.resolve()
        self.capacity = capacity
        self._lock = threading.Lock()
        for name in (*FOLDERS, _INCOMING):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self._used = sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file())

    def free(self) -> int:
        """Bytes left."""
        return max(0, self.capacity - self._used)

    def require_space(self, full: bool) -> None:
        """Raises `RefusedError` with -6 when the card is full, or shall seem so."""
        if full or self.free() < RESERVE:
            raise RefusedError(Code.WS_SDCARD_FULL_ERROR)

    def path(self, name: str) -> Path:
        """The file of a name below the root. Raises `files.OutsideRootError` for one that points out."""
        return files.under(self.root, name)

    def folder(self, name: str) -> Path:
        """Make a folder below the root."""
        path = self.path(name)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, path: Path, data: bytes, moment: datetime) -> None:
        """Put a file in place at once, with the device's time on it; a reader never sees a part.

        May be called in a thread. Not synced to disk: a simulated card need not survive a power cut.
        """
        temporary = self.root / _INCOMING / f"{threading.get_ident()}-{path.name}"
        temporary.write_bytes(data)
        os.utime(temporary, (moment.timestamp(), moment.timestamp()))
        with self._lock:
            self._used += len(data) - (path.stat().st_size if path.exists() else 0)
            temporary.replace(path)

    def delete(self, name: str) -> bool:
        """Remove a file or session folder; False when there is none or it is a folder of the card's own."""
        path = self.path(name)
        if path.parent == self.root.resolve() or not path.exists():
            return False
        if path.is_dir():
            self._used -= sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
            shutil.rmtree(path)
        else:
            self._used -= path.stat().st_size
            path.unlink()
        return True

    def public(self, path: Path) -> str:
        """The path as the album says it and the files server takes it."""
        return f"/{PREFIX}/{path.relative_to(self.root)}"

    def from_public(self, name: str) -> Path:
        """The inverse of `public`; `/sdcard` before it is taken too.

        Raises `FileNotFoundError` for another tree, `files.OutsideRootError` for paths that point out.
        """
        parts = [part for part in name.split("/") if part]
        if parts[:1] == ["sdcard"]:
            parts = parts[1:]
        if parts[:1] != [PREFIX] or len(parts) < 2 or any(part.startswith(".") for part in parts):
            raise FileNotFoundError(name)
        return self.path("/".join(parts[1:]))
