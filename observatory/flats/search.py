"""Which brightness and exposure time bring a flat to its level: a search that asks for one picture after the other.

A panel's light grows with a power of its setting (gamma 1.0 to 2.8), so the level is nearly a straight line in
logarithms: bracket, then regula falsi there. A level grows in proportion to the exposure time, so pictures that were
taken with another time still count.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from observatory.errors import UnreachableError, UnseenError
from skycam_project.common.units import Seconds

SATURATED = 0.97
"""Share of full scale from which a picture only says "too bright"."""
BLACK = 0.02
"""Level of a picture that says little more than "too dark": many panels give no light at all at their lowest settings."""
GAMMA = 1.8
"""Taken until two pictures have told."""
STEP_DOWN = 8
"""Divides the brightness after a picture that says nothing but "too bright"."""
FINEST = 60
"""Below this setting of an 8-bit panel one step is more than the tolerance: the exposure is shortened instead."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What to take a picture with; `brightness` is None without a panel."""

    brightness: int | None
    exposure_s: Seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed.

    Attributes:
        maximum: highest brightness of the panel; None without one.
        shortest_s, longest_s: exposure times; the shortest covers ten periods of the panel's dimming.
        snap: the camera's exposure time nearest to a wished one.
    """

    maximum: int | None
    shortest_s: Seconds
    longest_s: Seconds
    snap: Callable[[Seconds], Seconds] = lambda wished: wished

    def exposure(self, wished: Seconds) -> Seconds:
        """The nearest one that is allowed."""
        return self.snap(min(max(wished, self.shortest_s), self.longest_s))


class Search:
    """Ask for a picture (`probe`), tell its level (`tell`), until `found`.

    Args:
        limits: of panel and camera.
        start_s: first exposure time.
        target: level, share of full scale above the offset.
        tolerance: share of the target.
        most: pictures.

    Attributes:
        probe: what to take the next picture with; once `found`, what all flats are taken with.
        taken: (probe, level) of the pictures so far.
    """

    def __init__(
        self, limits: Limits, start_s: Seconds, target: float = 0.5, tolerance: float = 0.05, most: int = 8
    ) -> None:
        self.limits, self.target, self.tolerance, self.most = limits, target, tolerance, most
        first = None if limits.maximum is None else max(1, limits.maximum // 2)
        self.probe = Probe(first, limits.exposure(start_s))
        self.taken: list[tuple[Probe, float]] = []
        self.found = False

    def tell(self, level: float) -> None:
        """The level of the picture that was asked for.

        Raises:
            UnreachableError: nothing allowed gives the target, or not within `most` pictures.
            UnseenError: the panel makes no difference.
        """
        self.taken.append((self.probe, level))
        if abs(level / self.target - 1) <= self.tolerance:
            self.found = True
            return
        if len(self.taken) >= self.most:
            raise UnreachableError(
                f"after {self.most} pictures the level is {level:.0%} of full scale instead of {self.target:.0%}; "
                "does something else light the camera, or does the panel flicker?"
            )
        following = self._by_exposure(level) if self.limits.maximum is None else self._by_panel(level)
        if following == self.probe:
            self._give_up(level)
        self.probe = following

    # ---- without a panel

    def _by_exposure(self, level: float) -> Probe:
        factor = 0.1 if level >= SATURATED else min(10.0, max(0.1, self.target / max(level, 1e-4)))
        return Probe(self.probe.brightness, self.limits.exposure(self.probe.exposure_s * factor))

    # ---- with a panel

    def _by_panel(self, level: float) -> Probe:
        self._demand_effect()
        maximum, now = self.limits.maximum or 1, self.probe.exposure_s
        finest = min(FINEST, maximum) if maximum <= 255 else 1
        if not self._points(now):
            return self._less_light(finest)
        exposure, wanted = now, self._brightness(now)
        if wanted > maximum:
            exposure = self.limits.exposure(now * (wanted / maximum) ** self._gamma() * 1.3)
        elif wanted < finest:
            exposure = self.limits.exposure(now * (wanted / finest) ** self._gamma())
        if exposure != now:
            wanted = self._brightness(exposure)
        return Probe(round(min(max(wanted, 1), maximum)), exposure)

    def _less_light(self, finest: int) -> Probe:
        """All pictures so far were dazzled: much less of everything."""
        now = self.probe.exposure_s
        wanted = (self.probe.brightness or 1) / STEP_DOWN
        exposure = now if wanted >= finest else self.limits.exposure(now / STEP_DOWN)
        return Probe(max(1, round(max(wanted, finest if exposure != now else 1))), exposure)

    def _brightness(self, exposure_s: Seconds) -> float:
        """Where the target should be with that exposure, by all pictures so far; may lie outside the panel's range."""
        points = sorted(self._points(exposure_s))
        below = [point for point in points if point[1] < self.target]
        above = [point for point in points if point[1] >= self.target]
        if below and above:
            return _between(below[-1], above[0], self.target)
        dazzled = [
            p.brightness or 1 for p, level in self.taken if level >= SATURATED and p.exposure_s <= exposure_s
        ]
        ceiling = min(dazzled, default=math.inf)
        near = below[-1] if below else above[0]
        estimate = near[0] * (self.target / near[1]) ** (1 / self._gamma())
        return estimate if estimate < 0.8 * ceiling else math.sqrt(near[0] * ceiling)

    def _points(self, exposure_s: Seconds) -> list[tuple[int, float]]:
        """(brightness, level with this exposure) of pictures that were not dazzled."""
        return [
            (probe.brightness or 1, max(level, 1e-4) * exposure_s / probe.exposure_s)
            for probe, level in self.taken
            if level < SATURATED
        ]

    def _gamma(self) -> float:
        """The panel's, from the two pictures whose brightness differs most."""
        points = sorted(self._points(1.0))
        if len(points) < 2 or points[-1][0] < 1.2 * points[0][0]:
            return GAMMA
        (low, dark), (high, bright) = points[0], points[-1]
        return min(3.5, max(0.8, math.log(bright / dark) / math.log(high / low)))

    def _demand_effect(self) -> None:
        """Raise `UnseenError` when four times the brightness is hardly more light."""
        points = sorted(self._points(1.0))
        if len(points) >= 2:
            (low, dark), (high, bright) = points[0], points[-1]
            if high >= 4 * low and bright < 1.2 * dark:
                raise UnseenError(
                    f"the picture is as bright with the panel at {high} as at {low}: the camera does not see it. "
                    "Is it in front of the lens, patched to the right channel, and the room dark?"
                )

    def _give_up(self, level: float) -> None:
        where = "too bright" if level > self.target else "too dark"
        raise UnreachableError(
            f"{where} ({level:.0%} of full scale) at the limit: brightness {self.probe.brightness}, exposure "
            f"{self.probe.exposure_s:g} s. Change the gain, the distance of the panel or put paper before it."
        )


def _between(below: tuple[int, float], above: tuple[int, float], target: float) -> float:
    """Where a straight line in logarithms reaches the target; a plain one from a picture that is all but black."""
    (low, dark), (high, bright) = below, above
    if high <= low or bright <= dark:  # flicker has turned the two around
        return (low + high) / 2
    if dark < BLACK:
        return low + (high - low) * (target - dark) / (bright - dark)
    return low * (high / low) ** (math.log(target / dark) / math.log(bright / dark))
