"""Which frames of a session an answer shows: the same rules for finished and running ones."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sessions.history.contents import MOST_FRAMES, FrameQuery, NoSuchFrameError, Row, frame_row

Readings = tuple[np.ndarray, np.ndarray]
"""Times (microseconds UTC) and values of a series."""
BEST = 12
"""Best frames of an answer that does not say how many."""


class FrameList:
    """The frames of one camera in order of time.

    Args:
        camera: its name.
        times: microseconds UTC, `int64`.
        indices: the frames' numbers.
        dropped: 1 where the frame is gone.
        row: gives the full row by its place in the arrays.
    """

    def __init__(
        self,
        camera: str,
        times: np.ndarray,
        indices: np.ndarray,
        dropped: np.ndarray,
        row: Callable[[int], dict[str, Any]],
    ) -> None:
        order = np.argsort(times, kind="stable")
        self.camera, self._order, self._row = camera, order, row
        self.times, self.indices, self.dropped = times[order], indices[order], dropped[order].astype(bool)

    def __len__(self) -> int:
        return len(self.times)

    def row(self, place: int) -> Row:
        """One frame for people."""
        return frame_row(self.camera, self._row(int(self._order[place])))

    def raw(self, index: int) -> dict[str, Any]:
        """The row of the frame table of frame number `index`. Raises `NoSuchFrameError`."""
        return self._row(int(self._order[self.place(index)]))

    def place(self, index: int) -> int:
        """Where frame number `index` stands. Raises `NoSuchFrameError`."""
        found = np.flatnonzero(self.indices == index)
        if not len(found):
            raise NoSuchFrameError(f"camera {self.camera} has no frame {index} in this session")
        return int(found[0])


def select(
    lists: list[FrameList], query: FrameQuery, event_times: np.ndarray, stars: Callable[[], Readings]
) -> Row:
    """The answer to `Contents.frames`; `event_times` in microseconds UTC, `stars` as counted on frames."""
    shown = [frames for frames in lists if query.camera in ("", frames.camera)]
    numbers = [np.full(len(frames), number) for number, frames in enumerate(shown)]
    whose = np.concatenate(numbers) if numbers else np.zeros(0, int)
    where = np.concatenate([np.arange(len(frames)) for frames in shown]) if shown else np.zeros(0, int)
    times = np.concatenate([frames.times for frames in shown]) if shown else np.zeros(0, np.int64)
    dropped = np.concatenate([frames.dropped for frames in shown]) if shown else np.zeros(0, bool)
    order = np.argsort(times, kind="stable")
    near = nearest(times[order], event_times)
    places = {"all": order, "dropped": order[dropped[order]], "events": order[near]}
    start = 0
    if query.only == "best":
        count = min(query.sample or BEST, MOST_FRAMES)
        picked = chosen = order[most_stars(times[order], dropped[order], stars(), count)]
    elif query.sample is not None:
        chosen = places[query.only]
        count = min(query.sample, len(chosen), MOST_FRAMES)
        picked = chosen[
            np.unique(np.round((np.arange(count) + 0.5) / max(count, 1) * len(chosen) - 0.5).astype(int))
        ]
    else:
        chosen = places[query.only]
        start = query.offset
        picked = chosen[start : start + min(query.limit, MOST_FRAMES)]
    return {
        "total": len(chosen),
        "counts": {name: len(found) for name, found in places.items()},
        "offset": start,
        "first_ms": int(times.min()) // 1000 if len(times) else None,
        "last_ms": int(times.max()) // 1000 if len(times) else None,
        "frames": [shown[whose[at]].row(int(where[at])) for at in picked],
    }


def most_stars(times: np.ndarray, dropped: np.ndarray, stars: Readings, count: int) -> np.ndarray:
    """Places of the frames with the most stars, in order of time: at most `count`, each the best of its part.

    Args:
        times: of the frames' starts, sorted, microseconds UTC.
        dropped: where a frame is gone.
        stars: when they were counted (between a frame's start and the next one's) and how many.
        count: frames wanted, so many equal parts of the time with stars.
    """
    moments, values = stars
    place = np.searchsorted(times, moments, "right") - 1
    good = (place >= 0) & (values > 0) & ~dropped[place] if len(times) else np.zeros(len(moments), bool)
    if not good.any():
        return np.zeros(0, int)
    moments, values, place = moments[good], values[good], place[good]
    width = max((int(moments.max()) - int(moments.min())) / count, 1)
    part = np.minimum(((moments - moments.min()) / width).astype(int), count - 1)
    ranked = np.lexsort((-values, part))
    first = np.unique(part[ranked], return_index=True)[1]
    return np.unique(place[ranked[first]])


def nearest(times: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Places in the sorted `times` that are nearest to any of `moments`, each once."""
    if not len(times) or not len(moments):
        return np.zeros(0, int)
    right = np.clip(np.searchsorted(times, moments), 0, len(times) - 1)
    left = np.maximum(right - 1, 0)
    closer = np.where(np.abs(times[left] - moments) <= np.abs(times[right] - moments), left, right)
    return np.unique(closer)


def with_neighbours(frames: FrameList, index: int) -> Row:
    """The answer to `Contents.frame`."""
    place = frames.place(index)
    around = {
        "previous": int(frames.indices[place - 1]) if place > 0 else None,
        "next": int(frames.indices[place + 1]) if place + 1 < len(frames) else None,
    }
    return {"frame": frames.row(place), "place": place, "total": len(frames), **around}
