"""From a session's folder to what its file will hold: journals read once, every frame file checked."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions.store import blocks, columns, frames, ids, journal, layout, metadata, originals
from sessions.store.disk import digest
from sessions.store.errors import DamagedFileError
from sessions.store.summary import Readings, Taken
from sessions.store.tables import BlockSpool, Categories, Table

_FROM_FILE = frozenset({"time", "index", "sha256", "form", "position", "bytes", "dropped", "recovered"})


def _frame_row(record: dict[str, Any], entry: "Entry | None", position: int) -> dict[str, Any]:
    """One row of a frame table; `position` is the place in the list of arrays or originals."""
    row = {name: record["v"][name] for name in record["v"] if name in columns.FRAME}
    row |= {"time": record["at"], "index": record["i"], "form": record["form"], "bytes": record["b"]}
    row |= {"sha256": record["h"], "dropped": int(entry is None), "position": position if entry else -1}
    return row | ({"recovered": 1} if record.get("recovered") else {})


@dataclass(frozen=True, slots=True)
class Entry:
    """A frame file that is whole.

    Attributes:
        file: path below the session's `frames` folder.
        size: bytes of the file.
        offset: where its block begins; -1 for an original, which is all data.
        length: bytes of the block with its header; of an original, of the data.
        dtype: element type.
        shape: of the array.
        md5: of an original's bytes.
    """

    file: str
    size: int
    offset: int
    length: int
    dtype: str
    shape: tuple[int, ...]
    md5: bytes = b""


@dataclass(slots=True)
class Camera:
    """One camera's part of the tree."""

    table: Table
    info: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    arrays: list[Entry] = field(default_factory=list)
    originals: list[Entry] = field(default_factory=list)
    taken: Taken = field(default_factory=Taken)


