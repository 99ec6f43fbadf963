"""A zip from outside, as Skycam gives sessions away: unpacked with caps on everything it claims.

Only plain files of harmless names are taken; a link, a password, a name that leads out, or a file that unpacks to more
than it says refuses the whole zip. What is in it is looked at afterwards, like any stranger's file.
"""

import re
import shutil
import stat
import struct
import zipfile
import zlib
from errno import EINVAL
from pathlib import Path

from skycam_project.common.errors import SkycamError
from skycam_project.common.files import under

MOST = 200_000
"""Files of one zip."""
RATIO = 200
"""How many times larger than its stored bytes a file above `RATIO_FROM` may become."""
RATIO_FROM = 64 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*/?")
_PIECE = 1 << 20
_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
)
"""What the library raises for bytes that are no zip."""


class ZipError(SkycamError):
    """A zip is damaged, or asks for more than a session does; nothing of it was kept."""

    code = "zip"


def unpack(path: Path, folder: Path) -> None:
    """Unpack a zip into a new folder; when it is refused, the folder is gone again.

    Args:
        path: the zip.
        folder: must not be there yet.

    Raises:
        ZipError: see there.
        OSError: it cannot be read, or the disk refused.
    """
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(path) as found:
            entries = found.infolist()
            _check(path, entries, shutil.disk_usage(folder).free)
            for entry in entries:
                if not entry.is_dir():
                    _take(path, found, entry, under(folder, entry.filename))
    except _BROKEN as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ZipError(f"{path.name} is no zip that can be read: {error}") from None
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (None, EINVAL):  # a place before the file's start
            raise ZipError(f"{path.name} is no zip that can be read: {error}") from None
        raise


def _check(path: Path, entries: list[zipfile.ZipInfo], free: int) -> None:
    """Refuse by what its directory claims, before a byte is unpacked."""
    names = [entry.filename for entry in entries]
    if len(names) > MOST or len(set(names)) < len(names):
        raise ZipError(f"{path.name} holds {len(names)} files, or one name twice")
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        plain = kind in (0, stat.S_IFREG, stat.S_IFDIR) and not entry.flag_bits & 1
        known = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not plain or not known or not _NAME.fullmatch(entry.filename) or len(entry.filename) > 500:
            raise ZipError(
                f"{path.name} holds {entry.filename[:80]!r}, which is no plain file of a harmless name"
            )
        if entry.file_size > RATIO_FROM and entry.file_size > RATIO * max(entry.compress_size, 1):
            raise ZipError(f"{path.name}: {entry.filename[:80]} would become {entry.file_size} bytes")
    if (total := sum(entry.file_size for entry in entries)) > free:
        raise ZipError(f"{path.name} needs {total / 1e9:.2f} GB, {free / 1e9:.2f} GB are free")


def _take(path: Path, found: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with found.open(entry) as source, target.open("xb") as file:
        while piece := source.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise ZipError(f"{path.name}: {entry.filename[:80]} is larger than it says")
            file.write(piece)
