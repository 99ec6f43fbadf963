"""The folder where downloaded files wait until they are acknowledged."""

import re
from collections.abc import Iterator
from pathlib import Path

from camera.drivers.base import CameraFile
from skycam_project.common.files import under

MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "tif": "image/tiff",
    "nef": "image/x-nikon-nef",
    "nrw": "image/x-nikon-nrw",
    "crw": "image/x-canon-crw",
    "cr2": "image/x-canon-cr2",
    "cr3": "image/x-canon-cr3",
    "arw": "image/x-sony-arw",
    "raf": "image/x-fuji-raf",
    "orf": "image/x-olympus-orf",
    "rw2": "image/x-panasonic-rw2",
    "pef": "image/x-pentax-pef",
    "dng": "image/x-adobe-dng",
}
_NAME = re.compile(r"(\d{6,})-(.+)")


def media_type(name: str) -> str:
    """IANA (or usual) type of a file by its suffix."""
    return MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def is_raw(name: str) -> bool:
    """Whether a file holds sensor data."""
    return media_type(name).startswith("image/x-")


class Spool:
    """Files named `NNNNNN-<camera's name>`, NNNNNN being the ledger's number of the exposure.

    Args:
        folder: on the same file system as the sessions; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def target(self, number: int, file: CameraFile) -> Path:
        """Where a camera's file goes. A camera's name is not trusted to be a file name."""
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", file.name)[-100:]
        if safe.endswith(".part"):
            safe += "_"  # that ending means an unfinished download
        return under(self.folder, f"{number:06d}-{safe}")

    def sweep_parts(self) -> None:
        """Remove what a death in mid-download left."""
        for part in self.folder.glob("*.part"):
            part.unlink(missing_ok=True)

    def files(self) -> Iterator[tuple[int, str, Path]]:
        """Number, camera's name and path of each complete file."""
        for path in sorted(self.folder.iterdir()):
            if (match := _NAME.fullmatch(path.name)) and path.is_file() and path.suffix != ".part":
                yield int(match[1]), match[2], path
