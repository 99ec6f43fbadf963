"""The speed of a timelapse: evenly through real time, or faster and slower where it is told to be.

Each frame of the video is a moment between two frames of the sequence and is mixed of them by its distance: what moves
slowly glides, and a gap in the night is no jump.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycam_project.common.errors import InvalidValueError
from timelapse.pipeline.keyframes import CLOSEST
from timelapse.pipeline.planes import Planes

MOST = 8.0
"""At most so many times as many frames as there were."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How time runs.

    Attributes:
        even: one second of the video is the same span of real time everywhere, whatever the intervals were.
        points: (moment 0 to 1, speed 0.1 to 100) pairs; 2 is twice as fast; runs smoothly between them.
        blend: mix neighbours; else the nearest frame is shown.
    """

    even: bool = False
    points: tuple[tuple[float, float], ...] = ()
    blend: bool = True

    def __post_init__(self) -> None:
        for name in ("even", "blend"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidValueError(f"speed.{name}", getattr(self, name), "true or false")
        moments = [moment for moment, _ in self.points]
        if any(later - moment < CLOSEST for moment, later in pairwise(moments)):
            raise InvalidValueError("speed.points", self.points, "moments that rise")

    @classmethod
    def from_json(cls, data: Any) -> "Speed":
        """A speed of plain values. Raises `InvalidValueError`."""
        if isinstance(data, Speed):
            return data
        known = {field.name for field in fields(cls)}
        if not isinstance(data, dict) or not set(data) <= known:
            raise InvalidValueError("speed", data, f"a mapping of {', '.join(sorted(known))}")
        values: dict[str, Any] = {**data, "points": _points(data.get("points", ()))}
        return cls(**values)

    def __bool__(self) -> bool:
        return self.even or bool(self.points)


def _points(data: Any) -> tuple[tuple[float, float], ...]:
    allowed = "pairs of a moment from 0 to 1 and a speed from 0.1 to 100"
    if not isinstance(data, list | tuple):
        raise InvalidValueError("speed.points", data, allowed)
    for pair in data:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(_number(part) for part in pair):
            raise InvalidValueError("speed.points", pair, allowed)
        if not 0 <= pair[0] <= 1 or not 0.1 <= pair[1] <= 100:
            raise InvalidValueError("speed.points", pair, allowed)
    return tuple((float(moment), float(speed)) for moment, speed in data)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def positions(speed: Speed, times: Sequence[datetime | None]) -> NDArray[np.float64]:
    """For each frame of the video, the place in the sequence that it shows; rising, 0 to n - 1.

    Args:
        speed: how time runs.
        times: of the n frames of the sequence, n ≥ 2; where one is missing, frames count as evenly spaced.
    """
    count = len(times)
    places = np.arange(count, dtype=float)
    clock = _clock(times) if speed.even else places
    # Video time passes at 1 / speed of the sequence's: its sum up to each frame.
    slowness = 1 / _speeds(speed, places / (count - 1))
    video = np.concatenate([[0.0], np.cumsum(np.diff(clock) * (slowness[:-1] + slowness[1:]) / 2)])
    frames = max(2, min(round(float(video[-1])) + 1, round(MOST * count)))
    return np.interp(np.linspace(0, float(video[-1]), frames), video, places)


def between(
    sequence: Iterator[tuple[int, Planes]], moments: NDArray[np.float64], blend: bool
) -> Iterator[Planes]:
    """A picture for each moment, of pictures that come in order.

    Args:
        sequence: places and their pictures, from the one before the first moment; each is valid for one step.
        moments: rising, in places.
        blend: mix the two neighbours; else the nearer one.
    """
    place, picture = next(sequence)
    before = after = Planes(*(plane.copy() for plane in picture))
    for moment in moments:
        while place < moment:
            before = after
            place, picture = next(sequence)
            after = Planes(*(plane.copy() for plane in picture))
        share = 1.0 if place == moment else float(moment) - (place - 1)
        if not blend or share in (0.0, 1.0):
            yield before if share < 0.5 else after
        else:
            yield Planes(*(_mixed(one, other, share) for one, other in zip(before, after, strict=True)))


def _mixed(one: NDArray[Any], other: NDArray[Any], share: float) -> NDArray[Any]:
    import cv2

    return cv2.addWeighted(one, 1 - share, other, share, 0)


def _clock(times: Sequence[datetime | None]) -> NDArray[np.float64]:
    """Moments of the frames in usual intervals, rising."""
    count = len(times)
    seconds = np.array([time.timestamp() if time else math.nan for time in times])
    if np.isnan(seconds).any():
        return np.arange(count, dtype=float)
    usual = float(np.median(np.diff(seconds)))
    if usual <= 0:
        return np.arange(count, dtype=float)
    return np.concatenate([[0.0], np.cumsum(np.maximum(np.diff(seconds) / usual, 1e-3))])


def _speeds(speed: Speed, moments: NDArray[np.float64]) -> NDArray[np.float64]:
    if not speed.points:
        return np.ones(len(moments))
    if len(speed.points) == 1:
        return np.full(len(moments), speed.points[0][1])
    from scipy.interpolate import PchipInterpolator

    at, values = np.array(speed.points).T
    return np.exp(PchipInterpolator(at, np.log(values))(np.clip(moments, at[0], at[-1])))
