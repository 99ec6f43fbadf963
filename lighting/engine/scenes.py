"""Scenes and the show: what they may hold, and the files that keep them."""

import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from lighting.engine.commands import json_integer
from lighting.engine.rig import LAST_UNIVERSE, MAIN, ROLES, SLOTS, Rig
from lighting.engine.ulid import new_ulid
from lighting.errors import InvalidError, MissingError
from skycam_project.common.files import write_atomic

log = logging.getLogger(__name__)

SCENE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
LONGEST_NAME = 120
LONGEST_FADE_MS = 3_600_000
MOST_SCENES, MOST_STEPS = 500, 500
ORDERS = ("loop", "single", "pingpong", "random")
VERSION = "1.2"
MEMBERS = {"id", "name", "channelValues", "timestamp", "description", "tags", "favorite", "universe", "rgb", "fadeMs", "role"}  # fmt: skip
EMPTY_SHOW: dict[str, Any] = {
    "version": VERSION, "steps": [], "order": "loop", "universes": [], "fixtures": [], "effects": [], "customLayout": None,
}  # fmt: skip


def _whole(value: object, least: int, most: int, what: str) -> int:
    number = json_integer(value)
    if number is None or not least <= number <= most:
        raise InvalidError(f"{what} must be a whole number from {least} to {most}")
    return number


