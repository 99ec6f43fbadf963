"""Files from outside (uploads, imports, sessions of other nodes): looked at before the ASDF library sees them.

`check` reads the tree's events, every block's header and the names of files outside, with caps on all of them, and
refuses what a session has no reason to hold: aliases that unfold, references elsewhere, arrays larger than their
blocks. It does not read pixels; `verify` does.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sessions.store import blocks, frames, tree, yamltext
from sessions.store.blocks import BlockHeader
from sessions.store.errors import DamagedFileError, UntrustedFileError
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import under

_TAGS = re.compile(
    r"tag:stsci\.edu:asdf/core/(asdf|ndarray|complex|constant|extension_metadata|history_entry|software"
    r"|integer)-\d[\d.]*|!|asdf://skycam/tags/[a-z_]+-\d[\d.]*|tag:yaml\.org,2002:[a-z]+"
)
"""What the tree may be tagged with: everything else could make a library act on it."""
_NODE_KEYS = frozenset({"source", "datatype", "byteorder", "shape"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file from outside may ask for; never less than the store itself writes (`layout.MAX_FRAMES`).

    Attributes:
        header: bytes of the tree's text.
        frames: frames and arrays that the tree lists line by line.
        nodes: other values in the tree, aliases unfolded.
        depth: of values inside values.
        aliases: references of the tree to another part of itself.
        blocks: number of blocks.
        block: bytes of one block once decompressed.
        ratio: how many times larger than its stored bytes a block above `ratio_from` may become.
        ratio_from: bytes.
    """

    header: int = tree.HEADER_LIMIT
    frames: int = 400_000
    nodes: int = 1_500_000
    depth: int = 40
    aliases: int = 100
    blocks: int = 400_000
    block: int = 2 << 30
    ratio: int = 200
    ratio_from: int = 64 << 20


DEFAULT = Limits()


def check(path: Path, limits: Limits = DEFAULT) -> tuple[dict[str, Any], int]:
    """Refuse a file that could harm its reader; returns what `tree.read_header` does.

    Args:
        path: where it lies, under the name it will be opened with.
        limits: see there.

    Raises:
        UntrustedFileError: it asks for too much, or points elsewhere.
        DamagedFileError: it is no ASDF file, or cut.
        OSError: it cannot be read.
    """
    text, offset = tree.read_text(path, limits.header)
    try:
        folded = yamltext.fold(text, limits.frames)
    except ValueError as error:
        raise UntrustedFileError(path, f"it lists {error}") from error
    _check_events(path, folded, limits)
    content = tree.parse(path, folded)
    sizes = _check_blocks(path, offset, limits)
    for node in _walk(content):
        _check_node(path, node, sizes)
    for name in tree.references(content)[1]:
        _check_outside(path, name, limits)
    return content, offset


def open_untrusted(path: Path | str, limits: Limits = DEFAULT, **options: Any) -> Any:
    """`reading.open_session` of a file that was checked. Raises as `check` and `open_session`."""
    from sessions.store import reading

    check(Path(path), limits)
    return reading.open_session(path, **options)


