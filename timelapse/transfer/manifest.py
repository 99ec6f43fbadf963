"""What a capture node offers and what the main machine has received: two kinds of small JSON files on the node.

```
sessions/.offer/manifest.json           the node's finished sessions, each file with size and SHA-256
sessions/.offer/received/<uuid>.json    the main machine has these files, compared byte for byte by their digest
```

The node writes the manifest, the main machine the receipts. Nothing is deleted here: a receipt whose digests are
those of the node's own files makes a session one that `sessions.retention` may delete.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from sessions.store import tree
from sessions.store.errors import DamagedFileError
from skycam_project.common.clock import iso_utc
from skycam_project.common.files import sha256_of, write_atomic
from timelapse.transfer.errors import ManifestError

OFFER = ".offer"
MANIFEST = f"{OFFER}/manifest.json"
RECEIVED = f"{OFFER}/received"
SCHEMA = "skycam-offer-1"
LARGEST = 64 << 20
"""Bytes of a manifest that are read."""
MOST_FILES = 200_000
"""Of one session."""
_DAY = r"\d{4}/\d{2}/\d{2}"
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_PATH = re.compile(rf"{_DAY}/(?P<name>[a-z0-9][a-z0-9_-]*)(\.asdf|\.frames(/{_PART}){{1,4}})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class File:
    """One file: its path relative to the sessions' folder, bytes, SHA-256, and the node's time stamp."""

    path: str
    bytes: int
    sha256: str
    mtime_ns: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """One finished session: its `.asdf` first, then its frames when they are outside."""

    session: str
    uuid: str
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)


# ---- on the node


def write_manifest(sessions: Path) -> list[Offer]:
    """Offer every finished session with frames; digests of files that did not change are taken from the last manifest.

    Raises `OSError`.
    """
    before = read_manifest(sessions)
    known = {(file.path, file.bytes, file.mtime_ns): file.sha256 for offer in before for file in offer.files}
    offers = [offer for path in _finished(sessions) if (offer := _offer(sessions, path, known))]
    (sessions / RECEIVED).mkdir(parents=True, exist_ok=True)
    content = {
        "schema": SCHEMA,
        "made_at": iso_utc(datetime.now(UTC)),
        "sessions": [asdict(o) for o in offers],
    }
    if offers != before or not (sessions / MANIFEST).exists():
        write_atomic(sessions / MANIFEST, orjson.dumps(content))
    return offers


def _finished(sessions: Path) -> Iterator[Path]:
    for path in sorted(sessions.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]/*.asdf")):
        if not path.name.startswith("idle_"):
            yield path


def _offer(sessions: Path, path: Path, known: dict[tuple[str, int, int], str]) -> Offer | None:
    try:
        meta = tree.read_header(path)[0]["meta"]
        uuid = str(UUID(meta["uuid"]))
    except (DamagedFileError, LookupError, TypeError, ValueError, OSError):
        return None  # it is in quarantine's hands, not ours
    outside = path.with_suffix(".frames")
    paths = [path, *sorted(p for p in outside.rglob("*") if p.is_file())] if outside.is_dir() else [path]
    return Offer(path.stem, uuid, tuple(_file(sessions, each, known) for each in paths))


def _file(sessions: Path, path: Path, known: dict[tuple[str, int, int], str]) -> File:
    status = path.stat()
    key = path.relative_to(sessions).as_posix(), status.st_size, status.st_mtime_ns
    return File(key[0], key[1], known.get(key) or sha256_of(path), key[2])


def received(sessions: Path, known: frozenset[str] | set[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """(uuid, who has it) of every session whose receipt names exactly the node's own files, hashed now.

    A receipt that does not is a lie or of other files; it is left alone and its session stays. Those in `known` are
    not looked at again.
    """
    offers = {offer.uuid: offer for offer in read_manifest(sessions)}
    for path in sorted((sessions / RECEIVED).glob("*.json")):
        try:
            if path.stem in known:
                continue
            receipt = orjson.loads(path.read_bytes())
            offer = offers[receipt["uuid"]]
            digests = {file["path"]: file["sha256"] for file in receipt["files"]}
            if digests == {file.path: sha256_of(sessions / file.path) for file in offer.files}:
                yield offer.uuid, str(receipt["by"])
        except (OSError, ValueError, LookupError, TypeError):
            continue


def read_manifest(sessions: Path) -> list[Offer]:
    """What this node offers; nothing when it never did."""
    try:
        return parse((sessions / MANIFEST).read_bytes())
    except (OSError, ManifestError):
        return []


# ---- on the main machine


def parse(data: bytes) -> list[Offer]:
    """A manifest, every value checked: it comes from another machine. Raises `ManifestError`."""
    if len(data) > LARGEST:
        raise ManifestError(f"the node's manifest has {len(data)} bytes; at most {LARGEST} are read")
    try:
        content = orjson.loads(data)
        if content["schema"] != SCHEMA:
            raise ManifestError(
                f"the node's manifest has the schema {content['schema']!r}, expected {SCHEMA}"
            )
        return [_checked(entry) for entry in content["sessions"]]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ManifestError(f"the node's manifest cannot be read: {error}") from None


def _checked(entry: dict[str, Any]) -> Offer:
    files = tuple(
        File(str(f["path"]), int(f["bytes"]), str(f["sha256"]), int(f["mtime_ns"])) for f in entry["files"]
    )
    offer = Offer(str(entry["session"]), str(UUID(entry["uuid"])), files)
    if not 1 <= len(files) <= MOST_FILES:
        raise ManifestError(f"the node offers {offer.session!r} with {len(files)} files")
    for file in files:
        match = _PATH.fullmatch(file.path)
        if (
            not match
            or match["name"] != offer.session
            or file.bytes < 0
            or not _SHA256.fullmatch(file.sha256)
        ):
            raise ManifestError(
                f"the node offers {file.path!r} as a part of {offer.session!r}, which it cannot be"
            )
    if not files[0].path.endswith(".asdf") or len({file.path for file in files}) != len(files):
        raise ManifestError(f"the files of {offer.session!r} are not in order")
    return offer


def receipt(offer: Offer, by: str) -> bytes:
    """What the node reads: these files are safe elsewhere."""
    files: Iterable[dict[str, Any]] = ({"path": file.path, "sha256": file.sha256} for file in offer.files)
    return orjson.dumps(
        {
            "uuid": offer.uuid,
            "session": offer.session,
            "files": list(files),
            "by": by,
            "at": iso_utc(datetime.now(UTC)),
        }
    )
