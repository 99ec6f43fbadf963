"""What of a sequence's brightness is light of the scene, and what the camera's error.

At dusk light bends faster than a long period can follow, in the hours around it hardly at all. The weaker the
flicker, the shorter a period tells the two apart; and where colours bend, light does.
"""

import numpy as np

from timelapse.pipeline.smoothing import third_differences, unlikelihood, whittaker

_PERIODS = np.geomspace(0.6, 1.5, 10)
"""Parts of the period asked for that are tried on a sequence."""
_COLOURED = 0.15
"""Least part of fast light that differs between channels; errors of the curves stay below a third of that."""
_COLOUR_PERIOD = 0.4
"""Part of the period asked for: faster changes of colour are the camera's."""
_REACH = 0.15
"""Part of the period asked for, to each side: how sharply in time colours say where light bends."""
_EVERYWHERE = 0.3
"""Light may bend anywhere, this much of its mean; less would trust the steps of a white balance."""


def scene_light(curve: np.ndarray, asked: float) -> np.ndarray:
    """The slow part of a sequence's exposures, `[n, 3]` EV.

    An exposure error is the same in every channel, light that changes fast changes its colour too: where
    colours stay, nothing says that it is light, and what was asked for holds.

    Args:
        curve: `[n, 3]` EV of each frame per channel.
        asked: frames, the period that is light where nothing else is known; with fewer frames it holds.
    """
    plain = whittaker(curve, asked)
    if len(curve) < asked:
        return plain
    bends = where_light_bends(curve, asked)
    found = whittaker(curve, light_period(curve.mean(1), asked, bends), bends=bends)
    followed = found - plain
    common = followed.mean(1, keepdims=True)
    return found if np.std(followed - common) > _COLOURED * np.std(common) else plain


def light_period(series: np.ndarray, asked: float, bends: np.ndarray | None = None) -> float:
    """The period that tells a sequence's light from its errors, 0.6 … 1.5 of `asked`, frames.

    The mean of those tried, each by the root of its likelihood: errors of a camera are not quite as independent
    as the likelihood takes them to be.

    Args:
        series: `[n]` EV of each frame.
        asked: frames.
        bends: as of `whittaker`.
    """
    against = np.array([unlikelihood(series, asked * part, bends) for part in _PERIODS])
    weight = np.exp(-(against - against.min()) / 4)
    return asked * float(np.average(_PERIODS, weights=weight))


def where_light_bends(curve: np.ndarray, asked: float) -> np.ndarray:
    """How rough light may be at each third difference, `[n - 3]` variances with a geometric mean of 1.

    Read from the differences of channels, which no exposure error touches.

    Args:
        curve: `[n, 3]` EV of each frame per channel, n > 3.
        asked: frames, as of `scene_light`.
    """
    colours = whittaker(np.diff(curve, axis=1), _COLOUR_PERIOD * asked)
    bent = (third_differences(colours) ** 2).sum(1)
    reach = round(_REACH * asked)
    taps = np.hanning(2 * reach + 3)
    bent = np.convolve(np.pad(bent, reach + 1, mode="edge"), taps / taps.sum(), "valid")
    rough = bent + _EVERYWHERE * max(float(bent.mean()), 1e-30)
    return rough / np.exp(np.log(rough).mean())
