"""Night products while the night goes on: a child for each instrument that takes pictures, gone when it rests.

The processing worker only looks at small files; pictures, numpy and what they cost live in the child
(`timelapse.night_child`). Capture knows nothing of it: what is read is the session's journal and its frames.
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from sessions.store import ids
from sessions.store.layout import Layout, read_head
from skycam_project.common.machine import memory_bytes
from skycam_project.common.nights import evening, site_zone
from skycam_project.common.parent_pipe import VARIABLE
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

LOOK: Seconds = 10.0
"""Between two looks at which sessions run."""
AGAIN: Seconds = 300.0
"""From the death of a child to the next one for the same session."""
PATIENCE: Seconds = 8.0
MEGAPIXELS_PER_GB = 2.5
"""A night of 4K takes 0.35 GB at half its width and height, so that a machine of 1 GB has room for the rest."""


class Follower:
    """Children for the running observations below `sessions`.

    Args:
        sessions: the sessions' folder.
        products: results go to `<products>/<evening>/<instrument>/night-<session>/`.
        megapixels: larger frames are halved until they fit; None: as the memory of this machine allows.
    """

    def __init__(self, sessions: Path, products: Path, megapixels: float | None = None) -> None:
        self._layout, self._products = Layout(sessions), products
        self._megapixels = megapixels or max(MEGAPIXELS_PER_GB * memory_bytes() / 1e9, 0.5)
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._again: dict[str, float] = {}
        self._look_again = 0.0
        self._reading, self._writing = os.pipe()  # closed by the kernel when this process dies

    def look(self, now: Seconds) -> None:
        """Start a child for each observation that has none; `now` is monotonic."""
        for name, child in list(self._children.items()):
            if child.poll() is not None:
                del self._children[name]
                if child.returncode:
                    log.warning(
                        "the night products of %s stopped (exit %s); next try in %d s",
                        name,
                        child.returncode,
                        AGAIN,
                    )
                    self._again[name] = now + AGAIN
        running = self._observations()
        targets = {self._target(folder) for folder in running}
        for session, target in [(f, self._target(f)) for f in running] + list(self._left(targets, now)):
            if session.name not in self._children and now >= self._again.get(session.name, now):
                self._children[session.name] = self._start(session, target)
        # Whoever is gone for good need not be remembered.
        self._again = {
            name: at
            for name, at in self._again.items()
            if name.endswith(".asdf") or (self._layout.live / name).exists()
        }

    def _left(self, running: set[Path], now: Seconds) -> Iterator[tuple[Path, Path]]:
        """Products without a record whose session has become a file: a crash came between. One look per `AGAIN`."""
        if now < self._look_again:
            return
        self._look_again = now + AGAIN
        for state in sorted(self._products.glob("*/*/night-*/.state")):
            target = state.parent
            session = next(self._layout.root.glob(f"*/*/*/{target.name.removeprefix('night-')}.asdf"), None)
            if session and target not in running and f"{session.stem}.partial" not in self._children:
                yield session, target
                return  # one at a time

    def _observations(self) -> list[Path]:
        found = []
        with contextlib.suppress(OSError):
            for pointer in sorted(self._layout.current_folder.iterdir()):
                folder = self._layout.current(pointer.name)
                if folder and folder.name.startswith("observation") and (folder / "frames").is_dir():
                    found.append(folder)
        return found

    def _start(self, session: Path, target: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "timelapse.night_child", str(session), str(target), f"{self._megapixels:.1f}"],
            stdin=subprocess.DEVNULL, cwd=settings.ROOT, pass_fds=(self._reading,),
            env=os.environ | {VARIABLE: str(self._reading), "SKYCAM_PROCESS": "night"},
            start_new_session=True,
        )  # fmt: skip

    def _target(self, folder: Path) -> Path:
        from sessions.store.metadata import parse_iso

        head = read_head(folder) or {}
        night = "undated"
        with contextlib.suppress(KeyError, ValueError):
            night = evening(parse_iso(head["start_time"]), site_zone()).isoformat()
        instrument = ids.slug(str(head.get("instrument") or ""), 32) or "unknown"
        return self._products / night / instrument / f"night-{head.get('session_id') or folder.stem}"

    def close(self) -> None:
        """End the children; they save what they have."""
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
        for child in self._children.values():
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self._children.clear()
        os.close(self._reading)
        os.close(self._writing)


async def run() -> None:
    """Follow until cancelled: a step of the processing worker."""
    megapixels = settings.CONFIG.timelapse_live_megapixels
    follower = Follower(settings.DATA / "sessions", settings.DATA / "products", megapixels)
    try:
        while True:
            await asyncio.to_thread(follower.look, asyncio.get_running_loop().time())
            await asyncio.sleep(LOOK)
    finally:
        await asyncio.to_thread(follower.close)
