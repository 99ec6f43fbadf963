"""Files that can be made again, in a folder that stays within a limit."""

import contextlib
import os
import threading
from pathlib import Path

from skycam_project.common.files import under

LIMIT_BYTES = 500_000_000
_LOOK_EVERY = 20_000_000
"""Bytes written by this process between two looks at the whole folder."""


class FileCache:
    """Files by name; the ones nobody asked for the longest go first.

    Args:
        folder: nothing else is kept there; whoever needs room may empty it at any time.
        limit: bytes.
    """

    def __init__(self, folder: Path, limit: int = LIMIT_BYTES) -> None:
        self.folder, self._limit = folder, limit
        self._written = _LOOK_EVERY
        """The first file looks: another process may have filled the folder."""

    def find(self, name: str) -> Path | None:
        """The file, which counts as asked for now. Raises `OutsideRootError` for a name that leads out."""
        path = under(self.folder, name)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def put(self, name: str, data: bytes) -> Path:
        """Write a file; readers see all of it or nothing. Not synced: it can be made again.

        Raises `OSError`, `OutsideRootError`.
        """
        path = under(self.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        try:
            draft.write_bytes(data)
            self._written += len(data)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        if self._written >= _LOOK_EVERY:
            self._written = 0
            self.prune(path)
        return path

    def prune(self, keep: Path | None = None) -> None:
        """Remove what is too much, the longest unused first; `keep` stays."""
        found = []
        for path in self.folder.rglob("*"):
            with contextlib.suppress(OSError):  # somebody else removes as well
                status = path.stat()
                if path.is_file() and path != keep:
                    found.append((status.st_mtime, status.st_size, path))
        used = sum(size for _, size, _ in found) + (keep.stat().st_size if keep else 0)
        for _, size, path in sorted(found):
            if used <= self._limit:
                return
            path.unlink(missing_ok=True)
            used -= size
