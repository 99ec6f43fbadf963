"""How good a night's frames are, whatever is made of them: by their stars, in daylight as pictures of the day."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from timelapse.night.curves import Curves
from timelapse.night.frames import NEUTRAL, Look, NightFrame, tone
from timelapse.pipeline import quality
from timelapse.pipeline.quality import Measures

_DUSK = -4.0
"""Altitude of the sun below which stars are looked for."""
EVERY = 4
"""Where no product needs the stars of all frames, those of every fourth are looked for: on a night of passing clouds the
product's quality came out within 0.01 of that of all."""


class Grades:
    """Measures frames, and says how good they are together.

    Args:
        whole: every frame without daylight is measured, for its row in `curves`; else every fourth.

    Attributes:
        curves: of the frames without daylight.
    """

    def __init__(self, *, whole: bool) -> None:
        self.curves = Curves()
        self._whole, self._count = whole, 0
        self._daylight: list[Measures] = []

    def append(self, look: Look) -> None:
        """The next frame."""
        turn = self._count % EVERY == 0
        self._count += 1
        if look.sun_deg is None or look.sun_deg < _DUSK:
            if turn or self._whole:
                self.curves.append(look)
        elif turn:
            self._daylight.append(_by_day(look))

    def quality(self) -> float | None:
        """Of a product of these frames, 0 to 1; by the dark ones if there are any. None before the first frame."""
        if self.curves.rows:
            totals = self.curves.scores().total.tolist()
        elif self._daylight:
            still = [0.0] * len(self._daylight)  # motion is not measured here
            totals = [one.total for one in quality.scores(self._daylight, still)]
        else:
            return None
        return round(quality.of_product(totals), 4)

    def state(self) -> dict[str, Any]:
        """For `restore`; JSON."""
        daylight = [asdict(one) for one in self._daylight]
        return {"count": self._count, "daylight": daylight, "curves": self.curves.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._count = state["count"]
        self._daylight = [Measures(**one) for one in state["daylight"]]
        self.curves.restore(state["curves"])


def _by_day(look: Look) -> Measures:
    frame, small = look.frame, look.colour[::4, ::4]
    return quality.measure(
        _codes(look.light, frame), _codes(small, frame) if frame.linear else tone(small, frame, NEUTRAL)
    )


def _codes(light: NDArray[Any], frame: NightFrame) -> NDArray[np.uint8]:
    """Linear light as a picture's codes, near enough to sRGB's."""
    share = (light.astype(np.float32) - np.float32(frame.offset)) / np.float32(frame.top - frame.offset)
    return (255 * np.clip(share, 0, 1) ** np.float32(1 / 2.2) + np.float32(0.5)).astype(np.uint8)
