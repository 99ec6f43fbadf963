"""Which master fits a frame, and how it has to be scaled. sky.md §7.4."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sessions.calibration.key import Key
from skycam_project.common.units import Kelvin

EQUAL: Kelvin = 2.0
"""Difference of temperature up to which a dark is used as it is."""
SCALABLE: Kelvin = 8.0
"""Difference of temperature up to which a dark is scaled, where there is a bias."""
DOUBLING: Kelvin = 6.0
"""Warming that doubles the dark current."""
AGE = timedelta(days=183)
"""A master says nothing about a frame more than half a year away: hot pixels come and go."""


@dataclass(frozen=True, slots=True)
class Master:
    """A master frame of the library.

    Attributes:
        kind: `dark`, `flat` or `bias`.
        key: the settings of its frames.
        path: of its file.
        sha256: of its pixels.
        frames: how many it is the mean of.
        taken_at: when its frames were taken, in the middle, UTC.
        hot_pixels: of a dark.
        mosaic: whether its pixels have the colours of a mosaic.
    """

    kind: str
    key: Key
    path: Path
    sha256: str
    frames: int
    taken_at: datetime
    hot_pixels: int = 0
    mosaic: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """A master that is used, and how.

    Attributes:
        master: the master.
        how: `equal`, or `scaled`.
        factor: what the dark current is multiplied by.
    """

    master: Master
    how: str = "equal"
    factor: float = 1.0

    def used(self) -> dict[str, Any]:
        """What a product's record says of it."""
        return {
            "kind": self.master.kind,
            "sha256": self.master.sha256,
            "file": self.master.path.name,
            "how": self.how,
            "factor": round(self.factor, 6),
        }


@dataclass(frozen=True, slots=True)
class Matches:
    """What there is for a frame.

    Attributes:
        dark: its dark.
        bias: its bias.
        flat: its flat.
        gaps: what is missing, in words: `no dark for 30 s, gain 60, −5 °C`.
    """

    dark: Match | None
    bias: Match | None
    flat: Match | None
    gaps: tuple[str, ...]

    @property
    def used(self) -> list[dict[str, Any]]:
        """The masters that change pixels, as `Match.used`."""
        both = [one for one in (self.dark or self.bias, self.flat) if one]
        if self.dark and self.dark.how == "scaled" and self.bias:
            both.append(self.bias)
        return [one.used() for one in both]


def match(masters: Iterable[Master], wanted: Key, at: datetime) -> Matches:
    """The best masters for a frame.

    A dark is used as it is when exposure and gain are equal and the temperature is within 2 K (or not known); else it is
    scaled, D = B + (D0 - B) (t / t0) 2^((T - T0) / 6), when there is a bias of that gain and the temperature is
    within 8 K. Masters older or younger than half a year do not count; of several the nearest is taken: by
    temperature and exposure, then by age.

    Args:
        masters: of the library.
        wanted: the frame's settings.
        at: when it was taken, aware.
    """
    near = [one for one in masters if one.key.same_sensor(wanted) and abs(one.taken_at - at) <= AGE]
    biases = [one for one in near if one.kind == "bias" and one.key.same_gain(wanted)]
    bias = min(biases, key=lambda one: _distance(one, wanted, at), default=None)
    darks = [one for one in near if one.kind == "dark" and one.key.same_gain(wanted)]
    dark = _equal_dark(darks, wanted, at) or (_scaled_dark(darks, wanted, at) if bias else None)
    flats = [one for one in near if one.kind == "flat" and one.key.filter == wanted.filter]
    flat = min(flats, key=lambda one: abs(one.taken_at - at), default=None)
    gaps = []
    if dark is None:
        reason = "" if bias or not darks else " (a bias would let one be scaled)"
        gaps.append(f"no dark for {wanted.says()}{reason}")
    if flat is None:
        gaps.append(f"no flat for {f'the filter {wanted.filter}' if wanted.filter else wanted.camera}")
    return Matches(dark, Match(bias) if bias else None, Match(flat) if flat else None, tuple(gaps))


def _equal_dark(darks: list[Master], wanted: Key, at: datetime) -> Match | None:
    fitting = [one for one in darks if one.key.same_exposure(wanted) and _warmer(one, wanted) <= EQUAL]
    best = min(fitting, key=lambda one: _distance(one, wanted, at), default=None)
    return Match(best) if best else None


def _scaled_dark(darks: list[Master], wanted: Key, at: datetime) -> Match | None:
    fitting = [
        one
        for one in darks
        if one.key.exposure_s and wanted.exposure_s is not None and _warmer(one, wanted) <= SCALABLE
    ]
    best = min(fitting, key=lambda one: _distance(one, wanted, at), default=None)
    if best is None or not best.key.exposure_s or wanted.exposure_s is None:
        return None
    change = 0.0
    if best.key.temperature_c is not None and wanted.temperature_c is not None:
        change = wanted.temperature_c - best.key.temperature_c
    return Match(best, "scaled", wanted.exposure_s / best.key.exposure_s * 2 ** (change / DOUBLING))


def _warmer(master: Master, wanted: Key) -> Kelvin:
    """Difference of temperature; 0 when neither knows it, too large when one does."""
    one, other = master.key.temperature_c, wanted.temperature_c
    if one is None or other is None:
        return 0.0 if one is other else EQUAL * 0.999
    return abs(one - other)


def _distance(master: Master, wanted: Key, at: datetime) -> tuple[float, float, float]:
    longer = 0.0
    if master.key.exposure_s and wanted.exposure_s:
        longer = abs(master.key.exposure_s / wanted.exposure_s - 1)
        # Scaling down adds less noise than scaling up.
        longer = longer if master.key.exposure_s >= wanted.exposure_s else 10 * longer
    return longer, _warmer(master, wanted), abs((master.taken_at - at).total_seconds())
