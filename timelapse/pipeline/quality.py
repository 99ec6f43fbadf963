"""How good a frame is, 0 to 1: exposure, focus, noise, movement, detail, and one figure of them all.

Focus by day is the ratio of gradients at two scales: unlike the variance of a Laplacian it does not take noise for
sharpness. What a scene can reach at all differs, so focus is judged within its session. Focus by night is the width of
the stars (`night_focus`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

BRIGHT, DARK = 250, 4
"""Codes (of 255) at which a pixel counts as clipped, as lost."""
NIGHT_BACKGROUND = (0.05, 0.35)
"""Share of full scale between which a night's sky background is right."""
NOISE_LIMIT = 20.0
"""Scatter in codes at which a frame is all noise."""
JUMP_LIMIT_PX = 20.0
FLAT, SHARP = 1.1, 1.8
"""Ratio of gradients of a frame without, and with all detail."""
WEIGHTS = {"exposure": 0.3, "focus": 0.3, "noise": 0.15, "motion": 0.15, "entropy": 0.1}


@dataclass(frozen=True, slots=True)
class Measures:
    """What one frame shows by itself.

    Attributes:
        exposure: 0 to 1.
        entropy: of the histogram, 0 to 1.
        noise_sigma: scatter of a pixel, in codes of 255.
        focus_ratio: gradients at 1.2 px against those at 4 px, ≥ 0; about 1 when nothing is sharp.
    """

    exposure: float
    entropy: float
    noise_sigma: float
    focus_ratio: float


@dataclass(frozen=True, slots=True)
class Scores:
    """A frame's quality within its session, each 0 to 1; `total` is their weighted geometric mean."""

    exposure: float
    focus: float
    noise: float
    motion: float
    entropy: float
    total: float


def measure(luma: NDArray[Any], rgb_small: NDArray[Any], *, night: bool = False) -> Measures:
    """Look at one frame.

    Args:
        luma: `[h, w]` `uint8`, at full size: sharpness shows nowhere else.
        rgb_small: `[h', w', 3]` `uint8`, the same frame, any smaller size.
        night: judge the exposure by the sky's background instead of by the middle tones.
    """
    sigma = noise_sigma(luma)
    return Measures(
        exposure=exposure_score(rgb_small, night=night),
        entropy=entropy_score(luma),
        noise_sigma=sigma,
        focus_ratio=focus_ratio(luma, sigma),
    )


def exposure_score(rgb: NDArray[Any], *, night: bool = False) -> float:
    """Little clipped, little lost, and the middle where it belongs."""
    clipped = float((rgb.max(axis=2) >= BRIGHT).mean())
    lost = float((rgb.max(axis=2) <= DARK).mean())
    if night:
        low, high = NIGHT_BACKGROUND
        background = float(np.median(rgb)) / 255
        away = max(low - background, background - high, 0.0) / low
        ends, middle = clipped, min(1.0, away)  # a night's land may be black
    else:
        lightness = _lightness(float(np.median(rgb @ np.array([0.2126, 0.7152, 0.0722]))) / 255)
        ends, middle = clipped + 2 * lost, abs(lightness - 50) / 50
    return float(1 - 0.6 * np.clip(ends / 0.1, 0, 1) - 0.4 * middle)


def _lightness(value: float) -> float:
    """L* of an sRGB grey 0 to 1 (CIE 1976)."""
    light = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    return 116 * light ** (1 / 3) - 16 if light > 0.008856 else 903.3 * light


def entropy_score(luma: NDArray[Any]) -> float:
    """Shannon entropy of the histogram, of 8 bits."""
    share = np.bincount(luma[::2, ::2].ravel(), minlength=256) / luma[::2, ::2].size
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum() / 8)


def noise_sigma(luma: NDArray[Any]) -> float:
    """Scatter of a pixel in codes, from what a median of 3 × 3 takes away."""
    away = cv2.absdiff(luma, cv2.medianBlur(luma, 3))[::2, ::2]
    counts = np.bincount(away.ravel(), minlength=256)
    summed = np.cumsum(counts)
    half = summed[-1] / 2
    code = int(np.searchsorted(summed, half))
    before = summed[code - 1] if code else 0
    median = (
        code - 0.5 + (half - before) / max(1, counts[code])
    )  # within the code, or it would jump by whole ones
    return max(0.0, 1.4826 * 1.11 * float(median))


