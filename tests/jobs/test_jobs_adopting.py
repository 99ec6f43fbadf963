"""Sessions of another machine become ours: once, whole, whatever stood there and wherever a crash came."""

import shutil
from pathlib import Path

import pytest
from jobs_sessions import SITE, pictures, session

from sessions.store import tree
from sessions.store.manager import SessionManager
from sessions.store.verify import verify
from timelapse.transfer.adopting import AdoptError, adopt


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two sessions of the same name that are not the same, and one with frames outside."""
    folder = tmp_path_factory.mktemp("made")
    one = session(folder / "one", 3)
    two = session(folder / "two", 4)
    with SessionManager(folder / "three", SITE, storage="external") as sessions:
        night = sessions.start_session("observation", target="All-sky")
        for path in pictures(folder / "spool", 3):
            night.add_original("default", path, exposure_us=1)
        three = sessions.end_session()
    return one, two, three


def inbox(tmp_path: Path, path: Path, name: str = "") -> Path:
    """A copy in an inbox, under another name if wanted."""
    folder = tmp_path / "inbox"
    folder.mkdir(exist_ok=True)
    copy = folder / (name or path.name)
    shutil.copy2(path, copy)
    if path.with_suffix(".frames").is_dir():
        shutil.copytree(path.with_suffix(".frames"), copy.with_suffix(".frames"))
    return copy


def uuid(path: Path) -> str:
    return tree.read_header(path)[0]["meta"]["uuid"]


def test_it_lands_at_its_day_and_a_second_time_changes_nothing(tmp_path, made):
    ours = tmp_path / "sessions"
    place = adopt(inbox(tmp_path, made[0], "upload.asdf"), ours)
    assert place == ours / made[0].relative_to(made[0].parents[3])
    assert not (tmp_path / "inbox" / "upload.asdf").exists()
    before = place.stat().st_mtime_ns
    assert adopt(inbox(tmp_path, made[0]), ours) == place
    assert place.stat().st_mtime_ns == before
    assert len(list(ours.rglob("*.asdf"))) == 1


def test_another_session_of_that_name_gets_a_number(tmp_path, made):
    ours = tmp_path / "sessions"
    first = adopt(inbox(tmp_path, made[0]), ours)
    taken = ours / first.relative_to(ours).with_name(f"{first.stem}.asdf")
    shutil.copy2(made[1], taken)  # somebody else's session under the very name
    second = adopt(inbox(tmp_path, made[0]), ours)
    assert second.stem == f"{first.stem}_2" and uuid(second) == uuid(made[0]) != uuid(taken)
    assert adopt(inbox(tmp_path, made[0]), ours) == second


def test_frames_outside_come_along(tmp_path, made):
    place = adopt(inbox(tmp_path, made[2]), tmp_path / "sessions")
    assert verify(place).ok and verify(place).external == 3


def test_killed_between_frames_and_file_the_next_try_ends_it(tmp_path, made, monkeypatch):
    ours = tmp_path / "sessions"
    with monkeypatch.context() as patch:
        rename = Path.rename
        patch.setattr(
            Path, "rename", lambda self, to: (_ for _ in ()).throw(OSError("power cut")) if self.suffix == ".asdf" else rename(self, to)
        )  # fmt: skip
        with pytest.raises(OSError, match="power cut"):
            adopt(inbox(tmp_path, made[2]), ours)
    assert not list(ours.rglob("*.asdf"))
    shutil.rmtree(tmp_path / "inbox")
    place = adopt(inbox(tmp_path, made[2]), ours)
    assert verify(place).ok and len(list(ours.rglob("*.frames"))) == 1


@pytest.mark.parametrize("damage", [b"", b"#ASDF 1.0.0\n%YAML 1.1\n--- {}\n...\n", b"\x7fELF" + bytes(4000)])
def test_what_is_no_session_is_refused(tmp_path, damage):
    path = tmp_path / "observation_20261119_190000.asdf"
    path.write_bytes(damage)
    with pytest.raises(AdoptError):
        adopt(path, tmp_path / "sessions")
    assert path.exists() and not (tmp_path / "sessions").exists()


def test_one_flipped_bit_is_refused(tmp_path, made):
    path = inbox(tmp_path, made[0])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(AdoptError, match="damaged"):
        adopt(path, tmp_path / "sessions")


@pytest.mark.parametrize("name", ["../../../etc/cron", "a/b", "A b", ""])
def test_a_session_does_not_choose_where_it_lands(tmp_path, made, name, monkeypatch):
    path = inbox(tmp_path, made[0])
    found, offset = tree.read_header(path)
    found["meta"]["session_id"] = name
    monkeypatch.setattr("timelapse.transfer.adopting.tree.read_header", lambda _: (found, offset))
    with pytest.raises(AdoptError):
        adopt(path, tmp_path / "sessions")