def parse_scene(body: object) -> dict[str, Any]:
    """A scene as it is kept, with its defaults filled in. Raises `InvalidError`."""
    if not isinstance(body, dict):
        raise InvalidError("a scene is an object")
    if unknown := body.keys() - MEMBERS:
        raise InvalidError(f"a scene has no {', '.join(sorted(unknown))}")
    name, scene_id = body.get("name"), body.get("id", new_ulid().lower())
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidError(f"name must be 1 to {LONGEST_NAME} characters and not blank")
    if not isinstance(scene_id, str) or not SCENE_ID.fullmatch(scene_id):
        raise InvalidError("id must be 1 to 64 characters of a-z, A-Z, 0-9, _ and -")
    scene = dict(body) | {
        "id": scene_id,
        "name": name,
        "channelValues": _channels(body.get("channelValues", {})),
    }
    scene["timestamp"] = _whole(body.get("timestamp", time.time_ns() // 1_000_000), 0, 1 << 53, "timestamp")
    scene["universe"] = _whole(body.get("universe", 0), 0, LAST_UNIVERSE, "universe")
    scene["fadeMs"] = _whole(body.get("fadeMs", 0), 0, LONGEST_FADE_MS, "fadeMs")
    if (rgb := body.get("rgb")) is not None:
        if not isinstance(rgb, dict) or rgb.keys() != {"r", "g", "b"}:
            raise InvalidError("rgb has r, g and b")
        scene["rgb"] = {part: _whole(rgb[part], 0, 255, f"rgb.{part}") for part in "rgb"}
    if body.get("role") not in (None, *ROLES):
        raise InvalidError(f"role must be one of {', '.join(ROLES)}")
    if not isinstance(body.get("description", ""), str) or not isinstance(body.get("favorite", False), bool):
        raise InvalidError("description is a text, favorite true or false")
    tags = body.get("tags", [])
    if not isinstance(tags, list) or len(tags) > 50 or not all(isinstance(tag, str) for tag in tags):
        raise InvalidError("tags is a list of texts")
    return scene


def _channels(values: object) -> dict[str, int]:
    if not isinstance(values, dict):
        raise InvalidError("channelValues is an object of channel to value")
    if not all(
        isinstance(key, str) and re.fullmatch(r"[1-9][0-9]{0,2}", key) and int(key) <= SLOTS for key in values
    ):
        raise InvalidError(f"channelValues: a channel is a number from 1 to {SLOTS}")
    return {key: _whole(value, 0, 255, f"channelValues.{key}") for key, value in values.items()}


def parse_scenes(items: object) -> list[dict[str, Any]]:
    """The whole list. Raises `InvalidError` with the index of the first wrong one; none is taken then."""
    if not isinstance(items, list) or len(items) > MOST_SCENES:
        raise InvalidError(f"scenes are a list of at most {MOST_SCENES}")
    scenes: list[dict[str, Any]] = []
    for number, item in enumerate(items):
        try:
            scene = parse_scene(item)
            if any(scene["id"] == other["id"] for other in scenes):
                raise InvalidError("its id is there already")
        except InvalidError as error:
            raise InvalidError(f"scene {number}: {error}") from None
        scenes.append(scene)
    return scenes


def parse_show(body: object) -> dict[str, Any]:
    """A show; members that are not understood are kept. Raises `InvalidError`."""
    if not isinstance(body, dict):
        raise InvalidError("a show is an object")
    if body.get("order", "loop") not in ORDERS:
        raise InvalidError(f"order must be one of {', '.join(ORDERS)}")
    if not isinstance(body.get("autostart", False), bool):
        raise InvalidError("autostart is true or false")
    steps = body.get("steps", [])
    if not isinstance(steps, list) or len(steps) > MOST_STEPS:
        raise InvalidError(f"steps are a list of at most {MOST_STEPS}")
    for number, step in enumerate(steps):
        if not isinstance(step, dict) or not isinstance(step.get("sceneId"), str):
            raise InvalidError(f"step {number}: it has a sceneId, fadeMs and holdMs")
        for name in ("fadeMs", "holdMs"):
            _whole(step.get(name, 0), 0, LONGEST_FADE_MS, f"step {number}: {name}")
    return EMPTY_SHOW | body | {"version": VERSION, "steps": steps}


def targets(scene: dict[str, Any], rig: Rig) -> dict[tuple[int, int], int]:
    """The (universe, channel) values that a scene asks for; `rgb` means the fixture main, or all of its role."""
    values = {(scene["universe"], int(channel)): value for channel, value in scene["channelValues"].items()}
    if rgb := scene.get("rgb"):
        role = scene.get("role") or "main"
        names = [name for name, fixture in rig.fixtures.items() if fixture.role == role] or [MAIN]
        shadow = Rig(255)
        shadow.patch(rig.fixtures.values())
        for name in names:
            shadow.set_colour(name, (rgb["r"], rgb["g"], rgb["b"]))
            values |= {place: shadow.channel(*place) for place in shadow.channels_of(name)}
    return values


@dataclass(frozen=True)
class Files:
    """The four files of a project."""

    folder: Path
    state: Path
    seen: Path

    @property
    def scenes(self) -> Path:
        return self.folder / "scenes.json"

    @property
    def show(self) -> Path:
        return self.folder / "show.json"


class Library:
    """The scenes and the show that are mounted now."""

    def __init__(self, files: Files) -> None:
        self.version = 0
        self.open(files)

    def open(self, files: Files) -> None:
        """Continue with other files; broken ones are put aside as `.bad-<ms>`."""
        self.files = files
        self.scenes = _load(files.scenes, parse_scenes, [])
        self.show = _load(files.show, parse_show, dict(EMPTY_SHOW))
        self.version += 1

    def scene(self, scene_id: str) -> dict[str, Any]:
        """One scene. Raises `MissingError`."""
        for scene in self.scenes:
            if scene["id"] == scene_id:
                return scene
        raise MissingError(f"there is no scene {scene_id!r}")

    def replace_scenes(self, scenes: list[dict[str, Any]]) -> None:
        """Keep a list that `parse_scenes` made; on disk when this returns."""
        self.files.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.files.scenes, orjson.dumps(scenes))
        self.scenes = scenes
        self.version += 1

    def replace_show(self, show: dict[str, Any]) -> None:
        """Keep a show that `parse_show` made; on disk when this returns."""
        self.files.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.files.show, orjson.dumps(show))
        self.show = show
        self.version += 1


def _load(path: Path, parse: Any, empty: Any) -> Any:
    try:
        return parse(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return empty
    except (OSError, ValueError) as error:
        aside = path.with_name(f"{path.name}.bad-{time.time_ns() // 1_000_000}")
        log.error("%s cannot be used (%s); it is kept as %s", path, error, aside.name)
        path.replace(aside)
        return empty
