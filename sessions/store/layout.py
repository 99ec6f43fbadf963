"""Where everything lies below the data folder, and the small files that processes agree by."""

import errno
import fcntl
import os
import secrets
import shutil
import time
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from sessions.store import host, ids, values
from sessions.store.errors import InstrumentOwnedError
from skycam_project.common.files import fsync_folder, write_atomic
from skycam_project.common.units import Seconds

HEAD = "head.json"
SEAL = "seal"
FRAMES = "frames"
ORIGINAL = "original"
MAX_FRAMES = 200_000
"""Frames and originals that one session holds; the list of them is text, and readers limit it."""
PARTIAL = ".partial"
DONE = ".done"


class Layout:
    """Paths of a data folder.

    ```
    .live/<session_id>.partial/        a running session (or one that a crash left)
        head.json  seal  journal.jsonl  journal-<process>.jsonl
        frames/<camera>/NNNNNN.frame   frames/<camera>/original/NNNNNN.<ext>   frames/calibration/<list>/…
    .live/current/<instrument>         names the folder of the instrument's running session
    .live/owner/<instrument>.lock      held (flock) by the process that owns the instrument
    .live/waiting/                     records of other processes while nobody owns their instrument
    YYYY/MM/DD/<session_id>.asdf       a finished session (UTC date of its start)
    YYYY/MM/DD/<session_id>.frames/    its frames, when they are kept outside
    quarantine/                        what could not be used; never deleted automatically
    ```
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.live = self.root / ".live"
        self.current_folder = self.live / "current"
        self.owner_folder = self.live / "owner"
        self.waiting = self.live / "waiting"
        self.quarantine = self.root / "quarantine"

    def prepare(self) -> None:
        """Make the folders that are always there. Raises `OSError`."""
        for folder in (self.current_folder, self.owner_folder, self.waiting):
            folder.mkdir(parents=True, exist_ok=True)
        (self.waiting / SEAL).touch()
        for folder in (self.waiting, self.live, self.root):
            fsync_folder(folder)

    def partial(self, session_id: str) -> Path:
        """Folder of a session that is not finished."""
        return self.live / f"{session_id}{PARTIAL}"

    def day(self, start: datetime) -> Path:
        """Folder of the sessions that began on that UTC date."""
        return self.root / start.astimezone(UTC).strftime("%Y/%m/%d")

    def final(self, session_id: str, start: datetime) -> Path:
        """The finished session's file."""
        return self.day(start) / f"{session_id}.asdf"

    def partials(self) -> list[Path]:
        """Folders of all sessions that are not finished, oldest name first."""
        return sorted(path for path in self.live.glob(f"*{PARTIAL}") if path.is_dir())

    def current(self, instrument: str) -> Path | None:
        """Folder of the instrument's running session, as its owner last said; `None` when there is none."""
        try:
            name = (self.current_folder / instrument).read_text().strip()
        except OSError:
            return None
        return self.live / name if name.endswith(PARTIAL) and "/" not in name else None

    def point(self, instrument: str, partial: Path | None) -> None:
        """Say which folder is the instrument's running session; on disk when this returns."""
        pointer = self.current_folder / instrument
        if partial is not None:
            write_atomic(pointer, partial.name.encode() + b"\n")
        else:
            pointer.unlink(missing_ok=True)
            fsync_folder(self.current_folder)

    def create(self, names: Iterator[str], start: datetime, head: dict[str, Any]) -> Path:
        """Make the folder of a new session under the first of `names` that is free.

        The folder appears by rename, with its head in it: there is no moment without, and a name is given
        once even when several processes ask for it.
        """
        draft = self.live / f".new-{head['instrument']}-{secrets.token_hex(4)}"
        (draft / FRAMES).mkdir(parents=True)
        (draft / SEAL).touch()
        for name in names:
            if self._taken(name, start):
                continue
            write_atomic(draft / HEAD, values.encode(head | {"session_id": name}))
            try:
                draft.rename(self.partial(name))
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    continue
                raise
            if self._finished(name, start):  # it was finished between the two looks
                self.partial(name).rename(draft)
                continue
            fsync_folder(self.live)
            return self.partial(name)
        raise RuntimeError("ran out of names")

    def _taken(self, session_id: str, start: datetime) -> bool:
        return self.partial(session_id).exists() or self._finished(session_id, start)

    def _finished(self, session_id: str, start: datetime) -> bool:
        final = self.final(session_id, start)
        return final.exists() or final.with_suffix(".frames").exists()

    def discard(self, partial: Path) -> None:
        """Remove the folder of a session whose content is safe elsewhere."""
        done = partial.with_suffix(DONE)
        if partial.exists():
            partial.rename(done)
            fsync_folder(self.live)
        shutil.rmtree(done, ignore_errors=True)


def read_head(partial: Path) -> dict[str, Any] | None:
    """A session's identity, `None` when its head is missing or damaged."""
    try:
        head = orjson.loads((partial / HEAD).read_bytes())
    except (OSError, ValueError):
        return None
    return head if isinstance(head, dict) and "uuid" in head and "start_time" in head else None


class InstrumentLock:
    """Exclusive ownership of an instrument's sessions, for as long as this process lives.

    Args:
        layout: of the data folder.
        instrument: a valid name.
        patience: seconds to wait for a holder that only looks (a recovery), or is just leaving.

    Raises:
        InstrumentOwnedError: somebody else holds it.
    """

    def __init__(self, layout: Layout, instrument: str, patience: Seconds = 0.0) -> None:
        path = layout.owner_folder / f"{ids.check_instrument(instrument)}.lock"
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + patience
        while not _locked(self._handle):
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            owner = os.pread(self._handle, 200, 0).decode(errors="replace").strip()
            self.release()
            raise InstrumentOwnedError(instrument, owner)
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{host.process_name()} (process {os.getpid()})\n".encode(), 0)
        _held.add(self)

    def release(self) -> None:
        """Give the instrument free."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_held: weakref.WeakSet[InstrumentLock] = weakref.WeakSet()


def _forked() -> None:
    # A flock lives as long as any copy of its handle: a forked child must not keep its parent's instruments.
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_forked)
