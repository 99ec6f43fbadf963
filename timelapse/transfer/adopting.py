"""A finished session from another machine becomes one of ours: whole, once, under its own name."""

import shutil
from datetime import datetime
from itertools import islice
from pathlib import Path

from sessions.store import ids, tree
from sessions.store.errors import DamagedFileError
from sessions.store.layout import Layout
from sessions.store.verify import verify
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import fsync_folder

MOST_NAMES = 100


class AdoptError(SkycamError):
    """The file is no session, is damaged, or cannot get a name here."""

    code = "adopt"


def adopt(path: Path, sessions: Path) -> Path:
    """Move a session into the sessions' folder, its frames outside first, so that it is never there without them.

    Args:
        path: the `.asdf`, on the same file system; its `.frames` lies beside it.
        sessions: the sessions' folder.

    Returns:
        Where it is now. One of the same uuid that is there already is left as it is.

    Raises:
        AdoptError: see there. Nothing was moved.
        OSError: the disk refused.
    """
    report = verify(path)
    if not report.ok:
        raise AdoptError(f"{path.name} is damaged: {report.problems[0]}")
    name, uuid, start = _identity(path)
    layout, outside = Layout(sessions), path.with_suffix(".frames")
    for free in islice(ids.numbered(name), MOST_NAMES):
        final = layout.final(free, start)
        frames = final.with_suffix(".frames")
        if final.exists() and _identity(final)[1] == uuid:
            return final
        if not final.exists() and (not frames.exists() or _same(outside, frames)):
            _move(path, outside, final, frames)
            return final
        if outside.is_dir():  # its tree names the folder of its frames, and that is taken
            raise AdoptError(f"There is another session {name} here, and this one keeps its frames outside.")
    raise AdoptError(f"There are {MOST_NAMES} sessions named {name} here.")


def _same(outside: Path, there: Path) -> bool:
    """Whether a crash left these very frames there, without their session."""
    return outside.is_dir() and _listed(outside) == _listed(there)


def _listed(folder: Path) -> set[tuple[str, int]]:
    return {(str(p.relative_to(folder)), p.stat().st_size) for p in folder.rglob("*") if p.is_file()}


def _move(path: Path, outside: Path, final: Path, frames: Path) -> None:
    final.parent.mkdir(parents=True, exist_ok=True)
    if outside.is_dir():
        if frames.exists():
            shutil.rmtree(frames)
        outside.rename(frames)
        fsync_folder(final.parent)
    path.rename(final)
    fsync_folder(final.parent)


def _identity(path: Path) -> tuple[str, str, datetime]:
    try:
        meta = tree.read_header(path)[0]["meta"]
        name = str(meta["session_id"])
        if not name or ids.slug(name, 200) != name:
            raise AdoptError(f"{path.name} names itself {name!r}, which is no session's name")
        return name, str(meta["uuid"]), datetime.fromisoformat(meta["start_time"])
    except (DamagedFileError, LookupError, TypeError, ValueError) as error:
        raise AdoptError(f"{path.name} is no finished session: {error}") from None
