"""How much of a session has come so far, by the files of the inbox: the same for every way of transfer."""

import os
import re
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from skycam_project.common.units import Seconds
from timelapse.transfer.manifest import Offer
from timelapse.transfer.rsync import PARTIAL
from timelapse.transfer.sftp import PART

LOOK: Seconds = 0.5
Moved = Callable[[int, int], None]
"""`moved(done, total)`: bytes of the session that are here, and all of them."""
_BEGUN = re.compile(r"\.(.+)\.[A-Za-z0-9]{6}")
"""What rsync calls a file that comes in."""


class Arriving:
    """Looks at the inbox now and then, whenever it is called."""

    def __init__(self, offer: Offer, inbox: Path, moved: Moved) -> None:
        self._total, self._moved = offer.bytes, moved
        self._names: dict[Path, set[str]] = defaultdict(set)
        for file in offer.files:
            path = inbox / file.path
            self._names[path.parent].add(path.name)
        self._looked, self._most = float("-inf"), 0

    def __call__(self) -> None:
        if time.monotonic() - self._looked < LOOK:
            return
        # What was there is not less because it has its name now, or was adopted.
        self._most = max(self._most, min(self.bytes(), self._total))
        self._moved(self._most, self._total)
        self._looked = time.monotonic()

    def bytes(self) -> int:
        """Of whole files and of the begun one."""
        total = 0
        for folder, names in self._names.items():
            sizes: dict[str, int] = defaultdict(int)
            for place in (folder, folder / PARTIAL):
                for found, size in _sizes(place):
                    begun = _BEGUN.fullmatch(found)
                    name = begun[1] if begun else found.removesuffix(PART)
                    if name in names:
                        sizes[name] = max(sizes[name], size)
            total += sum(sizes.values())
        return total


def _sizes(folder: Path) -> list[tuple[str, int]]:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    found.append((entry.name, entry.stat(follow_symlinks=False).st_size))
                except OSError:
                    continue  # it has just got its name
    except OSError:
        return []  # nothing of this folder yet
    return found
