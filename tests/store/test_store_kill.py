"""SIGKILL at system calls and at random moments: what was acknowledged is in the finished sessions, once."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from store_contents import nothing_left, read_all

from sessions.store.manager import SessionManager


class Crasher:
    """Runs work in processes that may be killed; see store_crash.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        script = Path(__file__).with_name("store_crash.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def begin(self, work: str, root: Path, at: int = 0, torn: bool = False, seed: int = 1) -> int:
        request = {"work": work, "root": str(root), "at": at, "torn": torn, "seed": seed}
        self._process.stdin.write(json.dumps(request | {"acks": str(root.parent / "acks")}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())["child"]

    def end(self) -> int:
        return json.loads(self._process.stdout.readline())["status"]

    def run(self, work: str, root: Path, at: int = 0, torn: bool = False, seed: int = 1) -> bool:
        """True when it came to its end, False when it was killed."""
        self.begin(work, root, at, torn, seed)
        status = self.end()
        assert status in (0, signal.SIGKILL), status
        return status == 0

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def crasher(tmp_path_factory):
    crasher = Crasher(tmp_path_factory.mktemp("crash"))
    yield crasher
    crasher.close()


def acknowledged(root: Path) -> dict[str, Counter]:
    found = {kind: Counter() for kind in ("frame", "log", "event", "reading", "calls")}
    for line in (root.parent / "acks").read_text().splitlines():
        kind, value = json.loads(line)
        found[kind][value] += 1
    return found


def check(root: Path) -> None:
    """Nothing acknowledged is missing, nothing is there twice, nothing is left over, every file validates."""
    acks = acknowledged(root)
    contents = read_all(root)
    for kind, found in (
        ("frame", contents.frames),
        ("log", contents.messages),
        ("event", contents.events),
        ("reading", contents.readings),
    ):
        assert not acks[kind] - found, f"{kind} lost"
    assert set(contents.frames.values()) | set(contents.messages.values()) | set(
        contents.readings.values()
    ) <= {1}
    assert sum(metrics["frames_lost"] for metrics in contents.metrics) == 0
    nothing_left(root)
    for file in (root.parent / "spool").glob(
        "*"
    ):  # a spool file is in the session or where it was, never neither
        assert file.stat().st_size in (0, 3000)


def calls_of(crasher, work: str, root: Path | None = None) -> int:
    """How many system calls some work makes, beginning with a copy of `root`."""
    place = Path(tempfile.mkdtemp(dir=crasher.folder)) / "data"
    shutil.copytree(root, place) if root else place.mkdir()
    assert crasher.run(work, place)
    return max(acknowledged(place)["calls"])


def spread(calls: int, count: int | None) -> list[int]:
    """All of them, or so many."""
    return (
        list(range(1, calls + 1)) if count is None else sorted({1 + calls * n // count for n in range(count)})
    )


def fresh(folder: Path, point: int) -> Path:
    root = folder / str(point) / "data"
    root.mkdir(parents=True)
    return root


def kill_capture(crasher, folder: Path, count: int | None) -> None:
    for point in spread(calls_of(crasher, "capture"), count):
        root = fresh(folder, point)
        crasher.run("capture" if point % 3 else "capture_outside", root, at=point, torn=point % 2 == 0)
        assert crasher.run("recover", root)
        check(root)


def kill_rotation(crasher, folder: Path, count: int | None) -> None:
    for point in spread(calls_of(crasher, "rotate"), count):
        root = fresh(folder, point)
        crasher.run("rotate", root, at=point, torn=point % 2 == 0)
        assert crasher.run("recover", root)
        check(root)


def kill_recovery(crasher, folder: Path, count: int | None) -> None:
    """Kill the capture here and there; kill each recovery at its every call (or some), then recover."""
    calls = calls_of(crasher, "capture")
    crashes = [calls * share // 100 for share in (40, 75)]  # in the middle of a session, and of finishing one
    for crash in crashes:
        root = fresh(folder, crash)
        crasher.run("capture", root, at=crash, torn=True)
        shutil.copy(root.parent / "acks", root.parent / "acks-of-capture")
        each = None if count is None else count // len(crashes)
        for point in spread(calls_of(crasher, "recover", root), each):
            again = folder / f"{crash}-{point}" / "data"
            shutil.copytree(root.parent, again.parent)
            crasher.run("recover", again, at=point, torn=point % 2 == 0)
            assert crasher.run("recover", again)
            check(again)


def kill_resuming(crasher, folder: Path, count: int | None) -> None:
    """Kill the capture, then those who come back for it, each a little further on."""
    for point in spread(calls_of(crasher, "capture"), count or 60):
        root = fresh(folder, point)
        crasher.run("capture", root, at=point, torn=True)
        at, seed = 2, 100
        while not crasher.run("resume", root, at=at, seed=seed):
            at, seed = at * 2 + 1, seed + 1
        assert crasher.run("recover", root)
        check(root)


KILLS = {kill_capture: 24, kill_rotation: 12, kill_recovery: 10, kill_resuming: 4}
"""How many of the calls are cut in the everyday run: fifty in all."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kill", KILLS)
def test_kill_at_some_system_calls(crasher, tmp_path, kill):
    kill(crasher, tmp_path, KILLS[kill])


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kill", KILLS)
def test_kill_at_every_system_call(crasher, tmp_path_factory, kill):
    kill(crasher, tmp_path_factory.mktemp(kill.__name__), None)


def random_kills(crasher, tmp_path, count: int) -> None:
    root = tmp_path / "data"
    root.mkdir()
    for seed in range(count):
        child = crasher.begin("endless", root, seed=1000 + seed)
        time.sleep(random.Random(seed).uniform(0.02, 0.3))
        os.kill(child, signal.SIGKILL)
        crasher.end()
    with SessionManager(root) as sessions:
        sessions.recover()
    check(root)
    assert sum(acknowledged(root)["frame"].values()) > count


def test_ten_random_kills(crasher, tmp_path):
    random_kills(crasher, tmp_path, 10)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_two_hundred_random_kills(crasher, tmp_path):
    random_kills(crasher, tmp_path, 200)
