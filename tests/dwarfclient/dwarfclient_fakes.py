"""Stand-ins for tests of single pieces: a clock that jumps, a connection that records."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from telescope.dwarf.heavens import Site
from telescope.dwarf.proto import common_pb2
from telescope.dwarf.session.settings import DwarfSettings
from telescope.dwarf.session.state import Board, ConnectionState, Role
from telescope.errors import NoAnswerError


class JumpingClock:
    """Time that passes only when somebody sleeps or `jump` is called."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 22, tzinfo=UTC)) -> None:
        self._start, self._elapsed = start, 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def jump(self, seconds: float) -> None:
        self._elapsed += seconds

    async def sleep(self, duration: float) -> None:
        self._elapsed += max(0.0, duration)
        await asyncio.sleep(0)


class RecordingConnection:
    """A connection whose telescope is a function of the test: `answer(command, message)` gives the reply."""

    def __init__(self, spool: Path, answer=None, clock=None) -> None:
        self.settings = DwarfSettings(host="test", client_id="test", site=Site(46.5, 8.0), spool=spool)
        self.board = Board(connection=ConnectionState(connected=True, role=Role.HOST))
        self.clock = clock or JumpingClock()
        self.connected = True
        self.sent: list[tuple] = []
        self.answer = answer or (lambda command, message: common_pb2.ComResponse())
        self._handlers = defaultdict(list)
        self.changed = asyncio.Event()

    def on(self, notification, handler) -> None:
        self._handlers[notification].append(handler)

    def on_state(self, adopt) -> None:
        self.adopt = adopt

    def on_ready(self, prepare) -> None:
        self.prepare = prepare

    def in_background(self, loop) -> None:
        self.loop = loop

    def notify(self, notification, message) -> None:
        for handler in self._handlers[notification]:
            handler(message)
        self.recheck()

    def recheck(self) -> None:
        self.changed.set()

    async def command(self, command, message=None, *, deadline=None, accept=()):
        self.sent.append((command, message))
        await asyncio.sleep(0)
        return self.answer(command, message)

    read = command

    async def until(self, predicate, timeout, what) -> None:
        for _ in range(1000):
            if predicate():
                return
            self.changed.clear()
            try:
                async with asyncio.timeout(0.2):
                    await self.changed.wait()
            except TimeoutError:
                break
        if not predicate():
            raise NoAnswerError(f"{what}: nothing came of it")
