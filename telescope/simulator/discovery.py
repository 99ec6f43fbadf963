"""UDP discovery, port 9900: `DwarfPing` in, `DwarfEcho` out, with passwords as the device does (made up)."""

import asyncio
import ipaddress
import socket
from typing import Any, cast

from google.protobuf.message import DecodeError

from telescope.dwarf.proto.discovery_pb2 import AccessPoint, DwarfEcho, DwarfPing, Model, Station
from telescope.simulator.device import Dwarf

MAGIC = "txtl"
PING, ECHO = 1, 2
MODEL_FAMILY = 2


class Discovery(asyncio.DatagramProtocol):
    """Answers pings, ignores everything else."""

    def __init__(self, device: Dwarf) -> None:
        self._device = device
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Called by the event loop for each datagram."""
        try:
            ping = DwarfPing.FromString(data)
        except DecodeError:
            return
        if ping.vocaltype != PING or ping.magic != MAGIC or not self._device.powered:
            return
        if self._transport is not None:
            self._transport.sendto(self.echo(ping, addr[0]).SerializeToString(), addr)

    def echo(self, ping: DwarfPing, peer: str) -> DwarfEcho:
        """The answer to a ping."""
        device = self._device
        return DwarfEcho(
            vocaltype=ECHO,
            timestamp=int(device.now() * 1000),
            magic=MAGIC,
            ts_ping=ping.timestamp,
            mac_address=bytes.fromhex(device.profile.mac.replace(":", "")),
            model=Model(family=MODEL_FAMILY, revision=1),
            sn=device.profile.serial,
            name=device.name,
            psw=device.password,
            fw_version=device.profile.firmware,
            ws_scheme="ws",
            ap=AccessPoint(
                ifname="wlan1", mode=1, country_code="DE", ssid=device.name, sec=1, psw=device.password,
                ipv4=ipaddress.IPv4Address("192.168.88.1").packed,
            ),
            sta=Station(ifname="wlan0", ssid="simulated", psw="simulated", rssi=-50, ipv4=self._own(peer)),
        )  # fmt: skip

    @staticmethod
    def _own(peer: str) -> bytes:
        """The address under which the peer reaches us, empty when there is none."""
        try:
            # Connecting a datagram socket sends nothing; it only asks the routing table.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect((peer, 9))
                return ipaddress.IPv4Address(probe.getsockname()[0]).packed
        except OSError:
            return b""