def focus_ratio(luma: NDArray[Any], sigma: float) -> float:
    """Root of the fine over the coarse gradients' energy, where the coarse ones are strong; noise taken off."""
    grey = luma.astype(np.float32)
    fine, coarse = _energy(grey, 1.2), _energy(grey, 4.0)
    strong = coarse >= np.quantile(coarse[::3, ::3], 0.8)
    coarse_mean = float(coarse[strong].mean())
    if coarse_mean < 0.01:  # an even frame: fog, a lens cap
        return 1.0
    return float(np.sqrt(max(0.0, float(fine[strong].mean()) - (0.12 * sigma) ** 2) / coarse_mean))


def _energy(grey: NDArray[Any], sigma: float) -> NDArray[Any]:
    soft = cv2.GaussianBlur(grey, (0, 0), sigma)
    across, down = (
        cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    return across * across + down * down


def night_focus(fwhm_px: Sequence[float]) -> list[float]:
    """Scores of frames by the width of their stars, against the best tenth of the session.

    Args:
        fwhm_px: of each frame, > 0; NaN where fewer than eight stars were measured: scored 0.5, not known.
    """
    widths = np.asarray(fwhm_px, float)
    known = np.isfinite(widths) & (widths > 0)
    if not known.any():
        return [0.5] * len(widths)
    best = float(np.percentile(widths[known], 10))
    return [float(min(1.0, best / width)) if good else 0.5 for width, good in zip(widths, known, strict=True)]


def scores(
    measures: Sequence[Measures], jumps_px: Sequence[float], focus: Sequence[float] | None = None
) -> list[Scores]:
    """Quality of each frame of a session.

    Args:
        measures: of each frame.
        jumps_px: how far each frame moved against the one before, pixels.
        focus: of each frame, 0 to 1, from `night_focus`; by day from the gradients.
    """
    if focus is None:
        raw = np.clip([(one.focus_ratio - FLAT) / (SHARP - FLAT) for one in measures], 0, 1)
        best = float(np.percentile(raw, 95)) if len(raw) else 0.0
        # Where nothing was ever sharp (mist, snow) the best of it is not a lens out of focus.
        focus = [float(min(1.0, value / best)) if best > 0.05 else 0.5 for value in raw]
    return [_score(one, jump, sharp) for one, jump, sharp in zip(measures, jumps_px, focus, strict=True)]


def _score(one: Measures, jump_px: float, focus: float) -> Scores:
    parts = {
        "exposure": one.exposure,
        "focus": focus,
        "noise": float(1 - np.clip(one.noise_sigma / NOISE_LIMIT, 0, 1)),
        "motion": float(1 - np.clip(abs(jump_px) / JUMP_LIMIT_PX, 0, 1)),
        "entropy": one.entropy,
    }
    logarithms = sum(weight * np.log(max(parts[name], 1e-3)) for name, weight in WEIGHTS.items())
    return Scores(**parts, total=float(np.exp(logarithms)))


def of_product(totals: Sequence[float]) -> float:
    """A product's quality: the mean of its frames, drawn down by its worst tenth. 0 without frames."""
    if not len(totals):
        return 0.0
    ordered = np.sort(np.asarray(totals, float))
    return float(0.7 * ordered.mean() + 0.3 * ordered[: max(1, len(ordered) // 10)].mean())


def poor(found: Sequence[Scores], least: float) -> dict[int, str]:
    """Frames whose total is below `least`, with the part that is to blame, by place in the sequence."""
    reasons = {}
    for place, score in enumerate(found):
        if score.total < least:
            worst = min(WEIGHTS, key=lambda name: getattr(score, name) ** WEIGHTS[name])
            reasons[place] = (
                f"quality {score.total:.2f} is below {least:.2f}: {worst} {getattr(score, worst):.2f}"
            )
    return reasons
