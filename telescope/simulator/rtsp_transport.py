"""How RTP packets reach one client: interleaved with RTSP on its connection, or as datagrams."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol, cast

from skycam_project.common.units import Seconds
from telescope.simulator.rtp import CLOCK, Source
from telescope.simulator.video import Channel

logger = logging.getLogger(__name__)

SLOW = 4 << 20
"""Bytes that wait for a client before it is dropped."""
REPORT_PERIOD: Seconds = 5.0
_TRIES = 50


class Transport(Protocol):
    """A way to a client; nothing here waits."""

    def describe(self) -> str:
        """The transport as the reply to SETUP says it."""
        ...

    def send(self, packets: list[bytes]) -> bool:
        """Send RTP packets; False when the client does not take them."""
        ...

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        ...

    def close(self) -> None:
        """Give back what was opened for it."""
        ...


class Interleaved:
    """Packets between the replies, behind `$`, a channel and a length (RFC 2326, 10.12).

    Args:
        writer: the RTSP connection; it stays its owner's.
        channels: of RTP and RTCP, 0-255.
    """

    def __init__(self, writer: asyncio.StreamWriter, channels: tuple[int, int]) -> None:
        self._writer, self.channels = writer, channels

    def describe(self) -> str:
        return f"RTP/AVP/TCP;unicast;interleaved={self.channels[0]}-{self.channels[1]}"

    def send(self, packets: list[bytes]) -> bool:
        self._write(self.channels[0], packets)
        return self._writer.transport.get_write_buffer_size() <= SLOW

    def report(self, packet: bytes) -> None:
        self._write(self.channels[1], [packet])

    def close(self) -> None:
        pass

    def _write(self, channel: int, packets: list[bytes]) -> None:
        if not self._writer.is_closing():
            self._writer.write(b"".join(b"$%c%b%b" % (channel, len(p).to_bytes(2), p) for p in packets))


class _Socket(asyncio.DatagramProtocol):
    """Tells that something came; what a vanished client's machine refuses is not an error.

    Attributes:
        is_full: the network takes no more now; what is not sent is lost, as datagrams may be.
    """

    transport: asyncio.DatagramTransport

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard
        self.is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        self._heard()

    def error_received(self, exc: Exception) -> None:
        logger.debug("a datagram was refused: %s", exc)


class Datagrams:
    """Packets as UDP datagrams from a pair of ports to a pair of ports of the client's machine."""

    def __init__(self, sockets: list[_Socket], client: tuple[int, int], server: tuple[int, int]) -> None:
        self._sockets, self._client, self._server = sockets, client, server

    @classmethod
    async def open(
        cls, host: str, peer: str, ports: tuple[int, int], heard: Callable[[], None]
    ) -> "Datagrams":
        """Bind an even port and the next one.

        Args:
            host: own address.
            peer: the client's address; nobody else is sent to.
            ports: the client's, of RTP and RTCP.
            heard: called when something comes from the client.

        Raises:
            OSError: no pair of ports is free.
        """
        for _ in range(_TRIES):
            first = await _bind(host, 0, (peer, ports[0]), heard)
            port = first.transport.get_extra_info("sockname")[1]
            if port % 2 == 0:
                try:
                    second = await _bind(host, port + 1, (peer, ports[1]), heard)
                except OSError:
                    logger.debug("port %d is taken", port + 1)
                else:
                    return cls([first, second], ports, (port, port + 1))
            first.transport.close()
        raise OSError(f"no two neighbouring UDP ports are free at {host}")

    def describe(self) -> str:
        client, server = self._client, self._server
        return f"RTP/AVP;unicast;client_port={client[0]}-{client[1]};server_port={server[0]}-{server[1]}"

    def send(self, packets: list[bytes]) -> bool:
        for packet in packets:
            if not self._sockets[0].is_full:
                self._sockets[0].transport.sendto(packet)
        return True

    def report(self, packet: bytes) -> None:
        self._sockets[1].transport.sendto(packet)

    def close(self) -> None:
        for socket in self._sockets:
            socket.transport.close()


async def _bind(host: str, port: int, remote: tuple[str, int], heard: Callable[[], None]) -> _Socket:
    _, socket = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Socket(heard), local_addr=(host, port), remote_addr=remote
    )
    return socket


class Session:
    """What a client has set up: a `video.Player`.

    Args:
        drop: breaks the client's connection.

    Attributes:
        source: numbers the packets.
        playing: between PLAY and PAUSE.
    """

    def __init__(self, id_: str, channel: Channel, transport: Transport, drop: Callable[[], None]) -> None:
        self.id, self.channel, self.transport = id_, channel, transport
        self.source = Source()
        self.playing = False
        self._drop = drop
        self._reported: Seconds | None = None

    def play(self) -> None:
        """Begin to send; again while it plays changes nothing."""
        self.playing = True
        self.channel.join(self)

    def pause(self) -> None:
        """Send no more."""
        self.playing = False
        self.channel.leave(self)

    def send(self, frame: list[bytes], ticks: int) -> None:
        """Send one frame, and from time to time a report; drop a client that does not read."""
        now = ticks / CLOCK
        if self._reported is None or now - self._reported >= REPORT_PERIOD:
            self._reported = now
            self.transport.report(self.source.report(ticks, time.time()))
        if not self.transport.send(self.source.packets(frame, ticks)):
            logger.warning("an RTSP client does not read: dropped")
            self.pause()
            self._drop()

    def end(self) -> None:
        """The stream was withdrawn: silence, as with the device; one that is switched off hangs up."""
        self.playing = False
        if not self.channel.is_powered:
            self._drop()
