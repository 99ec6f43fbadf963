"""The simulated telescope with a flat panel before its aperture."""

import numpy as np
from numpy.typing import NDArray

from sky.panel import Panel
from telescope.simulator.renderer import Renderer, Shot

OFFSET, FULL = 200, 4095
ELECTRONS_PER_ADU, GAIN = 4.0, 60
"""At gain 60; a step of 10 there is a decibel."""
COLOURS = np.array([[0.8, 1.0], [1.0, 0.7]], np.float32)
"""What the panel's white gives behind red, green and blue filters."""


class PanelRenderer:
    """A renderer that the panel covers while it shines.

    Args:
        behind: paints what the telescope sees without it.
        panel: before the aperture.
        strength: share of full scale that it gives in 1 s at full light and gain 60.
    """

    def __init__(self, behind: Renderer, panel: Panel, strength: float = 2.0) -> None:
        self._behind, self.panel, self._strength = behind, panel, strength

    def __call__(self, shot: Shot) -> NDArray[np.uint16]:
        light = self.panel.light() if shot.light else 0.0
        if light <= 0:
            return self._behind(shot)
        width, height = shot.camera.width, shot.camera.height
        amplified = 10 ** ((shot.gain - GAIN) / 200)
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        field = (1 - 0.15 * (x**2 + y**2)).astype(np.float32) * np.tile(COLOURS, (height // 2, width // 2))
        electrons = field * light * self._strength * shot.exposure * (FULL - OFFSET) * ELECTRONS_PER_ADU
        noise = np.random.default_rng(shot.seed).standard_normal(field.shape, dtype=np.float32)
        counts = (electrons + noise * np.sqrt(electrons)) / ELECTRONS_PER_ADU * amplified
        return np.clip(np.rint(counts) + OFFSET, 0, FULL).astype(np.uint16)