class Collection:
    """Everything of one session, ready to be laid out; rows are in the spool already.

    Args:
        folder: the session's `.partial` folder.
        head: its identity.
        frames_root: where its frame files are (inside the folder, or moved out already).
        spool: takes the column blocks.
        quarantine: folder for damaged files of this session; made when it is needed.
    """

    def __init__(
        self, folder: Path, head: dict[str, Any], frames_root: Path, spool: BlockSpool, quarantine: Path
    ) -> None:
        self._frames_root = frames_root
        self._spool = spool
        self._quarantine = quarantine
        self.meta: dict[str, Any] = {}
        self.status: str | None = None
        self.logs = Table(spool, columns.LOG, columns.TIME)
        self.events = Table(spool, columns.EVENT, columns.TIME)
        self.telemetry: dict[str, Table] = {}
        self.cameras: dict[str, Camera] = {}
        self.calibration_table = Table(spool, {"list": Categories, **columns.FRAME}, columns.FRAME_UNITS)
        self.calibration_frames: dict[str, list[Entry]] = {}
        self.calibration_values: dict[str, list[Any]] = {}
        self.temperatures = Readings()
        self.errors = self.warnings = self.lost = self.bad_lines = 0
        self.last_time: int | None = None
        self._seen: set[str] = set()
        self._spans: dict[str, tuple[int, int]] = {}
        self._boot = ""
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "log": self._log,
            "evt": self._event,
            "tel": self._series,
            "cam": self._camera,
            "frame": self._frame,
            "cal": self._calibration,
            "meta": lambda record: self.meta.update(record["v"]),
            "end": self._end,
            "open": lambda record: None,
        }
        self._read(folder, head)
        self._adopt_orphans()

    # -- journals --------------------------------------------------------------------------------------------

    def _read(self, folder: Path, head: dict[str, Any]) -> None:
        owner = folder / journal.OWNER
        paths = [owner, *sorted(set(folder.glob(journal.PATTERN)) - {owner})]
        readers = [journal.JournalReader(path) for path in paths if path.exists()]
        owned = [reader.path == owner for reader in readers]
        merged = journal.merged(readers, head.get("boots", [])) if readers else ()
        for number, record in merged:
            try:
                self._handlers[record["k"]](record)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                self.bad_lines += 1  # its checksum is right, its content is from nobody who knows the format
                continue
            if owned[number]:
                self._span(record)
            self.last_time = record["t"]
        self.bad_lines += sum(reader.bad_lines for reader in readers)

    def _span(self, record: dict[str, Any]) -> None:
        """Remember how long each boot took part, by the owner's records."""
        self._boot = str(record["boot"]) if record["k"] == "open" else self._boot
        mono = record.get("mono")
        if isinstance(mono, int):
            first, last = self._spans.get(self._boot, (mono, mono))
            self._spans[self._boot] = (min(first, mono), max(last, mono))

    def _end(self, record: dict[str, Any]) -> None:
        self.status = str(record["status"])

    def _log(self, record: dict[str, Any]) -> None:
        level = metadata.level(record["l"])
        self.errors += level in ("ERROR", "CRITICAL")
        self.warnings += level == "WARNING"
        row = {"time": record["t"], "level": level, "source": record["s"], "message": record["m"]}
        self.logs.add(row | {"context": record["c"]})

    def _event(self, record: dict[str, Any]) -> None:
        self.events.add({"time": record["t"], "event": record["e"], "details": record["d"]})

    def _series(self, record: dict[str, Any]) -> None:
        name = str(record["n"])
        row = {"time": record.get("at", record["t"]), **{k: v for k, v in record["v"].items() if k != "time"}}
        table = self.telemetry.get(name)
        if table is None:
            units = columns.units(name, row)
            table = self.telemetry[name] = Table(self._spool, columns.SERIES, units)
        table.add(row)
        if name == "temperature":
            self.temperatures.add(row.get("value"))

    def _camera(self, record: dict[str, Any]) -> None:
        camera = self._camera_named(record["cam"])
        camera.info.update(record.get("info", {}))
        if "settings" in record:
            if camera.settings:
                details = {"camera": record["cam"], "settings": record["settings"]}
                self.events.add({"time": record["t"], "event": "camera_settings", "details": details})
            else:
                camera.settings = dict(record["settings"])

    def _camera_named(self, name: str) -> Camera:
        if name not in self.cameras:
            self.cameras[ids.check_camera(name)] = Camera(
                Table(self._spool, columns.FRAME, columns.FRAME_UNITS)
            )
        return self.cameras[name]

    def _calibration(self, record: dict[str, Any]) -> None:
        name = str(record["n"])
        if "f" not in record:
            self.calibration_values.setdefault(name, []).append(record["v"])
        elif record["f"] not in self._seen:
            entry = self._checked(record, record["f"], record["x"], record["h"])
            entries = self.calibration_frames.setdefault(name, [])
            self.calibration_table.add({"list": name} | _frame_row(record, entry, len(entries)))
            entries += [entry] if entry else []

    # -- frames ----------------------------------------------------------------------------------------------

    def _frame(self, record: dict[str, Any]) -> None:
        file = record["f"]
        if file in self._seen:
            return
        camera = self._camera_named(record["cam"])
        entries = camera.arrays if record["form"] == "array" else camera.originals
        entry = self._checked(record, file, record.get("x"), record["h"])
        camera.table.add(_frame_row(record, entry, len(entries)))
        if entry:
            entries.append(entry)
            camera.taken.add(record)

    def _checked(
        self, record: dict[str, Any], file: str, place: dict[str, Any] | None, sha256: str
    ) -> Entry | None:
        """The entry of an acknowledged frame file; one that is missing or damaged is counted as lost."""
        self._seen.add(file)
        path = self._frames_root / file
        try:
            if ".." in Path(file).parts or Path(file).is_absolute():
                raise DamagedFileError("its name points elsewhere")
            return check_array(path, file, place) if place else check_original(path, file, sha256)
        except (DamagedFileError, OSError) as error:
            self.lost += 1
            self._put_aside("frame_lost", record["t"], file, str(error))
            return None

    def _put_aside(self, event: str, time: int, file: str, reason: str) -> None:
        """Say in the events what happened to a frame, and keep what there is of it."""
        details = {"file": file, "reason": reason}
        if ".." not in Path(file).parts and self._set_aside(self._frames_root / file, file):
            details["kept_in"] = f"quarantine/{self._quarantine.name}/{file}"
        self.events.add({"time": time, "event": event, "details": details})

    def _set_aside(self, path: Path, file: str) -> bool:
        target = self._quarantine / file
        if path.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        return target.exists()

    def _adopt_orphans(self) -> None:
        """Frames without a journal line: never acknowledged, or their line is damaged.

        What is whole is kept.
        """
        for path in sorted(self._frames_root.rglob("*")):
            file = path.relative_to(self._frames_root).as_posix()
            if file in self._seen or not path.is_file():
                continue
            if path.suffix == ".tmp":  # its writer died before the frame was whole
                path.unlink()
                continue
            record = orphan(path, file)
            if record is None:
                # Its line was never written, so it was never acknowledged: a power cut during a frame.
                self._put_aside("frame_unfinished", self.last_time or 0, file, "not whole, and in no journal")
            elif "n" in record:
                self._calibration(record)
            else:
                self._frame(record | {"t": record["at"]})

    @property
    def duration(self) -> float:
        """Seconds from first to last record by the monotonic clock, without the time between boots."""
        return sum(last - first for first, last in self._spans.values()) / 1e9

    @property
    def entries(self) -> Iterator[Entry]:
        """All frames, in the order of their blocks."""
        for camera in self.cameras.values():
            yield from camera.arrays
            yield from camera.originals
        for entries in self.calibration_frames.values():
            yield from entries


