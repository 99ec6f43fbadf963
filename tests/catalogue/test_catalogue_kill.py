"""SIGKILL at system calls of cataloguing and retention: nothing is lost that should stay, the rest is finished later."""

import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sessions.catalogue.catalogue import Catalogue
from sessions.catalogue.ledger import Ledger
from sessions.catalogue.sync import sync
from sessions.store import reading
from sessions.store.manager import SessionManager
from sessions.store.verify import verify
from skycam_project.common.clock import FastClock
from tests.crashing import Crasher, acknowledged, quick_folder, spread


def record(root: Path) -> None:
    """Three idle hours of one day, and one observation for each fate."""
    for hour in range(3):
        with SessionManager(root, clock=FastClock(datetime(2026, 5, 4, 6 + hour, tzinfo=UTC))) as sessions:
            sessions.log("INFO", f"hour {hour}")
            sessions.add_telemetry("temperature", sensor="box", value=float(hour))
    for number, target in enumerate(("keep", "go", "drop", "drop outside")):
        start = FastClock(datetime(2026, 5, 5, 1 + number, tzinfo=UTC))
        storage = "external" if "outside" in target else "embedded"
        with SessionManager(root, clock=start, storage=storage) as sessions:
            night = sessions.start_session("observation", target)
            for shade in range(2):
                night.add_frame("main", np.full((40, 30), shade, np.uint16))
            night.log("INFO", f"{target} log")


class Keeper:
    """Runs `keep` of catalogue_crash.py in copies of one recorded folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template"
        record(self.template)
        script = Path(__file__).with_name("catalogue_crash.py")
        self._crasher = Crasher(script, sessions(self.template)[0])
        self.close = self._crasher.close

    def root(self, name: str) -> Path:
        root = self.folder / name / "sessions"
        shutil.copytree(self.template, root)
        return root

    def run(self, root: Path, at: int = 0, torn: bool = False, full: bool = False) -> bool:
        """True when it came to its end, False when it was killed or gave up."""
        return self._crasher.run("keep", root, at, torn, full=full)


@pytest.fixture(scope="module")
def keeper():
    with quick_folder() as folder:
        keeper = Keeper(folder)
        yield keeper
        keeper.close()


def sessions(root: Path) -> list[Path]:
    return sorted(root.glob("2026/**/*.asdf"))


def check_now(root: Path) -> None:
    """Right after the kill: every file that is there is whole, and so is what readers see of the catalogue."""
    for path in sessions(root):
        report = verify(path)
        begun = Ledger(root).decisions().values()
        assert report.ok or any(one.dropping for one in begun), (path, report.problems)
    for part in [*root.glob("catalog.d/**/*.parquet"), *root.glob("catalog/*.parquet")]:
        assert pl.read_parquet(part, hive_partitioning=False).height > 0
    decisions = Ledger(root).decisions()
    for uuid in acknowledged(root).get("protected", []):
        assert decisions[uuid].protected
    keep = next(path for path in sessions(root) if "keep" in path.name)
    with reading.open_session(keep) as af:
        assert [int(np.array(frame)[0, 0]) for frame in af["cameras"]["main"]["frames"]] == [0, 1]


def check_healed(root: Path) -> None:
    """After the next run: everything that was to be done is done, every row is there once, nothing is left over."""
    messages, readings, dropped = Counter(), Counter(), 0
    for path in sessions(root):
        assert verify(path).ok, path
        with reading.open_session(path) as af:
            messages.update(row["message"] for row in af["observability"]["logs"])
            readings.update(row["value"] for row in af["telemetry"].get("temperature", []))
            if "drop" in path.name:
                dropped += all(row["dropped"] for row in af["cameras"]["main"]["frame_table"])
                assert not path.with_suffix(".frames").exists()
    wanted = ["hour 0", "hour 1", "hour 2", "keep log", "drop log", "drop outside log"]
    assert {text: messages[text] for text in wanted} == dict.fromkeys(wanted, 1)
    assert messages["go log"] == 0
    assert readings == Counter([0.0, 1.0, 2.0])
    assert dropped == 2
    assert not Ledger(root).unfinished()
    left = [path for path in root.rglob("*") if path.suffix in (".tmp", ".merging", ".done")]
    assert not left
    same = pl.col("*").exclude("catalogued_at", "sha256")
    now = Catalogue(root).scan().select(same).sort("uuid").collect()
    whole = pl.read_parquet(root / "catalog/catalog.parquet").select(same).sort("uuid")
    shutil.rmtree(root / "catalog.d")
    sync(root)
    assert Catalogue(root).scan().select(same).sort("uuid").collect().equals(now)
    assert whole.equals(now.drop("year", "month"))


def all_calls(keeper) -> int:
    root = keeper.root("count of calls")
    assert keeper.run(root)
    check_healed(root)
    calls = acknowledged(root)["calls"][-1]
    shutil.rmtree(root)
    return calls


def kill_at(keeper, points: list[int]) -> None:
    for point in points:
        root = keeper.root(f"at {point}")
        assert not keeper.run(root, at=point, torn=point % 2 == 0)
        check_now(root)
        again = point // 2 + 3
        if point % 3 == 0 and not keeper.run(root, at=again, torn=True):
            check_now(root)  # killed while it was healing
        assert keeper.run(root)
        check_healed(root)
        shutil.rmtree(root)


def full_at(keeper, points: list[int]) -> None:
    """From some call on the disk is full, until somebody makes room."""
    for point in points:
        root = keeper.root(f"full at {point}")
        keeper.run(root, at=point, torn=point % 2 == 0, full=True)
        check_now(root)
        assert keeper.run(root)
        check_healed(root)
        shutil.rmtree(root)


@pytest.mark.timeout(240)
def test_kill_at_some_system_calls(keeper):
    kill_at(keeper, spread(all_calls(keeper), 20))


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_kill_at_every_system_call(keeper):
    kill_at(keeper, spread(all_calls(keeper), None))


@pytest.mark.timeout(120)
def test_a_disk_that_is_full_from_some_system_calls_on(keeper):
    full_at(keeper, spread(all_calls(keeper), 6))


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_disk_that_is_full_from_every_system_call_on(keeper):
    full_at(keeper, spread(all_calls(keeper), None))
