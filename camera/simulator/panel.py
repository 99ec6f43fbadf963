"""A flat panel in front of the simulated camera: an Art-Net node whose light the camera sees while it shines."""

import math
import random
import socket
import threading
import time

import numpy as np
from numpy.typing import NDArray

from camera.simulator.camera import Shot
from camera.simulator.scene import FULL_WELL, READ_NOISE, NightScene, to_srgb

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


class PanelScene:
    """A scene that the panel covers while it shines; the lens makes the corners darker.

    Args:
        scene: what is behind the panel.
        panel: in front of the lens.
        strength: linear level after 1 s at full light with ISO 100 and f/2.8.
    """

    def __init__(self, scene: NightScene, panel: Panel, strength: float = 2.0) -> None:
        self._scene, self.panel, self._strength = scene, panel, strength
        self._behind, scene.render = scene.render, self._render
        self.size, self.has_raw = scene.size, False
        self.preview = scene.preview
        self._noise = np.random.default_rng(5)

    def files(self, shot: Shot, jpeg: bool, raw: bool) -> list[tuple[str, bytes]]:
        """The JPEG of one exposure."""
        return self._scene.files(shot, jpeg, False)

    def _render(
        self, shot: Shot, size: tuple[int, int], mosaic: NDArray[np.uint16] | None = None
    ) -> NDArray[np.uint8]:
        light = self.panel.light()
        if light <= 0:
            return self._behind(shot, size, mosaic)
        width, height = size
        level = light * self._strength * shot.exposure_s * shot.iso / 100 * (2.8 / shot.f_number) ** 2
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        field = (1 - 0.3 * (x**2 + y**2) / 2)[..., None] * np.array([0.92, 1.0, 0.85], np.float32) * level
        electrons = FULL_WELL * 100 / shot.iso
        deviation = np.sqrt(np.clip(field, 0, None) / electrons + (READ_NOISE / electrons) ** 2)
        field += deviation * self._noise.standard_normal(field.shape, dtype=np.float32)
        picture = np.zeros((height, width, 4), np.uint8)
        picture[..., :3] = np.rint(255 * to_srgb(np.clip(field, 0, 1)))
        return picture
