"""Fetching from a capture node over a real SSH server: cut wires, changed files, another host key."""

import errno
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs_sessions import session
from jobs_sshd import SSHD, Wire, server

from skycam_project.common.files import sha256_of
from timelapse.transfer import arriving, manifest, rsync, visits
from timelapse.transfer.errors import FullError, HostKeyError, LoginError, ManifestError, TransferError
from timelapse.transfer.fetch import fetch
from timelapse.transfer.manifest import File, Offer
from timelapse.transfer.node import LONGEST_PAUSE, SHORTEST_PAUSE, Node, pause
from timelapse.transfer.rsync import Rsync
from timelapse.transfer.sftp import Sftp

needs_sshd = pytest.mark.skipif(
    not SSHD.exists() or shutil.which("rsync") is None,
    reason="no sshd or rsync: apt install openssh-server rsync",
)


@pytest.fixture(scope="module")
def one_night(tmp_path_factory):
    sessions = tmp_path_factory.mktemp("node") / "sessions"
    session(sessions, 4)
    return sessions


@pytest.fixture
def data(tmp_path, one_night):
    """A node's data folder with one finished session, offered."""
    data = tmp_path / "its data"
    shutil.copytree(one_night, data / "sessions")
    manifest.write_manifest(data / "sessions")
    return data


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with server(tmp_path_factory.mktemp("ssh") / "d") as running:
        yield running


def node_of(sshd, data: Path, folder: Path, **changes) -> Node:
    node = Node(
        id="roof", host="127.0.0.1", user=sshd.user, port=sshd.port, data=str(data), identity=sshd.identity,
        host_key=sshd.host_key, folder=folder,
    )  # fmt: skip
    return replace(node, **changes)


