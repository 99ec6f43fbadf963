"""Where the frames of a job are: a session by its id, or a folder of images that the settings allow."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from django.conf import settings

from sessions.store.errors import DamagedFileError
from sessions.store.layout import PARTIAL, Layout, read_head
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import OutsideRootError, under
from skycam_project.common.nights import evening, site_zone
from timelapse.choices import SourceKind
from timelapse.errors import MissingError

SESSION_ID = re.compile(r"[a-z0-9][a-z0-9_-]*_(\d{8}_\d{6})(_\d+)?")
SHOWN = 200
"""Sessions that a chooser offers."""
PICTURES = frozenset(
    [
        "jpg",
        "jpeg",
        "png",
        "tif",
        "tiff",
        "webp",
        "bmp",
        "fit",
        "fits",
        "fts",
        "fz",
        "cr2",
        "cr3",
        "nef",
        "nrw",
        "arw",
        "dng",
        "raf",
        "orf",
        "rw2",
        "pef",
        "srw",
    ]
)
"""Those of `timelapse.pipeline.decode.FILES`, which the web process does not load."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a job is made from.

    Attributes:
        kind: session or folder.
        name: the session's id, or the folder as the settings' folders contain it.
        path: the finished session's file, the running session's folder, or the folder of images.
        began: when a session began; the present for a folder.
        night: date of the evening; `None` when nobody knows.
        instrument: whose session it is; empty for a folder.
        uuid: of the session; empty for a folder.
        frames: how many a finished session says it has.
        finished: whether no frame will be added.
    """

    kind: SourceKind
    name: str
    path: Path
    began: datetime
    night: date | None = None
    instrument: str = ""
    uuid: str = ""
    frames: int | None = None
    finished: bool = True


def sessions() -> Layout:
    """Where the sessions lie."""
    return Layout(settings.DATA / "sessions")


def find(session: str | None, folder: str | None) -> Source:
    """The source that somebody named. Raises `InvalidValueError`, `MissingError`."""
    if bool(session) == bool(folder):
        raise InvalidValueError("session", session, "either a session or a folder")
    return find_session(session) if session else find_folder(folder or "")


def find_session(session: str) -> Source:
    """A session by its id, finished or running."""
    match = SESSION_ID.fullmatch(session)
    if match is None:
        raise InvalidValueError("session", session, "a session id such as observation_m31_20261119_190200")
    try:
        start = datetime.strptime(match[1], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidValueError("session", session, "a session id with a real date") from None
    layout = sessions()
    final = layout.final(session, start)
    if final.is_file():
        return _finished(session, final)
    partial = layout.partial(session)
    if head := read_head(partial):
        began = datetime.fromisoformat(head["start_time"])
        return Source(
            SourceKind.SESSION, session, partial, began, evening(began, site_zone()), head["instrument"],
            head["uuid"], finished=False,
        )  # fmt: skip
    raise MissingError(f"There is no session {session} in {layout.root}.")


def _finished(session: str, path: Path) -> Source:
    from sessions.store import (
        tree,  # brings numpy: the web process needs it when somebody makes a job, not before
    )

    try:
        header = tree.read_header(path)[0]
        meta = header["meta"]
        began = datetime.fromisoformat(meta["start_time"])
        frames = int(header["observability"]["metrics"]["frames_captured"])
        night = evening(began, site_zone())
        return Source(
            SourceKind.SESSION, session, path, began, night, meta["instrument"], meta["uuid"], frames
        )
    except (DamagedFileError, OSError, LookupError, TypeError, ValueError) as error:
        raise MissingError(f"The session {session} cannot be read: {error}") from None


def roots() -> list[Path]:
    """The folders of the setting `timelapse.folders`."""
    return [settings.CONFIG.resolve(Path(name).expanduser()) for name in settings.CONFIG.timelapse_folders]


def find_folder(name: str) -> Source:
    """A folder of images: one of the setting's folders or a folder below one, as people write it."""
    for root in roots():
        try:
            path = root.resolve() if Path(name) == root or name == root.name else under(root, name)
        except (OutsideRootError, OSError, ValueError):
            continue
        if path.is_dir():
            return Source(SourceKind.FOLDER, name, path, datetime.now(UTC))
    places = ", ".join(str(root) for root in roots())
    raise MissingError(f"There is no folder {name} in {places} (setting timelapse.folders).")


def listed() -> list[dict[str, object]]:
    """What a chooser offers, newest first: running and finished sessions with a purpose, then folders."""
    layout = sessions()
    found: list[dict[str, object]] = []
    for partial in reversed(layout.partials()):
        head = read_head(partial)
        if head and head.get("session_type") != "idle":
            name = partial.name.removesuffix(PARTIAL)
            found.append(_row(name, datetime.fromisoformat(head["start_time"]), finished=False))
    for path in _files(layout.root):
        match = SESSION_ID.fullmatch(path.stem)
        if match and not path.stem.startswith("idle_"):
            start = datetime.strptime(match[1], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
            found.append(_row(path.stem, start, finished=True))
        if len(found) >= SHOWN:
            break
    return found + [{"folder": name, "session": None} for name in _folders()]


def _row(name: str, start: datetime, *, finished: bool) -> dict[str, object]:
    night = evening(start, site_zone()).isoformat()
    return {"session": name, "folder": None, "night": night, "finished": finished}


def _files(root: Path) -> Iterator[Path]:
    """Finished sessions, newest day first."""
    days = "[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]"
    for day in sorted(root.glob(days), reverse=True):
        yield from sorted(day.glob("*.asdf"), key=lambda path: path.stem[-15:], reverse=True)


def _folders() -> list[str]:
    """Folders with pictures in them, at most two levels deep."""
    names = []
    for root in roots():
        for folder in (root, *root.glob("*"), *root.glob("*/*")):
            if folder.is_dir() and any(_is_picture(path) for path in folder.iterdir()):
                names.append(root.name if folder == root else str(folder.relative_to(root)))
    return sorted(names)[:SHOWN]


def _is_picture(path: Path) -> bool:
    return path.suffix[1:].lower() in PICTURES and path.is_file()


def frames_of(source: Source) -> int:
    """Frames of a session; of a running one, those that are on disk now."""
    if source.frames is not None:
        return source.frames
    frames = source.path / "frames"
    return sum(1 for path in (*frames.glob("*/*.frame"), *frames.glob("*/original/*")) if path.is_file())


def size_of(source: Source) -> int:
    """Bytes of a source on disk, about; its own file alone is not all of an external session."""
    outside = source.path.with_suffix(".frames")
    places = [source.path, outside] if source.kind == SourceKind.SESSION else [source.path]
    total = 0
    for place in places:
        if place.is_file():
            total += place.stat().st_size
        elif place.is_dir():
            total += sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return total
