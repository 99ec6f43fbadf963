"""Small helpers: a file replaced without a sync (it survives kill -9, and costs 0.1 ms), and a moment for people."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from skycam_project.common.clock import iso_utc
from skycam_project.common.units import Seconds


def replace_quickly(path: Path, data: bytes) -> None:
    """Readers see the old content or the new one. Raises `OSError`; the old file then stands."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    temporary.replace(path)


def ago_utc(seconds: Seconds) -> str:
    """The moment so long ago, for people."""
    return iso_utc(datetime.now(UTC) - timedelta(seconds=seconds))
