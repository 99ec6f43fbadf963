"""Which files on the card are ours: leftovers are taken in, what others took is never touched.

Before every exposure the ledger notes it in the spool folder; when the frame is acknowledged the note
becomes an order to delete its files. A file on the card is ours when it was not there before, notes are
open, and the camera's clock puts it between them.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from camera.drivers.base import Applied, CameraFile
from skycam_project.common.clock import iso_utc
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

SLACK = timedelta(seconds=30)
"""How far a file's time may lie outside its exposure: cameras write late, and their clocks have whole
seconds.
"""
FILES_PER_EXPOSURE = 2
"""RAW and JPEG."""


@dataclass(frozen=True, slots=True)
class OpenExposure:
    """An exposure whose frame is not yet acknowledged: its number, time (UTC), settings."""

    number: int
    start: datetime
    applied: Applied

    @property
    def end(self) -> datetime:
        """When its shutter closed, as far as the settings tell."""
        return self.start + timedelta(seconds=self.applied.exposure_s or 0.0)


class Ledger:
    """The notes of one camera, kept in a file that survives this process.

    Writes are renames without a sync: a power cut may lose the newest note; then a picture stays on the
    card, unharmed.

    Args:
        path: of the JSON file.

    Attributes:
        known: paths on the card that are not ours.
        open: exposures without an acknowledged frame, by number.
        doomed: paths and sizes of files that are safe elsewhere and still on the card.
        damaged: the file could not be read; nothing is taken or deleted on its word.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self.known: set[str] = set()
        self.open: dict[int, OpenExposure] = {}
        self.doomed: dict[str, int] = {}
        self.damaged = False
        self._load()

    def _load(self) -> None:
        try:
            data = json.loads(self._path.read_bytes())
            notes = {}
            for note in data["open"]:
                applied = Applied(**{**note["applied"], "warnings": tuple(note["applied"]["warnings"])})
                start = datetime.fromisoformat(note["start"])
                notes[int(note["number"])] = OpenExposure(int(note["number"]), start, applied)
            known, doomed = set(map(str, data["known"])), {str(p): int(s) for p, s in data["doomed"].items()}
            number = int(data["number"])
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("ledger path=%s unreadable, leftovers stay where they are: %s", self._path, error)
            self.damaged = True
            return
        self.known, self.open, self.doomed, self._number = known, notes, doomed, number

    def _save(self) -> None:
        notes = [{**asdict(note), "start": iso_utc(note.start)} for note in self.open.values()]
        data = {"number": self._number, "known": sorted(self.known), "open": notes, "doomed": self.doomed}
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(data))
        temporary.replace(self._path)

    def begin(self, start: datetime, applied: Applied) -> int:
        """Note an exposure that starts now; its number, which is never used again."""
        self._number += 1
        self.open[self._number] = OpenExposure(self._number, start, applied)
        self._save()
        return self._number

    def cancel(self, number: int) -> None:
        """There is no picture of that exposure."""
        if self.open.pop(number, None):
            self._save()

    def acknowledge(self, number: int | None, files: Iterable[CameraFile]) -> None:
        """The frame is safe elsewhere: its files on the card may go, and are not offered again."""
        self.open.pop(number or 0, None)
        self.doomed.update((file.path, file.size) for file in files)
        self._save()

    def gone(self, files: Iterable[CameraFile]) -> None:
        """These files are no longer on the card. Written down with the next note."""
        for file in files:
            self.doomed.pop(file.path, None)

    def ignore(self, files: Iterable[CameraFile]) -> None:
        """These files are not ours."""
        self.known.update(file.path for file in files)
        self._save()

    def adopt(self, files: Iterable[CameraFile], kept: Iterable[int]) -> None:
        """Begin anew with a card that holds these foreign files, and with the kept exposures open."""
        self.known = {file.path for file in files}
        self.open = {number: self.open[number] for number in kept}
        self.damaged = False
        self._save()

    def ours(
        self, files: Iterable[CameraFile], clock_offset: Seconds | None
    ) -> list[tuple[OpenExposure, list[CameraFile]]]:
        """The files that open exposures left on the card, by exposure, oldest first.

        Args:
            files: everything on the card.
            clock_offset: the camera's clock minus UTC, seconds; `None` when unknown.

        Returns:
            one entry per picture, its raw and JPEG file together. Empty when there are more pictures than
            open exposures could have made: then somebody else used the camera.
        """
        notes = sorted(self.open.values(), key=lambda note: note.start)
        if not notes:
            return []
        new = [file for file in files if file.path not in self.known and file.path not in self.doomed]
        if clock_offset is not None:
            first, last = notes[0].start - SLACK, max(note.end for note in notes) + SLACK
            new = [file for file in new if first <= _utc(file, clock_offset) <= last]
        groups = group_pictures(new)
        if len(groups) > len(notes) or any(len(group) > FILES_PER_EXPOSURE for group in groups):
            return []
        matched = []
        for done, group in enumerate(groups):
            note = notes[0]
            if clock_offset is not None and len(notes) > len(groups) - done:
                moment = _utc(group[0], clock_offset)
                note = min(notes, key=lambda note, moment=moment: abs(note.end - moment))
            notes.remove(note)
            matched.append((note, group))
        return matched


def group_pictures(files: Iterable[CameraFile]) -> list[list[CameraFile]]:
    """Files with the same name but for the suffix belong to one exposure; pictures oldest first."""
    pictures: dict[str, list[CameraFile]] = {}
    for file in sorted(files, key=lambda file: (file.modified, file.path)):
        pictures.setdefault(file.path.rpartition(".")[0], []).append(file)
    return list(pictures.values())


def _utc(file: CameraFile, clock_offset: Seconds) -> datetime:
    return datetime.fromtimestamp(file.modified, UTC) - timedelta(seconds=clock_offset)
