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
from timelapse.night.reading import Reader
from timelapse.pipeline.develop import Counts, File
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.frames import Said
from timelapse.pipeline.sessions import LIGHT


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
        reader: of its frames; theirs to close.

    Attributes:
        reader: of its frames.
        left_out: frames that could not be read, by name.
    """

    def __init__(self, folder: Path, reader: Reader | None = None) -> None:
        self.folder, self.reader = folder, reader or Reader()
        self.left_out: dict[str, str] = {}
        self._offsets: dict[Path, int] = {}
        self._seen: set[str] = set()
        self._cameras: dict[str, dict[str, Any]] = {}

    def news(self) -> list[Acknowledged]:
        """What was acknowledged since the last call, oldest first; nothing once the folder is gone."""
        found = []
        for path in sorted(self.folder.glob(journal.PATTERN)):
            try:
                records, self._offsets[path] = journal.read_on(path, self._offsets.get(path, 0))
            except OSError:
                continue
            for record in records:
                if record["k"] == "cam":
                    self._cameras.setdefault(record["cam"], {}).update(record)
                elif record["k"] == "frame" and record.get("f") not in self._seen:
                    self._seen.add(record["f"])
                    found.append(Acknowledged(record["cam"], record["h"], record))
        return sorted(found, key=lambda frame: frame.record["at"])

    def said(self, one: Acknowledged) -> Said:
        """What the session says of a frame and its camera."""
        camera = self._cameras.get(one.camera, {})
        row = {**(one.record.get("v") or {}), "time": one.record["at"]}
        return Said(one.camera, camera.get("info") or {}, camera.get("settings") or {}, row)

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
        record, said = one.record, self.said(one)
        kind = str((said.row.get("details") or {}).get("image_type") or LIGHT)
        if kind != LIGHT:
            raise FrameError(f"a {kind.lower()}, no picture of the sky")
        path = under(self.folder / layout.FRAMES, record["f"])
        content: File | Counts
        if record["form"] == "original":
            name = str(said.row.get("file_name") or path.name)
            content = File(name, path.read_bytes())
        else:
            name = f"{record['i']:06d}"
            content = Counts(framefiles.read(path)[0], str(said.info.get("bayer_pattern") or "").upper())
        exposure = said.row.get("exposure_us")
        start = from_microseconds(record["at"])
        return self.reader.frame(content, said, one.digest, name, start, exposure / 1e6 if exposure else None)
