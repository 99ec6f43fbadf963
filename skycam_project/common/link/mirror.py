"""Everybody else's side: a copy of one device's state, and the way to send it commands."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from skycam_project.common.link import wire
from skycam_project.common.link.errors import NotConnected, OutcomeUnknown, from_wire
from skycam_project.common.units import Seconds


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A complete state as the host sent it.

    Attributes:
        epoch: the life of the host it came from; who compares versions compares (epoch, version).
        version: grows within an epoch.
        state: not to be changed.
        line: the JSON line itself, without its newline, to be handed on as it is.
    """

    epoch: str
    version: int
    state: dict[str, Any]
    line: bytes


class Mirror:
    """This process's copy of one device's state.

    `snapshot`, `state` and `problem` may be read from any thread; the rest belongs to the event loop that
    called `start`. Whoever has the answer to a call has the state that it caused.

    Args:
        folder: of sockets, the host's.
        name: of the device's link.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.path = name, wire.socket_path(folder, name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._feed: Feed | None = None
        self._snapshot: Snapshot | None = None
        self._fault = f"{name}: the link has not been started"
        self._listeners: set[asyncio.Event] = set()

    # ---- reading

    @property
    def problem(self) -> str:
        """Why the device counts as not connected; empty if all is well."""
        if (feed := self._feed) is None:
            return self._fault
        return feed.silent if feed.patience() < 0 else ""

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot. Raises `NotConnected` with the reason instead of showing an old one."""
        snapshot, problem = self._snapshot, self.problem
        if problem or snapshot is None:
            raise NotConnected(problem)
        return snapshot

    @property
    def state(self) -> dict[str, Any]:
        """The newest state, not to be changed. Raises `NotConnected`."""
        return self.snapshot.state

    async def changes(self) -> AsyncIterator[Self]:
        """Yield now and after every change of state or of `problem`; who is slow skips to the newest."""
        self._here()
        changed = asyncio.Event()
        self._listeners.add(changed)
        try:
            while True:
                changed.clear()
                yield self
                await changed.wait()
        finally:
            self._listeners.discard(changed)

    # ---- commanding

    async def call(self, name: str, /, timeout: Seconds = 10.0, **args: Any) -> Any:
        """Have the host carry out a command; afterwards `state` contains its effect.

        Returns the handler's result. A caller that is cancelled does not stop the command.

        Raises:
            NotConnected: not carried out.
            OutcomeUnknown: the host vanished, fell silent or gave no answer within `timeout`.
            CallError: refused; see its code.
            MessageTooLongError: the arguments do not fit; not carried out.
            RuntimeError: called in another event loop than `start`.
        """
        loop = self._here()
        if problem := self.problem:
            raise NotConnected(problem)
        feed = self._feed
        if feed is None or feed.transport.is_closing():
            raise NotConnected(f"{self.name}: the host is gone")
        answer = feed.send(name, args, timeout)
        late = OutcomeUnknown(f"{self.name}: no answer to {name} in {timeout:g} s")
        expiry = loop.call_later(timeout, _fail, answer, late)
        try:
            return await answer
        finally:
            expiry.cancel()

    # ---- the connection

    @property
    def started(self) -> bool:
        """Whether `start` has returned in the running event loop."""
        return self._tried.is_set() and self._loop is asyncio.get_running_loop()

    async def start(self) -> None:
        """Follow the host in the running event loop from now on; in a new one when the old one has ended.

        Returns once there is a snapshot or a reason for none: at once without a host, after 3 s with one that
        hangs. Cheap and harmless when repeated.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and self._loop.is_running():
                raise RuntimeError(f"the mirror of {self.name} lives in another event loop")
            self._loop, self._tried, self._feed, self._listeners = loop, asyncio.Event(), None, set()
            self._task = loop.create_task(self._follow(loop), name=f"mirror of {self.name}")
        await self._tried.wait()

    async def stop(self) -> None:
        """Follow no longer; waiting calls end as `OutcomeUnknown`."""
        if self._task is None:
            return
        self._here()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = self._loop = None

    def _here(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            raise RuntimeError(
                f"the mirror of {self.name} was not started in this event loop; use link.ask()"
            )
        return loop

    async def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            feed = Feed(self, loop)
            try:
                async with asyncio.timeout(wire.SILENCE):
                    await loop.create_unix_connection(lambda feed=feed: feed, str(self.path))
                await feed.watch()
            except asyncio.CancelledError:
                feed.why = f"{self.name}: the link has been stopped"
                self._lost(feed.why)
                raise
            except TimeoutError:
                self._lost(f"{self.name}: the host does not accept connections")
            except (FileNotFoundError, ConnectionRefusedError):
                self._lost(f"{self.name}: its host process is not running")
            except OSError as error:
                self._lost(f"{self.name}: the host cannot be reached ({error.strerror})")
            finally:
                feed.close()
            await asyncio.sleep(wire.RETRY)

    def _heard(self, feed: "Feed", snapshot: Snapshot) -> None:
        self._snapshot, self._feed = snapshot, feed
        self._wake()

    def _lost(self, why: str) -> None:
        if self._feed or self._fault != why or not self._tried.is_set():
            self._fault, self._feed = why, None
            self._wake()

    def _wake(self) -> None:
        self._tried.set()
        for changed in self._listeners:
            changed.set()


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


class Feed(wire.Lines):
    """The mirror's end of one connection."""

    def __init__(self, mirror: Mirror, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._mirror, self._loop = mirror, loop
        self._connected = False
        self._epoch = ""
        self._number = 0
        self._heard = time.monotonic()
        self._gone = loop.create_future()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.why = f"{mirror.name}: the host is gone"
        self.silent = f"{mirror.name}: the host has been silent for more than {wire.SILENCE:g} s"

    def patience(self) -> Seconds:
        """How long until the host counts as silent; negative when it does."""
        return self._heard + wire.SILENCE - time.monotonic()

    async def watch(self) -> None:
        """Return when the host is gone or has been silent for too long."""
        while not self._gone.done() and (left := self.patience()) > 0:
            await asyncio.wait([self._gone], timeout=left)
        if not self._gone.done():
            self.why = self.silent

    def send(self, name: str, args: dict[str, Any], timeout: Seconds) -> asyncio.Future[Any]:
        """Write a call. The host may begin it only as long as this side has not given it up."""
        self._number = number = self._number + 1
        until = min(time.monotonic() + timeout, self._heard + wire.SILENCE)
        line = wire.call_line(number, name, args, until)
        answer = self._waiting[number] = self._loop.create_future()
        answer.add_done_callback(lambda _: self._waiting.pop(number, None))
        self.transport.write(line)
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connected = True

    def received(self, line: bytes, message: dict[str, Any]) -> None:
        self._heard = time.monotonic()
        if not self._epoch:
            if message["host"] != self._mirror.name:
                raise ValueError(f"it calls itself {message['host']!r}")
            self._epoch = str(message["epoch"])
        if "state" in message:
            state, version = message["state"], message["v"]
            if not isinstance(state, dict) or type(version) is not int:
                raise TypeError("state must be an object and v a number")
            self._mirror._heard(self, Snapshot(self._epoch, version, state, line))
        elif "id" in message and (answer := self._waiting.get(message["id"])) and not answer.done():
            if error := message.get("error"):
                answer.set_exception(from_wire(error))
            else:
                answer.set_result(message["result"])

    def broken(self, why: str) -> None:
        self.why = f"{self._mirror.name}: the host speaks nonsense ({why})"
        wire.log.warning("%s", self.why)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
        self.close()

    def close(self) -> None:
        """The end of the connection: nobody waits any longer."""
        if self._connected:
            self._connected = False
            self.transport.abort()
            self._mirror._lost(self.why)
        for answer in list(self._waiting.values()):
            _fail(answer, OutcomeUnknown(self.why))
