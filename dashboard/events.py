"""Events from other processes, heard once per process: job progress, a new product, a login that ended.

One subscription per process, not one per browser, and none of it inside a consumer: a live page goes on without the
broker, only events stay away. Whoever has something to say calls `skycam_project.events.publish`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from skycam_project.events import GROUP

log = logging.getLogger(__name__)

SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
Listener = Callable[[dict[str, Any]], None]


class Events:
    """The subscription of one event loop."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Call `listener(message)` for every message of the group, within this context."""
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._follow(), name="events")
        try:
            yield
        finally:
            self._listeners.discard(listener)

    async def _follow(self) -> None:
        pause = SHORTEST_PAUSE
        while True:
            layer = get_channel_layer()
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                if pause > SHORTEST_PAUSE:
                    log.info("events: the broker answers again")
                pause = SHORTEST_PAUSE
                while True:
                    self._spread(await layer.receive(channel))
            except (
                Exception
            ) as error:  # each broker's client has errors of its own; the subscription outlives them all
                await self._lost(layer, error, first=pause == SHORTEST_PAUSE)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _spread(self, message: dict[str, Any]) -> None:
        for listener in tuple(self._listeners):
            listener(message)

    @staticmethod
    async def _lost(layer: Any, error: Exception, *, first: bool) -> None:
        if first:
            log.warning("events: no subscription (%s); live values go on without them", error)
        with contextlib.suppress(Exception):
            await layer.flush()  # half a subscription would stay in its tables for ever


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Events] = WeakKeyDictionary()


def events() -> Events:
    """The events of the running loop."""
    return _of_loop.setdefault(asyncio.get_running_loop(), Events())
