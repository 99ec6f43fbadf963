"""Frames and originals of a running session: file first, then the journal line, then the answer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store import frames, metadata, originals, values
from sessions.store.blocks import Codec
from sessions.store.errors import SessionFullError
from sessions.store.layout import FRAMES, MAX_FRAMES, ORIGINAL
from sessions.store.metadata import FrameRecord
from sessions.store.recorder import Recorder, log_row
from sessions.store.space import FreeSpace, write_failure
from skycam_project.common.clock import from_microseconds
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import fsync_folder


class FrameKeeper:
    """Puts frames of one session on disk.

    Args:
        folder: the session's folder.
        recorder: where frames are acknowledged.
        codec: how arrays are stored.
        space: may refuse a frame.
    """

    def __init__(self, folder: Path, recorder: Recorder, codec: Codec, space: FreeSpace) -> None:
        self._root = folder / FRAMES
        self._recorder = recorder
        self._codec = codec
        self._space = space

    def array(
        self,
        folder: str,
        identity: dict[str, Any],
        array: np.ndarray,
        time: object,
        meta: Mapping[str, Any],
        kind: str = "frame",
    ) -> FrameRecord:
        """Keep one image in `folder` below `frames/`; see `Session.add_frame`."""
        row = metadata.frame_values(meta)
        at = metadata.moment(time, self._recorder.now())
        with self._place(folder, folder) as (place, index):
            path = place / f"{index:06d}{frames.SUFFIX}"
            inside = {
                "session_id": self._recorder.session_id,
                **identity,
                "index": index,
                "time": metadata.iso(at),
            }
            encoded = frames.encode(array, inside | row, self._codec)
            try:
                frames.write(path, encoded)
            except OSError as error:
                raise write_failure(f"frame {index} of {folder}", error) from error
            entry = identity | {"form": "array", "v": row}
            entry["x"] = {"o": encoded.offset, "d": encoded.dtype, "s": encoded.shape}
            record = FrameRecord(index, path, encoded.sha256, encoded.size, from_microseconds(at))
            self._acknowledge(kind, folder, record, at, entry, undo=lambda: path.unlink(missing_ok=True))
            return record

    def original(
        self,
        camera: str,
        source: Path | bytes | bytearray | memoryview,
        file_name: str,
        media_type: str,
        time: object,
        meta: Mapping[str, Any],
    ) -> FrameRecord:
        """Keep one camera file; see `Session.add_original`."""
        at = metadata.moment(time, self._recorder.now())
        row = metadata.frame_values(meta) | {"file_name": values.plain(file_name), "media_type": media_type}
        with self._place(f"{camera}/{ORIGINAL}", camera) as (place, index):
            path = place / f"{index:06d}.{originals.extension(file_name)}"
            try:
                if isinstance(source, Path):
                    stored = originals.adopt(source, path)
                else:
                    stored = originals.store(source, path)
            except OSError as error:
                raise write_failure(f"{file_name} of camera {camera}", error) from error
            moved = source if isinstance(source, Path) and stored.leftover is None else None
            record = FrameRecord(index, path, stored.sha256, stored.size, from_microseconds(at))
            entry = {"cam": camera, "form": "original", "v": row}
            undo = (lambda: path.rename(moved)) if moved else (lambda: path.unlink(missing_ok=True))
            self._acknowledge("frame", camera, record, at, entry, undo)
            if stored.leftover:
                stored.leftover.unlink(missing_ok=True)
            return record

    @contextmanager
    def _place(self, folder: str, sequence: str) -> Iterator[tuple[Path, int]]:
        if self._recorder.progress.frames >= MAX_FRAMES:
            raise SessionFullError(self._recorder.session_id, MAX_FRAMES)
        warning = self._space.check()
        if warning:
            self._recorder.record("log", log_row("WARNING", warning, "sessions.store", {}))
        with self._recorder.frame_in_flight(sequence) as index:
            yield self._folder(folder), index

    def _folder(self, name: str) -> Path:
        folder = self._root / name
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            while folder != self._root:
                folder = folder.parent
                fsync_folder(folder)
        return self._root / name

    def _acknowledge(
        self,
        kind: str,
        sequence: str,
        record: FrameRecord,
        at: int,
        entry: dict[str, Any],
        undo: Callable[[], Any],
    ) -> None:
        """Journal a frame whose file is on disk, and sync; a frame without its line is taken back."""
        fields = {"i": record.index, "f": record.path.relative_to(self._root).as_posix(), "at": at}
        fields |= {"b": record.bytes, "h": record.sha256, **entry}
        try:
            self._recorder.frame_done(kind, sequence, record, fields)
        except SkycamError:
            undo()
            raise
        self._recorder.sync()
