"""Clouds, as a camera notices them: stars that were there are gone."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

DARK_DEG = -12.0
"""Altitude of the sun below which a lack of stars is a cloud and not the dawn."""
_REMEMBERED = 30
_FIRST = 3
_FEWEST = 15
_HIDDEN, _BACK = 0.5, 0.7
_IN_A_ROW = 2
_PAUSE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class CloudChange:
    """Clouds came or went.

    Attributes:
        name: `cloud_detected` or `cloud_cleared`.
        stars: in the frame that settled it.
        expected: median of the clear frames before.
    """

    name: str
    stars: int
    expected: int


class CloudWatch:
    """Compares each frame's number of stars with that of the clear frames before it.

    Clouds have come when two frames in a row show less than half of the stars, and have gone when two show more
    than 70 %. Fewer than 15 stars say nothing. Another set-up, or half an hour without frames, begins anew.
    """

    def __init__(self) -> None:
        self.cloudy = False
        self._setup: Hashable = None
        self._last: datetime | None = None
        self._clear: deque[int] = deque(maxlen=_REMEMBERED)
        self._in_a_row = 0

    def see(self, moment: datetime, stars: int, setup: Hashable) -> CloudChange | None:
        """Take in a frame of a dark sky.

        Args:
            moment: when it was taken, aware.
            stars: how many are in it.
            setup: what else the number depends on: exposure, gain, filter, field.
        """
        late = self._last is not None and abs(moment - self._last) > _PAUSE
        if setup != self._setup or late:
            self._clear.clear()
            self.cloudy, self._in_a_row, self._setup = False, 0, setup
        self._last = moment
        if len(self._clear) < _FIRST:
            self._clear.append(stars)
            return None
        expected = median(self._clear)
        turned = (
            stars >= _BACK * expected if self.cloudy else expected >= _FEWEST and stars < _HIDDEN * expected
        )
        self._in_a_row = self._in_a_row + 1 if turned else 0
        if not self.cloudy and not turned:
            self._clear.append(stars)
        if self._in_a_row < _IN_A_ROW:
            return None
        self.cloudy, self._in_a_row = not self.cloudy, 0
        return CloudChange("cloud_detected" if self.cloudy else "cloud_cleared", stars, round(expected))
