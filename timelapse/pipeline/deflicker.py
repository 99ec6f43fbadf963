"""Taking exposure errors out: a response and an exposure curve that calibrate each other.

A captured code is v = f(E 2^e): the median difference of two frames at tone b is D(b) times the exposure
between them (EV), D = dv/dEV. Flicker itself shows D; D turns the differences into one curve c(t) per
channel; its slow part s(t) is light of the scene and stays. A frame is remapped by v -> G^-1(G(v) + s - c),
G the integral of dv/D. Nothing here needs the camera's curve to be known.
"""

from dataclasses import dataclass

import numpy as np

from skycam_project.common.units import Stops
from timelapse.pipeline.scenelight import scene_light
from timelapse.pipeline.smoothing import whittaker
from timelapse.pipeline.tonebins import BINS, CENTRES

LAGS = (1, 2, 3)
"""Frames are compared with the ones so many before them."""
_ROUNDS = 6
_CALIBRATION_PERIOD = 12
_EVENT_SIGMAS = 5.0


@dataclass(frozen=True, slots=True)
class Exposure:
    """What was found out about the exposures of n frames.

    Attributes:
        curve: `[n, 3]` EV, exposure of each frame per channel (RGB), relative.
        smooth: `[n, 3]` EV, what it is brought to.
        response: `[3, BINS]` codes per EV at `CENTRES`.
        events: `[n]` bool, flashes of light that stay.
    """

    curve: np.ndarray
    smooth: np.ndarray
    response: np.ndarray
    events: np.ndarray

    @property
    def correction(self) -> np.ndarray:
        """`[n, 3]` EV that each frame gets."""
        return np.where(self.events[:, None], 0.0, self.smooth - self.curve)


def prior_response() -> np.ndarray:
    """`[BINS]` codes per EV of the sRGB curve (IEC 61966-2-1)."""
    code = CENTRES / 255
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    slope = np.where(linear <= 0.0031308, 12.92, 1.055 / 2.4 * linear ** (1 / 2.4 - 1))
    return np.log(2) * linear * slope * 255


def solve(
    pairs: np.ndarray, count: int, period: float, recorded: np.ndarray | None = None, keep_events: bool = True
) -> Exposure:
    """Exposure curve, what to bring it to, and response.

    Args:
        pairs: `[count, len(LAGS), 3, BINS, 2]` from `tonebins.compare(frame t - lag, frame t)`; rows whose
            partner does not exist are zero.
        count: frames.
        period: frames; slower changes are the scene's, and somewhat faster ones, see `scenelight`.
        recorded: `[count]` EV that the camera says it exposed (log2 of time, ISO, aperture), NaN where it does
            not; its steps may then be slower than `period`.
        keep_events: leave flashes of fewer than 3 frames alone.
    """
    later = np.concatenate([np.arange(lag, count) for lag in LAGS])
    lags = np.concatenate([np.full(max(0, count - lag), lag) for lag in LAGS])
    which = np.concatenate([np.full(max(0, count - lag), n) for n, lag in enumerate(LAGS)])
    measured = pairs[later, which].astype(float)
    curve, response = np.zeros((count, 3)), np.empty((3, BINS))
    for channel in range(3):
        steps, response[channel] = _calibrate(measured[:, channel], lags == 1)
        curve[:, channel] = _integrate(steps, later, lags, count)
    smooth = _scene(curve, period, recorded)
    return Exposure(
        curve, smooth, response, _events(curve - smooth) if keep_events else np.zeros(count, bool)
    )


