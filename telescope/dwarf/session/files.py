"""Frames on the telescope's card: found by FTP (else the album), fetched by HTTP (else FTP)."""

import logging
from collections.abc import Callable
from pathlib import Path

from skycam_project.common import files
from telescope.dwarf.captures import (
    ASTRONOMY,
    WEB_ROOT,
    CaptureFile,
    SessionFolder,
    session_folder,
    sub_exposure,
)
from telescope.dwarf.ftp import DwarfFtpClient
from telescope.dwarf.http import DwarfHttpClient
from telescope.dwarf.spool import Progress
from telescope.errors import DeviceDataError, DwarfCommandError, NotConnectedError

logger = logging.getLogger(__name__)

LARGEST_FRAME = 64 << 20
"""Bytes; a frame has 16.8 MB."""
SCRATCH = "scratch"


class CaptureFiles:
    """Looks at the card and brings frames here.

    Args:
        ftp: of the telescope.
        http: of the telescope.
        spool: folder for the frames; made when missing.
    """

    def __init__(self, ftp: DwarfFtpClient, http: DwarfHttpClient, spool: Path) -> None:
        self._ftp, self._http, self._spool = ftp, http, spool

    async def runs(self) -> list[SessionFolder]:
        """Folders of tele stacking runs, oldest first."""
        try:
            names = await self._ftp.names(ASTRONOMY)
        except NotConnectedError as error:
            logger.info("ftp does not answer, asking the album: %s", error)
            names = [item.folder.rsplit("/", 1)[-1] for item in await self._http.astro_sessions()]
        except DwarfCommandError:
            return []  # a new card has no such folder
        return sorted(
            (folder for name in names if (folder := session_folder(name))), key=lambda folder: folder.stamp
        )

    async def frames(self, folder: SessionFolder) -> list[CaptureFile]:
        """Sub-exposures of a run, in the order in which they ended."""
        try:
            return await self.listed(folder.path, sub_exposure)
        except NotConnectedError as error:
            logger.info("ftp does not answer, asking the album: %s", error)
            items = await self._http.fits_list(f"/{WEB_ROOT}{folder.path}")
            return _sorted([item.path.rsplit("/", 1)[-1] for item in items], sub_exposure)

    async def listed(self, folder: str, read: Callable[[str], CaptureFile | None]) -> list[CaptureFile]:
        """Files of a folder whose names `read` understands, in the order of their stamps."""
        try:
            names = await self._ftp.names(folder)
        except DwarfCommandError:
            return []
        return _sorted(names, read)

    async def fetch(
        self, folder: str, file: CaptureFile, *, scratch: bool = False, progress: Progress | None = None
    ) -> Path:
        """Bring one file into the spool folder.

        Args:
            folder: where it is on the card.
            file: which one.
            scratch: it will not be kept: it goes into a folder that the next process empties.
            progress: told how much has arrived.

        Raises:
            NotConnectedError: it could not be fetched in any way; what has arrived is kept for the next
                attempt.
            DeviceDataError: larger than 64 MiB, or a name that points elsewhere.
        """
        place = self._spool / SCRATCH if scratch else self._spool
        place.mkdir(parents=True, exist_ok=True)
        target = files.under(place, file.name)
        if target.parent != place.resolve():
            raise DeviceDataError(f"{file.name!r} is not a plain file name")
        try:
            path = f"/{WEB_ROOT}{folder}/{file.name}"
            await self._http.download(path, target, limit=LARGEST_FRAME, progress=progress)
        except (NotConnectedError, DwarfCommandError) as error:
            logger.info("http does not deliver, trying ftp: %s", error)
            await self._ftp.download(f"{folder}/{file.name}", target, limit=LARGEST_FRAME, progress=progress)
        return target

    def acknowledged(self, path: Path) -> Path:
        """Move a frame that is safe elsewhere out of the way of `leftovers`; its new path."""
        place = self._spool / SCRATCH
        place.mkdir(parents=True, exist_ok=True)
        return path.rename(place / path.name)

    def leftovers(self) -> list[Path]:
        """Complete frames that an earlier process fetched and nobody acknowledged, oldest first.

        Parts and scratch files of that process are removed: what they hold is still on the card.
        """
        for path in (*self._spool.glob("*.part"), *self._spool.glob(f"{SCRATCH}/*")):
            path.unlink(missing_ok=True)
        return sorted(self._spool.glob("*.fits"), key=lambda path: path.stat().st_mtime)


def _sorted(names: list[str], read: Callable[[str], CaptureFile | None]) -> list[CaptureFile]:
    return sorted((file for name in names if (file := read(name))), key=lambda file: file.stamp)
