"""What the writer keeps on disk: the state, the ids of commands, and the numbers that may not be used again."""

import asyncio
import contextlib
import logging
import os
from pathlib import Path

import orjson

from lighting.engine.dedupe import Dedupe
from lighting.engine.disk import Disk
from lighting.engine.journal import Journal, replay
from lighting.engine.state import RgbState
from skycam_project.common.files import write_atomic
from skycam_project.common.units import Seconds
from skycam_project.config.lights import LightsConfiguration

log = logging.getLogger(__name__)

SYNC_EVERY: Seconds = 1.0
RESERVE = 100_000
"""Numbers that are set aside on disk ahead of their use: ten seconds of the fastest flood, an hour of dragging."""


class Kept:
    """The files of one engine.

    What is saved survives a kill at once and a power cut after a second. So that no published `seq` comes again after a
    power cut either, a number above all of them stands in `numbers.json` long before it is reached; a planned end puts
    the exact one there.

    Args:
        config: the lights' settings.
        numbers: path of `numbers.json`.
        state_path, seen_path: files of state and command ids.

    Attributes:
        used: numbers up to this one may have been seen by somebody.
    """

    def __init__(self, config: LightsConfiguration, numbers: Path, state_path: Path, seen_path: Path) -> None:
        self._config, self._numbers = config, numbers
        self.used = self._saved = self._limit = self._recover()
        self._journal = Journal(numbers.parent)
        self.disk = Disk(self._journal)
        self._unsynced = asyncio.Event()
        self._open(state_path, seen_path)

    def _recover(self) -> int:
        """The highest number of the last life; its files as it wanted them."""
        try:
            kept = orjson.loads(self._numbers.read_bytes())
            if kept["journal"]:
                replay(Path(kept["journal"]))
            return int(kept["used"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be used (%s); counting on from the state", self._numbers, error)
            return 0

    def _open(self, state_path: Path, seen_path: Path) -> None:
        config = self._config
        state_path.parent.mkdir(parents=True, exist_ok=True)
        self.state_path = state_path
        self.ids = Dedupe(seen_path, config.dmx_cmd_dedupe_ttl_seconds, config.dmx_cmd_dedupe_capacity)

    def mount(self, state_path: Path, seen_path: Path) -> None:
        """Go on with other files."""
        self.disk.drain()
        self.ids.close()
        self._open(state_path, seen_path)

    def save(self, state: RgbState) -> bool:
        """Have ids, state and whatever was put written. Returns whether it is another state than the last time."""
        if fresh := self.ids.fresh():
            self.disk.append(self.ids.path, *fresh)
        if is_new := state.seq != self._saved:
            self._saved = state.seq
            if state.seq > self._limit - RESERVE // 2:
                self._limit = state.seq + RESERVE
                self.disk.put(self._numbers, _numbers(self._limit, self._journal.path))
            self.disk.put(self.state_path, orjson.dumps(state.body()))
            self._unsynced.set()
        self.disk.write()
        return is_new

    @property
    def write_errors(self) -> int:
        """Failed writes since the start."""
        return self.disk.write_errors + self.ids.write_errors

    async def run(self) -> None:
        """Make what was written survive a power cut, until cancelled."""
        while True:
            await self._unsynced.wait()
            self._unsynced.clear()
            await asyncio.to_thread(_sync, self.state_path, self._numbers)
            await asyncio.sleep(SYNC_EVERY)

    def close(self) -> None:
        """Write the rest; the next life counts on from exactly here."""
        self.disk.close()
        self.ids.close()
        with contextlib.suppress(OSError):  # it skips some numbers then
            write_atomic(self._numbers, _numbers(self._saved))
        self._journal.close()


def _numbers(used: int, journal: Path | None = None) -> bytes:
    return orjson.dumps({"used": used, "journal": journal and str(journal)})


def _sync(*paths: Path) -> None:
    """For a thread, because a disk may take its time."""
    for path in paths:
        try:
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            log.warning("%s could not be synced: %s", path, error)
