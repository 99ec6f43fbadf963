"""SIGKILL and full disks at system calls, SIGKILL at random moments: what was acknowledged is in the finished sessions, once."""

import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from store_contents import nothing_left, read_all

from sessions.store.manager import SessionManager
from tests.crashing import Crasher, acknowledged, quick_folder, spread


@pytest.fixture(scope="module")
def crasher():
    crasher = Crasher(Path(__file__).with_name("store_crash.py"))
    yield crasher
    crasher.close()


@pytest.fixture
def folder():
    with quick_folder() as folder:
        yield folder


def check(root: Path) -> None:
    """Nothing acknowledged is missing, nothing is there twice, nothing is left over, every file validates."""
    acks = {kind: Counter(values) for kind, values in acknowledged(root).items()}
    contents = read_all(root)
    for kind, found in (
        ("frame", contents.frames),
        ("log", contents.messages),
        ("event", contents.events),
        ("reading", contents.readings),
    ):
        assert not acks.get(kind, Counter()) - found, f"{kind} lost"
    assert set(contents.frames.values()) | set(contents.messages.values()) | set(
        contents.readings.values()
    ) <= {1}
    assert sum(metrics["frames_lost"] for metrics in contents.metrics) == 0
    nothing_left(root)
    # A spool file is in the session or where it was, never neither.
    for file in (root.parent / "spool").glob("*"):
        assert file.stat().st_size in (0, 3000)


def calls_of(crasher, work: str, folder: Path, root: Path | None = None) -> int:
    """How many system calls some work makes, beginning with a copy of `root`."""
    place = Path(tempfile.mkdtemp(dir=folder)) / "data"
    shutil.copytree(root, place) if root else place.mkdir()
    assert crasher.run(work, place)
    return max(acknowledged(place)["calls"])


def fresh(folder: Path, point: int) -> Path:
    root = folder / str(point) / "data"
    root.mkdir(parents=True)
    return root


def kill_capture(crasher, folder: Path, count: int | None) -> None:
    for point in spread(calls_of(crasher, "capture", folder), count):
        root = fresh(folder, point)
        crasher.run("capture" if point % 3 else "capture_outside", root, at=point, torn=point % 2 == 0)
        assert crasher.run("recover", root)
        check(root)


def full_capture(crasher, folder: Path, count: int | None) -> None:
    """From some call on the disk is full, until somebody makes room and starts again."""
    for point in spread(calls_of(crasher, "capture", folder), count):
        root = fresh(folder, point)
        work = "capture" if point % 3 else "capture_outside"
        crasher.run(work, root, at=point, torn=point % 2 == 0, full=True)
        assert crasher.run("recover", root)
        check(root)


def full_recovery(crasher, folder: Path, count: int | None) -> None:
    """There is no room to finish what a crash left."""
    root = fresh(folder, 0)
    crasher.run("capture", root, at=calls_of(crasher, "capture", folder) // 2, torn=True)
    for point in spread(calls_of(crasher, "recover", folder, root), count):
        again = folder / f"full-{point}" / "data"
        shutil.copytree(root.parent, again.parent)
        crasher.run("recover", again, at=point, torn=point % 2 == 0, full=True)
        assert crasher.run("recover", again)
        check(again)


def kill_rotation(crasher, folder: Path, count: int | None) -> None:
    for point in spread(calls_of(crasher, "rotate", folder), count):
        root = fresh(folder, point)
        crasher.run("rotate", root, at=point, torn=point % 2 == 0)
        assert crasher.run("recover", root)
        check(root)


def kill_recovery(crasher, folder: Path, count: int | None) -> None:
    """Kill the capture here and there; kill each recovery at its every call (or some), then recover."""
    calls = calls_of(crasher, "capture", folder)
    crashes = [calls * share // 100 for share in (40, 75)]  # in the middle of a session, and of finishing one
    for crash in crashes:
        root = fresh(folder, crash)
        crasher.run("capture", root, at=crash, torn=True)
        each = None if count is None else count // len(crashes)
        for point in spread(calls_of(crasher, "recover", folder, root), each):
            again = folder / f"{crash}-{point}" / "data"
            shutil.copytree(root.parent, again.parent)
            crasher.run("recover", again, at=point, torn=point % 2 == 0)
            assert crasher.run("recover", again)
            check(again)


def kill_resuming(crasher, folder: Path, count: int | None) -> None:
    """Kill the capture, then those who come back for it, each a little further on."""
    for point in spread(calls_of(crasher, "capture", folder), count or 60):
        root = fresh(folder, point)
        crasher.run("capture", root, at=point, torn=True)
        at, seed = 2, 100
        while not crasher.run("resume", root, at=at, seed=seed):
            at, seed = at * 2 + 1, seed + 1
        assert crasher.run("recover", root)
        check(root)


KILLS = {
    kill_capture: 14,
    kill_rotation: 7,
    kill_recovery: 6,
    kill_resuming: 3,
    full_capture: 6,
    full_recovery: 4,
}
"""How many of the calls are cut in the everyday run: with those of the catalogue fifty kills."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kill", KILLS)
def test_at_some_system_calls(crasher, folder, kill):
    kill(crasher, folder, KILLS[kill])


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kill", KILLS)
def test_at_every_system_call(crasher, folder, kill):
    kill(crasher, folder, None)


def random_kills(crasher, folder, count: int) -> None:
    root = folder / "data"
    root.mkdir()
    for seed in range(count):
        child = crasher.begin("endless", root, seed=1000 + seed)
        time.sleep(random.Random(seed).uniform(0.02, 0.3))
        os.kill(child, signal.SIGKILL)
        crasher.end()
    with SessionManager(root) as sessions:
        sessions.recover()
    check(root)
    assert len(acknowledged(root)["frame"]) > count


def test_ten_random_kills(crasher, folder):
    random_kills(crasher, folder, 10)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_two_hundred_random_kills(crasher, folder):
    random_kills(crasher, folder, 200)
