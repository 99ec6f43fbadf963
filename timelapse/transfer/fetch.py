"""Fetching what a node offers: bring, compare by digest, adopt, and only then send the receipt."""

import contextlib
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sessions.exchange.adoption import AdoptError
from skycam_project.common.files import claimed, fsync_file, fsync_folder, sha256_of, write_atomic
from timelapse.transfer import manifest
from timelapse.transfer.arriving import Arriving, Moved
from timelapse.transfer.errors import (
    DigestError,
    FullError,
    GoneError,
    ManifestError,
    NoRsyncError,
    TransferError,
)
from timelapse.transfer.manifest import Offer
from timelapse.transfer.node import Node
from timelapse.transfer.rsync import PARTIAL, Rsync
from timelapse.transfer.sftp import Sftp

log = logging.getLogger(__name__)

INBOX = "inbox"
SPARE = 1 << 30
"""Bytes that stay free on our disk."""
Adopt = Callable[[Path], object]
"""`adopt(file)` takes a finished session (its `.frames` beside it) into our sessions; whole and idempotent."""
Said = Callable[[Offer, int, int], None]
"""`said(offer, number, of)` before each session."""


class Transport(Protocol):
    """`Rsync` or `Sftp`."""

    def fetch(self, paths: list[str], folder: Path) -> None:
        """Bring files."""
        ...

    def put(self, path: Path, name: str) -> None:
        """Take a file there."""
        ...


@dataclass(slots=True)
class Fetched:
    """What came of one look at a node.

    Attributes:
        offered: sessions that the node has.
        adopted: ids of the sessions that came over now.
        bytes: their size.
        problems: one sentence for each session that could not be had.
    """

    offered: int = 0
    adopted: list[str] = field(default_factory=list)
    bytes: int = 0
    problems: list[str] = field(default_factory=list)


def fetch(
    node: Node,
    adopt: Adopt,
    by: str,
    said: Said = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
    result: Fetched | None = None,
    moved: Moved = lambda done, total: None,
) -> Fetched:
    """Bring over everything that the node offers and we do not have.

    Args:
        node: whom to ask.
        adopt: takes a session in; called with a file whose digest is right.
        by: who we are, for the receipt.
        said: hears of each session before it is fetched.
        cancelled: asked all the time.
        result: filled as sessions come, so that a caller knows of them when the next one fails.
        moved: told twice a second how many bytes of the session are here, and of how many.

    Raises:
        TransferError: the node cannot be reached, or its manifest not be used. What is begun is gone on with next time.
    """
    arriving: Arriving | None = None

    def asked() -> bool:
        if arriving:
            arriving()
        return cancelled()

    with _alone(node):
        transport = _transport(node, asked)
        result = result or Fetched()
        wanted, offered = _offers(node, transport)
        result.offered = len(offered)
        for number, offer in enumerate(wanted):
            if cancelled():
                break
            said(offer, number, len(wanted))
            arriving = Arriving(offer, node.folder / INBOX, moved)
            arriving()
            try:
                _bring(node, transport, offer, adopt, by)
            except (DigestError, GoneError, AdoptError) as error:  # this one only; the next may be right
                log.warning("%s", error)
                result.problems.append(str(error))
                continue
            moved(offer.bytes, offer.bytes)
            result.adopted.append(offer.session)
            result.bytes += offer.bytes
        return result


@contextlib.contextmanager
def _alone(node: Node) -> Iterator[None]:
    """One fetch per node at a time."""
    node.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with claimed(node.folder / "lock") as mine:
        if not mine:
            raise TransferError(f"{node.id}: another process fetches from it just now", code="busy")
        yield


def _transport(node: Node, cancelled: Callable[[], bool]) -> Transport:
    if node.method == "sftp":
        return Sftp(node, cancelled)
    if node.method == "rsync":
        return Rsync(node, cancelled)
    try:
        return _Either(Rsync(node, cancelled), Sftp(node, cancelled))
    except NoRsyncError as error:
        log.info("%s; SFTP instead", error)
        return Sftp(node, cancelled)


class _Either:
    """rsync until it turns out that the node has none, SFTP from then on."""

    def __init__(self, rsync: Rsync, sftp: Sftp) -> None:
        self._now: Transport = rsync
        self._sftp = sftp

    def fetch(self, paths: list[str], folder: Path) -> None:
        try:
            self._now.fetch(paths, folder)
        except NoRsyncError as error:
            log.info("%s; SFTP instead", error)
            self._now = self._sftp
            self._now.fetch(paths, folder)

    def put(self, path: Path, name: str) -> None:
        self._now.put(path, name)


def _offers(node: Node, transport: Transport) -> tuple[list[Offer], list[Offer]]:
    """What we do not have yet, and everything."""
    (node.folder / manifest.MANIFEST).unlink(missing_ok=True)  # two of one second and size are not the same
    try:
        transport.fetch([manifest.MANIFEST], node.folder)
    except GoneError as error:
        raise ManifestError(f"{error}: a node needs `role: capture` and a running Skycam.") from None
    offered = manifest.parse((node.folder / manifest.MANIFEST).read_bytes())
    ledger = node.folder / "received"
    ledger.mkdir(exist_ok=True, mode=0o700)
    return [offer for offer in offered if not (ledger / f"{offer.uuid}.sent").exists()], offered


def _bring(node: Node, transport: Transport, offer: Offer, adopt: Adopt, by: str) -> None:
    """One session from there to here. Killed anywhere, the next call goes on."""
    ledger, inbox = node.folder / "received", node.folder / INBOX
    note = ledger / f"{offer.uuid}.json"
    if not note.exists():
        inbox.mkdir(exist_ok=True, mode=0o700)
        free, needed = shutil.disk_usage(inbox).free, offer.bytes + SPARE
        if free < needed:
            numbers = f"{needed / 1e9:.2f} GB are needed, {SPARE / 1e9:.2f} of them to spare, {free / 1e9:.2f} GB are free"
            raise FullError(f"{node.id}: no room for {offer.session} on the disk of {inbox}: {numbers}")
        transport.fetch([file.path for file in offer.files], inbox)
        _compare(node, offer, inbox)
        adopt(inbox / offer.files[0].path)
        write_atomic(note, manifest.receipt(offer, by), mode=0o600)  # from here on it is never fetched again
    transport.put(note, f"{manifest.RECEIVED}/{offer.uuid}.json")
    write_atomic(ledger / f"{offer.uuid}.sent", b"", mode=0o600)
    _tidy(inbox, offer)


def _compare(node: Node, offer: Offer, inbox: Path) -> None:
    """Every file has its digest and is on disk. A file that has not is thrown away and fetched anew next time."""
    for file in offer.files:
        path = inbox / file.path
        if not path.is_file() or path.is_symlink():
            raise TransferError(f"{node.id}: {file.path} did not come over")
        if path.stat().st_size != file.bytes or sha256_of(path) != file.sha256:
            path.unlink()
            raise DigestError(
                f"{node.id}: {file.path} came over changed; it is fetched again, and stays on the node"
            )
        fsync_file(path)
        fsync_folder(path.parent)


def _tidy(inbox: Path, offer: Offer) -> None:
    """Remove what adopting left: empty folders, and files when it copied."""
    for file in offer.files:
        (inbox / file.path).unlink(missing_ok=True)
    folder = inbox / offer.files[0].path
    shutil.rmtree(folder.with_suffix(".frames"), ignore_errors=True)
    shutil.rmtree(folder.parent / PARTIAL, ignore_errors=True)
    for parent in (folder.parent, folder.parent.parent, folder.parent.parent.parent):
        with contextlib.suppress(OSError):
            parent.rmdir()