def check_array(path: Path, file: str, place: dict[str, Any]) -> Entry:
    """Check an array's file against its checksum. Raises `DamagedFileError`, `OSError`, `KeyError`."""
    offset, dtype, shape = int(place["o"]), str(place["d"]), tuple(int(n) for n in place["s"])
    handle = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        header = blocks.read_header(handle, offset, size)
        blocks.check(handle, offset, header)
        return Entry(file, size, offset, header.size + header.used, dtype, shape)
    finally:
        os.close(handle)


def check_original(path: Path, file: str, sha256: str | None = None) -> Entry:
    """Check an original against its hash. Raises `DamagedFileError`, `OSError`."""
    handle = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        md5 = hashlib.md5(usedforsecurity=False)
        found, of_block = digest(handle, 0, size, hashlib.sha256(), md5)
    finally:
        os.close(handle)
    if sha256 is not None and found.hex() != sha256:
        raise DamagedFileError("it does not have its checksum")
    return Entry(file, size, -1, size, "uint8", (size,), of_block)


def orphan(path: Path, file: str) -> dict[str, Any] | None:
    """The frame record of a whole frame file that no journal names; `None` when it is not one.

    Raises `OSError` when it cannot be read.
    """
    *folder, name = file.split("/")
    if not folder or not name.split(".")[0].isdigit():
        return None
    common = {"i": int(name.split(".")[0]), "f": file, "b": path.stat().st_size, "recovered": True}
    if folder[1:] == [layout.ORIGINAL]:
        handle = os.open(path, os.O_RDONLY)
        try:
            sha256 = digest(handle, 0, common["b"], hashlib.sha256())[0].hex()
        finally:
            os.close(handle)
        row = {"file_name": name, "media_type": originals.media_type(name)}
        at = path.stat().st_mtime_ns // 1000
        return common | {"cam": folder[0], "form": "original", "at": at, "h": sha256, "v": row}
    try:
        info = frames.inspect(path)
        at = metadata.moment(info.meta["time"], 0)
    except (DamagedFileError, KeyError, ValueError):
        return None
    row = {
        name: value for name, value in info.meta.items() if name in columns.FRAME and name not in _FROM_FILE
    }
    place = {"o": info.offset, "d": info.dtype, "s": list(info.shape)}
    whose = {"n": folder[1]} if folder[0] == ids.RESERVED_CAMERA else {"cam": folder[0]}
    sha256 = str(info.meta.get("sha256", ""))
    return common | whose | {"form": "array", "at": at, "h": sha256, "v": row, "x": place}
