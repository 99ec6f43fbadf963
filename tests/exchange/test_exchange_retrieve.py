"""Archived sessions come back: after their frames were given up, after deletion, over a line that is cut."""

import contextlib
import os
import shutil
import socket
import threading
from datetime import date
from pathlib import Path

import numpy as np
import orjson
import pytest
from exchange_kills import Killer
from exchange_nights import night, originals

from sessions.catalogue.ledger import Ledger
from sessions.exchange import retrieval
from sessions.exchange.archive import ArchiveError, archive, due
from sessions.exchange.contents import Contents
from sessions.exchange.retrieval import RetrieveError, retrieve
from sessions.store import tree
from sessions.store.dropping import drop_frames
from sessions.store.verify import verify
from skycam_project.common import objectfiles
from skycam_project.common.objectfiles import get_file
from skycam_project.common.objectstore import LocalStore, StoreError


def identity(path: Path) -> str:
    return str(tree.read_header(path)[0]["meta"]["uuid"])


def pixels(path: Path) -> list[np.ndarray]:
    with Contents(path) as contents:
        return [contents.pixels(frame) for frame in contents.frames()]


def given_up(path: Path, root: Path) -> None:
    """What retention does with archived frames."""
    Ledger(root).drop_frames(identity(path), "the archive may take 1 GB")
    drop_frames(path, "the archive may take 1 GB")
    Ledger(root).frames_dropped(identity(path))


@pytest.mark.parametrize("storage", ["embedded", "external"])
@pytest.mark.parametrize("lost", ["frames", "session", "ledger"])
def test_a_session_comes_back_whole(tmp_path, store, storage, lost):
    root = tmp_path / "sessions"
    path = night(root, storage=storage)
    before, uuid = pixels(path), identity(path)
    archive(path, root, store)
    if lost == "frames":
        given_up(path, root)
        assert len(pixels(path)) < len(before) and Ledger(root).decisions()[uuid].dropped_at
    else:
        path.unlink()
        shutil.rmtree(path.with_suffix(".frames"), ignore_errors=True)
    if lost == "ledger":
        shutil.rmtree(root / "ledger")
    told: list[tuple[int, int]] = []
    assert retrieve(path.stem if lost == "ledger" else uuid, root, store, lambda *n: told.append(n)) == path
    assert verify(path).ok and identity(path) == uuid and told[-1][0] == told[-1][1]
    assert all(np.array_equal(one, two) for one, two in zip(pixels(path), before, strict=True))
    decision = Ledger(root).decisions()[uuid]
    assert decision.protected and not decision.dropped_at and not decision.dropping
    assert not list((root / ".import" / "archive").iterdir())


def test_one_that_is_here_is_not_fetched_again(tmp_path, store):
    root = tmp_path / "sessions"
    path = night(root)
    archive(path, root, store)
    status, told = path.stat(), []
    assert retrieve(path.stem, root, store, lambda *n: told.append(n)) == path
    assert not told and path.stat() == status and not Ledger(root).decisions()[identity(path)].protected


def test_a_damaged_session_is_replaced_and_kept_aside(tmp_path, store):
    root = tmp_path / "sessions"
    path = night(root)
    archive(path, root, store)
    bad = bytearray(path.read_bytes())
    bad[-300] ^= 1
    path.write_bytes(bad)
    assert retrieve(path.stem, root, store) == path and verify(path).ok
    assert [one.read_bytes() for one in (root / "quarantine").glob("*.asdf")] == [bytes(bad)]


def test_what_gave_up_its_frames_never_takes_the_place_of_the_whole_copy(tmp_path, store):
    root = tmp_path / "sessions"
    path = night(root)
    before = pixels(path)
    archive(path, root, store)
    given_up(path, root)
    Ledger(root).archived(identity(path), "")  # somebody says that the copy is gone
    assert path not in due(root)
    with pytest.raises(ArchiveError, match="given up its frames"):
        archive(path, root, store)
    retrieve(path.stem, root, store)
    assert np.array_equal(pixels(path)[0], before[0])


def test_an_archived_day_is_listed_by_its_date(tmp_path, store):
    root = tmp_path / "sessions"
    path = originals(root)
    archive(path, root, store)
    assert retrieval.of_day(date(2026, 3, 24), store) == [path.stem]
    assert retrieval.of_day(date(2026, 3, 25), store) == []


