"""A session comes back from the archive: fetched in parts, compared, then put in its place as one.

What comes is looked at like a stranger's file. A fetch that broke off, or was killed, goes on with the next call.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from pathlib import Path
from typing import Any

import orjson

from sessions.catalogue.ledger import NOTHING, Ledger
from sessions.exchange.adoption import adopt
from sessions.exchange.archive import MANIFEST, SCHEMA, Sent
from sessions.store import tree
from sessions.store.errors import DamagedFileError
from sessions.store.layout import Layout
from sessions.store.verify import verify
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import OutsideRootError, fsync_folder, under
from skycam_project.common.objectfiles import get_file
from skycam_project.common.objectstore import LocalStore, NoObjectError, S3Store

STAGING = ".import/archive"
_DATED = re.compile(r"[a-z0-9_-]*_(\d{4})(\d{2})(\d{2})_\d{6}(?:_\d+)?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Progress = Callable[[int, int], None]
Store = LocalStore | S3Store


class Place(Enum):
    """What lies where an archived session belongs."""

    NOTHING = auto()
    ANOTHER = auto()
    """A session of that name, but another one."""
    WHOLE = auto()
    WITHOUT_FRAMES = auto()
    DAMAGED = auto()


class RetrieveError(SkycamError):
    """A session cannot be fetched; what is here stays as it is."""

    code = "retrieve"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the archive has of one session.

    Attributes:
        session: its name.
        uuid: its uuid.
        files: the session's file last, its frames before.
    """

    session: str
    uuid: str
    files: tuple[Sent, ...]

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(one.bytes for one in self.files)


def of_day(day: date, store: Store) -> list[str]:
    """Names of the archived sessions that began on a UTC date. Raises `StoreError`."""
    found = (Path(one.key).name for one in store.list_objects(f"{day:%Y/%m/%d}"))
    return sorted(name.removesuffix(MANIFEST) for name in found if name.endswith(MANIFEST))


def retrieve(name: str, root: Path, store: Store, progress: Progress | None = None) -> Path:
    """Fetch a session, with all its frames, and put it where it was.

    One that is here whole is left as it is. One that gave up its frames gets them back; one that was deleted comes
    again; the file of a damaged one goes to quarantine. It is protected from then on: retention would give it up again
    the next day.

    Args:
        name: its id or uuid.
        root: the sessions' folder.
        store: the archive.
        progress: told bytes done and bytes in all.

    Returns:
        Where it is now.

    Raises:
        RetrieveError: there is no copy, or it is not what was archived.
        StoreError: the archive cannot be reached, or broke off; the next call goes on there.
        OSError: the disk refused.
    """
    ledger = Ledger(root)
    manifest = _manifest(_key(name, ledger, store), store)
    final = under(root, manifest.files[-1].key)
    found = _here(final, manifest.uuid)
    if found is not Place.WHOLE:
        staged = _fetch(manifest, root, store, progress)
        ledger.protect(manifest.uuid, True, "retrieve")
        if found in (Place.NOTHING, Place.ANOTHER):
            final = adopt(staged, root)
        else:
            with ledger.alone():
                _put_back(staged, final, root, damaged=found is Place.DAMAGED)
        shutil.rmtree(staged.parent, ignore_errors=True)
    ledger.retrieved(manifest.uuid)
    return final


def _key(name: str, ledger: Ledger, store: Store) -> str:
    """Of the manifest: by what the ledger says, else by the date in the name (the ledger may be lost)."""
    if match := _DATED.fullmatch(name):
        return f"{match[1]}/{match[2]}/{match[3]}/{name}{MANIFEST}"
    if not _UUID.fullmatch(name):
        raise RetrieveError(f"{name[:80]!r} is no session's id, such as observation_m31_20261119_190200")
    url = ledger.decisions().get(name, NOTHING).archive_url
    if not url:
        raise RetrieveError(f"nothing is known of a copy of {name} in the archive")
    here = store.address("").rstrip("/") + "/"
    if not url.startswith(here):
        raise RetrieveError(f"{name} was archived at {url}, and the archive is {here} now")
    return url.removeprefix(here)


