"""Finished films and night products to a store elsewhere: sent, compared, and only then called archived. Pure Python.

What was archived stands in `archived.json` beside the product, with a digest of what the product was then: one that
is made again counts as not archived. Nothing local is deleted here.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import sha256_of, write_atomic
from skycam_project.common.objectfiles import put_file
from skycam_project.common.objectstore import LocalStore, S3Store
from timelapse import sidecar

MARK = "archived.json"
SCHEMA = "skycam-product-archive-1"
Progress = Callable[[int, int], None]


class FinalError(SkycamError):
    """A product cannot be archived; it stays where it is."""

    code = "archive"


@dataclass(frozen=True, slots=True)
class Mark:
    """What `archived.json` says.

    Attributes:
        address: of the manifest in the store.
        archived_at: ISO 8601, UTC.
        state: digest of the product's records when it was sent.
    """

    address: str
    archived_at: str
    state: str


def archive(folder: Path, root: Path, store: LocalStore | S3Store, progress: Progress | None = None) -> Mark:
    """Send a product and compare it; what an earlier call has sent is not sent again.

    Args:
        folder: the product's, described and recorded.
        root: the products' folder; keys are paths below it.
        store: where to.
        progress: told bytes done and bytes in all.

    Raises:
        FinalError: unfinished, a file is not what was made, or it was made again meanwhile.
        StoreError, OSError: the store or the disk refuses; the next call goes on.
    """
    from sessions import provenance  # brings numpy; who only asks what is archived needs none

    if not finished(folder):
        raise FinalError(f"{folder} is not a finished product")
    facts, state = sidecar.read(folder), _state(folder)
    made = {one.path: one.sha256 for one in provenance.read(folder).outputs}
    names = [*(str(file["name"]) for file in facts.files), sidecar.PROVENANCE, sidecar.NAME]
    sizes = {name: (folder / name).stat().st_size for name in names}
    total, done, files = sum(sizes.values()), 0, []
    what = {"product": facts.uuid, "kind": facts.kind}
    for name in names:
        digest = sha256_of(folder / name)
        if made.get(name, digest) != digest:
            raise FinalError(f"{folder / name} is not what was made (SHA-256 differs); it is not archived")

        def tell(within: int, _of: int, before: int = done) -> None:
            if progress:
                progress(before + within, total)

        key = (folder / name).relative_to(root).as_posix()
        put_file(store, key, folder / name, what, tell)
        files.append({"key": key, "bytes": sizes[name], "sha256": digest})
        done += sizes[name]
    manifest = {"schema": SCHEMA, "uuid": facts.uuid, "kind": facts.kind, "files": files}
    key = f"{folder.relative_to(root).as_posix()}.manifest.json"
    store.put(key, orjson.dumps(manifest, option=orjson.OPT_INDENT_2), what)
    if _state(folder) != state:
        raise FinalError(f"{folder} was made again meanwhile; the new one is not archived yet")
    mark = Mark(store.address(key), iso_utc(datetime.now(UTC)), state)
    write_atomic(folder / MARK, orjson.dumps(asdict(mark)))
    return mark


def finished(folder: Path) -> bool:
    """Whether a folder is a whole product: described, recorded, and no draft that waits for its film."""
    try:
        facts = sidecar.read(folder)
    except sidecar.SidecarError:
        return False
    return (folder / sidecar.PROVENANCE).is_file() and all(file["role"] != "draft" for file in facts.files)


def archived(folder: Path) -> Mark | None:
    """When and where this product, as it is now, was archived."""
    try:
        mark = Mark(**orjson.loads((folder / MARK).read_bytes()))
        return mark if mark.state == _state(folder) else None
    except (OSError, ValueError, TypeError):
        return None


def due(root: Path) -> list[Path]:
    """Finished products that are not archived, oldest night first."""
    folders = (path.parent for path in sorted(root.glob(f"*/*/*/{sidecar.NAME}")))
    return [folder for folder in folders if finished(folder) and not archived(folder)]


def _state(folder: Path) -> str:
    records = b"".join((folder / name).read_bytes() for name in (sidecar.NAME, sidecar.PROVENANCE))
    return hashlib.sha256(records).hexdigest()