class Line:
    """A line to a server that is cut after so many bytes of answers, once."""

    def __init__(self, to: tuple[str, int], after: int) -> None:
        self._to, self._left = to, after
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = self._server.getsockname()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._server.accept()
            except OSError:
                return
            there = socket.create_connection(self._to)
            threading.Thread(target=self._carry, args=(here, there, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(there, here, True), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                if answers and self._left is not None:
                    self._left -= len(data)
                    if self._left < 0:
                        self._left, self.cuts = None, self.cuts + 1
                        break
                target.sendall(data)
        except OSError:
            pass
        finally:
            for one in (source, target):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def close(self) -> None:
        self._server.close()


def test_a_line_that_is_cut_goes_on_where_it_was(tmp_path, bucket, monkeypatch):
    """Real TCP to the bucket's server, broken off in the middle of the large file."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(23 << 20))
    objectfiles.put_file(bucket, "large.bin", path, {})
    host, port = os.environ["AWS_ENDPOINT_URL_S3"].removeprefix("http://").split(":")
    line = Line((host, int(port)), 17 << 20)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://{}:{}".format(*line.address))
    bucket._made = None
    wanted = path.stat().st_size, objectfiles.sha256_of(path)
    with pytest.raises(StoreError, match=r"come whole|broke off"):
        get_file(bucket, "large.bin", tmp_path / "back.bin", *wanted)
    first = (tmp_path / "back.bin.part").stat().st_size
    assert line.cuts == 1 and first >= 8 << 20
    seen: list[int] = []
    get_file(bucket, "large.bin", tmp_path / "back.bin", *wanted, lambda done, total: seen.append(done))
    line.close()
    assert (tmp_path / "back.bin").read_bytes() == path.read_bytes()
    assert seen[0] > first, "what was here is not fetched again"


def test_what_comes_changed_is_thrown_away(tmp_path, store):
    root = tmp_path / "sessions"
    path = originals(root)
    archive(path, root, store)
    data = bytearray(path.read_bytes())
    given_up(path, root)
    left = path.read_bytes()
    data[-200] ^= 1
    store.put(path.relative_to(root).as_posix(), bytes(data), {})
    with pytest.raises(StoreError, match="not what was archived"):
        retrieve(path.stem, root, store)
    assert path.read_bytes() == left and not list((root / ".import").rglob("*.part"))


def hostile(good: dict, name: str) -> dict[str, object]:
    """Manifests that somebody put into the bucket."""
    file = good["files"][-1]
    outside = {**file, "key": "../../etc/passwd"}
    beside = {**file, "key": file["key"].replace(name, "other")}
    return {
        "no json": b"<html>",
        "a list": [],
        "no files": {**good, "files": []},
        "another schema": {**good, "schema": "x"},
        "outside": {**good, "files": [outside, file]},
        "climbing": {
            **good,
            "files": [{**file, "key": file["key"].replace(".asdf", ".frames/../../x")}, file],
        },
        "another name": {**good, "files": [beside]},
        "negative": {**good, "files": [{**file, "bytes": -1}]},
        "huge": {**good, "files": [{**file, "bytes": 1 << 60}]},
    }


def test_hostile_manifests_write_nothing(tmp_path):
    root, store = tmp_path / "sessions", LocalStore(tmp_path / "archive")
    path = night(root)
    archive(path, root, store)
    key = path.relative_to(root).with_suffix(".manifest.json").as_posix()
    good = orjson.loads(store.get(key))
    path.unlink()
    for why, said in hostile(good, path.stem).items():
        store.put(key, said if isinstance(said, bytes) else orjson.dumps(said), {})
        with pytest.raises(RetrieveError):
            retrieve(path.stem, root, store)
        assert not [one for one in root.rglob("*.asdf") if one.stem == path.stem], why
    for name in ("../../etc/passwd", "nothing", "observation_m31_20260324_203732"):
        with pytest.raises(RetrieveError):
            retrieve(name, root, store)


@pytest.mark.parametrize("lost", ["frames", "session"])
def test_a_kill_at_any_step_is_healed_by_asking_again(tmp_path, lost):
    """SIGKILL at every fourth call that changes the disk, then again."""
    root, store = tmp_path / "sessions", LocalStore(tmp_path / "archive")
    path = night(root, frames=2, storage="external")
    before, uuid = pixels(path), identity(path)
    archive(path, root, store)
    if lost == "frames":
        given_up(path, root)
    else:
        path.unlink()
        shutil.rmtree(path.with_suffix(".frames"))
    at, done = 0, False
    with Killer() as killer:
        while not done:
            at += 4
            copy = tmp_path / f"{at}" / "sessions"
            shutil.copytree(root, copy)
            mine = copy / path.relative_to(root)
            done = killer.survives("exchange_kills:retrieve", at, path.stem, copy, store.root)
            assert lost == "session" or verify(mine).ok, "what was here stays readable"
            assert retrieve(path.stem, copy, store) == mine and verify(mine).ok
            assert all(np.array_equal(one, two) for one, two in zip(pixels(mine), before, strict=True))
            assert Ledger(copy).decisions()[uuid].dropped_at is None
            shutil.rmtree(copy.parent)
    assert at > 6
