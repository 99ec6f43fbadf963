"""The WebSocket server, port 9900: keep-alive, packets in, replies and notifications out."""

import asyncio
import contextlib
import inspect
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.protobuf.message import DecodeError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import command
from telescope.dwarf.proto.messages import reply_type, request_type
from telescope.dwarf.proto.packet_pb2 import WsPacket
from telescope.dwarf.values import PacketType
from telescope.simulator import handlers as handlers  # fills HANDLERS
from telescope.simulator.clients import Client
from telescope.simulator.device import Dwarf
from telescope.simulator.wire import HANDLERS, Call, Handler, RefusedError, reply_for, reply_packet

logger = logging.getLogger(__name__)

MAX_MESSAGE = 1 << 20
POLICY_VIOLATION = 1008


async def serve_websocket(device: Dwarf, host: str, port: int) -> Server:
    """Listen; the returned server is closed by its owner."""

    class Connection(ServerConnection):
        def __init__(self, protocol: ServerProtocol, *args: Any, **options: Any) -> None:
            _answer_pings_emptily(protocol, device)
            super().__init__(protocol, *args, **options)

    def admit(connection: ServerConnection, _request: Request) -> Response | None:
        # Switched off, the device would not answer at all; refusing is the nearest that an open port can do.
        return None if device.powered else connection.respond(503, "powered off\n")

    return await serve(
        lambda connection: _Conversation(device, connection).run(), host, port, process_request=admit,
        create_connection=Connection, compression=None, ping_interval=None, max_size=MAX_MESSAGE,
        close_timeout=1,
    )  # fmt: skip


def _answer_pings_emptily(protocol: ServerProtocol, device: Dwarf) -> None:
    """The device answers control pings with an empty payload, which the library would not do by itself."""
    send = protocol.send_frame

    def send_frame(frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            if device.faults.no_pong:
                return
            frame = Frame(Opcode.PONG, b"")
        send(frame)

    protocol.send_frame = send_frame


class _Conversation:
    """One connection from beginning to end."""

    def __init__(self, device: Dwarf, connection: ServerConnection) -> None:
        self._device, self._connection = device, connection
        request = connection.request
        query = parse_qs(urlsplit(request.path if request else "/").query)
        self._client = Client(query.get("client_id", [""])[0], self._drop)

    def _drop(self) -> None:
        self._connection.transport.abort()

    async def _drop_later(self, seconds: float) -> None:
        await self._device.clock.sleep(seconds)
        self._drop()

    async def run(self) -> None:
        device, client = self._device, self._client
        if device.faults.occupied and len(device.clients):
            await self._connection.close(POLICY_VIOLATION, "DEVICE_OCCUPIED")
            return
        device.clients.add(client)
        sender = asyncio.create_task(self._send_all())
        if device.faults.drop_after:
            device.spawn(self._drop_later(device.faults.drop_after))
        try:
            device.greet(client)
            async for message in self._connection:
                if isinstance(message, bytes):
                    self._receive(message)
                elif message == "ping" and not device.faults.no_pong:
                    client.send("pong")
        except ConnectionClosed:
            logger.debug("client %s broke off", client.id)
        finally:
            sender.cancel()
            device.clients.remove(client)

    async def _send_all(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._connection.send(await self._client.outgoing.get())
                self._client.outgoing.task_done()

    def _receive(self, data: bytes) -> None:
        """Take one packet; nonsense is ignored, as a client could not match an answer to it."""
        device, client = self._device, self._client
        try:
            packet = WsPacket.FromString(data)
        except DecodeError:
            logger.debug("client %s sent %d bytes that are no packet", client.id, len(data))
            return
        client.id = client.id or packet.client_id
        handler = HANDLERS.get(packet.cmd)
        if packet.type != PacketType.REQUEST or handler is None:
            name = getattr(command(packet.cmd), "name", "unknown")
            logger.info("command %d (%s) is not simulated: no answer", packet.cmd, name)
            return
        dialect = 2 if device.setup.v2 else 3
        if dialect not in handler.dialects:
            if handler.drops:
                client.drop()
            return
        if handler.control and not device.clients.is_host(client):
            logger.info("client %s is not host: command %d ignored", client.id, packet.cmd)
            return
        try:
            request = request_type(packet.cmd).FromString(packet.data)
        except DecodeError:
            # One reply has no place for a code; the device can only be silent.
            if "code" in reply_type(packet.cmd).DESCRIPTOR.fields_by_name:
                self._reply(packet.cmd, RefusedError(Code.WS_PARSE_PROTOBUF_ERROR))
            return
        device.spawn(self._answer(handler, Call(device, client, packet.cmd, request)))

    async def _answer(self, handler: Handler, call: Call) -> None:
        try:
            answer = handler.function(call)
            if inspect.isawaitable(answer):
                answer = await answer
        except RefusedError as error:
            self._reply(call.cmd, error)
            return
        if answer is not None:
            message = reply_for(call.cmd, answer)
            self._client.send(reply_packet(call.cmd, message, self._device.setup.v2))

    def _reply(self, cmd: int, error: RefusedError) -> None:
        message = reply_for(cmd, error.code, **error.details)
        self._client.send(reply_packet(cmd, message, self._device.setup.v2))
