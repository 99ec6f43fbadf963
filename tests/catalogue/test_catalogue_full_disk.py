"""A file system of its own without one free byte: what retention still does there, and what it never breaks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sessions.catalogue.ledger import Ledger
from sessions.store import reading, tree
from sessions.store.framesource import FrameSource
from sessions.store.manager import SessionManager
from sessions.store.verify import verify

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root"),
]


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def retain(root: Path, **request: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "sessions.catalogue.retain"],
        cwd=PROJECT, input=json.dumps(request | {"root": str(root)}), capture_output=True, text=True, check=False,
    )  # fmt: skip


def fill(disk: Path) -> None:
    """Not one byte more."""
    with (disk / "other.bin").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    assert os.statvfs(disk).f_bavail == 0


def nights(root: Path) -> list[Path]:
    return sorted(root.glob("*/*/*/observation*.asdf"))


def record(root: Path, count: int) -> None:
    random = np.random.default_rng(1)
    with SessionManager(root) as sessions:
        for number in range(count):
            night = sessions.start_session("observation", f"night {number}")
            night.add_frame("main", random.integers(0, 65535, (1000, 1000), dtype=np.uint16))
            night.log("INFO", f"row of night {number}")


def frames(path: Path) -> int:
    with FrameSource(path) as source:
        return len(list(source.arrays("main")))


def rows(path: Path) -> list[str]:
    with reading.open_session(path) as af:
        return [row["message"] for row in af["observability"]["logs"]]


def test_frames_are_given_up_although_nothing_more_fits(disk):
    root = disk / "sessions"
    record(root, 3)
    assert retain(root).returncode == 0  # an ordinary run puts the reserve there
    assert (root / "ledger/.reserve").stat().st_size > 100_000
    fill(disk)
    done = retain(root, free=1_000_000, caches=[], capture_node=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sessions"] == {"drop": 1}
    assert [rows(path) for path in nights(root)] == [[f"row of night {n}"] for n in range(3)]
    assert all(verify(path).ok for path in nights(root))
    assert [frames(path) for path in nights(root)] == [0, 1, 1]
    (disk / "other.bin").unlink()
    assert retain(root).returncode == 0
    assert (root / "ledger/.reserve").exists()


def test_without_a_reserve_it_ends_with_an_error_and_breaks_nothing(disk):
    root = disk / "sessions"
    record(root, 3)
    uuid = tree.read_header(nights(root)[0])[0]["meta"]["uuid"]
    before = {path: path.read_bytes() for path in root.glob("2*/**/*") if path.is_file()}
    fill(disk)
    failed = retain(root, free=1_000_000, caches=[], capture_node=False)
    assert failed.returncode != 0 or json.loads(failed.stdout)["freed"] == 0
    with pytest.raises(OSError, match="No space"):
        Ledger(root).protect(uuid, True, "anna")
    assert {path: path.read_bytes() for path in root.glob("2*/**/*") if path.is_file()} == before
    caches = disk / "sessions-pictures"
    caches.mkdir()
    (disk / "other.bin").rename(caches / "1.jpg")  # now it is something that may go
    done = retain(root, free=1_000_000, caches=[str(caches)], capture_node=False)
    assert done.returncode == 0, done.stderr
    Ledger(root).protect(uuid, True, "anna")
    assert Ledger(root).decisions()[uuid].protected
