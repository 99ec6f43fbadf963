"""The owner's side: publishes a device's state and carries out calls."""

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from skycam_project.common.errors import SkycamError
from skycam_project.common.fence import FenceStore
from skycam_project.common.link import wire
from skycam_project.common.link.errors import CallError, MessageTooLongError
from skycam_project.common.link.lock import OwnerLock

log = logging.getLogger(__name__)

Call = Callable[..., Awaitable[Any]]
"""A handler: keyword arguments from the wire in, anything that JSON can express out."""


class Host:
    """Owns one device within `async with`: the device session runs in its body.

        host = Host(folder, "telescope", {"slew": slew, "park": park})
        host.publish({"slewing": False})
        async with host:
            await session()

    Entering takes the kernel's lock on the device, then a fence number, then opens the socket;
    `OwnedElsewhere` at once when another process is the host. Leaving removes the socket, ends the running
    calls, gives the lock back.

    A call begins in the order of arrival on its connection and runs beside the others; it outlives its
    caller. A `SkycamError` that it raises reaches the caller with its code; anything else is logged and
    becomes `internal`. Every host also answers `ping` (`{"pid": …}`) and `metrics` (text).

    Args:
        folder: of sockets and locks; made, and kept at mode 0700.
        name: of the device's link: lower-case letters, digits, `_`, `-`.
        calls: handlers by name.
        metrics: gives this process's Prometheus text exposition; without it `metrics` answers an empty text.
        fences: asked for a number once the lock is held.

    Attributes:
        fence: this owner's number; None without `fences` or before entering.
        epoch: the life of this host; versions are compared within one epoch only.
        version: grows by one with each snapshot.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        calls: Mapping[str, Call],
        *,
        metrics: Callable[[], str | bytes] | None = None,
        fences: FenceStore | None = None,
    ) -> None:
        self.name, self.path = name, wire.socket_path(folder, name)
        self.fence: int | None = None
        self.epoch, self.version = "", 0
        self._state, self._line = b"{}", b""
        self._metrics, self._fences = metrics, fences
        if taken := calls.keys() & {"ping", "metrics"}:
            raise ValueError(f"every host answers {', '.join(sorted(taken))} by itself")
        self._calls: dict[str, Call] = {**calls, "ping": self._ping, "metrics": self._answer_metrics}
        self._peers: set[Peer] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushing = False
        self._lock = OwnerLock(self.path.with_suffix(".lock"), name)

    # ---- state

    def publish(self, state: Mapping[str, Any]) -> None:
        """Replace the state; several times in one turn of the event loop send one line. Keep below 64 KB.

        Before the host is entered this sets what the first mirror will see; afterwards it belongs to the
        host's loop. Raises `MessageTooLongError` beyond 512 KiB, `TypeError` for what JSON cannot express,
        `RuntimeError` in another thread or loop.
        """
        loop = self._loop
        if loop is not None and asyncio.get_running_loop() is not loop:
            raise RuntimeError(f"{self.name}: publish belongs to the event loop of the host")
        packed = orjson.dumps(state)
        if len(packed) > wire.LARGEST_STATE:
            raise MessageTooLongError(
                f"{self.name}: a state of {len(packed)} bytes; pictures and long lists travel as files"
            )
        self.version += 1
        self._state, self._line = packed, b'{"v":%d,"state":%b}\n' % (self.version, packed)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._loop is not None and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Send the newest snapshot to every mirror that lacks it, then the answers that waited for that.

        One that does not read gets both later: what is held for it is its answers and no snapshot.
        """
        self._flushing = False
        reading = [peer for peer in self._peers if peer.blocked_since is None]
        for peer in reading:
            peer.send_newest()
        for peer in reading:
            peer.send_answers()

    # ---- life

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        wire.private_folder(self.path.parent)
        self._lock.acquire()
        try:
            if self._fences is not None:
                self.fence = await asyncio.to_thread(self._fences.next_fence, self.name)
            self.epoch = uuid.uuid4().hex[:12]
            self._loop = loop
            self._server = await self._listen(loop)
        except BaseException:
            self._loop = None
            self._lock.release()
            raise
        self._beat_timer = loop.call_later(wire.BEAT, self._beat)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        self._loop = None
        self._beat_timer.cancel()
        self.path.unlink(missing_ok=True)  # before the lock goes: until then nobody else puts one there
        self._server.close()
        for peer in self._peers:
            peer.transport.abort()
        running = list(self._running)
        for task in running:
            task.cancel()
        try:
            await asyncio.sleep(0)  # the transports end in the loop's next turn
            if running:
                await asyncio.wait(running, timeout=wire.FAREWELL)
        finally:
            self._lock.release()

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        """Bind under another name, then rename: the socket appears private and listening, or not at all."""
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(str(fresh))
            fresh.chmod(0o600)
            server = await loop.create_unix_server(lambda: Peer(self), sock=listener, backlog=128)
        except BaseException:
            listener.close()
            raise
        fresh.rename(self.path)  # over the one that a killed host left
        return server

    def _beat(self) -> None:
        if (loop := self._loop) is not None:
            self._beat_timer = loop.call_later(wire.BEAT, self._beat)
            for peer in list(self._peers):
                peer.beat()

    # ---- calls

    async def _carry_out(self, peer: "Peer", message: dict[str, Any]) -> None:
        name, number = message["call"], message["id"]
        answer: dict[str, Any]
        try:
            if time.monotonic() > message["until"]:
                raise CallError(f"{self.name}: {name} came too late and was not carried out", code="expired")
            if name not in self._calls:
                raise CallError(f"{self.name} knows no call {name!r}", code="unknown_call")
            answer = {"result": await self._calls[name](**message.get("args", {}))}
        except SkycamError as error:
            answer = _refusal(error.code, str(error), getattr(error, "field", None))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the host ends; its caller sees the connection go
            answer = _refusal("internal", f"{self.name}: {name} was cancelled by the device session")
        except Exception as error:
            log.exception("%s: call %s failed", self.name, name)
            answer = _refusal("internal", f"{self.name}: {name}: {type(error).__name__}: {error}")
        peer.answer(name, answer | {"id": number, "v": self.version})
        self._flush_soon()

    async def _ping(self) -> dict[str, int]:
        return {"pid": os.getpid()}

    async def _answer_metrics(self) -> str:
        text = self._metrics() if self._metrics else ""
        return text if isinstance(text, str) else text.decode()


