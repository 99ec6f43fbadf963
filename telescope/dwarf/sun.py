"""The sun exclusion: no target, no way to it and no axis movement closer than 15° to the sun.

It sits below every interface. Movements are judged in axis angles: azimuth, and the pitch of the barrel,
which goes on over the zenith to 148° when it folds into the body. Both axes move at once with speeds that
nobody published, so a movement may pass through any place of the rectangle between its ends; the azimuth axis
takes the short way round.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from skycam_project.common.units import Degrees
from telescope.dwarf.heavens import Heavens, Horizontal
from telescope.errors import NearSunError

LIMIT: Degrees = 15.0
SET: Degrees = -1.0
"""Altitude of the sun below which nothing can be burnt (refraction and the site's dip included)."""
CLOSED_PITCH: Degrees = 130.0
"""Pitch above which the barrel is inside the body."""
PARKED_PITCH: Degrees = 148.0
STEP: Degrees = 1.0
ADVICE = "Or wait for sunset, or switch solar mode on with the solar filter fitted."


@dataclass(frozen=True, slots=True)
class Axes:
    """Where the barrel points, degrees.

    Attributes:
        azimuth_deg: 0 ≤ az < 360.
        pitch_deg: -90 … 148; above 90 the barrel looks backwards, above 130 it is inside the body.
    """

    azimuth_deg: Degrees
    pitch_deg: Degrees

    @classmethod
    def of(cls, direction: Horizontal) -> "Axes":
        """The axes of an ordinary direction."""
        return cls(direction.azimuth_deg, direction.altitude_deg)

    @property
    def direction(self) -> Horizontal:
        """Where that is on the sky."""
        if self.pitch_deg <= 90:
            return Horizontal(self.pitch_deg, self.azimuth_deg)
        return Horizontal(180 - self.pitch_deg, (self.azimuth_deg + 180) % 360)

    @property
    def closed(self) -> bool:
        """The barrel sees nothing."""
        return self.pitch_deg > CLOSED_PITCH


class SunGuard:
    """Refuses what would look at the sun.

    Args:
        heavens: tells where the sun is.

    Attributes:
        solar_mode: the user says that the solar filter is fitted; nothing is refused.
    """

    def __init__(self, heavens: Heavens) -> None:
        self._heavens = heavens
        self.solar_mode = False

    def is_up(self, moment: datetime) -> bool:
        """The sun is above -1° altitude."""
        return self._heavens.sun(moment).altitude_deg > SET

    def distance(self, axes: Axes, moment: datetime) -> Degrees:
        """Angle between the line of sight and the sun."""
        return float(
            _distances(np.array([axes.azimuth_deg]), np.array([axes.pitch_deg]), self._heavens.sun(moment))[
                0, 0
            ]
        )

    def check_target(self, name: str, direction: Horizontal, moment: datetime) -> None:
        """Raise `NearSunError` when a target is too close to the sun, also just after sunset."""
        away = self.distance(Axes.of(direction), moment)
        if not self.solar_mode and away < LIMIT:
            raise NearSunError(
                f"{name} is {away:.1f}° from the sun; {LIMIT:g}° are kept unless solar mode is on, "
                "with the solar filter fitted"
            )

    def check_way(self, name: str, start: Axes | None, end: Axes, moment: datetime) -> None:
        """Raise `NearSunError` when a movement could pass too close to the sun.

        Args:
            name: of the target, for the message.
            start: where the barrel points now; None when that is not known.
            end: where it will point.
            moment: now.
        """
        if self.solar_mode or not self.is_up(moment):
            return
        if start is None:
            raise NearSunError(
                "the sun is up and the telescope does not know where it points, so no way to "
                f"{name} can be promised to be safe. {ADVICE}"
            )
        if start.closed and end.closed:
            return
        turn = (end.azimuth_deg - start.azimuth_deg + 180) % 360 - 180
        azimuths = start.azimuth_deg + np.linspace(0, turn, 2 + int(abs(turn) / STEP))
        low, high = sorted((min(start.pitch_deg, CLOSED_PITCH), min(end.pitch_deg, CLOSED_PITCH)))
        pitches = np.linspace(low, high, 2 + int((high - low) / STEP))
        nearest = float(_distances(azimuths, pitches, self._heavens.sun(moment)).min())
        if nearest < LIMIT + STEP:
            raise NearSunError(
                f"the way to {name} passes {nearest:.0f}° from the sun; {LIMIT:g}° are kept. "
                f"Go round in two steps. {ADVICE}"
            )


def _distances(azimuths: np.ndarray, pitches: np.ndarray, sun: Horizontal) -> np.ndarray:
    """Angles to the sun on the grid (azimuths, pitches), degrees."""
    azimuth = np.radians(azimuths - sun.azimuth_deg)[:, None]
    pitch, height = np.radians(pitches)[None, :], np.radians(sun.altitude_deg)
    cosine = np.sin(pitch) * np.sin(height) + np.cos(pitch) * np.cos(height) * np.cos(azimuth)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
