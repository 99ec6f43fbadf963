"""A flat panel in front of a simulated camera: an Art-Net node whose light the camera sees while it shines."""

import math
import random
import socket
import threading
import time

HEADER = b"Art-Net\0\x00\x50"
SILENCE = 4.0
"""Seconds without a packet after which the node goes dark; senders repeat theirs about once a second."""


class Panel:
    """Listens for ArtDmx and knows how bright the panel is.

    Args:
        port: UDP at 127.0.0.1; 0: any free one.
        channel: first one, 1 to 512.
        bits: 8, or 16 for a coarse and a fine channel.
        gamma: of the panel's dimming: light is the setting to this power.
        flicker: amplitude of its light, share.
        universe: Art-Net's port address.
    """

    def __init__(
        self,
        port: int,
        channel: int = 1,
        bits: int = 16,
        gamma: float = 2.2,
        flicker: float = 0.02,
        universe: int = 0,
    ) -> None:
        self.channel, self.bits, self.gamma, self.flicker, self.universe = (
            channel,
            bits,
            gamma,
            flicker,
            universe,
        )
        self._setting, self._heard = 0.0, -math.inf
        self._random = random.Random(1)  # noqa: S311 - flicker
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, name="flat panel", daemon=True).start()

    def _listen(self) -> None:
        while True:
            packet = self._socket.recv(2048)
            if packet.startswith(HEADER) and int.from_bytes(packet[14:16], "little") == self.universe:
                value = packet[17 + self.channel : 17 + self.channel + self.bits // 8]
                if len(value) == self.bits // 8:
                    self._setting = int.from_bytes(value, "big") / (2**self.bits - 1)
                    self._heard = time.monotonic()

    def light(self) -> float:
        """Now, as a share of what it gives at most."""
        if time.monotonic() - self._heard > SILENCE:
            return 0.0
        return self._setting**self.gamma * (1 + self.flicker * math.sin(self._random.uniform(0, 2 * math.pi)))
