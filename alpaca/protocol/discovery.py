"""Alpaca discovery over IPv4: a client asks by broadcast, every server answers with its port.

The answer is `{"AlpacaPort": 8080, …}`; the further keys name the server, its address as seen by the asker,
and its devices. Clients must ignore keys that they don't know (Alpaca API reference, chapter "Discovery").
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import orjson

log = logging.getLogger(__name__)

PORT = 32227
PREFIX = b"alpacadiscovery"
SHORTEST = 16
"""Bytes of a request: the prefix and one character for the version."""
ANSWERS_PER_SECOND = 50
"""A client asks a few times; a flood with an invented sender would otherwise be shouted at."""
LARGEST_ANSWER = 1200
"""Bytes; more does not fit a packet safely. The list of devices is left out then."""

Device = Mapping[str, Any]
"""DeviceName, DeviceType, DeviceNumber, UniqueID: as in `configureddevices`."""


class Responder(asyncio.DatagramProtocol):
    """Answers discovery requests.

    Args:
        port: TCP port of the Alpaca server, told to whoever asks.
        name: the server's name.
        devices: gives the devices of the moment.
        allows: whether an address may use the server: nobody else is answered.
    """

    def __init__(
        self,
        port: int,
        name: str,
        devices: Callable[[], Sequence[Device]],
        allows: Callable[[str], bool],
    ) -> None:
        self._port, self._name, self._devices, self._allows = port, name, devices, allows
        self._transport: asyncio.DatagramTransport | None = None
        self._second, self._answered = 0, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own datagram transport is no subclass of it in Python 3.11
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = len(data) >= SHORTEST and data.startswith(PREFIX) and self._allows(addr[0])
        if not asked or not self._transport or not self._has_time():
            return
        try:
            self._transport.sendto(self._answer(addr[0]), addr)
        except OSError as error:
            self.error_received(error)  # no route back, for instance

    def error_received(self, exc: Exception) -> None:
        log.debug("discovery: an answer was not delivered: %s", exc)

    def _has_time(self) -> bool:
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._answered = second, 0
        self._answered += 1
        return self._answered <= ANSWERS_PER_SECOND

    def _answer(self, peer: str) -> bytes:
        answer: dict[str, Any] = {
            "AlpacaPort": self._port,
            "ServerName": self._name,
            "Address": f"http://{own_address(peer)}:{self._port}",
        }
        complete = orjson.dumps({**answer, "Devices": [dict(device) for device in self._devices()]})
        return complete if len(complete) <= LARGEST_ANSWER else orjson.dumps(answer)


def own_address(peer: str) -> str:
    """The address under which `peer` reaches this machine: the one that the route to it leaves from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((peer, 9))  # a UDP connect sends nothing
        return probe.getsockname()[0]


def open_socket(port: int = PORT) -> socket.socket:
    """A socket that hears broadcasts on every interface and shares the port with other servers here.

    Raises `OSError` when another program holds the port without sharing it.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setblocking(False)
        sock.bind(("0.0.0.0", port))  # noqa: S104  # bound to one address, Linux delivers no broadcasts
    except BaseException:
        sock.close()
        raise
    return sock


async def respond(responder: Responder, discovery_port: int = PORT) -> asyncio.DatagramTransport:
    """Answer in the running loop until the returned transport is closed; raises like `open_socket`."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: responder, sock=open_socket(discovery_port)
    )
    return transport