def _manifest(key: str, store: Store) -> Manifest:
    try:
        said = orjson.loads(store.get(key))
        files = tuple(Sent(str(one["key"]), int(one["bytes"]), str(one["sha256"])) for one in said["files"])
        found = Manifest(str(said["session"]), str(said["uuid"]), files)
        good = (
            said["schema"] == SCHEMA
            and all(_harmless(found))
            and f"{found.session}{MANIFEST}" == Path(key).name
        )
    except NoObjectError:
        raise RetrieveError(f"the archive has no session {Path(key).name.removesuffix(MANIFEST)}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RetrieveError(f"{store.address(key)} is no manifest of a session: {error}") from None
    if not good:
        raise RetrieveError(f"{store.address(key)} is no manifest of a session")
    return found


def _harmless(manifest: Manifest) -> Iterator[bool]:
    """A session's file in the folder of a day, and before it nothing but what lies in its folder of frames."""
    yield bool(manifest.files) and bool(_DATED.fullmatch(manifest.session))
    stem = manifest.files[-1].key.removesuffix(".asdf")
    yield bool(re.fullmatch(rf"\d{{4}}/\d\d/\d\d/{re.escape(manifest.session)}", stem))
    for one in manifest.files[:-1]:
        yield one.key.startswith(f"{stem}.frames/") and ".." not in one.key.split("/")
    yield all(one.bytes >= 0 for one in manifest.files)


def _here(final: Path, uuid: str) -> Place:
    """What lies where the session belongs. Reads every byte of one that says it is whole."""
    if not final.exists():
        return Place.NOTHING
    try:
        meta: dict[str, Any] = tree.read_header(final)[0]["meta"]
        if str(meta["uuid"]) != uuid:
            return Place.ANOTHER
    except (DamagedFileError, LookupError, TypeError):
        return Place.DAMAGED
    if "dropped" in meta:
        return Place.WITHOUT_FRAMES
    return Place.WHOLE if verify(final).ok else Place.DAMAGED


def _fetch(manifest: Manifest, root: Path, store: Store, progress: Progress | None) -> Path:
    """All files into the staging folder, compared; the session's file there."""
    folder = root / STAGING / manifest.uuid
    folder.mkdir(parents=True, exist_ok=True)
    arrived = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
    free, needed = shutil.disk_usage(folder).free, manifest.bytes - arrived
    if needed > free:
        raise RetrieveError(f"{manifest.session} needs {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free")
    day, done = Path(manifest.files[-1].key).parent, 0
    for one in manifest.files:

        def tell(within: int, _of: int, before: int = done) -> None:
            if progress:
                progress(before + within, manifest.bytes)

        try:
            target = under(folder, Path(one.key).relative_to(day))
        except OutsideRootError as error:
            raise RetrieveError(str(error)) from None
        get_file(store, one.key, target, one.bytes, one.sha256, tell)
        done += one.bytes
    return folder / f"{manifest.session}.asdf"


def _put_back(staged: Path, final: Path, root: Path, *, damaged: bool) -> None:
    """The frames first, then the file that names them: a kill between leaves the session as it was."""
    report = verify(staged)
    if not report.ok:
        raise RetrieveError(f"{final.stem} is damaged in the archive: {report.problems[0]}")
    outside, frames = staged.with_suffix(".frames"), final.with_suffix(".frames")
    folders = {final.parent}
    for one in sorted(outside.rglob("*")) if outside.is_dir() else ():
        if one.is_file():
            target = frames / one.relative_to(outside)
            target.parent.mkdir(parents=True, exist_ok=True)
            one.replace(target)
            folders |= {target.parent, *[p for p in target.parents if p.is_relative_to(frames)]}
    for folder in sorted(folders, reverse=True):
        fsync_folder(folder)
    if damaged:
        kept = Layout(root).quarantine
        kept.mkdir(parents=True, exist_ok=True)
        os.link(final, kept / f"{final.stem}-{time.time_ns()}.asdf")
        fsync_folder(kept)
    staged.replace(final)
    fsync_folder(final.parent)
