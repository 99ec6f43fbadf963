"""The connected clients, and which of them is host."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from google.protobuf.message import Message

from telescope.dwarf.commands import Module
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.notify_pb2 import ResNotifyHostSlaveMode
from telescope.dwarf.values import HostMode
from telescope.simulator.wire import notification_packet

logger = logging.getLogger(__name__)

FLUSH = 1.0
"""Real seconds that a client may take to read the last packets before it is dropped."""
QUEUE = 4000
"""Packets that wait for a slow client before it is dropped."""


@dataclass(eq=False)
class Client:
    """One WebSocket connection.

    Attributes:
        id: what the client calls itself, for the log.
        drop: breaks the connection at once, without a closing handshake.
    """

    id: str
    drop: Callable[[], None]
    outgoing: asyncio.Queue[bytes | str] = field(default_factory=lambda: asyncio.Queue(QUEUE))

    def send(self, packet: bytes | str) -> None:
        """Queue a packet or the text of a keep-alive; a client that lets too many wait is dropped."""
        try:
            self.outgoing.put_nowait(packet)
        except asyncio.QueueFull:
            logger.warning("client %s does not read: dropped", self.id)
            self.drop()


class Clients:
    """Who is connected and who may give commands.

    The first client is host; one that asks for the lock becomes host unless another one holds it. When the
    host leaves, the eldest remaining client follows it.
    """

    def __init__(self) -> None:
        self._all: list[Client] = []
        self.host: Client | None = None
        self.locked = False
        self.foreign_host = False

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self):
        return iter(list(self._all))

    def add(self, client: Client) -> None:
        """A client has connected."""
        self._all.append(client)
        if self.host is None:
            self.host = client

    def remove(self, client: Client) -> None:
        """A client has gone; the role goes to the eldest of the others, who are told."""
        if client in self._all:
            self._all.remove(client)
        if client is self.host:
            self.host = self._all[0] if self._all else None
            self.locked = False
            self.tell_roles()

    def is_host(self, client: Client) -> bool:
        """True when this client's control commands are obeyed."""
        return client is self.host and not self.foreign_host

    def lock(self, client: Client, wanted: bool) -> None:
        """Answer 13004: take or release the lock, and tell everybody."""
        if wanted and (self.host is client or not self.locked):
            self.host, self.locked = client, True
        elif not wanted and self.host is client:
            self.locked = False
        self.tell_roles()

    def set_foreign_host(self, present: bool) -> None:
        """A controller that nobody sees becomes host, or leaves."""
        if present != self.foreign_host:
            self.foreign_host = present
            self.tell_roles()

    def role(self, client: Client) -> ResNotifyHostSlaveMode:
        """What 15223 says to this client."""
        if self.foreign_host:
            return ResNotifyHostSlaveMode(mode=HostMode.SLAVE, lock=True)
        mode = HostMode.HOST if client is self.host else HostMode.SLAVE
        return ResNotifyHostSlaveMode(mode=mode, lock=self.locked)

    def tell_roles(self) -> None:
        """Send each client its own 15223."""
        for client in self:
            client.send(notification_packet(Notify.WS_HOST_SLAVE_MODE, self.role(client)))

    def broadcast(self, cmd: int, message: Message, module: Module = Module.NOTIFY) -> None:
        """Send a notification to every client."""
        packet = notification_packet(cmd, message, module)
        for client in self:
            client.send(packet)

    async def flush(self) -> None:
        """Wait until what was sent has left, as long as the clients read."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH):
                for client in self:
                    await client.outgoing.join()

    def drop_all(self) -> None:
        """Break every connection."""
        for client in self:
            client.drop()
