"""Files that a camera or telescope made, kept byte for byte: `original/NNNNNN.<extension>`."""

import errno
import hashlib
import mimetypes
import os
import re
from dataclasses import dataclass
from pathlib import Path

from sessions.store.disk import copy_range, digest, write_all, write_file
from skycam_project.common.files import fsync_folder

_TYPES = {
    "arw": "image/x-sony-arw",
    "cr2": "image/x-canon-cr2",
    "cr3": "image/x-canon-cr3",
    "dng": "image/x-adobe-dng",
    "fits": "image/fits",
    "fit": "image/fits",
    "nef": "image/x-nikon-nef",
    "orf": "image/x-olympus-orf",
    "raf": "image/x-fuji-raf",
    "rw2": "image/x-panasonic-rw2",
}


@dataclass(frozen=True, slots=True)
class StoredOriginal:
    """An original that is on disk.

    Attributes:
        size: bytes.
        sha256: of the file, hexadecimal.
        leftover: the spool file when it had to be copied; to be removed once the frame is journalled.
    """

    size: int
    sha256: str
    leftover: Path | None = None


def extension(file_name: str) -> str:
    """The extension an original is kept under: lower case letters and digits, else `bin`."""
    suffix = Path(file_name).suffix[1:].lower()
    return suffix if re.fullmatch(r"[a-z0-9]{1,8}", suffix) and suffix not in {"tmp", "frame"} else "bin"


def media_type(file_name: str) -> str:
    """The media type that a file name suggests, `application/octet-stream` when it suggests none."""
    known = _TYPES.get(extension(file_name)) or mimetypes.guess_type(f"x.{extension(file_name)}")[0]
    return known or "application/octet-stream"


def adopt(source: Path, destination: Path) -> StoredOriginal:
    """Take a spool file: by rename on the same file system, else by copy. On disk when this returns.

    Until the rename the spool file stands untouched; whoever made it must be done with it.
    Raises `OSError`; the spool file is then still there.
    """
    handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        size = os.fstat(handle).st_size
        sha256 = digest(handle, 0, size, hashlib.sha256())[0].hex()
        os.fsync(handle)
        try:
            source.rename(destination)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            write_file(destination, lambda target: copy_range(handle, target, 0, size))
            return StoredOriginal(size, sha256, leftover=source)
    finally:
        os.close(handle)
    fsync_folder(destination.parent)
    return StoredOriginal(size, sha256)


def store(data: bytes | bytearray | memoryview, destination: Path) -> StoredOriginal:
    """Write an original that is in memory. On disk when this returns. Raises `OSError`."""
    view = memoryview(data).cast("B")
    write_file(destination, lambda handle: write_all(handle, view))
    return StoredOriginal(view.nbytes, hashlib.sha256(view).hexdigest())
