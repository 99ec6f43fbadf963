"""A session as one ASDF file that every reader opens: zlib blocks, all frames inside.

The tree's text is kept word by word, its references excepted; blocks are recompressed one at a time.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from sessions.store import blocks, frames, tree, yamltext
from sessions.store.blocks import Codec
from sessions.store.errors import DamagedFileError
from skycam_project.common.files import under

_ARRAY = re.compile(r'^( *- !core/ndarray-1\.1\.0 \{source: )"([^"\\]+)"(, .*)$')
_FILE = re.compile(r'^( *- )"([^"\\]+)"$')
_BLOSC = re.compile(r"^  - !core/extension_metadata-1\.0\.0 \{extension_class: asdf_compression\.blsc\.")


def stream(path: Path) -> Iterator[bytes]:
    """The portable file in pieces; memory is one block.

    Raises `DamagedFileError`, `OSError`: before the first piece when the file is no session.
    """
    _, offset = tree.read_header(path)
    handle = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        inside = list(blocks.iterate(handle, offset, size))
        text, outside = _references(os.pread(handle, offset, 0).decode(), path, len(inside))
        yield text
        position, offsets = len(text), []
        for block in _blocks(handle, inside, outside):
            offsets.append(position)
            position += sum(map(len, block))
            yield from block
        yield blocks.pack_index(offsets)
    finally:
        os.close(handle)


def _references(text: str, path: Path, first: int) -> tuple[bytes, list[Path]]:
    """The tree's text with frames outside numbered as blocks from `first`, and those frames' files."""
    folder = path.with_suffix(".frames")
    outside: list[Path] = []
    lines = []
    for line in text.split("\n"):
        if _BLOSC.match(line):
            continue
        number = first + len(outside)
        if found := _ARRAY.match(line):
            outside.append(under(folder, path.parent / found[2]))
            line = f"{found[1]}{number}{found[3]}"
        elif (found := _FILE.match(line)) and found[2].startswith(f"{folder.name}/"):
            outside.append(under(folder, path.parent / found[2]))
            line = f"{found[1]}{yamltext.ndarray(number, 'uint8', (outside[-1].stat().st_size,))}"
        lines.append("  extensions: []" if line == "  extensions:" else line)
    return "\n".join(lines).encode(), outside


def _blocks(
    handle: int, inside: list[tuple[int, blocks.BlockHeader]], outside: list[Path]
) -> Iterator[tuple[bytes, bytes]]:
    for offset, header in inside:
        stored = blocks.read_stored(handle, offset, header)
        if header.label == blocks.RAW:
            # An original, or what did not become smaller: its checksum stands.
            blocks.check(handle, offset, header)
            yield blocks.pack_header(blocks.RAW, header.used, header.data_size, header.md5), stored
        else:
            yield blocks.pack(Codec.PORTABLE, blocks.decompress(header, stored), 1)
    for path in outside:
        if path.suffix == frames.SUFFIX:
            yield blocks.pack(Codec.PORTABLE, frames.read(path)[0].data.cast("B"), 1)
        else:
            yield blocks.pack(Codec.NONE, path.read_bytes(), 1)


def check_name(path: Path) -> str:
    """The session's id, from its header. Raises `DamagedFileError` when it is no session, `OSError`."""
    try:
        return str(tree.read_header(path)[0]["meta"]["session_id"])
    except (KeyError, TypeError) as error:
        raise DamagedFileError(f"{path} is not a session: {error}") from error
