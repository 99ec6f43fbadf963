"""YAML 1.1 text written by hand: one line per value, exact types back.

The ASDF library would tag and copy every node at about 8,000 rows a second; a session's tree is small and its
shape is known, so text is enough.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from secrets import token_hex
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


_ARRAY = re.compile(
    rb"( *)- !core/ndarray-1\.1\.0 \{source: (?:(0|[1-9]\d{0,8})|\"([A-Za-z0-9._/-]+)\"), "
    rb"datatype: (u?int(?:8|16|32|64)|float(?:32|64)|bool8), byteorder: little, "
    rb"shape: \[((?:0|[1-9]\d{0,8})(?:, (?:0|[1-9]\d{0,8}))*)\]\}\n"
)
_RUN = 16
"""Lines from which a list of frames is folded."""


@dataclass(frozen=True, slots=True)
class Folded:
    """The text of a tree in which every long run of frame lines is one line.

    YAML takes 110 µs and 5 kB for each line that `ndarray` has written; a long night has 30,000 of them.

    Attributes:
        text: what is left.
        runs: the frames' mappings, run by run.
        tag: of the lines in their place, whose value is the run's number; nobody can guess it.
    """

    text: bytes
    runs: list[list[dict[str, Any]]]
    tag: str


def fold(text: bytes, limit: int | None = None) -> Folded:
    """Read the frame lines of a tree that begins as `HEAD` (so that their tag means what it says).

    Raises `ValueError` when there are more than `limit`.
    """
    tag = f"tag:skycam:{token_hex(8)}"
    runs: list[list[dict[str, Any]]] = []
    left: list[bytes] = []
    kept = 0
    if text.startswith(HEAD.encode()):
        for start, end, indent, run in _runs(text, limit):
            left += [text[kept:start], b'%s- !<%s> "%d"\n' % (indent, tag.encode(), len(runs))]
            runs.append(run)
            kept = end
    return Folded(b"".join([*left, text[kept:]]), runs, tag)


def _runs(text: bytes, limit: int | None) -> Iterator[tuple[int, int, bytes, list[dict[str, Any]]]]:
    """Start, end, indentation and content of each run of lines that follow each other."""
    run: list[dict[str, Any]] = []
    start, end, indent = 0, -1, b""
    for number, line in enumerate(_ARRAY.finditer(text)):
        if number == limit:
            raise ValueError(f"more than {limit} frames")
        if line.start() != end or line[1] != indent:
            if len(run) >= _RUN:
                yield start, end, indent, run
            begins = line.start() == 0 or text[line.start() - 1] == 10
            run, start, indent = [], line.start(), line[1] if begins else b"?"
        if indent != b"?":
            run.append(_array(line))
        end = line.end()
    if len(run) >= _RUN:
        yield start, end, indent, run


def _array(line: re.Match[bytes]) -> dict[str, Any]:
    number, name, kind, shape = line.group(2, 3, 4, 5)
    return {
        "source": name.decode() if number is None else int(number),
        "datatype": kind.decode(),
        "byteorder": "little",
        "shape": [int(size) for size in shape.split(b", ")],
    }


def parse(text: bytes | Folded) -> Any:
    """Plain YAML; a tagged node is read as what it tags. Raises `ValueError` for what is not YAML."""
    folded = text if isinstance(text, Folded) else fold(text)
    try:
        loader = _Loader(folded.text)
        loader.folded = folded
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"not readable as YAML: {error}") from error


class _Loader(yaml.CSafeLoader):
    """The safe loader, for which every unknown tag is transparent and a folded run is its frames."""

    folded: Folded

    def construct_sequence(self, node: yaml.SequenceNode, deep: bool = False) -> list[Any]:
        items = super().construct_sequence(node, deep)
        if not any(isinstance(item, _Run) for item in items):
            return items
        return [one for item in items for one in (item if isinstance(item, _Run) else (item,))]


class _Run(list[Any]):
    """Frames that stand for one line."""


def _untagged(loader: Any, suffix: str, node: yaml.Node) -> Any:
    if suffix == loader.folded.tag:
        return _Run(loader.folded.runs[int(node.value)])
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("", _untagged)
