"""The thread that writes the engine's small files, so that a disk which is busy with somebody's frames stalls no light."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from lighting.engine.journal import Journal
from lighting.engine.quick import replace_quickly

log = logging.getLogger(__name__)


class Disk:
    """Writes the newest content of each file, behind the event loop that it belongs to.

    Usually that takes 0.5 ms, beside large writes of others a rename was seen to take 950 ms. What is put is in the
    journal at once, so a killed process loses nothing; what is put while a write runs goes with the next one.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._files: dict[Path, bytes] = {}
        self._work: list[Callable[[], None]] = []
        self._pool = ThreadPoolExecutor(1, "lights-disk")
        self._running: Future[None] | None = None
        self._noted = 0
        self.write_errors = 0

    def put(self, path: Path, data: bytes) -> None:
        """Have a file replaced; `data` is UTF-8."""
        self._journal.note(path, data, append=False)
        self._files[path] = data

    def append(self, path: Path, data: bytes, work: Callable[[], None]) -> None:
        """Have the thread do `work`, which brings `data` into a file that may be appended to."""
        self._journal.note(path, data, append=True)
        self._work.append(work)

    def write(self) -> None:
        """Give the thread everything that was put; if it is at work, when it is done."""
        if self._running or not (self._files or self._work):
            return
        self._noted = len(self._journal)
        self._running = self._pool.submit(self._write, self._files, self._work)
        self._files, self._work = {}, []
        with contextlib.suppress(RuntimeError):  # no loop: then somebody drains
            loop = asyncio.get_running_loop()
            self._running.add_done_callback(lambda done: loop.call_soon_threadsafe(self._ended, done))

    def _ended(self, done: "Future[None]") -> None:
        if done is self._running:
            self._running = None
            self._journal.forget(self._noted)
            self.write()

    def _write(self, files: dict[Path, bytes], work: list[Callable[[], None]]) -> None:
        for job in work:
            job()
        for path, data in files.items():
            try:
                replace_quickly(path, data)
            except OSError as error:  # a full disk costs a line in the log, not the lights
                self.write_errors += 1
                log.warning("%s could not be written: %s", path, error)

    async def written(self) -> None:
        """Return when nothing waits."""
        self.write()
        while self._running:
            await asyncio.wrap_future(self._running)
            await asyncio.sleep(0)

    def drain(self) -> None:
        """Return when everything that was put is written, however long it takes."""
        self.write()
        while (running := self._running) is not None:
            running.result()
            self._ended(running)

    def close(self) -> None:
        """Write the rest and end the thread."""
        self.drain()
        self._pool.shutdown()
