"""From seconds and gain to what the firmware takes.

`ExposureResolver` reads the parameter tables that the telescope serves (`getParamAndSetting`, V3); where a
table is missing or damaged, the built-in one of the DWARF 3 stands in. Exposure goes out as an index into a
table, gain as itself, both under 64-bit parameter ids.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.units import Seconds
from telescope.dwarf.values import Camera, Filter, Parameter, ParamId, ParamSection, ShootingMode

logger = logging.getLogger(__name__)

TOLERANCE = 0.02
"""A duration is taken for a table entry when it differs by no more than this share of it."""
_FRACTIONS = (10000, 8000, 6400, 5000, 4000, 3200, 2500, 2000, 1600, 1250, 1000, 800, 640, 500, 400, 320, 250,
              200, 160, 125, 100, 80, 60, 50, 40, 30, 25, 20, 15, 13, 10, 8, 6, 5, 4, 3)  # fmt: skip
_SECONDS = (0.4, 0.5, 0.6, 0.8, 1, 1.3, 1.6, 2, 2.5, 3.2, 4, 5, 6, 8, 10, 13, 15, 30)
_THIRDS = [*(f"1/{part}" for part in _FRACTIONS), *(f"{seconds:g}" for seconds in _SECONDS)]
BUILT_IN: Mapping[int, str] = {3 * n: name for n, name in enumerate(_THIRDS)} | {
    160: "45",
    162: "60",
    163: "90",
    165: "120",
}
"""Exposure table of the DWARF 3 tele camera: index to name, seconds or a fraction."""
BUILT_IN_GAINS = (0, 2, 5, *range(10, 241, 10))


@dataclass(frozen=True, slots=True)
class ExposureStep:
    """One entry of the exposure table: the firmware's index, its name there, and what that is in seconds."""

    index: int
    name: str
    seconds: Seconds


class ExposureResolver:
    """Looks up indices and parameter ids.

    Args:
        steps: exposure table, in any order.
        gains: gains offered, in any order.
        ids: parameter ids that the telescope told, by parameter; the others follow the documented pattern.
    """

    def __init__(
        self,
        steps: Sequence[ExposureStep] | None = None,
        gains: Sequence[int] | None = None,
        ids: Mapping[Parameter, int] | None = None,
    ) -> None:
        self.steps = sorted(steps or _steps(BUILT_IN), key=lambda step: step.seconds)
        self.gains = sorted(gains or BUILT_IN_GAINS)
        self._ids = dict(ids or {})

    @classmethod
    def from_params(cls, data: Mapping[str, Any]) -> "ExposureResolver":
        """Read the answer of `getParamAndSetting`; the built-in table replaces what is unusable of it."""
        for camera in _list(data.get("cameraParams")):
            if isinstance(camera, dict) and camera.get("cameraId") == Camera.TELE:
                special = camera.get("specialParams")
                special = special if isinstance(special, dict) else {}
                exposure, gain = _dict(special.get("exp")), _dict(special.get("gain"))
                names = {
                    entry["value"]: str(entry["name"])
                    for entry in _list(exposure.get("values"))
                    if isinstance(entry, dict) and isinstance(entry.get("value"), int) and "name" in entry
                }
                gains = [
                    value
                    for value in _list(gain.get("values"))
                    if isinstance(value, int) and 0 <= value <= 1000
                ]
                ids = {Parameter.EXPOSURE: exposure.get("paramId"), Parameter.GAIN: gain.get("paramId")}
                known = {
                    key: value for key, value in ids.items() if isinstance(value, int) and 0 < value < 2**63
                }
                return cls(_steps(names), gains, known)
        logger.warning("exposure tables missing in the telescope's answer, built-in ones used")
        return cls()

    @property
    def shortest(self) -> Seconds:
        """Shortest exposure, seconds."""
        return self.steps[0].seconds

    @property
    def longest(self) -> Seconds:
        """Longest exposure, seconds."""
        return self.steps[-1].seconds

    def exposure(self, duration: Seconds) -> ExposureStep:
        """The entry for a duration.

        Raises:
            InvalidValueError: none is within 2 %; the text names the neighbours.
        """
        if not math.isfinite(duration) or duration < 0:
            raise InvalidValueError("exposure_s", duration, f"{self.shortest:g} … {self.longest:g} s")
        best = min(self.steps, key=lambda step: abs(step.seconds - duration))
        if abs(best.seconds - duration) <= TOLERANCE * best.seconds:
            return best
        below = [step.name for step in self.steps if step.seconds < duration][-1:]
        above = [step.name for step in self.steps if step.seconds > duration][:1]
        raise InvalidValueError(
            "exposure_s", duration, f"one of the telescope's exposures, e.g. {' or '.join(below + above)} s"
        )

    def gain(self, value: int) -> int:
        """The offered gain nearest to `value`. Raises `InvalidValueError` outside the range."""
        if not self.gains[0] <= value <= self.gains[-1]:
            raise InvalidValueError("gain", value, f"{self.gains[0]} … {self.gains[-1]}")
        return min(self.gains, key=lambda gain: (abs(gain - value), gain))

    def param_id(self, parameter: Parameter, mode: int = ShootingMode.DEEP_SKY) -> int:
        """The 64-bit id of a parameter of the tele camera in a shooting mode."""
        if mode == ShootingMode.DEEP_SKY and parameter in self._ids:
            return self._ids[parameter]
        section = ParamSection.CAPTURE if parameter == Parameter.FRAME_COUNT else ParamSection.OPTICAL
        return ParamId(mode, section, Camera.TELE, parameter).pack()


FILTERS: Mapping[str, Filter] = {"VIS": Filter.VIS, "Astro": Filter.ASTRO, "Duo-Band": Filter.DUO_BAND}
"""Filter wheel of the DWARF 3: names as in its FITS headers, in the order of its positions."""


def _steps(names: Mapping[int, str]) -> list[ExposureStep]:
    steps = []
    for index, name in names.items():
        numerator, _, denominator = name.partition("/")
        try:
            seconds = float(numerator) / float(denominator or 1)
        except (ValueError, ZeroDivisionError):
            continue
        if 0 < seconds < 86_400:
            steps.append(ExposureStep(index, name, seconds))
    return steps


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
