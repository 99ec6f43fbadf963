"""Fence numbers: each owner of a device gets a greater one than all owners before.

The kernel's lock on a device decides who may open it, on one machine. The fence decides what may be written
about it: an owner writes its row `WHERE fence <= mine`, so one that was thought dead and wakes up gets no row
and stops.
"""

import logging
import threading
import time
from pathlib import Path
from typing import Protocol

from skycam_project.common import files
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)


class FenceStore(Protocol):
    """Gives each owner of a device a number greater than all before."""

    def next_fence(self, device: str) -> int:
        """A number greater than every one given for `device` before, and than every one in its rows.

        May block: a host calls it in a thread, once it holds the lock on the device.
        """
        ...


class FileFences:
    """Fence numbers in a small file per device, and in the database as long as it answers.

    The file alone keeps the numbers growing when the database is gone, and the database when the file is.

    Args:
        folder: `run` of the data folder; made when missing.
        database: asked first; whatever goes wrong there is logged and costs nothing else.
        patience: how long the database may take.
    """

    def __init__(self, folder: Path, database: FenceStore | None = None, patience: Seconds = 5.0) -> None:
        self.folder, self._database, self._patience = folder, database, patience

    def next_fence(self, device: str) -> int:
        """The next number, on disk before it is returned. Raises `OSError` when it cannot be kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = files.under(self.folder, f"fence-{device}")
        fence = max(self._last(path) + 1, self._from_database(device))
        files.write_atomic(path, b"%d\n" % fence, 0o600)
        return fence

    def _last(self, path: Path) -> int:
        try:
            return int(path.read_bytes())
        except FileNotFoundError:
            return 0
        except ValueError:
            # No count of owners reaches the seconds since 1970, so this is greater than what was lost.
            log.warning("%s is damaged; its numbers go on from the clock", path)
            return int(time.time())

    def _from_database(self, device: str) -> int:
        if self._database is None:
            return 0
        found: list[int] = []
        thread = threading.Thread(target=self._ask, args=(self._database, device, found), daemon=True)
        thread.start()
        thread.join(self._patience)
        if not found:
            log.warning("%s: no fence number from the database; the file's own is used", device)
            return 0
        return found[0]

    @staticmethod
    def _ask(database: FenceStore, device: str, found: list[int]) -> None:
        try:
            found.append(database.next_fence(device))
        except Exception:  # a host starts without its database, whatever is wrong with it
            log.warning("%s: the database gives no fence number", device, exc_info=True)