def _calibrate(measured: np.ndarray, neighbours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """EV of each pair and codes per EV of each bin, from `[pairs, BINS, 2]`."""
    prior = prior_response()
    response = prior.copy()
    difference, error = measured[..., 0], measured[..., 1]
    there = error > 0
    weight = np.where(there, 1 / (error**2 + 0.02**2 + (0.04 * difference) ** 2), 0)
    steps = np.zeros(len(measured))
    for _ in range(_ROUNDS):
        robust = weight
        for _ in range(4):
            steps = (robust * response * difference).sum(1) / np.maximum((robust * response**2).sum(1), 1e-9)
            residual = np.abs(difference - steps[:, None] * response) * np.sqrt(weight)
            robust = weight / np.maximum(1, residual / 1.5)  # Huber
        fast = _fast(steps[neighbours])[:, None]
        fast_difference = _fast_where(difference[neighbours], there[neighbours])
        trust = robust[neighbours]
        shown = (trust * fast**2).sum(0)
        pull = 1 / 0.25**2 / 10
        estimate = ((trust * fast * fast_difference).sum(0) + pull * prior) / (shown + pull)
        estimate = _blur(np.maximum(estimate, 0.15 * prior + 0.2))
        # Response and steps share a factor: the mean response is the prior's.
        response = estimate / np.average(estimate / prior, weights=np.maximum(shown, 1e-9))
    return steps, response


def _fast(series: np.ndarray) -> np.ndarray:
    """What is too fast to be light of the scene: only that calibrates the response."""
    return series - whittaker(series, _CALIBRATION_PERIOD)


def _fast_where(difference: np.ndarray, there: np.ndarray) -> np.ndarray:
    found = np.zeros_like(difference)
    for tone in range(BINS):
        rows = there[:, tone]
        if rows.sum() > 8:
            found[rows, tone] = _fast(difference[rows, tone])
        else:
            found[rows, tone] = difference[rows, tone]
    return found


def _blur(values: np.ndarray) -> np.ndarray:
    taps = np.exp(-0.5 * (np.arange(-2, 3) / 0.9) ** 2)
    return np.convolve(np.pad(values, 2, mode="reflect"), taps / taps.sum(), "valid")


def _integrate(steps: np.ndarray, later: np.ndarray, lags: np.ndarray, count: int) -> np.ndarray:
    """The curve that fits all differences best, longer lags at less weight; its mean is 0."""
    from scipy.linalg import solveh_banded

    widest = max(LAGS)
    bands = np.zeros((widest + 1, count))
    right = np.zeros(count)
    weight = 1.0 / lags**2
    earlier = later - lags
    for end in (later, earlier):
        np.add.at(bands[widest], end, weight)
    np.add.at(bands, (widest - lags, later), -weight)
    np.add.at(right, later, weight * steps)
    np.add.at(right, earlier, -weight * steps)
    bands[widest] += 1e-9  # the curve's level is free
    curve = solveh_banded(bands, right)
    return curve - curve.mean()


def _scene(curve: np.ndarray, period: float, recorded: np.ndarray | None) -> np.ndarray:
    """The slow part. Recorded exposures are smoothed over at least twice the distance of their steps."""
    if recorded is None or not np.isfinite(recorded).all():
        return scene_light(curve, period)
    changes = np.flatnonzero(np.abs(np.diff(recorded)) > 0.01)
    if len(changes) < 2:
        return scene_light(curve, period)
    apart = float(np.median(np.diff(changes)))
    longer = min(max(period, 2.5 * apart), 300.0)
    camera = recorded[:, None] - recorded.mean()
    light = curve - camera
    return scene_light(light, period) + whittaker(camera * np.ones((1, 3)), longer)


def _events(error: np.ndarray) -> np.ndarray:
    """Frames lit by a flash: far brighter than the curve, for fewer than 3 frames."""
    brighter = error.mean(1)
    sigma = max(0.02, 1.4826 * float(np.median(np.abs(brighter - np.median(brighter)))))
    flash = brighter > _EVENT_SIGMAS * sigma
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flash.astype(np.int8), [0]])))
    for first, end in edges.reshape(-1, 2):
        if end - first >= 3:
            flash[first:end] = False
    return flash


def tables(response: np.ndarray, correction: np.ndarray, size: int = 4096) -> tuple[np.ndarray, np.ndarray]:
    """Remapping of one frame for planes.

    Args:
        response: `[3, BINS]` codes per EV.
        correction: `[3]` EV to add per channel.
        size: entries of the tables, over codes 0 … 255.

    Returns luma (`[size]` float32, new code 0 … 255 of the grey with that code) and the factor of chroma at
    that luma (`[size]` float32): the mean of the table's slope and of its ratio, exact for a power law.
    """
    code = np.arange(256.0)
    channels = [_remap(response[channel], float(correction[channel]), code) for channel in range(3)]
    grey = 0.299 * channels[0] + 0.587 * channels[1] + 0.114 * channels[2]
    taps = np.exp(-0.5 * (np.arange(-4, 5) / 2.0) ** 2)
    soft = np.convolve(np.pad(grey, 4, mode="reflect", reflect_type="odd"), taps / taps.sum(), "valid")
    ratio = grey / np.maximum(code, 1)
    ratio[:8] = ratio[8]  # near black the ratio of two small numbers says nothing
    factor = (0.5 * np.gradient(soft) + 0.5 * ratio).clip(0.5, 2)
    fine = np.linspace(0, 256, size, endpoint=False)
    return np.interp(fine, code, grey).astype(np.float32), np.interp(fine, code, factor).astype(np.float32)


def _remap(response: np.ndarray, ev: Stops, code: np.ndarray) -> np.ndarray:
    slope = np.interp(code, CENTRES, response)
    slope[0] = max(slope[0], 0.3)
    exposure = np.concatenate([[0], np.cumsum(2 / (slope[1:] + slope[:-1]))])
    return np.interp(exposure + ev, exposure, code)
