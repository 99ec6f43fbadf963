"""The command `demo.rgb.cmd.v1`: what a sender may say. The same reader for REST, socket, MQTT and serial input."""

from dataclasses import dataclass
from typing import Any

from lighting.engine.ulid import is_ulid, new_ulid
from lighting.errors import BadCommandError

SCHEMA = "demo.rgb.cmd.v1"
MEMBERS = {"schema", "cmdId", "src", "r", "g", "b", "ts"}
LONGEST_SRC = 64
LARGEST = 64 * 1024
"""Bytes of one message."""


@dataclass(frozen=True, slots=True)
class Command:
    """One wish for the colour of the fixture `main`.

    Attributes:
        cmd_id: ULID; a repeated one is ignored.
        src: 1 to 64 characters; `ui` marks a drag event, which may be dropped when the queue is full.
        r, g, b: any integer; the engine clamps to 0..255.
    """

    cmd_id: str
    src: str
    r: int
    g: int
    b: int

    @property
    def clamped(self) -> tuple[int, int, int]:
        """The colour, each part 0..255."""
        r, g, b = (min(255, max(0, value)) for value in (self.r, self.g, self.b))
        return r, g, b

    @property
    def is_drag(self) -> bool:
        """Whether it may be dropped for a newer one."""
        return self.src == "ui"


def own_command(src: str, r: int, g: int, b: int) -> Command:
    """A command that the program itself gives, with an id of its own."""
    return Command(new_ulid(), src[:LONGEST_SRC], r, g, b)


def parse_command(body: object) -> Command:
    """Read a command.

    Booleans, texts and fractions are no colours; `1.0` is the integer 1. `ts` is checked and thrown away.

    Raises:
        BadCommandError: with one entry per wrong member.
    """
    if not isinstance(body, dict):
        raise BadCommandError([{"loc": [], "msg": "a command is an object"}])
    faults = [_fault(name, "there is no such member") for name in body if name not in MEMBERS]
    if body.get("schema", SCHEMA) != SCHEMA:
        faults.append(_fault("schema", f"must be {SCHEMA}"))
    src = body.get("src")
    if not isinstance(src, str) or not 1 <= len(src) <= LONGEST_SRC:
        faults.append(_fault("src", f"must be 1 to {LONGEST_SRC} characters"))
    colours = [json_integer(body.get(name)) for name in "rgb"]
    faults += [
        _fault(n, "must be an integer") for n, value in zip("rgb", colours, strict=True) if value is None
    ]
    if "ts" in body and (json_integer(body["ts"]) or 0) <= 0:
        faults.append(_fault("ts", "must be an integer greater than 0"))
    if not is_ulid(body.get("cmdId")):
        code = "bad_message" if faults or "cmdId" not in body else "bad_ulid"
        raise BadCommandError([*faults, _fault("cmdId", "must be a ULID: 26 characters, upper case")], code)
    if faults:
        raise BadCommandError(faults)
    r, g, b = (value or 0 for value in colours)
    return Command(str(body["cmdId"]), str(src), r, g, b)


def _fault(name: Any, text: str) -> dict[str, Any]:
    return {"loc": [str(name)[:64]], "msg": text}


def json_integer(value: object) -> int | None:
    """JSON Schema's `integer`: no boolean, no fraction."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
