"""What a frame is worth at night, 0…1, and why it may be left out."""

from dataclasses import dataclass

import numpy as np

from skycam_project.common.units import Pixels

_WEIGHTS = {"exposure": 0.3, "focus": 0.3, "noise": 0.15, "sky": 0.25}


@dataclass(frozen=True, slots=True)
class Scores:
    """Each 0…1; `total` is their weighted geometric mean."""

    exposure: float
    focus: float
    noise: float
    sky: float
    total: float
    reason: str  # what is worst, when the frame is poor; else empty


def exposure_score(level: float, clipped: float) -> float:
    """Of the sky's background as a share of the range: 5 to 35 % is fine; and of saturated pixels.

    Args:
        level: background, 0…1.
        clipped: share of saturated pixels, 0…1.
    """
    dark = np.clip(level / 0.05, 0, 1) ** 0.5  # a dark frame of a good sensor still holds its stars
    bright = np.clip((0.95 - level) / 0.60, 0, 1)
    return float(dark * bright * (1 - 0.6 * np.clip(clipped / 0.1, 0, 1)))


def focus_score(fwhm: Pixels | None, best: Pixels) -> float:
    """Best FWHM of the session (its 10th percentile) over the frame's; 0 without stars."""
    return float(np.clip(best / fwhm, 0, 1)) if fwhm else 0.0


def noise_score(noise: float) -> float:
    """Of the noise of a pixel in units of 1/255 of the range."""
    return float(1 - np.clip(noise / 20, 0, 1))


def scores(
    level: float, clipped: float, noise: float, fwhm: Pixels | None, best_fwhm: Pixels, clear: float
) -> Scores:
    """All of them.

    Args:
        level: background as a share of the range.
        clipped: share of saturated pixels.
        noise: of a pixel, in 1/255 of the range.
        fwhm: of the frame's stars; None: there are none.
        best_fwhm: 10th percentile of the session.
        clear: share of the sky without clouds, 0…1.
    """
    parts = {
        "exposure": exposure_score(level, clipped),
        "focus": focus_score(fwhm, best_fwhm),
        "noise": noise_score(noise),
        "sky": float(np.clip(clear, 0, 1)),
    }
    total = float(np.exp(sum(w * np.log(max(parts[name], 1e-3)) for name, w in _WEIGHTS.items())))
    worst = min(parts, key=lambda name: parts[name])
    words = {
        "exposure": "badly exposed",
        "focus": "out of focus or trailed",
        "noise": "noisy",
        "sky": "clouds",
    }
    return Scores(**parts, total=total, reason=words[worst] if total < 0.5 else "")
