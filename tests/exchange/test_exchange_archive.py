"""Finished sessions to a folder and to a bucket: resumed, compared, and only then called archived."""

import os
from pathlib import Path

import pytest
from exchange_nights import night, originals

from sessions.catalogue.ledger import Ledger
from sessions.exchange import archive as archiving
from sessions.exchange.archive import ArchiveError, archive, due
from sessions.store import tree
from skycam_project.common import objectfiles
from skycam_project.common.objectfiles import put_file
from skycam_project.common.objectstore import LocalStore, S3Store, StoreError


def rebuilt(store, path: Path, root: Path, folder: Path) -> Path:
    """The session from its copies alone."""
    for one in [path, *path.with_suffix(".frames").rglob("*")]:
        if one.is_file():
            target = folder / one.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(store.get(one.relative_to(root).as_posix()))
    return folder / path.relative_to(root)


@pytest.mark.parametrize("storage", ["embedded", "external"])
def test_a_session_lies_elsewhere_and_the_ledger_says_so(tmp_path, store, storage):
    root = tmp_path / "sessions"
    path = night(root, storage=storage)
    uuid = tree.read_header(path)[0]["meta"]["uuid"]
    assert path in due(root) and uuid not in Ledger(root).decisions()
    address = archive(path, root, store)
    decision = Ledger(root).decisions()[uuid]
    assert decision.archived_at and decision.archive_url == address and path.stem in address
    assert path not in due(root)
    from sessions.store.verify import verify

    assert verify(rebuilt(store, path, root, tmp_path / "again")).ok


def test_a_damaged_session_is_not_archived(tmp_path, store):
    root = tmp_path / "sessions"
    path = night(root)
    data = bytearray(path.read_bytes())
    data[-300] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="damaged"):
        archive(path, root, store)
    assert not Ledger(root).decisions()


def test_a_copy_that_came_out_different_does_not_count(tmp_path, store, monkeypatch):
    root = tmp_path / "sessions"
    path = originals(root)
    if isinstance(store, LocalStore):
        monkeypatch.setattr(objectfiles, "fsync_file", lambda part: part.write_bytes(b"a disk that lies"))
    else:
        real = S3Store.complete

        def swapped(self, key, upload, parts):
            real(self, key, upload, parts)
            self._call(
                "put_object", Key=self._prefix + key, Body=b"somebody else's", ChecksumAlgorithm="SHA256"
            )

        monkeypatch.setattr(S3Store, "complete", swapped)
    with pytest.raises(StoreError, match="try again"):
        archive(path, root, store)
    assert not Ledger(root).decisions()


class CutError(Exception):
    pass


def test_a_broken_upload_goes_on_where_it_was(tmp_path, store, monkeypatch):
    """After three of five parts the line is cut; the next call sends the other two."""
    monkeypatch.setattr(objectfiles, "PART", 5 << 20)
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(23 << 20))

    def cut(done: int, total: int) -> None:
        if done >= 15 << 20:
            raise CutError

    with pytest.raises(CutError):
        put_file(store, "a/large.bin", path, {}, cut)
    sent: list[int] = []
    if isinstance(store, S3Store):
        real = S3Store.send_part

        def counted(self, key, upload, number, data, checksum):
            sent.append(number)
            return real(self, key, upload, number, data, checksum)

        monkeypatch.setattr(S3Store, "send_part", counted)
        put_file(store, "a/large.bin", path, {})
        assert sent == [4, 5]
    else:
        seen: list[int] = []
        put_file(store, "a/large.bin", path, {}, lambda done, total: seen.append(done))
        assert len(seen) == 2
    assert store.get("a/large.bin") == path.read_bytes()
    put_file(store, "a/large.bin", path, {})
    assert len(sent) in (0, 2), "what is there is compared, not sent again"


def test_a_part_of_another_file_is_not_taken_for_ours(tmp_path, store, monkeypatch):
    monkeypatch.setattr(objectfiles, "PART", 5 << 20)
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(12 << 20))

    def cut(done: int, total: int) -> None:
        raise CutError

    with pytest.raises(CutError):
        put_file(store, "large.bin", path, {}, cut)
    path.write_bytes(os.urandom(12 << 20))
    put_file(store, "large.bin", path, {})
    assert store.get("large.bin") == path.read_bytes()


def test_one_archive_run_at_a_time(tmp_path):
    with archiving.alone(tmp_path) as first, archiving.alone(tmp_path) as second:
        assert first and not second


def test_a_store_that_is_away_is_one_error(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    store = S3Store("nights", region="us-east-1", access_key="a", secret_key="b")
    root = tmp_path / "sessions"
    with pytest.raises(StoreError, match="cannot be reached"):
        archive(night(root), root, store)
