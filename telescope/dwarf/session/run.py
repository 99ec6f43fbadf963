"""A stacking run of ours, and its record on disk, so that a restarted process finds it again."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from skycam_project.common.files import write_atomic
from telescope.dwarf.captures import SessionFolder, session_folder
from telescope.dwarf.frame import Exposure
from telescope.dwarf.values import Filter

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Run:
    """A stacking run of ours.

    Attributes:
        exposure, filter: what it was started with.
        folder: where its frames appear.
        listed: names of the frames seen so far.
        valid_from: frames that began before are not used.
        begun_before: so many of its first frames are not used either.
        delivered: frames given out.
        damaged: names of files that arrived damaged, with how often.
    """

    exposure: Exposure
    filter: Filter | None
    folder: SessionFolder
    listed: set[str] = field(default_factory=set)
    valid_from: datetime = LONG_AGO
    begun_before: int = 0
    delivered: int = 0
    damaged: Counter[str] = field(default_factory=Counter)

    def serves(self, exposure: Exposure, current: Filter | None) -> bool:
        """Its next frame is what this exposure asks for."""
        same = (exposure.duration_s, exposure.gain) == (self.exposure.duration_s, self.exposure.gain)
        return same and current == self.filter


class RunRecord:
    """`run.json` in the spool folder: the newest run that we began.

    Args:
        spool: the folder.
    """

    def __init__(self, spool: Path) -> None:
        self._path = spool / "run.json"

    def write(self, run: Run) -> None:
        """Note a run."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "exposure_s": run.exposure.duration_s,
            "gain": run.exposure.gain,
            "filter": None if run.filter is None else int(run.filter),
            "folder": run.folder.name,
        }
        write_atomic(self._path, orjson.dumps(record))

    def read(self) -> Run | None:
        """The run that was noted; None when there is none or it cannot be read."""
        try:
            record = orjson.loads(self._path.read_bytes())
            folder = session_folder(record["folder"])
            chosen = None if record["filter"] is None else Filter(record["filter"])
            exposure = Exposure(float(record["exposure_s"]), int(record["gain"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return None if folder is None else Run(exposure, chosen, folder)
