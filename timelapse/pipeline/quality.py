"""How good a frame is, 0 to 1: exposure, focus, noise, movement, detail, and one figure of them all.

Focus by day is the ratio of gradients at two scales: unlike the variance of a Laplacian it does not take noise for
sharpness. What a scene can reach at all differs, so focus is judged within its session. Focus by night is the width of
the stars (`night_focus`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sky.kernels import exact_kernel

BRIGHT, DARK = 250, 4
"""Codes (of 255) at which a pixel counts as clipped, as lost."""
NIGHT_BACKGROUND = (0.05, 0.35)
"""Share of full scale between which a night's sky background is right."""
NOISE_LIMIT = 20.0
"""Scatter in codes at which a frame is all noise."""
JUMP_LIMIT_PX = 20.0
FLAT, SHARP = 1.1, 1.8
"""Ratio of gradients of a frame without, and with all detail."""
_FINE = 16
"""Steps of a code in which luminance is counted."""
WEIGHTS = {"exposure": 0.3, "focus": 0.3, "noise": 0.15, "motion": 0.15, "entropy": 0.1}


@dataclass(frozen=True, slots=True)
class Measures:
    """What one frame shows by itself.

    Attributes:
        exposure_day: 0 to 1, by the middle tones.
        exposure_night: 0 to 1, by the background of the sky.
        entropy: of the histogram, 0 to 1.
        noise_sigma: scatter of a pixel, in codes of 255.
        focus_ratio: gradients at 1.2 px against those at 4 px, ≥ 0; about 1 when nothing is sharp.
    """

    exposure_day: float
    exposure_night: float
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


def measure(luma: NDArray[Any], rgb_small: NDArray[Any]) -> Measures:
    """Look at one frame.

    Args:
        luma: `[h, w]` `uint8`, at full size: sharpness shows nowhere else.
        rgb_small: `[h', w', 3]` `uint8`, the same frame, any smaller size.
    """
    sigma = noise_sigma(luma)
    day, night = exposure_scores(rgb_small)
    return Measures(day, night, entropy_score(luma), sigma, focus_ratio(luma, sigma))


def exposure_scores(rgb: NDArray[Any]) -> tuple[float, float]:
    """By day, by night: little clipped, little lost, and the middle (by night the background) where it belongs."""
    brightest, luminance, codes = (np.zeros(size, np.int64) for size in (256, 256 * _FINE, 256))
    _count(rgb, brightest, luminance, codes)
    count = int(brightest.sum())
    clipped = int(brightest[BRIGHT:].sum()) / count
    lost = int(brightest[: DARK + 1].sum()) / count
    middle = abs(_lightness(_median(luminance) / _FINE / 255) - 50) / 50
    low, high = NIGHT_BACKGROUND
    background = _median(codes) / 255
    away = max(low - background, background - high, 0.0) / low
    # A night's land may be black.
    return _exposure(clipped + 2 * lost, middle), _exposure(clipped, min(1.0, away))


def _exposure(ends: float, middle: float) -> float:
    return 1 - 0.6 * min(1.0, ends / 0.1) - 0.4 * middle


def _median(counts: NDArray[Any]) -> int:
    summed = np.cumsum(counts)
    return int(np.searchsorted(summed, summed[-1] / 2))


@exact_kernel
def _count(rgb, brightest, luminance, codes):
    for j in range(rgb.shape[0]):
        for i in range(rgb.shape[1]):
            red, green, blue = rgb[j, i, 0], rgb[j, i, 1], rgb[j, i, 2]
            brightest[max(red, green, blue)] += 1
            luminance[int((0.2126 * red + 0.7152 * green + 0.0722 * blue) * _FINE + 0.5)] += 1
            codes[red] += 1
            codes[green] += 1
            codes[blue] += 1


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
    size = (luma.shape[1] // 2, luma.shape[0] // 2)
    grey = luma[: 2 * size[1], : 2 * size[0]].astype(np.float32)
    # Coarse detail shows in half the size, a quarter of the work; what halving and a Sobel twice as wide blur is taken off.
    half = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    coarse = _energy(half, math.sqrt(4.0**2 - 0.25 - 1.0) / 2, 1) / 4
    strong = coarse >= np.quantile(coarse[::3, ::3], 0.8)
    coarse_mean = float(coarse[strong].mean())
    if coarse_mean < 0.01:  # an even frame: fog, a lens cap
        return 1.0
    fine = float(_energy(grey, 1.2, 2)[strong].mean())
    return math.sqrt(max(0.0, fine - (0.12 * sigma) ** 2) / coarse_mean)


def _energy(grey: NDArray[Any], sigma: float, step: int) -> NDArray[Any]:
    """Squared gradients of every `step`-th pixel, blurred by `sigma` pixels."""
    soft = cv2.GaussianBlur(grey, (0, 0), sigma)
    across, down = (
        np.square(cv2.Sobel(soft, cv2.CV_32F, *order, scale=1 / 8)[::step, ::step])
        for order in ((1, 0), (0, 1))
    )
    return across + down


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
    measures: Sequence[Measures],
    jumps_px: Sequence[float],
    focus: Sequence[float] | None = None,
    *,
    night: bool = False,
) -> list[Scores]:
    """Quality of each frame of a session.

    Args:
        measures: of each frame.
        jumps_px: how far each frame moved against the one before, pixels.
        focus: of each frame, 0 to 1, from `night_focus`; by day from the gradients.
        night: judge the exposure by the sky's background instead of by the middle tones.
    """
    if focus is None:
        raw = np.clip([(one.focus_ratio - FLAT) / (SHARP - FLAT) for one in measures], 0, 1)
        best = float(np.percentile(raw, 95)) if len(raw) else 0.0
        # Where nothing was ever sharp (mist, snow) the best of it is not a lens out of focus.
        focus = [float(min(1.0, value / best)) if best > 0.05 else 0.5 for value in raw]
    return [
        _score(one, one.exposure_night if night else one.exposure_day, jump, sharp)
        for one, jump, sharp in zip(measures, jumps_px, focus, strict=True)
    ]


def _score(one: Measures, exposure: float, jump_px: float, focus: float) -> Scores:
    parts = {
        "exposure": exposure,
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
