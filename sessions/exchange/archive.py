"""Finished sessions to a store elsewhere: sent, compared, and only then called archived.

A session is its file, its frames where they lie outside, and a manifest, which is sent last: without it the
session is not there. Keys are the paths below the sessions' folder. Nothing local is deleted here.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from sessions.catalogue.ledger import Ledger
from sessions.store import tree
from sessions.store.errors import DamagedFileError
from sessions.store.verify import verify
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import claimed, sha256_of
from skycam_project.common.objectfiles import put_file
from skycam_project.common.objectstore import LocalStore, S3Store

SCHEMA = "skycam-archive-1"
MANIFEST = ".manifest.json"
Progress = Callable[[int, int], None]


class ArchiveError(SkycamError):
    """A session cannot be archived; it stays where it is."""

    code = "archive"


@dataclass(frozen=True, slots=True)
class Sent:
    """One file that is safe: its key, size in bytes and SHA-256."""

    key: str
    bytes: int
    sha256: str


def archive(path: Path, root: Path, store: LocalStore | S3Store, progress: Progress | None = None) -> str:
    """Send a session, compare it, and note in the ledger that it is archived; returns the address.

    What was sent by an earlier call that broke off is not sent again.

    Args:
        path: the session's file.
        root: the sessions' folder.
        store: where to.
        progress: told bytes done and bytes in all.

    Raises `ArchiveError` for a damaged session, `StoreError`, `OSError`.
    """
    report = verify(path)
    if not report.ok:
        raise ArchiveError(f"{path.name} is damaged and is not archived: {report.problems[0]}")
    try:
        meta = tree.read_header(path)[0]["meta"]
        name, uuid, given_up = str(meta["session_id"]), str(meta["uuid"]), "dropped" in meta
    except (DamagedFileError, LookupError, TypeError) as error:
        raise ArchiveError(f"{path.name} is no session: {error}") from None
    if given_up:
        raise ArchiveError(f"{name} has given up its frames; a copy would take the place of the whole one")
    outside = path.with_suffix(".frames")
    files = [one for one in sorted(outside.rglob("*")) if one.is_file()] if outside.is_dir() else []
    files.append(path)
    total, done, sent = sum(one.stat().st_size for one in files), 0, []
    for one in files:
        key, size = one.relative_to(root).as_posix(), one.stat().st_size

        def tell(within: int, _of: int, before: int = done) -> None:
            if progress:
                progress(before + within, total)

        put_file(store, key, one, {"session": name, "uuid": uuid}, tell)
        sent.append(Sent(key, size, sha256_of(one)))
        done += size
    manifest = {"schema": SCHEMA, "session": name, "uuid": uuid, "files": [asdict(one) for one in sent]}
    key = path.relative_to(root).with_suffix(MANIFEST).as_posix()
    store.put(key, orjson.dumps(manifest, option=orjson.OPT_INDENT_2), {"session": name, "uuid": uuid})
    address = store.address(key)
    Ledger(root).archived(uuid, address, sent[-1].sha256)
    return address


def alone(root: Path, what: str = "archive") -> AbstractContextManager[bool]:
    """Whether nobody else archives this folder's sessions meanwhile, or retrieves them."""
    return claimed(root / f".{what}.lock")


def due(root: Path) -> list[Path]:
    """Sessions that are not archived yet, oldest first; not idle ones, nor those that gave up their frames."""
    known = {uuid for uuid, decision in Ledger(root).decisions().items() if decision.archived_at}
    found = []
    for path in sorted(root.glob("[0-9]*/*/*/*.asdf")):
        try:
            meta = tree.read_header(path)[0]["meta"]
            kept = meta["session_type"] != "idle" and "dropped" not in meta
            if kept and str(meta["uuid"]) not in known:
                found.append(path)
        except (DamagedFileError, OSError, LookupError, TypeError):
            continue  # `verify` tells about it
    return found
