"""Is a finished session what it was when it was written? Reads every byte, keeps none."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store import blocks, frames, migrations, schema, tree, untrusted
from sessions.store.blocks import BlockHeader
from sessions.store.collect import check_original
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
    """Check everything: that the file is harmless, its bytes (`verify_bytes`) and the schema of its tree.

    Never raises for damage.
    """
    report = Report(path)
    try:
        found, offset = untrusted.check(path)
        report = _bytes(path, found, offset)
        # An older version has no schema here; opening it migrates it.
        if report.ok and migrations.major(found) == migrations.NEWEST:
            report.problems += schema.deviations(found)
    except (SkycamError, OSError, LookupError, TypeError, ValueError) as error:
        report.problems.append(_sentence(error))
    return report


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, SkycamError) else f"{type(error).__name__}: {error}"


def verify_bytes(path: Path) -> Report:
    """Check tree, block index, every block's checksum and every file outside. Never raises for damage."""
    try:
        return _bytes(path, *tree.read_header(path))
    except (DamagedFileError, OSError) as error:
        return Report(path, problems=[_sentence(error)])


def _bytes(path: Path, found: dict[str, Any], offset: int) -> Report:
    report = Report(path)
    try:
        located = _check_blocks(path, offset, report)
        inside, outside = tree.references(found)
        for node in inside:
            _check_size(node, located, report)
        hashes = _original_hashes(path, found, [at for at, _ in located]) if outside else {}
        for name in outside:
            _check_outside(path, name, hashes.get(name), report)
    except (DamagedFileError, OSError, LookupError, TypeError, ValueError) as error:
        report.problems.append(_sentence(error))
    return report


def _check_blocks(path: Path, offset: int, report: Report) -> list[tuple[int, BlockHeader]]:
    handle = os.open(path, os.O_RDONLY)
    located = []
    try:
        size = os.fstat(handle).st_size
        end = offset
        for at, header in blocks.iterate(handle, offset, size):
            located.append((at, header))
            end = at + header.size + header.allocated
            try:
                blocks.check(handle, at, header)
                report.blocks += 1
            except DamagedFileError as error:
                report.problems.append(str(error))
        if os.pread(handle, size - end + 1, end) != blocks.pack_index([at for at, _ in located]):
            report.problems.append("the block index is missing or wrong")
    finally:
        os.close(handle)
    return located


def _check_size(node: dict[str, Any], located: list[tuple[int, BlockHeader]], report: Report) -> None:
    """A block's header is not covered by its checksum: its size must be what the tree says."""
    number = node["source"]
    if not 0 <= number < len(located):
        report.problems.append(f"the tree names block {number}, the file has {len(located)}")
        return
    at, header = located[number]
    wanted = tree.array_bytes(node)
    known = header.label in blocks.LABELS and (header.label != blocks.RAW or header.used == header.data_size)
    if not known or header.data_size != wanted:
        report.problems.append(f"the header of the block at byte {at} is damaged")


def _check_outside(path: Path, name: str, sha256: str | None, report: Report) -> None:
    try:
        target = under(path.parent / f"{path.stem}.frames", path.parent / name)
        if target.suffix == frames.SUFFIX:
            frames.inspect(target)
        else:
            check_original(target, name, sha256)
        report.external += 1
    except (SkycamError, OSError) as error:
        report.problems.append(f"{name}: {error}")


def _original_hashes(path: Path, found: dict[str, Any], offsets: list[int]) -> dict[str, str]:
    """SHA-256 of each original that lies outside, by its path in the tree."""
    hashes = {}
    handle = os.open(path, os.O_RDONLY)
    try:
        for camera in found.get("cameras", {}).values():
            table = camera["frame_table"]
            for part in table.get("parts", [table]):
                columns = part["columns"]
                form = _array(handle, offsets, columns["form"]["codes"])
                position = _array(handle, offsets, columns["position"])
                ends = _array(handle, offsets, columns["sha256"]["offsets"])
                text = _array(handle, offsets, columns["sha256"]["utf8"]).tobytes().decode()
                original = columns["form"]["categories"].index("original")
                for row in np.flatnonzero((form == original) & (position >= 0)):
                    name = camera["originals"][position[row]]
                    if isinstance(name, str):
                        hashes[name] = text[ends[row] : ends[row + 1]]
    finally:
        os.close(handle)
    return hashes


def _array(handle: int, offsets: list[int], node: dict[str, Any]) -> np.ndarray:
    """One column's array, read by its own block."""
    offset = offsets[node["source"]]
    header = blocks.read_header(handle, offset, os.fstat(handle).st_size)
    data = blocks.decompress(header, blocks.read_stored(handle, offset, header))
    return np.frombuffer(data, np.dtype(node["datatype"]).newbyteorder("<"))
