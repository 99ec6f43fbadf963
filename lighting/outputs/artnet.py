"""Art-Net 4 ArtDmx over UDP."""

import socket
from typing import Any

from lighting.outputs.base import Frames, Output
from skycam_project.common.units import Seconds

PORT = 6454
FPS = 44.0


def packet(universe: int, sequence: int, slots: bytes) -> bytes:
    """One ArtDmx packet.

    The opcode and the port address are little-endian, the protocol version (14) and the length big-endian.

    Args:
        universe: 15-bit port address.
        sequence: 1..255; 0 would mean that there is none.
        slots: an even number of bytes, 2..512.
    """
    head = b"Art-Net\0" + (0x5000).to_bytes(2, "little") + (14).to_bytes(2, "big")
    return (
        head + bytes([sequence, 0]) + universe.to_bytes(2, "little") + len(slots).to_bytes(2, "big") + slots
    )


class ArtNet(Output):
    """All universes; ours number 0 is `first`. Unchanged frames are repeated each second (nodes want 0.8 to 1 s)."""

    driver = "artnet"
    refresh: Seconds | None = 0.9

    def __init__(self, host: str, first: int, port: int = PORT) -> None:
        super().__init__(FPS)
        self._host, self._first, self._port, self._sequence = host, first, port, 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def select(self, frames: Frames) -> Frames:
        return frames

    def carries(self, universe: int) -> bool:
        return True

    def send(self, data: Frames) -> None:
        self._sequence = self._sequence % 255 + 1
        for universe, slots in data.items():
            self._socket.sendto(
                packet(self._first + universe & 0x7FFF, self._sequence, slots), (self._host, self._port)
            )

    def close(self) -> None:
        self._socket.close()

    def facts(self) -> dict[str, Any]:
        return {"name": "Art-Net", "detail": f"universe {self._first}, {self._host}"}
