"""YAML 1.1 text written by hand: one line per value, exact types back.

The ASDF library would tag and copy every node at about 8,000 rows a second; a session's tree is small and its
shape is known, so text is enough.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPED = re.compile("[^ !#-\\[\\]-~\u00a1-\u1fff\u2030-\ud7ff]")


class Yaml(str):
    """Text that is YAML already, such as an `ndarray` reference."""

    __slots__ = ()


def flow(value: Any) -> str:
    """One line of YAML for a value made of dict, list, str, int, float, bool, None and `Yaml`."""
    if isinstance(value, Yaml):
        return str(value)
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -(2**63) <= value < 2**63 else quote(str(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key(name)}: {flow(item)}" for name, item in value.items()) + "}"
    return "[" + ", ".join(flow(item) for item in value) + "]"


def key(name: str) -> str:
    """A mapping key: plain when YAML reads it back as the same text, else quoted."""
    return name if _PLAIN_KEY.fullmatch(name) and name.lower() not in _RESERVED else quote(name)


def quote(text: str) -> str:
    """A double-quoted scalar; whatever a YAML reader could refuse or fold is escaped."""
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] in '"\\':
        return "\\" + match[0]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _number(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}[repr(value)]
    text = repr(value)
    # YAML 1.1 reads `1e-07` as text: a float needs its dot.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def ndarray(source: int | str, dtype: str, shape: tuple[int, ...] | list[int]) -> Yaml:
    """The reference to an array: `source` is a block number, or the relative path of another ASDF file."""
    dtype = "bool8" if dtype == "bool" else dtype
    where = source if isinstance(source, int) else quote(source)
    dimensions = ", ".join(str(n) for n in shape)
    inside = f"source: {where}, datatype: {dtype}, byteorder: little, shape: [{dimensions}]"
    return Yaml(f"!core/ndarray-1.1.0 {{{inside}}}")


HEAD = "#ASDF 1.0.0\n#ASDF_STANDARD 1.6.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n--- !core/asdf-1.1.0\n"
"""First lines of every file."""
TAIL = "...\n"
"""Ends the tree; the first block follows."""


def parse(text: bytes) -> Any:
    """Plain YAML; a tagged node is read as what it tags. Raises `ValueError` for what is not YAML."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - derived from the safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"not readable as YAML: {error}") from error


class _Loader(yaml.CSafeLoader):
    """The safe loader, for which every unknown tag is transparent."""


def _untagged(loader: Any, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("", _untagged)
