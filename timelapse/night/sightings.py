"""What crossed the picture: meteors flare up on one frame; satellites and aircraft come from somewhere and go on."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from skycam_project.common.units import Pixels
from timelapse.night import streaks
from timelapse.night.differences import Neighbour, difference
from timelapse.night.frames import Floats, Look
from timelapse.night.motion import Motion, estimate
from timelapse.night.streaks import Streak

Kind = Literal["meteor", "satellite", "aircraft"]

_DARK_SUN = -9.0
_TAPERED = 0.85
_SPOTTY = 0.22
_PIECE: Pixels = 10.0
_STEADY = 3.0  # signal to noise of each such piece of a meteor
_SURE_OF_PICTURES = 15.0
"""A camera's JPEG is smoothed: a meteor has 2.5 times the signal to noise there that its raw frame gives it."""
_STRAIGHT = np.cos(np.radians(16))
_ALONG = np.cos(np.radians(5))
_STILL: Pixels = 0.3
_FASTER = 1.5  # than its length in one exposure says: the light of a satellite need not last for all of it
_DIM_END = 0.2  # of its length may be too dim to belong to it
_SLACK: Pixels = 40.0
_WIDEST: Pixels = 3.6  # pixels of the search
_SEEN = 0.4
_OPEN = 0.2  # a rich field of stars leaves 0.4 and more, the edge of a cloud nothing
_BLURRED: Pixels = (
    4.6  # pixels of the search: wider is no line, for clouds have edges that look like blurred stars
)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A streak and what it is."""

    streak: Streak
    kind: Kind
    reason: str  # why, for people


@dataclass(eq=False)
class _Pending:
    look: Look
    light: Floats | None = None
    new: Floats | None = None
    streaks: list[Streak] | None = None
    motion: Motion | None = None  # to the next frame
    motion_known: bool = False


class Watch:
    """Judges frames two frames after they came: what a streak is, its neighbours say.

    Args:
        shortest: pixels of the frame below which a streak is not reported.
        gap_s: frames further apart are no neighbours.
    """

    def __init__(self, shortest: Pixels = 40.0, gap_s: float = 120.0) -> None:
        self.shortest, self.gap_s = shortest, gap_s
        self._window: list[_Pending] = []
        self._judged = 0  # of the window's first ones

    def push(self, look: Look) -> list[tuple[Look, list[Sighting]]]:
        """Add a frame; the frames that are judged by now."""
        done: list[tuple[Look, list[Sighting]]] = []
        if self._window and self._apart(self._window[-1].look, look):
            done = self.flush()
        dark = look.sun_deg is None or look.sun_deg < _DARK_SUN
        self._window.append(_Pending(look, look.light if dark else None))
        self._search(len(self._window) - 2)
        return done + self._judge_until(len(self._window) - 2)

    def flush(self) -> list[tuple[Look, list[Sighting]]]:
        """The rest, when no frame follows."""
        self._search(len(self._window) - 1)
        done = self._judge_until(len(self._window))
        self._window, self._judged = [], 0
        return done

    def _apart(self, before: Look, after: Look) -> bool:
        pause = (after.frame.start - before.frame.end).total_seconds()
        return (
            pause > self.gap_s
            or pause < -before.frame.exposure_s
            or before.frame.image.shape != after.frame.image.shape
        )

    def _search(self, at: int) -> None:
        if at < 0:
            return
        here = self._window[at]
        if here.light is None:
            here.streaks = []
            return
        around = []
        for n in (at - 1, at + 1):
            if 0 <= n < len(self._window) and self._window[n].light is not None:
                around.append(self._neighbour(here, self._window[n], self._motion(min(n, at)), n - at))
        here.new = difference(here.light, around)
        here.streaks = streaks.find(here.new, here.look.step, self.shortest)

    def _motion(self, at: int) -> Motion | None:
        """From the frame `at` to the next one."""
        here = self._window[at]
        if not here.motion_known:
            after = self._window[at + 1].look
            here.motion = estimate(here.look.stars, after.stars, here.look.frame.image.shape)
            here.motion_known = True
        return here.motion

    @staticmethod
    def _neighbour(here: _Pending, other: _Pending, motion: Motion | None, way: int) -> Neighbour:
        assert other.light is not None  # noqa: S101 - for the type checker
        if motion is None or motion.largest < _STILL * here.look.step:
            return Neighbour(other.light)
        return Neighbour(other.light, motion.warped(other.light, -way, here.look.step))

    def _judge_until(self, end: int) -> list[tuple[Look, list[Sighting]]]:
        done = []
        while self._judged < min(end, len(self._window)):
            at = self._judged
            if self._window[at].streaks is None:
                break
            # The frame after is searched too, unless it is the last one there will be.
            if at + 1 < len(self._window) and self._window[at + 1].streaks is None:
                break
            done.append((self._window[at].look, self._judge(at)))
            self._judged += 1
        drop = max(self._judged - 1, 0)  # the last judged one stays, as a neighbour
        if drop:
            del self._window[:drop]
            self._judged -= drop
        return done

    def _judge(self, at: int) -> list[Sighting]:
        here = self._window[at]
        around = [
            (self._window[n], self._pause(min(n, at))) for n in (at - 1, at + 1) if 0 <= n < len(self._window)
        ]
        mine = here.streaks or []
        judged = [self._kind(s, [o for o in mine if o is not s], around, here.look) for s in mine]
        ways = [s for s in judged if s.kind != "meteor"]
        return [
            Sighting(s.streak, way.kind, "a piece of another one's way")
            if s.kind == "meteor"
            and (way := next((w for w in ways if _on_the_way(s.streak, w.streak)), None))
            else s
            for s in judged
        ]

    def _pause(self, at: int) -> float:
        """Between the frame `at` and the next one, in exposures."""
        before, after = self._window[at].look.frame, self._window[at + 1].look.frame
        return max((after.start - before.end).total_seconds(), 0.0) / max(before.exposure_s, 0.1)

    @staticmethod
    def _kind(
        streak: Streak, others: list[Streak], around: list[tuple[_Pending, float]], look: Look
    ) -> Sighting:
        step, fwhm = look.step, look.fwhm or 0.0
        if any(continues(streak, s, pause) for pending, pause in around for s in pending.streaks or []):
            dashed = streak.flashes or any(continues(streak, s, 0.0) for s in others)
            return Sighting(streak, "aircraft" if dashed else "satellite", "goes on in a neighbour")
        for pending, pause in around:
            gap = streak.length * (_DIM_END + _FASTER * pause) + _SLACK
            if pending.new is not None and any(
                streaks.follows(pending.new, streak, end, step, gap) for end in (0, 1)
            ):
                return Sighting(streak, "satellite", "goes on faintly in a neighbour")
        if streak.flashes:
            return Sighting(streak, "aircraft", "its light comes in flashes")
        if streak.width > step * max(_WIDEST, min(1.6 * fwhm / step, _BLURRED)):
            return Sighting(streak, "aircraft", "wider than a line")
        if streak.open < _OPEN:
            return Sighting(streak, "aircraft", "one side of it is hidden, as along a cloud")
        ends = [
            1.0 if edge else float(part.mean())
            for edge, part in zip(streak.at_edge, (streak.profile[:2], streak.profile[-2:]), strict=True)
        ]
        if streak.snr > 10 and min(ends) > _TAPERED:
            return Sighting(streak, "satellite", "as bright at its ends as in the middle")
        if all(streak.at_edge):
            return Sighting(streak, "satellite", "crosses the whole picture")
        if len(around) < 2:
            return Sighting(streak, "satellite", "nothing is known of the frame before or after")
        news = [pending.new for pending, _ in around]
        for first in (0, 1):  # whichever way it went: before behind one end, after behind the other
            if all(
                new is None or streaks.seen_beyond(new, streak, end, step) < _SEEN
                for new, end in zip(news, (first, 1 - first), strict=True)
            ):
                return Sighting(streak, "satellite", "where it would come from and go on is hidden")
        if streak.snr < _STEADY * np.sqrt(streak.length / step / _PIECE):
            return Sighting(streak, "satellite", "too faint for its length to tell")
        if not look.frame.linear and streak.snr < _SURE_OF_PICTURES:
            return Sighting(streak, "satellite", "too faint for a picture with a tone curve to tell")
        if float(np.median(streak.profile)) < _SPOTTY:
            return Sighting(streak, "aircraft", "its light comes from single points")
        return Sighting(streak, "meteor", "on one frame only")


def _on_the_way(piece: Streak, whole: Streak) -> bool:
    """Whether a streak lies along another longer one of its frame, or before or behind it."""
    way, middle = whole.ends[1] - whole.ends[0], piece.path[len(piece.path) // 2]
    way = way / max(float(np.linalg.norm(way)), 1e-9)
    away = middle - whole.ends.mean(axis=0)
    aside = abs(float(away[0] * way[1] - away[1] * way[0]))
    beyond = max(abs(float(away @ way)) - whole.length / 2, 0.0)
    own = piece.ends[1] - piece.ends[0]
    along = abs(float(own @ way)) / max(float(np.linalg.norm(own)), 1e-9)
    return (
        piece.length < whole.length
        and beyond < whole.length
        and along > _ALONG
        and aside < 10 + 0.08 * beyond
    )


def continues(one: Streak, other: Streak, pause: float) -> bool:
    """Whether two streaks may be pieces of one way.

    Args:
        one: a streak.
        other: of the same frame or of a neighbour.
        pause: time between the two frames in exposures: how much of its length a satellite loses there.
    """
    longest = max(one.length, other.length)
    reach = longest * (0.35 + _FASTER * pause) + _SLACK
    for end in (0, 1):
        way, place = one.direction(end), one.ends[end]
        for far in (0, 1):
            gap = other.ends[far] - place
            ahead = float(gap @ way)
            aside = abs(float(gap[0] * way[1] - gap[1] * way[0]))
            # The other one leads away from here; both bend a little on a wide lens.
            if not -0.15 * one.length - 12 < ahead < reach or aside > 10 + 0.14 * abs(ahead):
                continue
            if float(-other.direction(far) @ way) > _STRAIGHT:
                return True
    return False
