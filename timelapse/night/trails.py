"""Star trails: the brightest each pixel has been, once with everything that crossed the sky and once without."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycam_project.common.units import Degrees, Pixels
from timelapse.night.developing import developed
from timelapse.night.frames import NEUTRAL, Look, NightFrame, tone, white_balance
from timelapse.night.keogram import NothingYetError
from timelapse.night.motion import Motion, estimate
from timelapse.night.opencv import cv2
from timelapse.night.sightings import Sighting
from timelapse.night.state import Arrays, Meta

_FEWER_STARS = 0.4
_SEEN = 15  # stars that say the sky is there
_BEST_OF = 0.9  # quantile of the star counts that stands for a clear sky
_SHORTEST_GAP: Pixels = 0.7
_LONGEST_PAUSE = 2.05  # exposures that two half-way pictures can bridge


@dataclass(frozen=True, slots=True)
class Gates:
    """Which frames join.

    Attributes:
        sun_deg: the sun must be lower.
        moon_lit: frames with the moon up and more of it lit are left out; 1 takes them all.
        clouds: leave out frames with few stars for this night.
    """

    sun_deg: Degrees = -12.0
    moon_lit: float = 1.0
    clouds: bool = True


class StarTrails:
    """A running maximum. Frames must come in the order of time.

    The level of the sky is taken to that of the first frame, so that a rising moon does not wash the picture out.
    Where the camera paused, stars are carried half the way from either side.

    Args:
        gates: which frames join.
        fill: bridge pauses.
    """

    def __init__(self, gates: Gates = Gates(), *, fill: bool = True) -> None:
        self.gates, self.fill = gates, fill
        self.used = 0
        self.bridged = 0
        self.reasons: dict[str, int] = {}
        self._counts: list[int] = []
        self._level: NDArray[np.float64] | None = None
        self._white = np.ones(3)
        self._tone: tuple[float, float, bool] | None = None
        self._all: NDArray[Any] | None = None
        self._clean: NDArray[Any] | None = None
        self._before: Look | None = None

    def append(self, look: Look, sightings: list[Sighting], *, counted: bool = False) -> bool:
        """Add a frame; whether it joined. A `counted` one is in already and is only the one before the next."""
        reason = self._gate(look, counted)
        if reason:
            if not counted:
                self.reasons[reason] = self.reasons.get(reason, 0) + 1
            self._before = None
            return False
        picture = self._levelled(look)
        if self._all is not None and picture.shape != self._all.shape:
            self.reasons["another size"] = self.reasons.get("another size", 0) + 1
            return False
        if not counted:
            self._add(look, picture, sightings)
            self.used += 1
        self._before = look
        return True

    def _gate(self, look: Look, counted: bool) -> str:
        if look.sun_deg is not None and look.sun_deg > self.gates.sun_deg:
            return "twilight or day"
        if look.moon and look.moon[0] > 0 and look.moon[1] > self.gates.moon_lit:
            return "moon"
        if not self.gates.clouds:
            return ""
        count = len(look.stars)
        if not counted:
            self._counts.append(count)
        clear = float(np.quantile(self._counts, _BEST_OF)) if self._counts else float(count)
        return "clouds" if count < max(_SEEN, _FEWER_STARS * clear) else ""

    def _levelled(self, look: Look) -> NDArray[Any]:
        picture = look.colour
        level = np.array([np.median(picture[::8, ::8, c]) for c in range(3)], np.float64)
        if self._level is None:
            self._level, self._white = level, white_balance(look)
            self._tone = look.frame.offset, look.frame.top, look.frame.linear
        brighter = np.round(level - self._level)
        if (brighter >= 1).any():
            # Saturating: what would fall below 0 is 0.
            return cv2.subtract(picture, np.maximum(brighter, 0).astype(np.float64))
        return picture

    def _add(self, look: Look, picture: NDArray[Any], sightings: list[Sighting]) -> None:
        pictures = [picture]
        if self.fill and self._before is not None:
            pictures += self._bridges(look, picture)
        hide = [s.streak for s in sightings if s.kind != "meteor"]
        clean = picture
        if hide:
            mask = np.zeros(picture.shape[:2], np.uint8)
            for streak in hide:
                points = np.round(streak.path * 16).astype(np.int32)[:, None]
                cv2.polylines(mask, [points], False, 255, thickness=int(2.5 * streak.width) + 5, shift=4)
            clean = picture.copy()
            clean[mask > 0] = 0
        if self._all is None or self._clean is None:
            self._all, self._clean = picture.copy(), clean.copy()
            return
        for one in pictures:
            cv2.max(self._all, one, self._all)
        for one in (clean, *([] if hide else pictures[1:])):
            cv2.max(self._clean, one, self._clean)

    def _bridges(self, look: Look, picture: NDArray[Any]) -> list[NDArray[Any]]:
        """What the stars did while the shutter was closed, from the frame before and from this one."""
        assert self._before is not None  # noqa: S101 - for the type checker
        before = self._before
        pause = (look.frame.start - before.frame.end).total_seconds()
        apart = (look.frame.start - before.frame.start).total_seconds()
        if pause <= 0 or apart <= 0 or pause > _LONGEST_PAUSE * look.frame.exposure_s:
            return []
        motion = self._motion(before, look)
        if motion is None or motion.largest * pause / apart < _SHORTEST_GAP:
            return []
        self.bridged += 1
        half = pause / 2 / apart
        return [motion.warped(self._levelled(before), half), motion.warped(picture, -half)]

    @staticmethod
    def _motion(before: Look, after: Look) -> Motion | None:
        return estimate(before.stars, after.stars, after.frame.image.shape)

    # ---- between processes

    def state(self) -> tuple[Meta, Arrays]:
        """For `restore`."""
        meta: Meta = {
            "used": self.used, "bridged": self.bridged, "reasons": self.reasons, "counts": self._counts,
            "level": self._level.tolist() if self._level is not None else None, "white": self._white.tolist(),
            "tone": self._tone,
        }  # fmt: skip
        arrays: Arrays = {}
        if self._all is not None and self._clean is not None:
            arrays = {"all": self._all, "clean": self._clean}
        return meta, arrays

    def restore(self, meta: Meta, arrays: Arrays) -> None:
        """Go on where `state` was taken."""
        self.used, self.bridged = meta["used"], meta["bridged"]
        self.reasons, self._counts = meta["reasons"], meta["counts"]
        self._level = np.array(meta["level"]) if meta["level"] else None
        self._white = np.array(meta["white"])
        self._tone = tuple(meta["tone"]) if meta["tone"] else None
        self._all, self._clean = arrays.get("all"), arrays.get("clean")

    # ---- pictures

    def raw(self, *, clean: bool) -> NDArray[Any]:
        """(h, w, 3) in the frames' own type. Raises `NothingYetError` before the first frame."""
        found = self._clean if clean else self._all
        if found is None:
            raise NothingYetError("the star trails have no frame yet")
        return found

    def picture(self, *, clean: bool = True) -> NDArray[np.uint8]:
        """(h, w, 3) as shown: dark sky, colours of the stars. Raises `NothingYetError` before the first frame."""
        image = self.raw(clean=clean)
        assert self._tone is not None  # noqa: S101 - for the type checker
        offset, top, linear = self._tone
        if not linear:
            return tone(image, _like(offset, top, linear), NEUTRAL)
        return developed(image, offset, top, self._white)


def _like(offset: float, top: float, linear: bool) -> NightFrame:
    from datetime import UTC, datetime

    return NightFrame("", datetime.now(UTC), 0, np.empty((0, 0)), "rgb", top, offset, linear=linear)
