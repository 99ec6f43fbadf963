"""Scenes of the lights tied to what the night is at: day, twilight, night, capturing, parked."""

import logging
import threading
from pathlib import Path

import orjson

from observatory.standing import Standing
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import write_atomic
from skycam_project.common.units import Degrees

log = logging.getLogger(__name__)

MOMENTS = ("day", "twilight", "night", "capturing", "parked")
SUNSET: Degrees = -0.8
DARK: Degrees = -12.0
HYSTERESIS: Degrees = 0.3


def phase(altitude: Degrees, before: str = "") -> str:
    """`day`, `twilight` or `night` by the Sun's altitude; what was `before` stays within `HYSTERESIS`."""
    for limit, above, below in ((SUNSET, "day", "twilight"), (DARK, "twilight", "night")):
        margin = HYSTERESIS if before == below else -HYSTERESIS if before == above else 0.0
        if altitude > limit + margin:
            return above
    return "night"


def moment(sun: Degrees | None, now: Standing, before: str = "") -> str:
    """What the observatory is at. Capturing counts more than parked, both more than the Sun; empty: nobody knows."""
    if now.capturing:
        return "capturing"
    if now.parked:
        return "parked"
    return "" if sun is None else phase(sun, before)


class NightScenes:
    """Which scene each moment begins with, and the moment that has begun last. Kept in a file.

    Attributes:
        scenes: moment to scene id.
        begun: the moment whose scene has been brought; a restart does not bring it again.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self.scenes: dict[str, str] = {}
        self.begun = ""
        try:
            record = orjson.loads(path.read_bytes())
            self.scenes, self.begun = self._checked(record["scenes"]), str(record["begun"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, InvalidValueError) as error:
            log.warning("%s cannot be used (%s); no scene follows the night", path, error)

    def replace(self, scenes: object) -> None:
        """Moment to scene id, None for none; on disk when it returns. Raises `InvalidValueError`."""
        self.scenes = self._checked(scenes)
        self._save()

    def note(self, moment: str) -> None:
        """A moment has begun."""
        self.begun = moment
        self._save()

    def _save(self) -> None:
        with self._lock:  # a person chooses while a moment begins
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._path, orjson.dumps({"scenes": self.scenes, "begun": self.begun}))

    @staticmethod
    def _checked(scenes: object) -> dict[str, str]:
        if not isinstance(scenes, dict) or not scenes.keys() <= set(MOMENTS):
            raise InvalidValueError("scenes", scenes, f"an object of {', '.join(MOMENTS)}")
        for name, scene in scenes.items():
            if scene is not None and (not isinstance(scene, str) or not 1 <= len(scene) <= 64):
                raise InvalidValueError(f"scenes.{name}", scene, "the id of a scene, or null")
        return {name: scene for name, scene in scenes.items() if scene}
