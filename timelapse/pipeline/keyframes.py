"""Values that change over a sequence: each is given at some moments and runs smoothly between them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycam_project.common.errors import InvalidValueError

LIMITS: dict[str, tuple[float, float, float]] = {
    "exposure_ev": (-8.0, 8.0, 0.0),
    "temperature_k": (-5000.0, 5000.0, 0.0),
    "tint": (-1.0, 1.0, 0.0),
    "zoom": (1.0, 16.0, 1.0),
    "x": (0.0, 1.0, 0.5),
    "y": (0.0, 1.0, 0.5),
}
"""Smallest, largest, and the value where no key frame gives one."""
CLOSEST = 1e-6
"""Moments nearer to each other are the same."""


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """What holds at one moment; a value that is None is free there.

    Attributes:
        at: moment in the sequence, 0 (first frame) to 1 (last).
        exposure_ev: brighter by this much, EV.
        temperature_k: warmer (positive) or cooler than the camera's balance, in kelvin of a daylight of 5500 K.
        tint: towards magenta (positive) or green, -1 to 1.
        zoom: 1 shows the whole picture, 2 half its width.
        x, y: centre of what is shown, 0 (left, top) to 1; kept inside the picture.
    """

    at: float
    exposure_ev: float | None = None
    temperature_k: float | None = None
    tint: float | None = None
    zoom: float | None = None
    x: float | None = None
    y: float | None = None

    def __post_init__(self) -> None:
        _check("at", self.at, 0.0, 1.0)
        for name, (low, high, _) in LIMITS.items():
            if getattr(self, name) is not None:
                _check(name, getattr(self, name), low, high)


def _check(name: str, value: Any, low: float, high: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not low <= value <= high:
        raise InvalidValueError(f"key_frames.{name}", value, f"a number from {low:g} to {high:g}")


def key_frames(data: Any) -> tuple[KeyFrame, ...]:
    """Key frames of plain values (a list of mappings), in order. Raises `InvalidValueError`."""
    if not isinstance(data, list | tuple):
        raise InvalidValueError("key_frames", data, "a list")
    known = {field.name for field in fields(KeyFrame)}
    found = []
    for entry in data:
        if isinstance(entry, KeyFrame):
            found.append(entry)
            continue
        if not isinstance(entry, dict) or "at" not in entry or not set(entry) <= known:
            raise InvalidValueError(
                "key_frames", entry, f"a mapping with `at` and some of {', '.join(sorted(known))}"
            )
        found.append(KeyFrame(**entry))
    found.sort(key=lambda entry: entry.at)
    if any(other.at - one.at < CLOSEST for one, other in pairwise(found)):
        raise InvalidValueError("key_frames", [entry.at for entry in found], "different moments")
    return tuple(found)


def track(frames: Sequence[KeyFrame], name: str, count: int) -> NDArray[np.float64]:
    """A value at each of `count` frames: through the key frames without overshoot, level before and after them.

    Args:
        frames: in order.
        name: one of `LIMITS`.
        count: frames of the sequence, > 0.
    """
    given = [(frame.at, getattr(frame, name)) for frame in frames if getattr(frame, name) is not None]
    if not given:
        return np.full(count, LIMITS[name][2])
    if len(given) == 1:
        return np.full(count, float(given[0][1]))
    from scipy.interpolate import PchipInterpolator

    at, values = np.array(given, float).T
    moments = np.linspace(0, 1, count) if count > 1 else np.zeros(1)
    return PchipInterpolator(at, values)(np.clip(moments, at[0], at[-1]))
