"""Is a finished session what it was when it was written? Reads every byte, keeps none."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions.store import blocks, frames, tree
from sessions.store.errors import DamagedFileError
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import under


@dataclass(slots=True)
class Report:
    """What `verify` found.

    Attributes:
        path: the file.
        blocks: blocks whose checksum is right.
        external: files outside whose content is right.
        problems: one sentence each; empty when the session is whole.
    """

    path: Path
    blocks: int = 0
    external: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(path: Path) -> Report:
    """Check tree, block index, every block's checksum and every file outside. Never raises for damage."""
    report = Report(path)
    try:
        found, offset = tree.read_header(path)
        offsets = _check_blocks(path, offset, report)
        wanted, outside = _sources(found)
        if wanted and max(wanted) >= len(offsets):
            report.problems.append(f"the tree names block {max(wanted)}, the file has {len(offsets)}")
        for name in outside:
            _check_outside(path, name, report)
    except (DamagedFileError, OSError) as error:
        report.problems.append(str(error))
    return report


def _check_blocks(path: Path, offset: int, report: Report) -> list[int]:
    handle = os.open(path, os.O_RDONLY)
    offsets = []
    try:
        size = os.fstat(handle).st_size
        end = offset
        for at, header in blocks.iterate(handle, offset, size):
            offsets.append(at)
            end = at + header.size + header.allocated
            try:
                blocks.check(handle, at, header)
                report.blocks += 1
            except DamagedFileError as error:
                report.problems.append(str(error))
        if os.pread(handle, size - end + 1, end) != blocks.pack_index(offsets):
            report.problems.append("the block index is missing or wrong")
    finally:
        os.close(handle)
    return offsets


def _check_outside(path: Path, name: str, report: Report) -> None:
    try:
        target = under(path.parent / f"{path.stem}.frames", path.parent / name)
        if target.suffix == frames.SUFFIX:
            frames.inspect(target)
        elif not target.is_file():
            raise DamagedFileError("it is missing")
        report.external += 1
    except (SkycamError, OSError) as error:
        report.problems.append(f"{name}: {error}")


def _sources(found: dict[str, Any]) -> tuple[list[int], list[str]]:
    """Block numbers and file names that a tree refers to."""
    numbers: list[int] = []
    names: list[str] = []
    waiting: list[Any] = [found]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            source = node.get("source")
            if isinstance(source, int) and "datatype" in node:
                numbers.append(source)
            elif isinstance(source, str) and "datatype" in node:
                names.append(source)
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    for camera in found.get("cameras", {}).values():
        names.extend(item for item in camera.get("originals", []) if isinstance(item, str))
    return numbers, names
