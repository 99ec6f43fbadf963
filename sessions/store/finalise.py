"""A session's folder becomes one ASDF file: no recompression, memory that does not grow, any number of times.

Steps, each safe to repeat: seal, collect (journals and checked frames), frames out (external storage), write
`<id>.asdf.tmp`, sync, rename, sync the folder, remove the session's folder.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sessions.store import blocks, host, ids, metadata, schema, tree, yamltext
from sessions.store.blocks import Codec
from sessions.store.collect import Collection, Entry
from sessions.store.disk import copy_range, write_all
from sessions.store.errors import DamagedFileError, StoreError
from sessions.store.layout import FRAMES, Layout
from sessions.store.space import FreeSpace
from sessions.store.tables import BlockSpool
from sessions.store.verify import verify_bytes
from skycam_project.common.files import fsync_folder

logger = logging.getLogger(__name__)

EMBED_LIMIT = 2 << 30
"""Bytes of frames from which a session keeps them outside."""
_SPOOL = ".columns.tmp"
_LOCK = "finalise.lock"
_MARGIN = 64 << 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished session.

    Attributes:
        path: its file.
        session_id: the name it got (its own, unless that was taken).
        status: complete, recovered or aborted.
        frames: kept.
        frames_lost: acknowledged once, damaged or missing now.
        bad_lines: damaged journal lines.
    """

    path: Path
    session_id: str
    status: str
    frames: int
    frames_lost: int
    bad_lines: int


def finalise(layout: Layout, folder: Path, head: dict[str, Any], space: FreeSpace) -> Finished:
    """Put a session together; its folder is gone when this returns.

    The journals must not be written any more (owner ended or dead, folder sealed).

    Args:
        layout: of the data folder.
        folder: the session's `.partial` folder.
        head: its identity.
        space: decides whether frames can be embedded.

    Raises:
        OSError: the file could not be written (no room, for instance); nothing is lost, call again.
        StoreError: there is no such session.
    """
    with _alone(folder):
        return _finalise(layout, folder, head, space)


def _finalise(layout: Layout, folder: Path, head: dict[str, Any], space: FreeSpace) -> Finished:
    start = metadata.parse_iso(head["start_time"])
    name, done = _name(layout, head, start)
    final = layout.final(name, start)
    if not folder.exists() and not done:
        raise StoreError(f"session {head['session_id']} is gone: neither its folder nor its file is there")
    outside = final.with_suffix(".frames")
    if done:
        found = _finished(final, name)
        layout.discard(folder)
        return found
    frames_root = outside if outside.exists() else folder / FRAMES
    spool = BlockSpool(folder / _SPOOL, Codec(head["codec"]))
    try:
        content = Collection(folder, head, frames_root, spool, layout.quarantine / head["session_id"])
        size = sum(entry.size for entry in content.entries)
        _make_day(layout, final.parent)
        external = size > 0 and (outside.exists() or not _embed(head, size, space))
        if external and not outside.exists():
            frames_root.rename(outside)
            fsync_folder(outside.parent)
            fsync_folder(folder)
        meta = _meta(head, name, content)
        storage = "external" if external else "embedded" if size else "none"
        metrics = _metrics(content, size) | {"storage": storage, "compression": head["codec"]}
        text = tree.render(
            content, meta, metrics, spool, outside.name if external else None, Codec(head["codec"])
        )
        _check(name, text)
        _write(final, text, spool, content, None if external else frames_root)
    finally:
        spool.close()
    layout.discard(folder)
    return Finished(final, name, meta["status"], metrics["frames_captured"], content.lost, content.bad_lines)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time finishes a session: its owner, or a recovery that found it unowned."""
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:  # done already
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _name(layout: Layout, head: dict[str, Any], start: datetime) -> tuple[str, bool]:
    """The name to finish under, and whether that has been done already."""
    names = ids.numbered(head["session_id"])
    for name in names:
        final = layout.final(name, start)
        if not final.exists():
            return name, False
        try:
            if tree.read_header(final)[0]["meta"]["uuid"] == head["uuid"]:
                return name, verify_bytes(final).ok
        except (DamagedFileError, KeyError, TypeError):
            continue  # somebody else's file, or a broken one: never overwritten
    raise AssertionError("ids.numbered ended")


def _finished(final: Path, name: str) -> Finished:
    found, _ = tree.read_header(final)
    metrics = found["observability"]["metrics"]
    counts = (metrics["frames_captured"], metrics["frames_lost"], metrics["journal_bad_lines"])
    return Finished(final, name, found["meta"]["status"], *counts)


def _embed(head: dict[str, Any], size: int, space: FreeSpace) -> bool:
    if head.get("storage") == "external" or size >= head.get("embed_limit", EMBED_LIMIT):
        return False
    return space.room_for(size + _MARGIN)


def _check(name: str, text: bytes) -> None:
    """Say when the tree does not follow its schema: a fault of this program, and no reason to keep a night back."""
    for sentence in schema.deviations(yamltext.parse(text)):
        logger.error("the session does not follow its schema: session=%s place=%s", name, sentence)


def _make_day(layout: Layout, day: Path) -> None:
    if not day.exists():
        day.mkdir(parents=True, exist_ok=True)
        while day != layout.root:
            day = day.parent
            fsync_folder(day)


def _meta(head: dict[str, Any], name: str, content: Collection) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "schema_version": tree.SCHEMA_VERSION,
        "session_id": name,
        "uuid": head["uuid"],
        "session_type": head["session_type"],
        "instrument": head["instrument"],
        "start_time": head["start_time"],
        "end_time": metadata.iso(content.last_time) if content.last_time is not None else head["start_time"],
        "status": content.status or "recovered",
        "target": head.get("target"),
        "purpose": head.get("purpose"),
        "location": head.get("location"),
        "software": head.get("software") or host.software(),
        "host": head.get("host"),
        "timezone": head.get("timezone"),
    }
    changed = {
        k: v for k, v in content.meta.items() if k not in metadata.RESERVED_META or k in ("target", "purpose")
    }
    return meta | head.get("meta", {}) | changed


def _metrics(content: Collection, size: int) -> dict[str, Any]:
    kept = sum(len(camera.arrays) + len(camera.originals) for camera in content.cameras.values())
    return {
        "frames_captured": kept,
        "errors": content.errors,
        "warnings": content.warnings,
        "duration_seconds": round(content.duration, 3),
        "frames_lost": content.lost,
        "journal_bad_lines": content.bad_lines,
        "bytes": size,
        "events": content.events.rows,
        "temperature_c": content.temperatures.summary(),
        "cameras": {name: camera.taken.summary(camera.info) for name, camera in content.cameras.items()},
    }


def _write(
    final: Path, text: bytes, spool: BlockSpool, content: Collection, frames_root: Path | None
) -> None:
    temporary = final.with_name(final.name + ".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        position = write_all(handle, text)
        offsets = []
        for size in spool.sizes:
            offsets.append(position)
            position += size
        spool.copy_to(handle)
        if frames_root:
            for entry in content.entries:
                offsets.append(position)
                position += _copy_frame(frames_root / entry.file, entry, handle)
        write_all(handle, blocks.pack_index(offsets))
        os.fsync(handle)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    temporary.rename(final)
    fsync_folder(final.parent)


def _copy_frame(path: Path, entry: Entry, target: int) -> int:
    source = os.open(path, os.O_RDONLY)
    try:
        header = 0
        if entry.offset < 0:
            header = write_all(target, blocks.pack_header(bytes(4), entry.length, entry.length, entry.md5))
        copy_range(source, target, max(entry.offset, 0), entry.length)
        return header + entry.length
    finally:
        os.close(source)
