"""What people and devices should hear of: light during an exposure."""

import asyncio
import logging
from typing import Any

log = logging.getLogger(__name__)

KEPT = 20


class Events:
    """The newest events, numbered, and queues for those who pass them on.

    Attributes:
        newest: for the published state; each has a growing `number`.
        queues: get every event; a full one misses some.
    """

    def __init__(self) -> None:
        self.newest: list[dict[str, Any]] = []
        self.queues: list[asyncio.Queue[dict[str, Any]]] = []
        self._number = 0

    def tell(self, event: dict[str, Any]) -> None:
        """Say it to everybody; never waits."""
        self._number += 1
        event = {**event, "number": self._number}
        self.newest = [*self.newest[1 - KEPT :], event]
        log.warning(event["event"], extra={"event": event})
        for queue in self.queues:
            if not queue.full():
                queue.put_nowait(event)
