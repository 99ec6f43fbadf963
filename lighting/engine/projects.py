"""Several independent shows: an index, and a folder with the four files of each."""

import logging
import re
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from lighting.engine.scenes import Files
from lighting.errors import InvalidError, MissingError
from skycam_project.common.files import write_atomic

log = logging.getLogger(__name__)

PROJECT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
LONGEST_NAME, LONGEST_TEXT = 120, 4000
EDITABLE = ("name", "venue", "eventDate", "notes")
DEFAULT_ID, DEFAULT_NAME = "default", "Default show"
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _fields(body: object, *, new: bool) -> dict[str, Any]:
    """The editable members of a request. Raises `InvalidError`."""
    if not isinstance(body, dict):
        raise InvalidError("a project is an object")
    if unknown := body.keys() - {*EDITABLE, *(["templateId"] if new else [])}:
        raise InvalidError(f"a project has no {', '.join(sorted(map(str, unknown)))}")
    if new or "name" in body:
        name = body.get("name")
        if not isinstance(name, str) or not name.strip() or len(name.strip()) > LONGEST_NAME:
            raise InvalidError(f"name must be 1 to {LONGEST_NAME} characters")
    for key in EDITABLE[1:]:
        value = body.get(key)
        if value is not None and (not isinstance(value, str) or len(value) > LONGEST_TEXT):
            raise InvalidError(f"{key} must be a text of at most {LONGEST_TEXT} characters, or null")
    found = {key: body[key] for key in EDITABLE if key in body}
    return found | ({"name": found["name"].strip()} if "name" in found else {})


class Projects:
    """The index of projects. Blocking file work: call it in a thread, one call at a time.

    Args:
        root: its folder; made with the project `default` when it is empty.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.active, self.metas = "", list[dict[str, Any]]()
        self._load()

    # ---- reading

    def body(self) -> dict[str, Any]:
        """As `GET /projects` has it."""
        return {"activeId": self.active, "projects": self.metas}

    def meta(self, project: str) -> dict[str, Any]:
        """One project. Raises `MissingError`, also for what could not be an id."""
        for meta in self.metas:
            if meta["id"] == project:
                return meta
        raise MissingError("there is no such project")

    def files(self, project: str) -> Files:
        """Where a project's files are. Raises `MissingError`."""
        folder = self.root / self.meta(project)["id"]
        return Files(folder, folder / "state.json", folder / "cmd_seen.json")

    # ---- changing

    def create(self, body: object, fill: Callable[[Files], None] = lambda files: None) -> None:
        """A new project, whose files `fill` may write; with `templateId` a copy of another's state, scenes and show. Raises `InvalidError`, `MissingError`."""
        fields = _fields(body, new=True)
        assert isinstance(body, dict)  # noqa: S101 - `_fields` refuses others
        template = body.get("templateId")
        source = None if template is None else self.files(str(template))
        slug = re.sub(r"[^a-z0-9]+", "-", fields["name"].lower()).strip("-")[:50] or "project"
        project = f"{slug}-{''.join(secrets.choice(ALPHABET) for _ in range(6))}"
        self._add(project, fields)
        if source:
            target = self.files(project)
            for old, new in (
                (source.state, target.state),
                (source.scenes, target.scenes),
                (source.show, target.show),
            ):
                if old.exists():
                    shutil.copyfile(old, new)
        fill(self.files(project))
        self._save()

    def update(self, project: str, body: object) -> dict[str, Any]:
        """Change some members; `null` clears all but the name. Raises `InvalidError`, `MissingError`."""
        meta, fields = self.meta(project), _fields(body, new=False)
        meta |= fields | {"updatedAt": _now_ms()}
        self._save()
        return meta

    def select(self, project: str) -> None:
        """Remember the active project. Raises `MissingError`."""
        self.active = self.meta(project)["id"]
        self._save()

    def backed_up(self, project: str, at: int) -> None:
        """Note the time (ms) of a backup."""
        self.meta(project)["lastBackupAt"] = at
        self._save()

    # ---- the index

    def _add(self, project: str, fields: dict[str, Any]) -> None:
        now = _now_ms()
        (self.root / project).mkdir(exist_ok=True)
        empty = {"venue": None, "eventDate": None, "notes": None}
        times = {"createdAt": now, "updatedAt": now, "lastBackupAt": None}
        self.metas.append({"id": project, **empty, **fields, **times})

    def _save(self) -> None:
        write_atomic(self.root / "projects.json", orjson.dumps(self.body()))

    def _load(self) -> None:
        path = self.root / "projects.json"
        try:
            body = orjson.loads(path.read_bytes())
            self.metas = [_checked(meta) for meta in body["projects"]]
            self.active = self.meta(body["activeId"])["id"]
        except FileNotFoundError:
            self._rebuild()
        except (OSError, ValueError, KeyError, TypeError, MissingError) as error:
            aside = path.with_name(f"{path.name}.bad-{_now_ms()}")
            log.error(
                "%s cannot be used (%s); it is kept as %s and made anew from the folders",
                path,
                error,
                aside.name,
            )
            path.replace(aside)
            self._rebuild()

    def _rebuild(self) -> None:
        self.metas = []
        for folder in sorted(self.root.iterdir()):
            if folder.is_dir() and PROJECT_ID.fullmatch(folder.name):
                name = DEFAULT_NAME if folder.name == DEFAULT_ID else folder.name
                self._add(folder.name, {"name": name})
        if not self.metas:
            self._add(DEFAULT_ID, {"name": DEFAULT_NAME})
        ids = [meta["id"] for meta in self.metas]
        self.active = DEFAULT_ID if DEFAULT_ID in ids else ids[0]
        self._save()


def _checked(meta: Any) -> dict[str, Any]:
    if (
        not isinstance(meta["id"], str)
        or not PROJECT_ID.fullmatch(meta["id"])
        or not isinstance(meta["name"], str)
    ):
        raise ValueError("a project is wrong")
    return {
        "venue": None,
        "eventDate": None,
        "notes": None,
        "createdAt": 0,
        "updatedAt": 0,
        "lastBackupAt": None,
    } | meta
