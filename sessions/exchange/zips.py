"""A session as a zip that is made while it is sent: no temporary file, memory of one frame, any size.

Nothing is compressed by zip: frames are compressed already, or are noise. From 2 GiB on entries are zip64.
"""

import io
import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from sessions.exchange import portable
from sessions.exchange.contents import Contents, FrameEntry
from sessions.exchange.fits import FitsExport, Options, original_name
from sessions.store.blockfile import CHUNK
from skycam_project.common.errors import InvalidValueError, SkycamError

NOT_INCLUDED = "not-included.txt"
"""Names what could not be given, and why."""


class What(StrEnum):
    """What of a session is given."""

    FITS = "fits"
    """Every frame as FITS."""
    ORIGINALS = "originals"
    """The cameras' own files byte for byte; frames that are arrays as FITS."""
    ASDF = "asdf"
    """The session's file as it is, with the frames that lie outside."""
    PORTABLE = "portable"
    """One ASDF file that every reader opens."""


def stream(path: Path, what: What | str, options: Options | None = None) -> Iterator[bytes]:
    """A zip of a finished session, in pieces of about a frame at most.

    Args:
        path: the session's file.
        what: see `What`.
        options: of the FITS files. Public: only `fits`, and `originals` with JPEG files stripped of what cameras write
            about themselves; everything else would tell the site in its logs.

    Raises `InvalidValueError`, `DamagedFileError`, `OSError`: before the first piece when the session cannot be read at
    all. A single frame that cannot be given is named in `not-included.txt`.
    """
    chosen, how = What(what), options or Options()
    hidden = how.disclosure.public or how.disclosure.location_precision is not None
    if hidden and chosen in (What.ASDF, What.PORTABLE):
        raise InvalidValueError("what", str(chosen), "fits or originals, when the place is not to be told")
    name = portable.check_name(path)
    entries = {
        What.ASDF: lambda: _as_it_is(path),
        What.PORTABLE: lambda: iter([(f"{name}.asdf", None, None, portable.stream(path))]),
        What.FITS: lambda: _frames(path, how, originals=False),
        What.ORIGINALS: lambda: _frames(path, how, originals=True),
    }[chosen]()
    return _zip(name, entries)


_Entry = tuple[str, datetime | None, int | None, Iterable[bytes]]
"""Name, time (UTC), size if known, content."""


class _Sink(io.RawIOBase):
    """Takes what the zip writer writes, until it is sent; cannot go back, so the writer does not try to."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def take(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        yield from pieces


def _zip(folder: str, entries: Iterator[_Entry]) -> Iterator[bytes]:
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_STORED, allowZip64=True) as whole:
        for name, moment, size, content in entries:
            when = moment.timetuple()[:6] if moment and moment.year >= 1980 else time.gmtime()[:6]
            entry = ZipInfo(f"{folder}/{name}", when)
            entry.external_attr = 0o644 << 16
            entry.file_size = size or 0
            with whole.open(entry, "w", force_zip64=size is None) as file:
                for piece in content:
                    file.write(piece)
                    yield from sink.take()
            yield from sink.take()
    yield from sink.take()


def _as_it_is(path: Path) -> Iterator[_Entry]:
    yield path.name, None, path.stat().st_size, pieces(path)
    outside = path.with_suffix(".frames")
    for file in sorted(outside.rglob("*")) if outside.is_dir() else ():
        if file.is_file():
            name = f"{outside.name}/{file.relative_to(outside).as_posix()}"
            yield name, None, file.stat().st_size, pieces(file)


def pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces of at most `CHUNK`. Raises `OSError`."""
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _frames(path: Path, options: Options, *, originals: bool) -> Iterator[_Entry]:
    missing: list[str] = []
    with Contents(path) as contents, FitsExport(contents, options) as writer:
        for frame in contents.frames():
            try:
                yield _frame(contents, writer, frame, options, originals)
            except (SkycamError, OSError) as error:
                missing.append(f"{frame.camera} {frame.index}: {error}\n")
    if missing:
        text = "".join(missing).encode()
        yield NOT_INCLUDED, None, len(text), [text]


def _frame(
    contents: Contents, writer: FitsExport, frame: FrameEntry, options: Options, originals: bool
) -> _Entry:
    moment = frame.row["time"]
    if originals and frame.original:
        name = f"{frame.camera}/{original_name(frame)}"
        if not (options.disclosure.public or options.disclosure.location_precision is not None):
            return name, moment, contents.size(frame), contents.original(frame)
        if re.search(r"\.jpe?g$", frame.file_name, re.IGNORECASE):
            data = strip_jpeg(b"".join(contents.original(frame)))
            return name, moment, len(data), [data]
    data = writer.file(frame)
    return writer.name(frame), moment, len(data), [data]


def strip_jpeg(data: bytes) -> bytes:
    """A JPEG without what a camera or program wrote about itself and the place; the picture is untouched.

    Kept are the JFIF header, the colour profile and Adobe's colour marker. Raises `InvalidValueError` when it is no
    JPEG.
    """
    if data[:2] != b"\xff\xd8":
        raise InvalidValueError("file", data[:2].hex(), "a JPEG")
    kept, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            # In a scan FF is followed by 00 or a restart: this is the picture's end. Pictures behind it go.
            end = data.find(b"\xff\xd9", at)
            return b"".join([*kept, data[at : end + 2 if end >= 0 else len(data)]])
        segment = data[at : at + 2 + length]
        private = (0xE1 <= marker <= 0xEF and not _harmless(marker, segment)) or marker == 0xFE
        if not private:
            kept.append(segment)
        at += 2 + length
    raise InvalidValueError("file", "JPEG", "one that is whole")


def _harmless(marker: int, segment: bytes) -> bool:
    return (marker == 0xE2 and segment[4:16] == b"ICC_PROFILE\0") or (
        marker == 0xEE and segment[4:9] == b"Adobe"
    )
