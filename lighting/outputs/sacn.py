"""Streaming ACN (ANSI E1.31-2018), version 2 data packets over UDP."""

import socket
import uuid
from typing import Any

from lighting.outputs.base import Frames, Output
from skycam_project.common.units import Seconds

PORT = 5568
PRIORITY = 100
SOURCE = "Skycam lights"
FPS = 44.0


def packet(cid: bytes, universe: int, sequence: int, slots: bytes) -> bytes:
    """One data packet: root, framing and DMP layer (E1.31-2018 table 4-1).

    Args:
        cid: 16 bytes that name the sender.
        universe: 1..63999.
        sequence: 0..255, growing.
        slots: 1..512 bytes.
    """
    count = len(slots) + 1  # with the start code
    dmp = (
        (0x7000 | count + 10).to_bytes(2, "big")
        + bytes([2, 0xA1, 0, 0, 0, 1])
        + count.to_bytes(2, "big")
        + b"\0"
        + slots
    )
    name = SOURCE.encode().ljust(64, b"\0")
    framing = (0x7000 | len(dmp) + 77).to_bytes(2, "big") + (2).to_bytes(4, "big") + name
    framing += bytes([PRIORITY, 0, 0, sequence, 0]) + universe.to_bytes(2, "big") + dmp
    root = (0x7000 | len(framing) + 22).to_bytes(2, "big") + (4).to_bytes(4, "big") + cid + framing
    return bytes([0, 0x10, 0, 0]) + b"ASC-E1.17\0\0\0" + root


class Sacn(Output):
    """All universes; ours number 0 is `first`. Unchanged frames are repeated each second, receivers time out after 2.5 s."""

    driver = "sacn"
    refresh: Seconds | None = 1.0

    def __init__(self, host: str | None, first: int, port: int = PORT) -> None:
        super().__init__(FPS)
        self._host, self._first, self._port = host, first, port
        self._cid = uuid.uuid5(uuid.NAMESPACE_DNS, f"skycam.{uuid.getnode()}").bytes
        self._sequence = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)

    def select(self, frames: Frames) -> Frames:
        return frames

    def carries(self, universe: int) -> bool:
        return True

    def send(self, data: Frames) -> None:
        self._sequence = (self._sequence + 1) & 0xFF
        for universe, slots in data.items():
            number = self._first + universe
            host = self._host or f"239.255.{number >> 8}.{number & 0xFF}"
            self._socket.sendto(packet(self._cid, number, self._sequence, slots), (host, self._port))

    def close(self) -> None:
        self._socket.close()

    def facts(self) -> dict[str, Any]:
        return {"name": "sACN", "detail": f"universe {self._first}, {self._host or 'multicast'}"}
