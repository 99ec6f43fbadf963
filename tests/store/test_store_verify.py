"""`verify` finds every kind of damage to a finished session and never raises for it."""

import random

import numpy as np
import pytest

from sessions.store.manager import SessionManager
from sessions.store.verify import verify


@pytest.fixture(params=["embedded", "external"])
def session_file(request, tmp_path):
    noise = np.random.default_rng(3).integers(0, 65535, (40, 50), dtype=np.uint16)
    with SessionManager(tmp_path, storage=request.param) as sessions:
        session = sessions.start_session("observation", "M31")
        for number in range(3):
            session.add_frame("main", noise + number, gain=number)
            session.add_original("dslr", noise.tobytes()[number:], file_name="a.nef")
            session.log("INFO", f"row {number}")
        path = sessions.end_session()
    report = verify(path)
    assert report.ok
    assert report.external == (6 if request.param == "external" else 0)
    return path


def test_any_flipped_bit_outside_the_text_of_the_tree_is_found(session_file):
    whole = session_file.read_bytes()
    blocks = whole.index(b"\n...\n\xd3BLK") + 5
    chance = random.Random(4)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[chance.randrange(blocks, len(whole))] ^= 1 << chance.randrange(8)
        session_file.write_bytes(damaged)
        assert not verify(session_file).ok


def test_any_cut_is_found(session_file):
    whole = session_file.read_bytes()
    for cut in random.Random(5).sample(range(len(whole)), 100):
        session_file.write_bytes(whole[:cut])
        assert not verify(session_file).ok


def test_damage_to_the_tree_never_raises(session_file):
    whole = session_file.read_bytes()
    blocks = whole.index(b"\n...\n\xd3BLK")
    chance = random.Random(6)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(blocks)] = chance.randrange(256)
        session_file.write_bytes(damaged)
        verify(session_file)


@pytest.mark.parametrize("session_file", ["external"], indirect=True)
def test_damage_outside_is_found(session_file):
    outside = sorted(path for path in session_file.with_suffix(".frames").rglob("*") if path.is_file())
    for path in outside:
        whole = path.read_bytes()
        path.write_bytes(whole[:-70] + bytes([whole[-70] ^ 1]) + whole[-69:])
        report = verify(session_file)
        assert len(report.problems) == 1 and path.name in report.problems[0]
        path.unlink()
        assert not verify(session_file).ok
        path.write_bytes(whole)
    assert verify(session_file).ok


@pytest.mark.parametrize("session_file", ["external"], indirect=True)
@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "other.frames/main/000000.frame"])
def test_a_file_that_points_elsewhere_is_a_problem_and_not_read(session_file, name):
    whole = session_file.read_bytes()
    real = f"{session_file.stem}.frames/main/000000.frame".encode()
    session_file.write_bytes(whole.replace(real, name.encode(), 1))
    assert any("outside its own folder" in problem for problem in verify(session_file).problems)


@pytest.mark.parametrize(
    "content", [b"", b"#ASDF 1.0.0\n", b"\0" * 70_000, b"#ASDF 1.0.0\n...\n", b"- [\n...\n"]
)
def test_what_is_no_session_is_a_problem(tmp_path, content):
    path = tmp_path / "x.asdf"
    path.write_bytes(content)
    assert not verify(path).ok
    assert not verify(tmp_path / "missing.asdf").ok
