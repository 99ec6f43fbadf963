"""WebSocket client of a DWARF telescope: one persistent connection, commands with answers, notifications.

The protocol has no request numbers: an answer is known by its command number alone, so one request per
command may be under way and the others wait for their turn. After a request that got no answer in time, the
next answer to that command is held back a moment: if a second one follows, the first was the late one.

The keep-alive is a text frame, `ping` answered by `pong`; the WebSocket protocol's own ping stays off,
because devices answer it with an empty payload, which libraries take for a missing answer.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress
from enum import IntEnum
from typing import cast

from google.protobuf.message import DecodeError, Message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from skycam_project.common.units import Seconds
from telescope.dwarf.codes import Code
from telescope.dwarf.commands import module_of
from telescope.dwarf.http11 import Address
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.messages import notification_type, reply_type
from telescope.dwarf.proto.packet_pb2 import WsPacket
from telescope.dwarf.values import DEVICE_ID_DWARF3, MAJOR_VERSION, MINOR_VERSION_V3, PacketType
from telescope.errors import (
    ConnectionLostError,
    DeviceDataError,
    DwarfCommandError,
    NoAnswerError,
    NotConnectedError,
)

logger = logging.getLogger(__name__)

LARGEST_MESSAGE = 1 << 20
"""Bytes. The largest known message, the complete state, has about 1 KB."""
DEADLINE: Seconds = 10.0
PING_INTERVAL: Seconds = 5.0
MISSED_PONGS = 3
LATE_ANSWER: Seconds = 0.3
"""How long an answer is held back when an earlier request of its command is still unanswered."""


class _Waiting:
    """A request whose answer is awaited."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.held: bytes | None = None

    @property
    def answered(self) -> bool:
        return self.answer.done() and not self.answer.cancelled() and self.answer.exception() is None

    def settle(self, data: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(data)


class DwarfWsClient:
    """One connection; after it ended, make a new client.

    Args:
        address: host and port 9900 of the telescope.
        client_id: free text that stays the same for one installation, so that the master lock survives a
            reconnect.
        on_notification: called with each known notification, in order of arrival, from the receive loop: it
            must not block.
        deadline: how long connecting and ordinary commands may take, seconds.
        ping_interval: seconds between keep-alives; three without an answer end the connection.

    Attributes:
        closed: result is the reason, for people, once the connection ended.
    """

    def __init__(
        self,
        address: Address,
        *,
        client_id: str,
        on_notification: Callable[[Notify, Message], None],
        deadline: Seconds = DEADLINE,
        ping_interval: Seconds = PING_INTERVAL,
    ) -> None:
        self.address, self.client_id = address, client_id
        self._notify, self._deadline, self._ping_interval = on_notification, deadline, ping_interval
        self._socket: ClientConnection | None = None
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: dict[int, _Waiting] = {}
        self._unanswered: set[int] = set()
        self._pongs_missed = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def connect(self) -> None:
        """Open the connection. Raises `NotConnectedError` with the reason when that fails."""
        try:
            self._socket = await connect(
                f"ws://{self.address}/",
                ping_interval=None,
                compression=None,
                max_size=LARGEST_MESSAGE,
                open_timeout=self._deadline,
                close_timeout=2.0,
                proxy=None,
                user_agent_header=None,
            )
        except (OSError, TimeoutError, EOFError, WebSocketException) as error:
            reason = str(error) or "no answer"
            raise NotConnectedError(f"no DWARF at {self.address}: {reason}") from error
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._keep_alive())]

    async def close(self) -> None:
        """End the connection; requests under way fail. Harmless when it already ended."""
        self._end("closed by this program")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    async def request(
        self,
        command: IntEnum,
        message: Message | None = None,
        *,
        deadline: Seconds | None = None,
        accept: Collection[int] = (),
    ) -> Message:
        """Send a command and wait for its answer.

        Args:
            command: member of a group in `telescope.dwarf.commands`.
            message: its request message; nothing for an empty request.
            deadline: seconds to wait for the answer once it is this request's turn; the client's own by
                default.
            accept: result codes that are returned like success.

        Returns:
            The reply message.

        Raises:
            DwarfCommandError: the telescope answered with another code than 0.
            NoAnswerError: nothing came in time; whether the command was carried out is not known.
            NotConnectedError: not sent, the connection has ended.
            ConnectionLostError: the connection ended while waiting.
            DeviceDataError: the answer could not be decoded.
        """
        async with self._turns[command]:
            data = await self._exchange(command, message, deadline or self._deadline)
        reply = _decode(reply_type(command), data, command.name)
        code = int(getattr(reply, "code", 0))
        if code != 0 and code not in accept:
            raise _refusal(command, code)
        return reply

    def fail_requests(self, error: Exception, spare: Collection[int] = ()) -> None:
        """Let requests under way fail with `error`, e.g. because another client took the master lock.

        Args:
            error: what their callers get.
            spare: commands that go on.
        """
        for command, waiting in self._waiting.items():
            if command not in spare and not waiting.answer.done():
                waiting.answer.set_exception(error)

    async def _exchange(self, command: IntEnum, message: Message | None, deadline: Seconds) -> bytes:
        if self._socket is None or self.closed.done():
            reason = self.closed.result() if self.closed.done() else "not connected yet"
            raise NotConnectedError(f"{command.name} was not sent: {reason}")
        waiting = self._waiting[command] = _Waiting()
        packet = WsPacket(
            major_version=MAJOR_VERSION,
            minor_version=MINOR_VERSION_V3,
            device_id=DEVICE_ID_DWARF3,
            module_id=module_of(command) or 0,
            cmd=command,
            type=PacketType.REQUEST,
            data=b"" if message is None else message.SerializeToString(),
            client_id=self.client_id,
        )
        try:
            async with asyncio.timeout(deadline):
                await self._socket.send(packet.SerializeToString())
                return await waiting.answer
        except TimeoutError as error:
            raise NoAnswerError(
                f"the telescope did not answer {command.name} within {deadline:g} s"
            ) from error
        except ConnectionClosed as error:
            reason = _close_reason(self._socket)
            self._end(reason)
            raise ConnectionLostError(
                f"the connection ended while {command.name} was sent: {reason}"
            ) from error
        finally:
            del self._waiting[command]
            if not waiting.answered:
                self._unanswered.add(command)

    async def _receive(self) -> None:
        socket = cast(ClientConnection, self._socket)
        try:
            async for frame in socket:
                if isinstance(frame, str):
                    self._pongs_missed = 0
                    continue
                self._dispatch(frame)
            self._end(_close_reason(socket))
        except ConnectionClosed:
            self._end(_close_reason(socket))
        except Exception as error:  # a bug in a handler must not leave a connection that nobody reads
            logger.exception("websocket receive loop failed")
            self._end(f"internal error ({error})")

    def _dispatch(self, frame: bytes) -> None:
        packet = WsPacket()
        try:
            packet.ParseFromString(frame)
        except DecodeError:
            logger.warning("websocket ignored=garbage bytes=%d", len(frame))
            return
        if packet.cmd in self._waiting and packet.type in (PacketType.RESPONSE, PacketType.REPLY):
            self._answered(packet.cmd, packet.data)
        elif packet.type == PacketType.NOTIFICATION and (kind := notification_type(packet.cmd)):
            try:
                message = _decode(kind, packet.data, str(packet.cmd))
            except DeviceDataError as error:
                logger.warning("websocket ignored=notification reason=%s", error)
                return
            self._notify(Notify(packet.cmd), message)
        else:
            self._unanswered.discard(packet.cmd)
            logger.debug("websocket ignored cmd=%d type=%d", packet.cmd, packet.type)

    def _answered(self, command: int, data: bytes) -> None:
        waiting = self._waiting[command]
        if command in self._unanswered:
            self._unanswered.discard(command)
            waiting.held = data
            asyncio.get_running_loop().call_later(
                LATE_ANSWER, lambda: waiting.settle(cast(bytes, waiting.held))
            )
        else:
            waiting.settle(data)

    async def _keep_alive(self) -> None:
        socket = cast(ClientConnection, self._socket)
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(self._ping_interval)
                if self._pongs_missed >= MISSED_PONGS:
                    self._end(f"no sign of life for {self._pongs_missed * self._ping_interval:g} s")
                    socket.transport.abort()
                    return
                self._pongs_missed += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._ping_interval):
                        await socket.send("ping")

    def _end(self, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)
            self.fail_requests(ConnectionLostError(f"the connection to the telescope ended: {reason}"))


def _decode(kind: type[Message], data: bytes, name: str) -> Message:
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise DeviceDataError(f"the telescope sent {name} in a form that cannot be decoded") from error
    return message


def _refusal(command: IntEnum, code: int) -> DwarfCommandError:
    try:
        known = Code(code)
    except ValueError:
        return DwarfCommandError(command.name, code, "", "the reason is not documented")
    return DwarfCommandError(command.name, code, known.name, known.meaning)


def _close_reason(socket: ClientConnection) -> str:
    if "OCCUPIED" in (socket.close_reason or ""):
        return "it is controlled by another app (DEVICE_OCCUPIED); close that app"
    code = f"code {socket.close_code}" if socket.close_code not in (None, 1000, 1006) else "without a reason"
    return f"closed by the telescope, {socket.close_reason or code}"
