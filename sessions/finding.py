"""From the name in an address to a session on disk, and the reader that says what is in it."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from sessions.history.contents import NoSessionError
from sessions.history.reader import Reader
from sessions.models import Session
from sessions.services import sessions_root
from sessions.store.layout import Layout, read_head
from sessions.store.metadata import parse_iso
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import under

VERIFY_S = 1800.0
"""Patience for a check that reads every byte of a session."""
_DATED = re.compile(r"[a-z0-9_-]*_(\d{4})(\d{2})(\d{2})_\d{6}(?:_\d+)?")


@dataclass(frozen=True, slots=True)
class Found:
    """A session that can be read.

    Attributes:
        id: its name.
        uuid: for caches; survives the end of a running session.
        path: its file, or the folder of a running one.
        row: what the database knows; `None` when it is running, or ended a moment ago.
        head: identity of a running session.
    """

    id: str
    uuid: str
    path: Path
    row: Session | None = None
    head: dict[str, Any] | None = None

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.head is not None

    def ask(self, op: str, **more: Any) -> Any:
        """What is in it; see `sessions.history.answers`. Raises `ReaderError`."""
        return reader().ask(op, self.path, **more)


def reader() -> Reader:
    """This process's reader."""
    return _reader(pictures_folder())


_reader = cache(Reader)


def pictures_folder() -> Path:
    """Where pictures of frames are kept; it may be emptied at any time."""
    return settings.DATA / "cache" / "pictures"


def layout() -> Layout:
    """Paths of the sessions."""
    return Layout(sessions_root())


def find(name: str) -> Found:
    """The session of that id or uuid: running, finished, or finished a moment ago and not yet in the database.

    Raises `NoSessionError`: there is none, or it was deleted.
    """
    row = _row(name)
    if row is not None:
        if row.removed_at is not None:
            when = f"{row.removed_at:%Y-%m-%d}"
            raise NoSessionError(f"Session {row.session_id} was deleted on {when}: {row.removed_reason}.")
        return Found(row.session_id, str(row.uuid), _checked(row.asdf_path), row)
    for found in (_live(name), _new(name)):
        if found is not None:
            return found
    raise NoSessionError(f"There is no session {name}.")


def _row(name: str) -> Session | None:
    try:
        return Session.objects.filter(uuid=UUID(name)).first()
    except ValueError:
        return Session.objects.filter(session_id=name).order_by("removed_at").first()


def _checked(path: str) -> Path:
    try:
        return under(layout().root, path)
    except SkycamError:
        raise NoSessionError("The session's file lies outside the sessions' folder.") from None


def _live(name: str) -> Found | None:
    folder = layout().partial(name)
    head = read_head(folder) if _DATED.fullmatch(name) and folder.is_dir() else None
    return Found(name, str(head["uuid"]), folder, head=head) if head else None


def _new(name: str) -> Found | None:
    """A file that the catalogue has not seen yet."""
    match = _DATED.fullmatch(name)
    if match is None:
        return None
    path = layout().root / match[1] / match[2] / match[3] / f"{name}.asdf"
    return Found(name, name, path) if path.is_file() else None


def running() -> list[Found]:
    """The running session of each instrument, the newest first."""
    places = layout()
    found = []
    for pointer in sorted(places.current_folder.glob("*")) if places.current_folder.is_dir() else []:
        folder = places.current(pointer.name)
        head = read_head(folder) if folder else None
        if folder and head:
            found.append(Found(str(head["session_id"]), str(head["uuid"]), folder, head=head))
    return sorted(found, key=lambda one: one.head["start_time"] if one.head else "", reverse=True)


def started_at(found: Found) -> datetime:
    """When it began."""
    if found.row is not None:
        return found.row.start_time
    if found.head is not None:
        return parse_iso(found.head["start_time"])
    digits = re.search(r"_(\d{8}_\d{6})", found.id)
    return datetime.strptime(f"{digits[1] if digits else '19700101_000000'}+0000", "%Y%m%d_%H%M%S%z")
