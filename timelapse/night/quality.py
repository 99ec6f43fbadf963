"""What frames are worth at night, 0…1, and why one may be left out."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

_POOR = 0.35  # a part below it spoils the frame whatever the others are
_BEST = 0.1  # quantile of the session's widths
_WEIGHTS = {"exposure": 0.3, "focus": 0.3, "noise": 0.15, "sky": 0.25}
_WORDS = {
    "exposure": "badly exposed",
    "focus": "out of focus or trailed",
    "noise": "noisy",
    "sky": "clouds",
}

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Of n frames, (n,) each, 0…1; `total` is their weighted geometric mean."""

    exposure: Values
    focus: Values
    noise: Values
    sky: Values
    total: Values

    def columns(self) -> dict[str, list[float]]:
        """By name, for a table."""
        return {f"quality_{part.name}": getattr(self, part.name).tolist() for part in fields(self)}

    def reasons(self) -> list[str]:
        """What is worst of each frame that is poor; else empty."""
        parts = np.stack([getattr(self, name) for name in _WORDS])
        worst, words = parts.argmin(axis=0), list(_WORDS.values())
        poor = (self.total < 0.5) | (parts.min(axis=0) < _POOR)
        return [words[which] if bad else "" for which, bad in zip(worst, poor, strict=True)]


def exposure_score(level: Values, clipped: Values) -> Values:
    """Of the sky's background as a share of the range: 5 to 35 % is fine; and of saturated pixels.

    Args:
        level: background, 0…1.
        clipped: share of saturated pixels, 0…1.
    """
    dark = np.clip(level / 0.05, 0, 1) ** 0.5  # a dark frame of a good sensor still holds its stars
    bright = np.clip((0.95 - level) / 0.60, 0, 1)
    return dark * bright * (1 - 0.6 * np.clip(clipped / 0.1, 0, 1))


def focus_score(fwhm: Values) -> Values:
    """Best FWHM of the session (its 10th percentile) over the frame's; 0 without stars (NaN)."""
    known = np.isfinite(fwhm)
    score = np.zeros(len(fwhm))
    if known.any():
        score[known] = np.minimum(np.quantile(fwhm[known], _BEST) / fwhm[known], 1.0)
    return score


def noise_score(noise: Values) -> Values:
    """Of the noise of a pixel in units of 1/255 of the range."""
    return 1 - np.clip(noise / 20, 0, 1)


def scores(level: Values, clipped: Values, noise: Values, fwhm: Values, clear: Values) -> Scores:
    """All of them, of the n frames of a session.

    Args:
        level: background as a share of the range, (n,) like all.
        clipped: share of saturated pixels.
        noise: of a pixel, in 1/255 of the range.
        fwhm: of the frame's stars, pixels; NaN: there are none.
        clear: share of the sky without clouds, 0…1.
    """
    parts = {
        "exposure": exposure_score(level, clipped),
        "focus": focus_score(fwhm),
        "noise": noise_score(noise),
        "sky": np.clip(clear, 0, 1),
    }
    total = np.exp(sum(weight * np.log(np.maximum(parts[name], 1e-3)) for name, weight in _WEIGHTS.items()))
    return Scores(**parts, total=total)
