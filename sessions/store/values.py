"""Anything a caller hands over becomes JSON here, at the call, so that nothing can fail later.

The fast path is one `orjson.dumps`; what it cannot take (64-bit overflows, odd keys, cycles, lone surrogates)
is copied piece by piece, which always ends and always yields something `orjson` takes.
"""

import base64
import traceback
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import orjson

MAX_REPR = 200
"""Characters kept of the `repr` of an object that has no JSON form."""
MAX_ARRAY = 1024
"""Elements up to which an array is written out; a larger one (an image in a context) is only described."""
_MAX_DEPTH = 8
_MAX_NODES = 10_000


def encode(value: object) -> bytes:
    """JSON (UTF-8) of any object. Never raises for data: what has no JSON form becomes text.

    numpy scalars, small arrays -> numbers, lists; datetime -> ISO 8601; NaN, inf -> null; bytes -> base64;
    Path, Enum, exceptions, UUID -> text; integers beyond 64 bits -> text; anything else -> `repr`, cut.
    """
    try:
        return orjson.dumps(value, default=_default, option=orjson.OPT_UTC_Z)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps(_Plain().convert(value, 0), default=_default, option=orjson.OPT_UTC_Z)


def plain(value: object) -> Any:
    """The value as it will be read back: only dict, list, str, int, float, bool and None."""
    return orjson.loads(encode(value))


def short_repr(value: object, limit: int = MAX_REPR) -> str:
    """`repr` cut to `limit` characters; an object whose `repr` raises still yields text."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__} without a usable repr>"
    return _valid_text(text[:limit])


def _valid_text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _default(value: object) -> Any:
    if type(value).__module__ == "numpy":
        return _numpy(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, PurePath):
        return _valid_text(str(value))
    if isinstance(value, BaseException):
        return _valid_text("".join(traceback.format_exception_only(value)).strip())
    if isinstance(value, set | frozenset):
        return list(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, float):
        return float(value)
    return short_repr(value)


def _numpy(value: Any) -> Any:
    import numpy as np  # loaded already by whoever made the value; a process without numpy stays small

    if isinstance(value, np.generic):
        return str(value) if isinstance(value, np.datetime64 | np.timedelta64 | np.void) else value.item()
    if isinstance(value, np.ndarray):
        if value.size <= MAX_ARRAY and value.dtype.kind in "biufSUM":
            return value.tolist() if value.dtype.kind != "M" else value.astype(str).tolist()
        return f"array {value.dtype} {'x'.join(map(str, value.shape))}"
    return short_repr(value)


class _Plain:
    """The slow path: a copy with every key as text, limited in depth and in nodes (cycles end there)."""

    def __init__(self) -> None:
        self._nodes = 0

    def convert(self, value: object, depth: int) -> Any:
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            return "…"
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return int(value) if -(2**63) <= value < 2**63 else str(int(value))
        if isinstance(value, str):
            return _valid_text(value)
        if isinstance(value, Mapping):
            return {self._key(key): self.convert(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.convert(item, depth + 1) for item in value]
        try:
            return orjson.loads(orjson.dumps(value, default=_default, option=orjson.OPT_UTC_Z))
        except (TypeError, ValueError, RecursionError):
            return short_repr(value)

    @staticmethod
    def _key(key: object) -> str:
        return _valid_text(key) if isinstance(key, str) else short_repr(key)
