"""The state `demo.rgb.state.v1`, and the file that keeps it."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from lighting.engine.commands import json_integer

log = logging.getLogger(__name__)

SCHEMA = "demo.rgb.state.v1"


@dataclass(frozen=True, slots=True)
class RgbState:
    """The colour of the fixture `main`, as everybody sees it.

    Attributes:
        r, g, b: 0..255.
        seq: grows with every accepted command, over restarts and projects too.
        updated_by: the sender of the command that made it; `init` before the first.
        ts: server clock in ms since 1970, never decreasing.
    """

    r: int = 0
    g: int = 0
    b: int = 0
    seq: int = 0
    updated_by: str = "init"
    ts: int = 0

    @property
    def colour(self) -> tuple[int, int, int]:
        """Red, green, blue."""
        return self.r, self.g, self.b

    @property
    def is_dark(self) -> bool:
        """Whether it gives no light."""
        return not (self.r or self.g or self.b)

    def body(self) -> dict[str, Any]:
        """As REST, MQTT and the file have it."""
        return {
            "schema": SCHEMA,
            "r": self.r,
            "g": self.g,
            "b": self.b,
            "seq": self.seq,
            "updatedBy": self.updated_by,
            "ts": self.ts,
        }


def parse_state(body: object) -> RgbState:
    """The inverse of `RgbState.body`. Raises `ValueError` for anything that is not exactly one."""
    if not isinstance(body, dict) or body.keys() != RgbState().body().keys() or body["schema"] != SCHEMA:
        raise ValueError(f"not a {SCHEMA}")
    numbers = {name: json_integer(body[name]) for name in ("r", "g", "b", "seq", "ts")}
    if any(value is None or value < 0 for value in numbers.values()):
        raise ValueError("a number is wrong")
    r, g, b, seq, ts = (value or 0 for value in numbers.values())
    if max(r, g, b) > 255 or not isinstance(body["updatedBy"], str) or not body["updatedBy"]:
        raise ValueError("a value is out of its range")
    return RgbState(r, g, b, seq, body["updatedBy"], ts)


def load_state(path: Path) -> RgbState:
    """What a file holds; dark for a missing or broken one, which is put aside as `.bad-<ms>`."""
    try:
        return parse_state(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return RgbState()
    except (OSError, ValueError) as error:
        aside = path.with_name(f"{path.name}.bad-{time.time_ns() // 1_000_000}")
        log.error("%s cannot be used (%s); starting dark, it is kept as %s", path, error, aside.name)
        try:
            path.replace(aside)
        except OSError as second:
            log.warning("%s could not be put aside: %s", path, second)
        return RgbState()