def _check_events(path: Path, folded: yamltext.Folded, limits: Limits) -> None:
    """Count what the text unfolds to, without unfolding it (the parser's events do not recurse)."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    aliases = 0
    try:
        for event in yaml.parse(folded.text, yaml.CSafeLoader):
            tag = getattr(event, "tag", None)
            if tag and tag != folded.tag and not _TAGS.fullmatch(tag):
                raise UntrustedFileError(path, f"its tree holds something of the kind {tag[:80]!r}")
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, 1))
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, size = open_nodes.pop()
                _close(open_nodes, sizes, anchor, size)
            elif isinstance(event, yaml.ScalarEvent):
                _close(open_nodes, sizes, event.anchor, 1)
            elif isinstance(event, yaml.AliasEvent):
                aliases += 1
                # An alias inside the value that it names would be a circle.
                _close(open_nodes, sizes, None, sizes.get(event.anchor, limits.nodes))
            if (
                aliases > limits.aliases
                or open_nodes[-1][1] >= limits.nodes
                or len(open_nodes) > limits.depth
            ):
                raise UntrustedFileError(path, "its tree unfolds to more than a session holds")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path.name}: not readable as YAML: {error}") from error


def _close(
    open_nodes: list[tuple[str | None, int]], sizes: dict[str, int], anchor: str | None, size: int
) -> None:
    """A value ends: its size counts in the one that holds it."""
    if anchor:
        sizes[anchor] = size
    holder, before = open_nodes[-1]
    open_nodes[-1] = (holder, before + size)


def _check_blocks(path: Path, offset: int, limits: Limits) -> list[int]:
    """Sizes of the blocks once decompressed."""
    sizes: list[int] = []
    handle = os.open(path, os.O_RDONLY)
    try:
        for at, header in blocks.iterate(handle, offset, os.fstat(handle).st_size):
            _check_block(path, handle, at, header, limits)
            sizes.append(header.data_size)
            if len(sizes) > limits.blocks:
                raise UntrustedFileError(path, f"it has more than {limits.blocks} blocks")
    finally:
        os.close(handle)
    return sizes


def _check_block(path: Path, handle: int, at: int, header: BlockHeader, limits: Limits) -> None:
    if header.label not in blocks.LABELS:
        raise UntrustedFileError(path, f"the block at byte {at} is compressed with {header.label!r}")
    raw = header.label == blocks.RAW
    too_dense = header.data_size > limits.ratio_from and header.data_size > limits.ratio * header.used
    if header.data_size > limits.block or too_dense or (raw and header.data_size > header.used):
        raise UntrustedFileError(
            path, f"the block at byte {at} would become {header.data_size} bytes out of {header.used}"
        )
    if header.label == b"blsc":
        inside = os.pread(handle, 16, at + header.size)
        if int.from_bytes(inside[4:8], "little") != header.data_size or len(inside) < 16:
            raise UntrustedFileError(path, f"the block at byte {at} says two different sizes")


def _walk(content: Any) -> Any:
    """Every mapping of a tree."""
    waiting, seen = [content], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict | list):
            if id(node) in seen:  # an alias
                continue
            seen.add(id(node))
            waiting.extend(node.values() if isinstance(node, dict) else node)
        if isinstance(node, dict):
            yield node


def _check_node(path: Path, node: dict[Any, Any], sizes: list[int]) -> None:
    if "$ref" in node:
        raise UntrustedFileError(path, f"it refers to {str(node['$ref'])[:80]!r}")
    if "source" not in node or "datatype" not in node:
        return
    source, name = node["source"], node["datatype"]
    if not node.keys() <= _NODE_KEYS:
        raise UntrustedFileError(path, f"an array has {', '.join(map(str, node.keys() - _NODE_KEYS))[:80]}")
    if isinstance(source, bool) or not isinstance(source, int | str) or not isinstance(name, str):
        raise UntrustedFileError(path, "an array is described in a way that sessions do not use")
    if isinstance(source, str):
        return
    try:
        wanted = tree.array_bytes(node)
    except (KeyError, TypeError, ValueError) as error:
        raise UntrustedFileError(path, f"an array is described wrongly: {error}") from error
    if not 0 <= source < len(sizes) or sizes[source] != wanted:
        raise UntrustedFileError(path, f"an array of {wanted} bytes is not in block {source}")


def _check_outside(path: Path, name: str, limits: Limits) -> None:
    """A file outside lies in the session's own folder, and is a frame that passes the same checks."""
    folder = path.parent / f"{path.stem}.frames"
    if not name.startswith(f"{folder.name}/") or not _NAME.fullmatch(name):
        raise UntrustedFileError(path, f"it refers to {name[:80]!r}, outside its own folder {folder.name}")
    try:
        target = under(folder, path.parent / name)
    except SkycamError as error:
        raise UntrustedFileError(path, str(error)) from error
    if target.suffix == frames.SUFFIX and target.is_file():
        check(target, limits)
