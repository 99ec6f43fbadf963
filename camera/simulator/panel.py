"""The lens of the simulated camera with a flat panel before it."""

import numpy as np
from numpy.typing import NDArray

from camera.simulator.camera import Shot
from camera.simulator.scene import FULL_WELL, READ_NOISE, NightScene, to_srgb
from sky.panel import Panel


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
