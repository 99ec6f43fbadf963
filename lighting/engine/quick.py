"""A file replaced by rename without a sync: it survives kill -9, and costs 0.1 ms instead of a disk's patience."""

from pathlib import Path


def replace_quickly(path: Path, data: bytes) -> None:
    """Readers see the old content or the new one. Raises `OSError`; the old file then stands."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    temporary.replace(path)
