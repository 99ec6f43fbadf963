"""The device's parameter store: exposure, gain, filter and the rest, per shooting mode and camera."""

from dataclasses import dataclass

from telescope.dwarf.codes import Code
from telescope.dwarf.values import Camera, Filter, Parameter, ParamId, ParamMode, ParamSection, ShootingMode
from telescope.simulator.profile import (
    ASTRO_EXPOSURE_INDEX,
    DEFAULT_EXPOSURE_INDEX,
    DEFAULT_GAIN,
    MAX_GAIN,
    Profile,
)
from telescope.simulator.wire import RefusedError

MODES: dict[int, tuple[str, int]] = {
    ShootingMode.NORMAL: ("Normal", 0),
    ShootingMode.DEEP_SKY: ("Deep Sky", 0),
    ShootingMode.SOLAR_SYSTEM: ("Solar System", 0),
    ShootingMode.MILKY_WAY: ("Milky Way", 0),
    ShootingMode.SUN: ("Sun", ShootingMode.SOLAR_SYSTEM),
    ShootingMode.MOON: ("Moon", ShootingMode.SOLAR_SYSTEM),
    ShootingMode.PLANET: ("Planet", ShootingMode.SOLAR_SYSTEM),
}
"""Shooting mode to its name and its parent mode (0: none)."""

CAPTURE_MODE = {Camera.TELE: 11, Camera.WIDE: 13}
"""Internal modes under which a stacking run keeps its parameters [which camera has which is chosen]."""

RANGES: dict[int, tuple[int, int, int]] = {
    Parameter.BRIGHTNESS: (-100, 100, 0),
    Parameter.CONTRAST: (-100, 100, 0),
    Parameter.SATURATION: (-100, 100, 0),
    Parameter.HUE: (-180, 180, 0),
    Parameter.SHARPNESS: (0, 100, 30),
    Parameter.FILTER: (Filter.VIS, Filter.DUO_BAND, Filter.VIS),
    Parameter.FRAME_COUNT: (1, 999, 999),
    Parameter.BURST_COUNT: (1, 99, 5),
    Parameter.WHITE_BALANCE: (0, 20000, 0),
}
"""Lowest, highest and first value of the whole-number parameters."""


@dataclass(frozen=True)
class Setting:
    """A value with its mode (automatic or manual)."""

    value: int
    mode: int = ParamMode.MANUAL


class Params:
    """What is set, by parameter id.

    Args:
        profile: tells which exposures each camera offers.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._settings: dict[ParamId, Setting] = {}

    @staticmethod
    def id(mode: int, camera: int, parameter: int) -> ParamId:
        """The id of a parameter in a mode of a camera."""
        capture = parameter in (Parameter.FRAME_COUNT, Parameter.BURST_COUNT)
        return ParamId(mode, ParamSection.CAPTURE if capture else ParamSection.OPTICAL, camera, parameter)

    def get(self, mode: int, camera: int, parameter: int) -> Setting:
        """The present setting, or the first one."""
        found = self._settings.get(self.id(mode, camera, parameter))
        if found is not None:
            return found
        astro = mode in (ShootingMode.DEEP_SKY, *CAPTURE_MODE.values())
        if parameter == Parameter.EXPOSURE:
            if astro:
                return Setting(ASTRO_EXPOSURE_INDEX)
            return Setting(DEFAULT_EXPOSURE_INDEX, ParamMode.AUTO)
        if parameter == Parameter.GAIN:
            return Setting(DEFAULT_GAIN, ParamMode.MANUAL if astro else ParamMode.AUTO)
        if parameter == Parameter.FILTER and astro:
            return Setting(Filter.ASTRO)
        return Setting(RANGES[parameter][2])

    def put(self, mode: int, camera: int, parameter: int, setting: Setting) -> None:
        """Set after checking. Raises `RefusedError` with -3 for a value that the camera does not offer."""
        if not self._allowed(camera, parameter, setting.value):
            raise RefusedError(Code.WS_INVAID_PARAM)
        self._settings[self.id(mode, camera, parameter)] = setting

    def put_id(self, number: int, setting: Setting, only: tuple[int, ...]) -> ParamId:
        """Set by a 64-bit parameter id from the wire, which must name one of the parameters `only`.

        Raises `RefusedError` with -3 for ids that do not exist on a DWARF 3.
        """
        given = ParamId.unpack(number)
        mode = given.mode or ShootingMode.NORMAL
        known_mode = mode in MODES or mode in CAPTURE_MODE.values()
        if given.parameter not in only or not known_mode or given.camera not in (Camera.TELE, Camera.WIDE):
            raise RefusedError(Code.WS_INVAID_PARAM)
        if given.section != self.id(mode, given.camera, given.parameter).section:
            raise RefusedError(Code.WS_INVAID_PARAM)
        self.put(mode, given.camera, given.parameter, setting)
        return given

    def _allowed(self, camera: int, parameter: int, value: int) -> bool:
        if parameter == Parameter.EXPOSURE:
            return value in self._profile.cameras[Camera(camera)].exposures
        if parameter == Parameter.GAIN:
            return 0 <= value <= MAX_GAIN
        if parameter == Parameter.FILTER and camera != Camera.TELE:
            return False
        low, high, _ = RANGES[parameter]
        return low <= value <= high
