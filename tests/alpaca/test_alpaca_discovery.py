"""Discovery over real UDP sockets of this machine."""

import asyncio
import contextlib
import json
import socket

import pytest

from alpaca.protocol import discovery
from alpaca.protocol.discovery import Responder, own_address, respond
from skycam_project.common.access import Access
from tests.ports import free_port

DEVICES = [{"DeviceName": "DWARF 3", "DeviceType": "Telescope", "DeviceNumber": 0, "UniqueID": "6f1c"}]
LOOPBACK = Access(["127.0.0.0/8"], ["localhost"]).allows
BROADCAST = "127.255.255.255"
"""Of the loopback network: clients send there too."""


@contextlib.asynccontextmanager
async def serving(port: int, allows=LOOPBACK, devices=lambda: DEVICES, tcp_port: int = 8080):
    transport = await respond(Responder(tcp_port, "Skycam", devices, allows), port)
    try:
        yield
    finally:
        transport.close()
        await asyncio.sleep(0)


class Asker:
    """A client's socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.bind(("0.0.0.0", 0))

    async def ask(
        self, port: int, request: bytes = b"alpacadiscovery1", to: str = "127.0.0.1", wait: float = 5.0
    ):
        """The answer as bytes and its sender; None after `wait` seconds without one."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(self.socket, request, (to, port))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                return await loop.sock_recvfrom(self.socket, 65_536)
        return None


@pytest.fixture
def asker():
    asker = Asker()
    yield asker
    asker.socket.close()


async def test_the_answer_names_port_server_address_and_devices(asker):
    port = free_port()
    async with serving(port, tcp_port=11111):
        data, _sender = await asker.ask(port)
    assert json.loads(data) == {
        "AlpacaPort": 11111,
        "ServerName": "Skycam",
        "Address": "http://127.0.0.1:11111",
        "Devices": DEVICES,
    }


async def test_broadcasts_are_answered_by_unicast_from_the_discovery_port(asker):
    port = free_port()
    async with serving(port):
        data, sender = await asker.ask(port, to=BROADCAST)
    assert json.loads(data)["AlpacaPort"] == 8080
    assert sender[1] == port


@pytest.mark.parametrize(
    "request_",
    [b"alpacadiscovery1", b"alpacadiscovery9", b"alpacadiscoveryZ", b"alpacadiscovery1" + b"\0" * 48],
)
async def test_later_versions_and_longer_requests_are_answered(asker, request_):
    port = free_port()
    async with serving(port):
        assert await asker.ask(port, request_) is not None


@pytest.mark.parametrize(
    "request_", [b"", b"alpacadiscovery", b"AlpacaDiscovery1", b"xalpacadiscovery1", b"\xff" * 60_000]
)
async def test_anything_else_is_not_answered_and_does_no_harm(asker, request_):
    port = free_port()
    async with serving(port):
        assert await asker.ask(port, request_, wait=0.1) is None
        assert await asker.ask(port) is not None


async def test_other_networks_are_not_answered(asker):
    port = free_port()
    async with serving(port, allows=Access(["10.0.0.0/8"], []).allows):
        assert await asker.ask(port, wait=0.1) is None


async def test_several_servers_share_the_port(asker):
    port = free_port()
    async with serving(port, tcp_port=1), serving(port, tcp_port=2):
        answers = set()
        first, _ = await asker.ask(port, to=BROADCAST)
        second, _ = await asyncio.get_running_loop().sock_recvfrom(asker.socket, 65_536)
        answers = {json.loads(first)["AlpacaPort"], json.loads(second)["AlpacaPort"]}
    assert answers == {1, 2}


async def test_a_flood_gets_a_bounded_number_of_answers(asker, monkeypatch):
    monkeypatch.setattr(discovery, "ANSWERS_PER_SECOND", 5)
    port = free_port()
    async with serving(port):
        loop = asyncio.get_running_loop()
        for _ in range(100):
            await loop.sock_sendto(asker.socket, b"alpacadiscovery1", ("127.0.0.1", port))
        answers = 0
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.3):
                    await loop.sock_recvfrom(asker.socket, 65_536)
                answers += 1
    assert 1 <= answers <= 10  # the flood may straddle a second


async def test_a_list_too_long_for_a_packet_is_left_out(asker):
    port = free_port()
    async with serving(port, devices=lambda: DEVICES * 100):
        data, _ = await asker.ask(port)
    assert set(json.loads(data)) == {"AlpacaPort", "ServerName", "Address"}


def test_the_own_address_is_the_one_on_the_way_to_the_peer():
    assert own_address("127.0.0.1") == "127.0.0.1"
