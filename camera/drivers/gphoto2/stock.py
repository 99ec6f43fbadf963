"""Files between camera and session: what is in the spool, what is on the card, what of it is whose."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from camera.drivers.base import Applied, CameraFile, Frame, Original
from camera.drivers.gphoto2.connection import Connection
from camera.drivers.gphoto2.ledger import Ledger, OpenExposure
from camera.drivers.gphoto2.spool import Spool, is_raw, media_type
from camera.errors import CameraFaultError


@dataclass(frozen=True, slots=True)
class Leftover:
    """A picture that an interruption left: on the card (`files`) or only in the spool (`paths`)."""

    exposure: OpenExposure
    files: tuple[CameraFile, ...] = ()
    paths: tuple[Path, ...] = ()


class Stock:
    """Spool and ledger of one camera.

    Args:
        folder: of this camera alone, on the file system of the sessions.
        tell: called with name and details of what a person may want to know.
    """

    def __init__(self, folder: Path, tell: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.spool = Spool(folder)
        self.ledger = Ledger(folder / "ledger.json")
        self.leftovers: list[Leftover] = []
        self._tell = tell
        self._failed: Counter[str] = Counter()

    async def take(self, connection: Connection) -> None:
        """Look at the card and the spool of a camera just opened; fills `leftovers`, oldest first."""
        self.spool.sweep_parts()
        files = await self._delete_doomed(connection, await connection.list_files())
        candidates = self.ledger.ours(files, connection.clock_offset())
        found = {}
        for exposure, group in candidates:
            tries = max(self._failed[file.path] for file in group)
            if tries < connection.limits.download_tries:
                found[exposure.number] = Leftover(exposure, tuple(group))
            else:
                self._tell("files_left_on_card", {"files": [file.path for file in group], "tries": tries})
        self._sort_spool(found)
        ours = {file.path for leftover in found.values() for file in leftover.files}
        self.ledger.adopt((file for file in files if file.path not in ours), found)
        self.leftovers = [found[number] for number in sorted(found)]

    async def _delete_doomed(self, connection: Connection, files: list[CameraFile]) -> list[CameraFile]:
        """Finish deletions that an interruption prevented; the files that remain."""
        doomed = [file for file in files if self.ledger.doomed.get(file.path) == file.size]
        for file in doomed:
            await connection.delete(file)
        self.ledger.doomed.clear()
        return [file for file in files if file not in doomed]

    def _sort_spool(self, found: dict[int, Leftover]) -> None:
        """What is on the card is fetched again; a spool file alone is the only copy, or acknowledged."""
        for number, _name, path in list(self.spool.files()):
            exposure = self.ledger.open.get(number)
            leftover = found.get(number)
            if self.ledger.damaged:
                self._tell("file_left_in_spool", {"file": str(path)})
            elif exposure is None or (leftover and leftover.files):
                path.unlink()
            else:
                paths = leftover.paths if leftover else ()
                found[number] = Leftover(exposure, paths=(*paths, path))

    async def recover(self, connection: Connection, leftover: Leftover) -> Frame:
        """The frame of a leftover. Raises `CameraError`."""
        try:
            originals = [Original(path, media_type(path.name)) for path in leftover.paths]
            originals += await self.fetch(connection, leftover.exposure.number, leftover.files)
        except CameraFaultError:
            self._failed.update(file.path for file in leftover.files)
            raise
        exposure = leftover.exposure
        return self.frame(
            connection,
            exposure.number,
            originals,
            exposure.applied,
            exposure.start,
            exposure.end,
            recovered=True,
        )

    async def fetch(self, connection: Connection, number: int, files: Iterable[CameraFile]) -> list[Original]:
        """Download the files of an exposure, raw first."""
        originals = []
        for file in sorted(files, key=lambda file: not is_raw(file.name)):
            target = self.spool.target(number, file)
            await connection.download(file, target)
            originals.append(Original(target, media_type(file.name), file))
        return originals

    def frame(
        self,
        connection: Connection,
        number: int,
        originals: list[Original],
        applied: Applied,
        start: datetime,
        end: datetime,
        recovered: bool = False,
    ) -> Frame:
        """A frame of downloaded files, with what the camera says of itself."""
        source = originals[0].source
        metadata: dict[str, Any] = {
            "model": connection.model,
            "library": f"libgphoto2 {connection.library}",
            "camera_settings": {} if recovered else connection.settings_texts,
            **(connection.panel.identity if connection.panel else {}),
        }
        if source:
            metadata["camera_file"] = source.path
            metadata["camera_time"] = datetime.fromtimestamp(source.modified, UTC).isoformat()
        return Frame(
            originals[0],
            applied,
            start,
            end,
            companions=tuple(originals[1:]),
            warnings=applied.warnings,
            metadata=metadata,
            recovered=recovered,
            token=number,
        )

    def acknowledge(self, frame: Frame) -> None:
        """A frame is safe elsewhere: forget its spool files; those on the card are to be deleted."""
        self.ledger.acknowledge(frame.token, _sources(frame))
        for original in frame.originals:
            original.path.unlink(missing_ok=True)

    async def delete(self, connection: Connection, frame: Frame) -> None:
        """Remove an acknowledged frame from the card. Raises `CameraError`; the next `take` tries again."""
        for file in _sources(frame):
            await connection.delete(file)
        self.ledger.gone(_sources(frame))

    def note_strangers(self, files: Iterable[CameraFile]) -> None:
        """Pictures that somebody took at the camera stay there."""
        if strangers := list(files):
            self.ledger.ignore(strangers)
            self._tell("pictures_by_hand", {"files": [file.path for file in strangers]})


def _sources(frame: Frame) -> list[CameraFile]:
    return [original.source for original in frame.originals if original.source]
