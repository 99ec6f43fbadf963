"""The queue before the one writer: bounded, and a drag event gives way when it is full."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from lighting.errors import QueueFullError


@dataclass(slots=True, eq=False)
class Entry:
    """Something that waits.

    Attributes:
        value: a `Command`, or a function that the writer calls (a control item).
        drag: whether it may be dropped for something newer.
        answer: of a control item: its result.
        since: monotonic time of arrival.
        dead: dropped while it waited.
    """

    value: Any
    drag: bool
    since: float
    answer: asyncio.Future[Any] | None = field(default=None)
    dead: bool = False


class Inbox:
    """First in, first out, at most `bound` entries.

    Full: the oldest drag event that waits is dropped for the new entry; without one the new entry is refused.
    """

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._entries: deque[Entry] = deque()
        self._drags: deque[Entry] = deque()
        self._dead = 0
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries) - self._dead

    def put(self, entry: Entry) -> Entry | None:
        """Append an entry; returns the one that was dropped for it. Raises `QueueFullError`."""
        dropped = None
        if len(self) >= self.bound:
            if not self._drags:
                raise QueueFullError(f"{self.bound} commands wait already; send it again later")
            dropped = self._drags.popleft()
            dropped.dead = True
            self._dead += 1
            if self._dead > self.bound:  # as many dead as living: one sweep, paid for by that many drops
                self._entries = deque(entry for entry in self._entries if not entry.dead)
                self._dead = 0
        self._entries.append(entry)
        if entry.drag:
            self._drags.append(entry)
        self._filled.set()
        return dropped

    def pop(self) -> Entry | None:
        """The oldest entry, or `None`."""
        while self._entries:
            entry = self._entries.popleft()
            if entry.dead:
                self._dead -= 1
                continue
            if entry.drag:
                self._drags.popleft()  # the oldest drag event that lives is always this one
            return entry
        self._filled.clear()
        return None

    async def wait(self) -> None:
        """Return when there is something to pop."""
        await self._filled.wait()