class Adopted:
    """Takes sessions in by moving them, and remembers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids: list[str] = []
        folder.mkdir()

    def __call__(self, path: Path) -> None:
        shutil.move(path, self.folder / path.name)
        self.ids.append(path.stem)


@needs_sshd
@pytest.mark.full
@pytest.mark.parametrize("method", ["rsync", "sftp"])
def test_a_session_comes_over_once_and_the_node_hears_of_it(tmp_path, sshd, data, method):
    node, adopted = node_of(sshd, data, tmp_path / "roof", method=method), Adopted(tmp_path / "ours")
    offer = manifest.read_manifest(data / "sessions")[0]
    assert list(manifest.received(data / "sessions")) == []

    first = fetch(node, adopted, "main")
    assert (first.adopted, first.offered, first.problems) == ([offer.session], 1, [])
    assert sha256_of(adopted.folder / f"{offer.session}.asdf") == offer.files[0].sha256
    assert list(manifest.received(data / "sessions")) == [(offer.uuid, "main")]
    assert (data / "sessions" / offer.files[0].path).exists(), "a fetch deletes nothing on the node"

    (adopted.folder / f"{offer.session}.asdf").unlink()  # our own retention: it must not come back
    assert fetch(node, adopted, "main").adopted == []
    assert adopted.ids == [offer.session]
    assert not list((tmp_path / "roof" / "inbox").rglob("*.asdf"))


@needs_sshd
@pytest.mark.full
@pytest.mark.parametrize("transport", [Rsync, Sftp])
def test_a_cut_wire_costs_only_what_was_not_yet_over(tmp_path, sshd, transport):
    sessions = tmp_path / "data" / "sessions"
    big = sessions / "2026" / "11" / "19" / "observation_20261119_190000.asdf"
    big.parent.mkdir(parents=True)
    big.write_bytes(random.Random(5).randbytes(12 << 20))
    name = big.relative_to(sessions)
    with Wire(sshd.port) as wire:
        wire.limit = 7 << 20
        mover = transport(node_of(sshd, tmp_path / "data", tmp_path / "roof", port=wire.port))
        with pytest.raises(TransferError):
            mover.fetch([str(name)], tmp_path / "in")
        assert not (tmp_path / "in" / name).exists(), "half a file under its own name"
        wire.limit, wire.carried = None, 0
        mover.fetch([str(name)], tmp_path / "in")
        assert wire.carried < 8 << 20, "it began again instead of going on"
    assert sha256_of(tmp_path / "in" / name) == sha256_of(big)


@needs_sshd
@pytest.mark.full
@pytest.mark.parametrize("transport", [Rsync, Sftp])
def test_files_that_came_before_the_cut_are_not_fetched_again(tmp_path, sshd, transport):
    sessions = tmp_path / "data" / "sessions"
    sessions.mkdir(parents=True)
    names = [f"{number:06d}.jpg" for number in range(6)]
    for number, name in enumerate(names):
        (sessions / name).write_bytes(random.Random(number).randbytes(1 << 20))
    with Wire(sshd.port) as wire:
        wire.limit = 5 << 20
        mover = transport(node_of(sshd, tmp_path / "data", tmp_path / "roof", port=wire.port))
        with pytest.raises(TransferError):
            mover.fetch(names, tmp_path / "in")
        wire.limit, wire.carried = None, 0
        mover.fetch(names, tmp_path / "in")
        assert wire.carried < 3 << 20, "it began again instead of going on"
    assert all(sha256_of(tmp_path / "in" / name) == sha256_of(sessions / name) for name in names)


@needs_sshd
@pytest.mark.full
@pytest.mark.parametrize("method", ["rsync", "sftp"])
def test_how_much_has_come_is_told_all_the_time(tmp_path, sshd, data, monkeypatch, method):
    monkeypatch.setattr(arriving, "LOOK", 0.0)
    monkeypatch.setattr("timelapse.transfer.rsync.LOOK", 0.001)
    node, told = node_of(sshd, data, tmp_path / "roof", method=method), []
    fetch(node, Adopted(tmp_path / "ours"), "main", moved=lambda done, total: told.append((done, total)))
    total = manifest.read_manifest(data / "sessions")[0].bytes
    assert {of for _, of in told} == {total} and told[0][0] == 0 and told[-1][0] == total
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_begun_file_counts_under_either_transports_name(tmp_path):
    files = [File(f"2026/11/19/x.frames/{number}.jpg", 100, "0" * 64) for number in range(4)]
    folder = tmp_path / "2026" / "11" / "19" / "x.frames"
    (folder / ".rsync-partial").mkdir(parents=True)
    for name, size in (
        ("0.jpg", 100), (".1.jpg.Ab3dEf", 30), (".rsync-partial/1.jpg", 50), ("2.jpg.part", 7), ("other.jpg", 40),
    ):  # fmt: skip
        (folder / name).write_bytes(bytes(size))
    offer = Offer(session="x", uuid="u", files=tuple(files))
    assert arriving.Arriving(offer, tmp_path, Mock()).bytes() == 100 + 50 + 7


@needs_sshd
@pytest.mark.full
@pytest.mark.parametrize("method", ["rsync", "sftp"])
def test_a_machine_that_offers_nothing_is_told_from_a_cut_wire(tmp_path, sshd, method):
    node, adopted = (
        node_of(sshd, tmp_path / "none", tmp_path / "roof", method=method),
        Adopted(tmp_path / "a"),
    )
    with pytest.raises(ManifestError, match="role: capture"):
        fetch(node, adopted, "main")
    with pytest.raises(TransferError, match="no connection to"):
        fetch(replace(node, port=1), adopted, "main")


@needs_sshd
@pytest.mark.full
def test_what_came_before_a_visit_failed_is_counted(tmp_path, sshd, data):
    first = data / "sessions" / manifest.read_manifest(data / "sessions")[0].files[0].path
    second = first.with_name("observation_20261119_235959.asdf")
    offered = json.loads((data / "sessions" / manifest.MANIFEST).read_text())
    name = str(second.relative_to(data / "sessions"))
    file = {"path": name, "bytes": 9 << 20, "sha256": "0" * 64, "mtime_ns": 0}
    offered["sessions"].append(
        {"session": second.stem, "uuid": "00000000-0000-4000-8000-000000000000", "files": [file]}
    )
    (data / "sessions" / manifest.MANIFEST).write_text(json.dumps(offered))
    second.write_bytes(bytes(9 << 20))
    with Wire(sshd.port) as wire:
        wire.limit = 4 << 20
        node = node_of(sshd, data, tmp_path / "roof", port=wire.port, method="sftp")
        state = visits.visit(node, Adopted(tmp_path / "ours"), "main", 60.0)
    assert (state.problem_code, state.fetched) == ("transfer", 1)


@needs_sshd
@pytest.mark.full
def test_a_file_that_is_not_what_the_node_said_is_not_adopted_and_stays_there(tmp_path, sshd, data):
    offer = manifest.read_manifest(data / "sessions")[0]
    place = data / "sessions" / offer.files[0].path
    right = place.read_bytes()
    place.write_bytes(right[:-9] + b"X" + right[-8:])
    node, adopted = node_of(sshd, data, tmp_path / "roof"), Adopted(tmp_path / "ours")
    result = fetch(node, adopted, "main")
    assert result.adopted == [] and "came over changed" in result.problems[0]
    assert list(manifest.received(data / "sessions")) == []
    place.write_bytes(right)
    assert fetch(node, adopted, "main").adopted == [offer.session], "a wrong file must not be kept and used"


@needs_sshd
@pytest.mark.full
@pytest.mark.parametrize("method", ["rsync", "sftp"])
def test_another_host_key_is_refused(tmp_path, data, method):
    with server(tmp_path / "d") as sshd:
        node = node_of(sshd, data, tmp_path / "roof", method=method)
        sshd.new_host_key()
        with pytest.raises(HostKeyError, match="another host key"):
            fetch(node, Adopted(tmp_path / "ours"), "main")


@needs_sshd
@pytest.mark.full
@pytest.mark.parametrize("method", ["rsync", "sftp"])
def test_a_key_that_is_not_known_there_is_named(tmp_path, sshd, data, method):
    other = tmp_path / "other"
    other.write_bytes(sshd.identity.with_name("host").read_bytes())
    other.chmod(0o600)
    node = node_of(sshd, data, tmp_path / "roof", method=method, identity=other)
    with pytest.raises(LoginError, match="does not let"):
        fetch(node, Adopted(tmp_path / "ours"), "main")


@needs_sshd
@pytest.mark.full
def test_a_node_without_rsync_is_fetched_by_sftp(tmp_path, data):
    shells = tmp_path / "bin"
    shells.mkdir()
    with server(tmp_path / "d", path=str(shells)) as sshd:
        node = node_of(sshd, data, tmp_path / "roof")
        result = fetch(node, Adopted(tmp_path / "ours"), "main")
    assert len(result.adopted) == 1


@needs_sshd
@pytest.mark.full
def test_a_disk_of_ours_that_is_full_is_not_the_nodes_connection(tmp_path, sshd, data, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    node = node_of(sshd, data, tmp_path / "roof", method="sftp")
    with monkeypatch.context() as patch:
        patch.setattr("timelapse.transfer.sftp.os.pwrite", Mock(side_effect=full))
        state = visits.visit(node, Adopted(tmp_path / "ours"), "main", 60.0)
    words = f"roof: the disk of {tmp_path / 'roof'} became full; what came before is kept."
    assert (state.problem, state.problem_code) == (words, "disk_full")
    assert state.next_at and state.fetched == 0
    state = visits.visit(node, Mock(side_effect=full), "main", 60.0)
    assert state.problem == words
    with monkeypatch.context() as patch:  # not even this can be written
        patch.setattr("timelapse.transfer.visits.write_atomic", Mock(side_effect=full))
        assert visits.visit(node, Mock(side_effect=full), "main", 60.0).problem == words
    assert visits.visit(node, Adopted(tmp_path / "later"), "main", 60.0).fetched == 1


def test_rsync_that_finds_no_room_says_whose_disk_it_is(tmp_path):
    node = Node(
        id="roof", host="127.0.0.1", user="skycam", port=22, data="/data", identity=tmp_path / "key", host_key="",
        folder=tmp_path,
    )  # fmt: skip
    text = 'rsync: [receiver] write failed on "/x/000001.jpg": No space left on device (28)'
    for into, words in (
        ("/our/inbox", "the disk of /our/inbox became full"),
        (node.host, "the disk of 127.0.0.1"),
    ):
        error = rsync._error(11, text, node, into)
        assert isinstance(error, FullError) and words in str(error)


@needs_sshd
@pytest.mark.full
def test_a_receipt_finds_its_folder_on_a_node_that_lost_it(tmp_path, sshd, data):
    (data / "sessions" / manifest.RECEIVED).rmdir()
    node = node_of(sshd, data, tmp_path / "roof", method="sftp")
    assert len(fetch(node, Adopted(tmp_path / "ours"), "main").adopted) == 1
    assert list((data / "sessions" / manifest.RECEIVED).iterdir())


@needs_sshd
@pytest.mark.full
def test_killed_after_adopting_it_sends_the_receipt_next_time(tmp_path, sshd, data, monkeypatch):
    node, adopted = node_of(sshd, data, tmp_path / "roof"), Adopted(tmp_path / "ours")
    with monkeypatch.context() as patch:
        patch.setattr(Rsync, "put", lambda *_: (_ for _ in ()).throw(TransferError("cut")))
        with pytest.raises(TransferError):
            fetch(node, adopted, "main")
    assert list(manifest.received(data / "sessions")) == []
    fetch(node, adopted, "main")
    assert len(adopted.ids) == 1 and len(list(manifest.received(data / "sessions"))) == 1


def test_a_receipt_for_other_bytes_frees_nothing(tmp_path, data):
    sessions = data / "sessions"
    offer = manifest.read_manifest(sessions)[0]
    (sessions / manifest.RECEIVED / f"{offer.uuid}.json").write_bytes(manifest.receipt(offer, "main"))
    assert [uuid for uuid, _ in manifest.received(sessions)] == [offer.uuid]
    place = sessions / offer.files[0].path
    place.write_bytes(place.read_bytes() + b" ")  # it grew after it was fetched
    assert list(manifest.received(sessions)) == []


@pytest.mark.parametrize(
    "path",
    ["../../etc/passwd", "/etc/passwd", "2026/11/19/-rf.asdf", "2026/11/19/other_20261119_190000.asdf",
     "2026/11/19/a_20261119_190000.frames/../../x", "2026/11/19/a_20261119_190000.frames/.ssh", "2026/11/19/a b.asdf"],
)  # fmt: skip
def test_a_manifest_names_nothing_but_files_of_its_sessions(path):
    files = [{"path": "2026/11/19/a_20261119_190000.asdf", "bytes": 1, "sha256": "0" * 64, "mtime_ns": 0}]
    files.append(files[0] | {"path": path})
    entry = {"session": "a_20261119_190000", "uuid": "0" * 32, "files": files}
    with pytest.raises(ManifestError):
        manifest.parse(orjson.dumps({"schema": manifest.SCHEMA, "sessions": [entry]}))


KEYS = st.sampled_from(["schema", "sessions", "files", "uuid", "path"])
RUBBISH = st.recursive(
    st.none() | st.text(max_size=9) | st.integers() | st.just(manifest.SCHEMA),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(st.binary(max_size=200) | RUBBISH.map(lambda value: json.dumps([value]).encode()))
def test_any_rubbish_is_a_manifest_error(data):
    with pytest.raises(ManifestError):
        manifest.parse(data)


@given(RUBBISH)
def test_any_session_of_rubbish_is_a_manifest_error(entry):
    with pytest.raises(ManifestError):
        manifest.parse(json.dumps({"schema": manifest.SCHEMA, "sessions": [entry]}).encode())


@given(st.integers(1, 10_000), st.integers())
def test_the_pause_grows_to_ten_minutes_and_no_further(failures, seed):
    seconds = pause(failures, random.Random(seed))
    assert SHORTEST_PAUSE <= seconds <= LONGEST_PAUSE
    if failures > 8:
        assert seconds >= LONGEST_PAUSE / 2
