"""A little room that is kept for retention: on a disk without a free byte even giving up frames needs some.

A tombstone, the catalogue's parts and the shorter file of a session that drops its frames are written before
anything goes. `ledger/.reserve` is a file of zeros that makes room for them, and is made again afterwards.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sessions.catalogue.ledger import FOLDER
from sessions.store.space import disk_space

SIZE = 64 << 20
"""Bytes, at most."""
SHARE = 1 / 200
"""Of the disk, at most."""


@contextmanager
def released(root: Path) -> Iterator[None]:
    """While the disk has no more room than that, the reserve is free to be used."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / FOLDER / ".reserve"
    size = _size(root)
    if disk_space(root)[0] < size:
        path.unlink(missing_ok=True)
    try:
        yield
    finally:
        if disk_space(root)[0] > 4 * size and (not path.exists() or path.stat().st_size != size):
            _make(path, size)


def _size(root: Path) -> int:
    return min(SIZE, int(disk_space(root)[1] * SHARE))


def _make(path: Path, size: int) -> None:
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError:  # filled meanwhile, or a file system that cannot: then without
        path.unlink(missing_ok=True)
    finally:
        os.close(handle)
