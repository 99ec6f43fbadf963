"""Movements of the mount with a closed form: axis angles and slip as functions of time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from skycam_project.common.units import Degrees, Seconds

Axes = tuple[Degrees, Degrees]
"""Azimuth (any number of turns) and altitude (passing the zenith counts on) of the mount's own frame."""
Slip = tuple[Degrees, Degrees]
"""True minus believed axis angles."""


class Path(Protocol):
    """One movement, from `start` until the next path begins."""

    @property
    def start(self) -> Seconds: ...

    def axes(self, moment: Seconds) -> Axes:
        """What the device believes."""
        ...

    def slip(self, moment: Seconds) -> Slip:
        """True minus believed."""
        ...


@dataclass(frozen=True)
class Still:
    """Standing."""

    start: Seconds
    at: Axes
    wrong: Slip

    def axes(self, moment: Seconds) -> Axes:
        return self.at

    def slip(self, moment: Seconds) -> Slip:
        return self.wrong


@dataclass(frozen=True)
class Slew:
    """Both axes from `origin` to `goal` with one speed, each until it is there.

    The azimuth goes the shorter way; the slip grows from `before` to `after` as the axes move.
    """

    start: Seconds
    origin: Axes
    goal: Axes
    rate: Degrees
    before: Slip
    after: Slip

    @property
    def way(self) -> Axes:
        """Signed way of each axis."""
        return (self.goal[0] - self.origin[0] + 180.0) % 360.0 - 180.0, self.goal[1] - self.origin[1]

    @property
    def duration(self) -> Seconds:
        """Until both axes are there."""
        return max(abs(part) for part in self.way) / self.rate

    def _share(self, axis: int, moment: Seconds) -> float:
        way = abs(self.way[axis])
        return 1.0 if way == 0 else min(1.0, max(0.0, moment - self.start) * self.rate / way)

    def axes(self, moment: Seconds) -> Axes:
        way = self.way
        return (
            self.origin[0] + way[0] * self._share(0, moment),
            self.origin[1] + way[1] * self._share(1, moment),
        )

    def slip(self, moment: Seconds) -> Slip:
        first, second = self._share(0, moment), self._share(1, moment)
        return (
            self.before[0] + (self.after[0] - self.before[0]) * first,
            self.before[1] + (self.after[1] - self.before[1]) * second,
        )


@dataclass(frozen=True)
class Turn:
    """Running at constant rates (joystick, motor commands) until stopped or at the altitude limits."""

    start: Seconds
    origin: Axes
    rates: Axes
    wrong: Slip
    limits: tuple[Degrees, Degrees]

    def axes(self, moment: Seconds) -> Axes:
        elapsed = max(0.0, moment - self.start)
        altitude = self.origin[1] + self.rates[1] * elapsed
        return self.origin[0] + self.rates[0] * elapsed, min(max(altitude, self.limits[0]), self.limits[1])

    def slip(self, moment: Seconds) -> Slip:
        return self.wrong


@dataclass(frozen=True)
class Track:
    """Following a target."""

    start: Seconds
    aim: Callable[[Seconds], Axes]
    lag: Callable[[Seconds], Slip]

    def axes(self, moment: Seconds) -> Axes:
        return self.aim(moment)

    def slip(self, moment: Seconds) -> Slip:
        return self.lag(moment)
