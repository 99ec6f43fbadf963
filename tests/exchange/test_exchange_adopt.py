"""Sessions of capture nodes come in: checked, whole, once; strangers' files do not."""

import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from exchange_kills import Killer
from exchange_nights import START, mosaic, originals

from sessions.exchange.adoption import AdoptError, adopt, sessions_below
from sessions.exchange.contents import Contents
from sessions.store import tree
from sessions.store.manager import SessionManager
from sessions.store.verify import verify
from skycam_project.common.clock import FastClock


def make(folder: Path, seed: int = 0, storage: str = "embedded") -> Path:
    with SessionManager(folder, clock=FastClock(START), storage=storage) as sessions:
        night = sessions.start_session("observation", target="M31")
        night.log("INFO", f"night {seed}")
        for number in range(3):
            night.add_frame("tele", mosaic(seed + number), time=START + timedelta(seconds=number))
        return sessions.end_session()


def pixels(path: Path) -> list[np.ndarray]:
    with Contents(path) as contents:
        return [contents.pixels(frame) for frame in contents.frames()]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("storage", ["embedded", "external"])
def test_a_session_comes_in_whole_and_once(tmp_path, storage, keep):
    source = make(tmp_path / "node", 5, storage)
    before = pixels(source)
    final = adopt(source, tmp_path / "main", keep=keep)
    assert final == tmp_path / "main" / source.relative_to(tmp_path / "node") and verify(final).ok
    assert all(np.array_equal(one, two) for one, two in zip(pixels(final), before, strict=True))
    assert source.exists() is keep and source.with_suffix(".frames").exists() is (
        keep and storage == "external"
    )
    if keep:
        assert adopt(source, tmp_path / "main") == final and source.exists()
        assert len(list((tmp_path / "main").rglob("*.asdf"))) == 1


@pytest.mark.parametrize("storage", ["embedded", "external"])
def test_another_session_of_that_name_makes_room_beside_it(tmp_path, storage):
    first = adopt(make(tmp_path / "a", 1, storage), tmp_path / "main")
    source = make(tmp_path / "b", 7, storage)
    uuid = tree.read_header(source)[0]["meta"]["uuid"]
    second = adopt(source, tmp_path / "main", keep=True)
    assert second.stem == f"{first.stem}_2" and verify(second).ok and verify(first).ok
    meta = tree.read_header(second)[0]["meta"]
    assert meta["session_id"] == second.stem and meta["uuid"] == uuid
    assert np.array_equal(pixels(second)[0], mosaic(7)) and np.array_equal(pixels(first)[0], mosaic(1))
    assert adopt(source, tmp_path / "main") == second


def test_originals_outside_come_with_their_session(tmp_path):
    source = originals(tmp_path / "node", storage="external")
    final = adopt(source, tmp_path / "main")
    assert verify(final).ok and verify(final).external == 4


def hostile(folder: Path) -> dict[str, Path]:
    """Files that must not come in."""
    good = make(folder / "good", 1, "external")
    data, found = good.read_bytes(), {}

    def put(name: str, content: bytes) -> None:
        found[name] = folder / name / "x.asdf"
        found[name].parent.mkdir()
        found[name].write_bytes(content)
        shutil.copytree(good.with_suffix(".frames"), found[name].with_suffix(".frames"))

    put("empty", b"")
    put("cut", data[: len(data) // 2])
    put("flipped", data[:-200] + bytes([data[-200] ^ 1]) + data[-199:])
    put("traversal", data.replace(b'session_id: "', b'session_id: "../../../', 1))
    put("uuid", data.replace(b'uuid: "', b'uuid: "zz', 1))
    put("outside", data.replace(f'"{good.stem}.frames/'.encode(), b'"../../etc/', 1))
    put("url", data.replace(f'"{good.stem}.frames/'.encode(), b'"http://x/', 1))
    laughs = b"".join(
        b"  a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9)
    )
    put("laughs", data.replace(b"meta:\n", b"bomb:\n  a0: &a0 lol\n" + laughs + b"meta:\n", 1))
    put("python", data.replace(b"meta:\n", b"evil: !!python/object/apply:os.system ['true']\nmeta:\n", 1))
    frames = folder / "lost" / "x.frames"
    put("lost", data)
    shutil.rmtree(frames)
    return found


def test_strangers_files_are_refused_and_nothing_is_left(tmp_path):
    for name, path in hostile(tmp_path).items():
        before = sorted(path.parent.rglob("*"))
        with pytest.raises(AdoptError) as told:
            adopt(path, tmp_path / "main")
        assert "\n" not in str(told.value).strip(), name
        assert sorted(path.parent.rglob("*")) == before, name
    assert not list((tmp_path / "main").rglob("*.asdf"))


@pytest.mark.parametrize("how", ["move", "keep"])
def test_a_kill_at_any_step_is_healed_by_doing_it_again(tmp_path, how):
    """SIGKILL at every second call that changes the disk, then again."""
    source, at, done = make(tmp_path / "node", 3, "external"), 0, False
    with Killer() as killer:
        while not done:
            at += 2
            shutil.copytree(tmp_path / "node", tmp_path / f"node{at}")
            copy = tmp_path / f"node{at}" / source.relative_to(tmp_path / "node")
            root = tmp_path / f"main{at}"
            done = killer.survives("exchange_kills:adopt", at, copy, root, keep=how == "keep")
            final = root / source.relative_to(tmp_path / "node")
            if not final.exists():
                assert adopt(copy, root) == final
            assert verify(final).ok and np.array_equal(pixels(final)[2], mosaic(5))
    assert at > 6


def test_a_folder_gives_its_sessions_in_order(tmp_path):
    make(tmp_path / "node")
    (tmp_path / "node" / ".live" / "x.partial").mkdir(parents=True, exist_ok=True)
    (tmp_path / "node" / ".live" / "x.partial" / "y.asdf").touch()
    (tmp_path / "node" / "link.asdf").symlink_to("/etc/passwd")
    found = [path.name for path in sessions_below(tmp_path / "node") if not path.name.startswith("idle")]
    assert found == ["observation_m31_20260324_203732.asdf"]