def _refusal(code: str, text: str, field: str | None = None) -> dict[str, Any]:
    named = {"field": field} if field else {}
    return {"error": {"code": code, "text": text, **named}}


class Peer(wire.Lines):
    """The host's end of one connection."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host, self._sent = host, -1
        self._answers: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        host = self._host
        if host._loop is None:  # accepted while the host was ending
            self.transport.abort()
            return
        self._sent = host.version
        self.transport.write(
            b'{"host":"%b","epoch":"%b","v":%d,"state":%b}\n'
            % (host.name.encode(), host.epoch.encode(), host.version, host._state)
        )
        host._peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._host._peers.discard(self)

    def received(self, line: bytes, message: dict[str, Any]) -> None:
        if type(message["id"]) is not int or not isinstance(message["call"], str):
            raise TypeError("id must be a number and call a word")
        if type(message["until"]) not in (int, float) or not isinstance(message.get("args", {}), dict):
            raise TypeError("until must be a time and args an object")
        # The host holds the task, not this connection: a call outlives its caller.
        task = asyncio.get_running_loop().create_task(self._host._carry_out(self, message))
        self._host._running.add(task)
        task.add_done_callback(self._host._running.discard)

    def broken(self, why: str) -> None:
        log.warning("%s: a caller speaks nonsense (%s); its connection is closed", self._host.name, why)

    def answer(self, name: str, answer: dict[str, Any]) -> None:
        """Take the answer to a call, to be sent after the snapshot that the call caused."""
        try:
            line = orjson.dumps(answer)
            if len(line) > wire.LONGEST_LINE:
                raise MessageTooLongError(f"an answer of {len(line)} bytes")
        except (TypeError, MessageTooLongError) as error:
            log.error("%s: the result of %s cannot be sent: %s", self._host.name, name, error)
            text = f"{self._host.name}: {name} was carried out, but its result cannot be sent: {error}"
            line = orjson.dumps({"id": answer["id"], "v": answer["v"]} | _refusal("internal", text))
        self._answers.append(line + b"\n")

    def send_answers(self) -> None:
        """Write the answers that wait, after `send_newest`."""
        if self._answers:
            lines, self._answers = b"".join(self._answers), []
            self.transport.write(lines)

    def send_newest(self) -> None:
        """Write the newest snapshot unless this end has it."""
        if self._sent < self._host.version:
            self._sent = self._host.version
            self.transport.write(self._host._line)

    def beat(self) -> None:
        """Say that the host is alive; drop the other end if it has not read for too long."""
        if self.blocked_since is None:
            self.transport.write(b'{"v":%d}\n' % self._host.version)
        elif time.monotonic() - self.blocked_since > wire.SLOW:
            log.warning("%s: a mirror that has not read for %g s is dropped", self._host.name, wire.SLOW)
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.pause_reading()  # no more calls from one that does not take its answers

    def resume_writing(self) -> None:
        super().resume_writing()
        self.transport.resume_reading()
        self.send_newest()
        self.send_answers()
