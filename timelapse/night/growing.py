"""A session while it runs: the frames that its journals name, each once, as soon as they are acknowledged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sessions.store import frames as framefiles
from sessions.store import journal, layout
from sessions.store.errors import DamagedFileError
from skycam_project.common.clock import from_microseconds
from skycam_project.common.files import OutsideRootError, under
from timelapse.night.frames import NightFrame
from timelapse.night.source import Reader
from timelapse.pipeline.errors import FrameError


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A frame that a journal names.

    Attributes:
        camera: in the session.
        digest: SHA-256 of its pixels or file.
        record: the journal's.
    """

    camera: str
    digest: str
    record: dict[str, Any]


class Growing:
    """The folder of a running session.

    Args:
        folder: `.live/<id>.partial`.
        reader: of its frames.

    Attributes:
        left_out: frames that could not be read, by name.
    """

    def __init__(self, folder: Path, reader: Reader | None = None) -> None:
        self.folder, self._reader = folder, reader or Reader()
        self.left_out: dict[str, str] = {}
        self._offsets: dict[Path, int] = {}
        self._seen: set[str] = set()

    def news(self) -> list[Acknowledged]:
        """What was acknowledged since the last call, oldest first; nothing once the folder is gone."""
        found = []
        for path in sorted(self.folder.glob(journal.PATTERN)):
            try:
                records, self._offsets[path] = journal.read_on(path, self._offsets.get(path, 0))
            except OSError:
                continue
            for record in records:
                if record["k"] == "frame" and record.get("f") not in self._seen:
                    self._seen.add(record["f"])
                    found.append(Acknowledged(record["cam"], record["h"], record))
        return sorted(found, key=lambda frame: frame.record["at"])

    def read(self, wanted: Callable[[str], bool], news: list[Acknowledged]) -> Iterator[NightFrame]:
        """The wanted frames of `news`; those that cannot be read are noted in `left_out`."""
        for one in news:
            if not wanted(one.digest):
                continue
            try:
                yield self._frame(one)
            except (FrameError, DamagedFileError, OutsideRootError, OSError, ValueError, KeyError) as error:
                self.left_out[one.record.get("f", "?")] = str(error)

    def _frame(self, one: Acknowledged) -> NightFrame:
        record = one.record
        values = record.get("v") or {}
        path = under(self.folder / layout.FRAMES, record["f"])
        if record["form"] == "original":
            name = str(values.get("file_name") or path.name)
            counts = self._reader.file(name, path.read_bytes())
        else:
            name = f"{record['i']:06d}"
            counts = self._reader.array(framefiles.read(path)[0])
        exposure = values.get("exposure_us")
        start = from_microseconds(record["at"])
        return self._reader.frame(counts, one.digest, name, start, exposure / 1e6 if exposure else None)
