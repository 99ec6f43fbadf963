"""Read the settings from their places, in order; refuse wrong ones with place, key, value, what is allowed."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml

from skycam_project.common.errors import SkycamError
from skycam_project.config.keys import CameraConfiguration, Configuration
from skycam_project.config.kinds import Kind
from skycam_project.config.timelapse import NodeConfiguration

Item = TypeVar("Item", CameraConfiguration, NodeConfiguration)
LIST_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
OTHER_PARTS = {"sensor", "monitoring.grafana"}
"""Keys of document 001 whose part of the program is not there yet: accepted, and said at the start."""


class SettingError(SkycamError):
    """A setting has a value that is not allowed, or there is no such setting."""

    code = "setting"

    def __init__(self, place: str, key: str, value: object, allowed: str) -> None:
        super().__init__(f"{place}: {key} is {value!r}, allowed: {allowed}")
        self.place, self.key = place, key


def load(
    config: Path | None = None, environ: Mapping[str, str] = os.environ, **overrides: Any
) -> tuple[Configuration, list[str]]:
    """Read all settings.

    Args:
        config: skycam.yaml; without it `SKYCAM_CONFIG`, then `skycam.yaml` in the current folder.
        environ: the environment.
        overrides: values of command line options by field name; `None` means not given.

    Returns:
        The settings, and sentences about accepted keys that have no effect in this installation.

    Raises:
        SettingError: a wrong value or an unknown key, with its place and what is allowed.
    """
    path = _config_path(config, environ)
    tree, notes = ({}, []) if path is None else _read_yaml(path, environ)
    values: dict[str, Any] = {}
    for row in _rows(Configuration):
        found = _from_yaml(tree, row, str(path)) | _from_environment(environ, row)
        if found:
            values[row.name] = found["value"]
    values["cameras"] = _cameras(tree.pop("cameras", None), str(path))
    values["nodes"] = _nodes(tree.pop("nodes", None), str(path))
    notes += _leftovers(tree, str(path))
    settings = Configuration(**values)
    for name, value in overrides.items():
        if value is not None:
            row = next(row for row in _rows(Configuration) if row.name == name)
            settings = replace(
                settings, **{name: _read(row.metadata["kind"], value, "command line", "--" + name)}
            )
    for key, value, allowed in settings.contradictions():
        raise SettingError("settings", key, value, allowed)
    return replace(settings, data=settings.data.absolute()), notes


def _rows(table: type) -> Iterator[Field[Any]]:
    return (row for row in fields(table) if row.metadata)


def _config_path(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    if config is None and environ.get("SKYCAM_CONFIG"):
        config = Path(environ["SKYCAM_CONFIG"])
    if config is None:
        return Path("skycam.yaml") if Path("skycam.yaml").is_file() else None
    if not config.is_file():
        raise SettingError("command line or SKYCAM_CONFIG", "config", str(config), "a file that exists")
    return config


def _read_yaml(path: Path, environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    try:
        tree = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SettingError(str(path), "the file", " ".join(str(error).split()), "YAML text") from None
    if tree is None:
        return {}, []
    if not isinstance(tree, dict):
        raise SettingError(str(path), "the file", type(tree).__name__, "keys with values")
    return _interpolated(tree, environ, str(path), ""), []


def _interpolated(value: Any, environ: Mapping[str, str], place: str, key: str) -> Any:
    """Replace `${VAR}` in all texts; an unset variable is an error, not an empty text."""
    if isinstance(value, dict):
        return {str(k): _interpolated(v, environ, place, f"{key}.{k}".strip(".")) for k, v in value.items()}
    if isinstance(value, list):
        return [_interpolated(item, environ, place, key) for item in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise SettingError(
                place, key, match[0], f"an environment variable that is set; {match[1]} is not"
            )
        return environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", variable, value)


def _from_yaml(tree: dict[str, Any], row: Field[Any], place: str) -> dict[str, Any]:
    """The value under the row's key, taken out of the tree so that what is left over can be named."""
    key = row.metadata["yaml"]
    *folders, name = key.split(".")
    for folder in folders:
        inner = tree.get(folder, {})
        if inner is not None and not isinstance(inner, dict):
            raise SettingError(place, folder, inner, "keys with values")
        tree = inner or {}
    if not key or name not in tree:
        return {}
    return {"value": _read(row.metadata["kind"], tree.pop(name), place, key)}


def _from_environment(environ: Mapping[str, str], row: Field[Any]) -> dict[str, Any]:
    """The first of its names that says something; an empty one says "none" where none is a value."""
    names, kind = [name for name in row.metadata["env"] if name in environ], row.metadata["kind"]
    told = [name for name in names if environ[name]] or (names if kind.empty else [])
    return {"value": _read(kind, environ[told[0]], "environment", told[0])} if told else {}


def _read(kind: Kind[Any], value: Any, place: str, key: str) -> Any:
    try:
        return kind.read(value)
    except (ValueError, TypeError):
        raise SettingError(place, key, "(hidden)" if kind.secret else value, kind.allowed) from None


def _cameras(items: Any, place: str) -> tuple[CameraConfiguration, ...]:
    return _list(items, place, "cameras", CameraConfiguration, {"default"})


def _nodes(items: Any, place: str) -> tuple[NodeConfiguration, ...]:
    nodes = _list(items, place, "nodes", NodeConfiguration, set())
    for number, node in enumerate(nodes):
        if node.host_key is None:  # believing whatever key comes first would let any machine be the node
            allowed = "the node's public key; `ssh-keyscan HOST` shows it"
            raise SettingError(place, f"nodes[{number}].host_key", None, allowed)
    return nodes


def _list(items: Any, place: str, key: str, table: type[Item], taken: set[str]) -> tuple[Item, ...]:
    """A list of things that each have an id."""
    if items is None:
        return ()
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise SettingError(place, key, items, f"a list of {key}, each with id, {_rows_of(table)} …")
    found: list[Item] = []
    for number, item in enumerate(items):
        where = f"{key}[{number}]"
        values = {row.name: value["value"] for row in _rows(table) if (value := _from_yaml(item, row, place))}
        if item:
            raise SettingError(place, f"{where}.{next(iter(item))}", next(iter(item.values())), "no such key")
        entry = table(**values)
        if not LIST_ID.fullmatch(entry.id) or entry.id in taken | {other.id for other in found}:
            reserved = "".join(f", not {name!r}" for name in taken)
            allowed = f"lower case letters, digits and dashes, each id once{reserved}"
            raise SettingError(place, f"{where}.id", entry.id, allowed)
        found.append(entry)
    return tuple(found)


def _rows_of(table: type) -> str:
    return ", ".join([row.metadata["yaml"] for row in _rows(table)][1:3])


def _leftovers(tree: dict[str, Any], place: str, prefix: str = "") -> list[str]:
    notes = []
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if key in OTHER_PARTS:
            notes.append(f"{place}: {key} has no effect: this version has no such part")
        elif isinstance(value, dict):
            notes += _leftovers(value, place, f"{key}.")
        elif value is not None:
            known = [row.metadata["yaml"] for row in _rows(Configuration) if row.metadata["yaml"]]
            near = get_close_matches(key, known, n=1)
            hint = f"there is {near[0]}" if near else "see docs/settings.md"
            raise SettingError(place, key, value, f"no such setting; {hint}")
    return notes
