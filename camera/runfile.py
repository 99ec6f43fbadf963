"""The counts of a run, over restarts of its host."""

import json
import logging
from pathlib import Path

from camera.plan import RunRecord

logger = logging.getLogger(__name__)


class RunFile:
    """One file; only the count after a restart depends on it, so a failing disk is no more than logged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, record: RunRecord) -> None:
        """Keep the counts of the run that is on."""
        temporary = self._path.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(record.as_dict()))
            temporary.replace(self._path)
        except OSError as error:
            logger.warning("run file not written: %s", error)

    def resume(self) -> RunRecord | None:
        """The run that the host before this one was in, with the gap that its end made."""
        try:
            record = RunRecord.from_dict(json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("run file unreadable, counting begins anew: %s", error)
            return None
        record.open_gap(record.last_frame_at or record.started_at, "the camera's host process was restarted")
        return record

    def forget(self) -> None:
        """The run is over."""
        self._path.unlink(missing_ok=True)
