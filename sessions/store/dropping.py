"""A finished session gives up its frames and keeps everything else: rows, events, readings, calibration.

The file is written again without the cameras' blocks, beside the old one, and takes its place by rename; the
frame tables then say `dropped` for every row, `meta.dropped` says why and when. Only files that our store laid
out can be treated so.
"""

import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store import blocks, metadata, tree, yamltext
from sessions.store.blocks import BlockHeader, Codec
from sessions.store.disk import copy_range, write_all
from sessions.store.errors import DamagedFileError
from skycam_project.common.clock import microseconds_utc
from skycam_project.common.files import fsync_folder

# Quoted text is matched first, so that nothing inside it is taken for a reference.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|(?<=!core/ndarray-1\.1\.0 \{source: )\d+')
_NEW_VALUES = {"dropped": 1, "position": -1}


def drop_frames(path: Path, reason: str) -> int:
    """Give up the frames and originals of all cameras of a finished session. May be repeated after a kill.

    Args:
        path: the session's file.
        reason: one sentence, kept in the file.

    Returns the bytes that are free now.

    Raises:
        DamagedFileError: the file is damaged, or another program laid it out; nothing was changed.
        OSError: the new file could not be written; nothing was changed.
    """
    found, offset = tree.read_header(path)
    before = path.stat().st_size
    if "dropped" not in found["meta"]:
        _write_again(path, found, offset, reason)
    freed = before - path.stat().st_size
    folder = path.with_suffix(".frames")
    for camera in found.get("cameras", {}):
        outside = folder / str(camera)
        if outside.is_dir() and not outside.is_symlink() and "/" not in str(camera):
            freed += sum(one.stat().st_size for one in outside.rglob("*") if one.is_file())
            shutil.rmtree(outside)
    if folder.is_dir():
        fsync_folder(folder)
        if not any(folder.iterdir()):
            folder.rmdir()
            fsync_folder(folder.parent)
    return freed


def _write_again(path: Path, found: dict[str, Any], offset: int, reason: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    source = os.open(path, os.O_RDONLY)
    target = -1
    try:
        old = list(blocks.iterate(source, offset, os.fstat(source).st_size))
        lines, frames = _without_frames(os.pread(source, offset, 0).decode(), found, reason)
        changed = _changed_columns(found)
        kept = [number for number in range(len(old)) if number not in frames]
        numbers = {number: place for place, number in enumerate(kept)}
        text = _TOKEN.sub(lambda m: m[0] if m[0][0] == '"' else str(numbers[int(m[0])]), "\n".join(lines))
        target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        position, offsets = write_all(target, text.encode()), []
        for number in kept:
            offsets.append(position)
            position += _block(source, target, *old[number], changed.get(number))
        write_all(target, blocks.pack_index(offsets))
        os.fsync(target)
        temporary.rename(path)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DamagedFileError(f"{path} is not laid out by this program: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
        os.close(source)
        if target >= 0:
            os.close(target)
    fsync_folder(path.parent)


def _block(source: int, target: int, at: int, header: BlockHeader, new: tuple[str, int] | None) -> int:
    """Copy one block, or write one of as many equal values; bytes written."""
    if new is None:
        size = header.size + header.allocated
        copy_range(source, target, at, size)
        return size
    kind, value = new
    dtype = np.dtype(kind).newbyteorder("<")
    values = np.full(header.data_size // dtype.itemsize, value, dtype)
    codec = {b"blsc": Codec.BLSC, b"zlib": Codec.PORTABLE}.get(header.label, Codec.NONE)
    return write_all(target, *blocks.pack(codec, values.data, dtype.itemsize))


def _changed_columns(found: dict[str, Any]) -> dict[int, tuple[str, int]]:
    """Block numbers of the columns that change, with type and new value."""
    changed = {}
    for camera in found["cameras"].values():
        table = camera["frame_table"]
        for part in table.get("parts", [table]):
            for name, value in _NEW_VALUES.items():
                node = part["columns"].get(name)
                if node is not None:
                    node = node.get("values", node)
                    changed[int(node["source"])] = (str(node["datatype"]), value)
    return changed


def _without_frames(text: str, found: dict[str, Any], reason: str) -> tuple[list[str], set[int]]:
    """The lines of the tree without the cameras' frames, and the numbers of the blocks that go with them."""
    frames: set[int] = set()
    count = 0
    for camera in found["cameras"].values():
        for entry in [*camera["frames"], *camera["originals"]]:
            count += 1
            if isinstance(entry, dict) and isinstance(entry["source"], int):
                frames.add(entry["source"])
    now = metadata.iso(microseconds_utc(datetime.now(UTC)))
    dropped = yamltext.flow({"time": now, "reason": reason, "frames": count})
    metrics = found["observability"]["metrics"] | {"storage": "none", "bytes": 0, "frames_dropped": count}
    lines = list(
        _rewritten(text.split("\n"), f"  dropped: {dropped}", f"  metrics: {yamltext.flow(metrics)}")
    )
    return lines, frames


def _rewritten(lines: list[str], dropped: str, metrics: str) -> Iterator[str]:
    section, skipping = "", False
    for line in lines:
        if line and line[0] not in " -":
            section = line
        if line == "observability:":
            yield dropped  # the last line of meta, which stands before
        if section == "observability:" and line.startswith("  metrics: {"):
            line = metrics
        if section == "cameras:":
            if skipping and line.startswith("    - "):
                continue
            skipping = line in ("    frames:", "    originals:")
            line += " []" if skipping else ""
        yield line
