"""Files of any size to a store: in parts, resumed where it broke off, compared by checksum before anybody trusts it."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from skycam_project.common.files import fsync_file, fsync_folder, sha256_of, under
from skycam_project.common.objectstore import LocalStore, S3Store, StoreError

PART = 8 << 20
"""Bytes of a part; S3 takes 10,000 of them, so larger files have larger parts."""
_MOST_PARTS = 9000
Progress = Callable[[int, int], None]


def put_file(
    store: LocalStore | S3Store,
    key: str,
    path: Path,
    metadata: Mapping[str, str],
    progress: Progress | None = None,
) -> None:
    """Keep a file under `key`; when this returns the store has it whole, compared by SHA-256.

    An upload that broke off goes on with the next call; a file that is there already is compared, not sent again.

    Args:
        store: where.
        key: parts joined by `/`.
        path: the file; must not change meanwhile.
        metadata: texts, ASCII names.
        progress: told bytes done and bytes in all.

    Raises `StoreError`, `OSError`.
    """
    if isinstance(store, LocalStore):
        _put_local(store, key, path, progress)
    else:
        _put_s3(store, key, path, metadata, progress)


def get_file(
    store: LocalStore | S3Store,
    key: str,
    path: Path,
    size: int,
    sha256: str,
    progress: Progress | None = None,
) -> None:
    """Fetch a file; when this returns it is on disk, whole, compared by SHA-256.

    A transfer that broke off goes on with the next call; a file that is there already is compared, not fetched again.

    Args:
        store: where from.
        key: parts joined by `/`.
        path: where to; its folder is made.
        size: bytes it must have.
        sha256: what they must be.
        progress: told bytes done and bytes in all.

    Raises `StoreError` (what came is kept for the next call, unless it is wrong), `OSError`.
    """
    if path.is_file() and path.stat().st_size == size and sha256_of(path) == sha256:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("ab") as copy:
        if copy.tell() > size:
            copy.truncate(0)
        done = copy.tell()
        for piece in store.pieces(key, done, PART) if done < size else ():
            done += len(piece)
            if done > size:
                break
            copy.write(piece)
            copy.flush()  # what a kill must not lose
            if progress:
                progress(done, size)
    if done < size:
        raise StoreError(f"{key} broke off after {done} of {size} bytes; try again, it goes on there")
    fsync_file(part)
    if done > size or sha256_of(part) != sha256:
        part.unlink()
        raise StoreError(f"{key} is not what was archived: its SHA-256 is another")
    part.replace(path)
    fsync_folder(path.parent)


def _put_local(store: LocalStore, key: str, path: Path, progress: Progress | None) -> None:
    size, wanted = path.stat().st_size, sha256_of(path)
    try:
        store.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = under(store.root, key)
        if target.is_file() and target.stat().st_size == size and sha256_of(target) == wanted:
            return
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = target.with_name(f"{target.name}.part")
        with path.open("rb") as source, part.open("ab") as copy:
            done = _common(source, part, copy.tell())
            copy.truncate(done)
            source.seek(done)
            while piece := source.read(PART):
                copy.write(piece)
                done += len(piece)
                if progress:
                    progress(done, size)
        fsync_file(part)
        if sha256_of(part) != wanted:
            part.unlink()
            raise StoreError(f"{target} was not written as {path} is; try again")
        part.replace(target)
        fsync_folder(target.parent)
    except OSError as error:
        raise StoreError(f"{store.root} cannot be written: {error.strerror or error}") from None


def _common(source: Any, part: Path, length: int) -> int:
    """Bytes at the start of a broken copy that are right, in whole parts."""
    right = 0
    with part.open("rb") as copy:
        while right + PART <= length and source.read(PART) == copy.read(PART):
            right += PART
    return right


def _put_s3(
    store: S3Store, key: str, path: Path, metadata: Mapping[str, str], progress: Progress | None
) -> None:
    size = path.stat().st_size
    length = max(PART, -(-size // _MOST_PARTS))
    digests = [hashlib.sha256(piece).digest() for piece in _parts(path, length)] or [
        hashlib.sha256(b"").digest()
    ]
    whole = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    if store.holds(key, size, whole, length):
        return
    upload, sent = store.open_upload(key, metadata)
    parts = []
    with path.open("rb") as file:
        for number, digest in enumerate(digests, 1):
            checksum = base64.b64encode(digest).decode()
            file.seek((number - 1) * length)
            piece = file.read(length)
            etag = _known(sent.get(number), checksum, piece) or store.send_part(
                key, upload, number, piece, checksum
            )
            parts.append({"PartNumber": number, "ETag": etag, "ChecksumSHA256": checksum})
            if progress:
                progress(min(number * length, size), size)
    store.complete(key, upload, parts)
    if not store.holds(key, size, whole, length):
        raise StoreError(f"the bucket {store.bucket} does not have {key} as it was sent; try again")


def _known(part: dict[str, Any] | None, checksum: str, piece: bytes) -> str | None:
    """The ETag of a part that the store has already; where it keeps no checksums the ETag is the part's MD5."""
    if part is None:
        return None
    if "ChecksumSHA256" in part:
        return part["ETag"] if part["ChecksumSHA256"] == checksum else None
    md5 = hashlib.md5(piece, usedforsecurity=False).hexdigest()
    return part["ETag"] if part["ETag"].strip('"') == md5 else None


def _parts(path: Path, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(length):
            yield piece
