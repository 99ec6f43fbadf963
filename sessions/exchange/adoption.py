"""A finished session from elsewhere (a capture node, a disk, an archive) becomes one of ours: whole, once.

It is looked at as a stranger's file first, then every byte is checked, then it is renamed into its place, its
frames before it: nobody ever sees it without them. Adopting may be killed and repeated at any moment.
"""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

from sessions.exchange.unzip import unpack
from sessions.store import blocks, ids, metadata, tree, untrusted
from sessions.store.disk import copy_range, write_all, write_file
from sessions.store.errors import DamagedFileError
from sessions.store.layout import Layout
from sessions.store.verify import verify
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import fsync_folder

STAGING = ".import/adopt"
_MOST_NAMES = 100
_DAY_S = 86_400
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,199}")


class AdoptError(SkycamError):
    """The file is no session, is damaged, or cannot get a name here; nothing was changed."""

    code = "adopt"


@dataclass(frozen=True, slots=True)
class _Identity:
    name: str
    uuid: UUID
    start: datetime


def adopt(path: Path, sessions: Path, *, keep: bool = False) -> Path:
    """Take a session in.

    A session of the same uuid that is here already is left as it is, and so is the file. When another session has the
    name, this one gets the next free one (`_2`, …), inside the file too.

    Args:
        path: the `.asdf`; its `.frames` lies beside it when it keeps frames outside.
        sessions: the sessions' folder.
        keep: copy instead of moving.

    Returns:
        Where it is now.

    Raises:
        AdoptError: see there.
        OSError: the disk refused.
    """
    found = _checked(path)
    layout = Layout(sessions)
    with _alone(sessions) as staging:
        for name in islice(ids.numbered(found.name), _MOST_NAMES):
            final = layout.final(name, found.start)
            if final.exists():
                if _is(final, found.uuid):
                    return final
                continue
            outside, frames = path.with_suffix(".frames"), final.with_suffix(".frames")
            if frames.exists() and not _same(outside, frames):
                continue  # a session of that name is being finished, or frames of another one
            _bring(path, found.name, final, staging, keep)
            return final
    raise AdoptError(f"there are {_MOST_NAMES} sessions named {found.name} here")


def sessions_below(folder: Path) -> list[Path]:
    """The session files of a folder that is to be adopted, in order; links are not followed."""
    found = (path for path in folder.rglob("*.asdf") if path.is_file() and not path.is_symlink())
    hidden = (".live", ".import", "quarantine")
    return sorted(
        path for path in found if not any(part in hidden for part in path.relative_to(folder).parts)
    )


@contextmanager
def opened(where: Path, sessions: Path) -> Iterator[list[Path]]:
    """The session files of what somebody hands over: one file, a folder, or a zip, which is unpacked meanwhile.

    Raises `ZipError`, `OSError`.
    """
    if not where.is_file():
        yield sessions_below(where)
    elif where.suffix.lower() != ".zip":
        yield [where]
    else:
        parent = (sessions / STAGING).parent
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob("zip-*"):  # of one that was killed
            if time.time() - left.stat().st_mtime > _DAY_S:
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="zip-", dir=parent) as temporary:
            folder = Path(temporary) / "found"
            unpack(where, folder)
            yield sessions_below(folder)


def _checked(path: Path) -> _Identity:
    """Identity of a session whose every byte is right. Raises `AdoptError`."""
    try:
        untrusted.check(path)
        found = _identity(path)
    except (SkycamError, OSError) as error:
        raise AdoptError(f"{path.name} is not taken in: {error}") from None
    report = verify(path)
    if not report.ok:
        raise AdoptError(f"{path.name} is damaged: {report.problems[0]}")
    return found


def _identity(path: Path) -> _Identity:
    try:
        meta = tree.read_header(path)[0]["meta"]
        name = str(meta["session_id"])
        if not _NAME.fullmatch(name):
            raise DamagedFileError(f"it names itself {name[:80]!r}, which is no session's name")
        return _Identity(name, UUID(str(meta["uuid"])), metadata.parse_iso(str(meta["start_time"])))
    except (LookupError, TypeError, ValueError) as error:
        raise DamagedFileError(f"it is no finished session ({error})") from None


def _is(path: Path, uuid: UUID) -> bool:
    try:
        return _identity(path).uuid == uuid
    except (SkycamError, OSError):
        return False


@contextmanager
def _alone(sessions: Path) -> Iterator[Path]:
    """An empty staging folder on the sessions' file system, for one adoption at a time."""
    staging = sessions / STAGING
    staging.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(sessions / f"{STAGING}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        yield staging
        shutil.rmtree(staging, ignore_errors=True)
    finally:
        os.close(handle)


def _same(outside: Path, there: Path) -> bool:
    """Whether a kill left these very frames there, without their session."""
    return outside.is_dir() and _listed(outside) == _listed(there)


def _listed(folder: Path) -> set[tuple[str, int]]:
    return {
        (path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file()
    }


def _bring(path: Path, old: str, final: Path, staging: Path, keep: bool) -> None:
    """Everything is put together in the staging folder; two renames make it ours; what was its source goes last."""
    final.parent.mkdir(parents=True, exist_ok=True)
    outside, frames = path.with_suffix(".frames"), final.with_suffix(".frames")
    link = not keep and path.stat().st_dev == staging.stat().st_dev
    file = staging / "session.asdf"
    if final.stem != old:
        _renamed(path, file, old, final.stem)
    else:
        _copied(path, file, link)
    if outside.is_dir():
        for one in sorted(outside.rglob("*")):
            if one.is_file():
                target = staging / "frames" / one.relative_to(outside)
                target.parent.mkdir(parents=True, exist_ok=True)
                _copied(one, target, link)
        if frames.exists():
            shutil.rmtree(frames)
        (staging / "frames").rename(frames)
        fsync_folder(final.parent)
    file.rename(final)
    fsync_folder(final.parent)
    if not keep:
        path.unlink(missing_ok=True)
        shutil.rmtree(outside, ignore_errors=True)


def _copied(source: Path, target: Path, link: bool) -> None:
    """The same bytes under another name: a second name for them where that is possible and the first one goes."""
    handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if link:
            try:
                os.fsync(handle)
                os.link(source, target)
                fsync_folder(target.parent)
                return
            except OSError:
                target.unlink(missing_ok=True)  # a file system without links: copied
        size = os.fstat(handle).st_size
        write_file(target, lambda into: copy_range(handle, into, 0, size))
    finally:
        os.close(handle)


def _renamed(source: Path, target: Path, old: str, new: str) -> None:
    """The same session under another id: the tree's text changes, the blocks are copied as they are."""
    _, offset = tree.read_header(source)
    handle = os.open(source, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        found = list(blocks.iterate(handle, offset, size))
        text = os.pread(handle, offset, 0).decode()
        text = text.replace(f'session_id: "{old}"', f'session_id: "{new}"', 1)
        text = re.sub(
            rf'^( *- .*?)"{re.escape(old)}\.frames/', rf'\1"{new}.frames/', text, flags=re.MULTILINE
        )
        head = text.encode()
        moved = len(head) - offset

        def fill(into: int) -> None:
            write_all(into, head)
            end = found[-1][0] + found[-1][1].size + found[-1][1].allocated if found else offset
            copy_range(handle, into, offset, end - offset)
            write_all(into, blocks.pack_index([at + moved for at, _ in found]))

        write_file(target, fill)
    finally:
        os.close(handle)
    wrong = [one for one in verify(target).problems if ".frames/" not in one]  # those come beside it next
    if wrong:
        raise AdoptError(f"{source.name} cannot be renamed to {new}: {wrong[0]}")
