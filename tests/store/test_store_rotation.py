"""Which session is running when, and what happens when time or the disk misbehave."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from store_contents import finished, nothing_left, read_all

from sessions.store import manager, reading
from sessions.store.errors import DiskFullError, SessionClosedError, WriteError
from sessions.store.manager import SessionManager
from skycam_project.common.clock import SystemClock
from skycam_project.common.errors import InvalidValueError

PROJECT = Path(__file__).resolve().parents[2]


class SetClock(SystemClock):
    """A wall clock that shows what it is told."""

    def __init__(self, shown):
        self.shown = shown

    def now(self):
        return self.shown


def evening(hour, minute=0, second=0):
    return datetime(2026, 11, 20, hour, minute, second, tzinfo=UTC)


def test_an_idle_session_ends_at_the_top_of_the_hour(tmp_path):
    clock = SetClock(evening(20, 59, 50))
    with SessionManager(tmp_path, clock=clock) as sessions:
        first = sessions.active_session.id
        assert first == "idle_20261120_205950"
        clock.shown = evening(20, 59, 59)
        assert not sessions.rotate_if_due()
        clock.shown = evening(21)
        # The manager's own thread looks every second; whoever comes first, it happens once.
        sessions.rotate_if_due()
        assert sessions.active_session.id == "idle_20261120_210000"
        assert not sessions.rotate_if_due()
        sessions.start_session("observation")
        clock.shown = evening(23)
        assert not sessions.rotate_if_due()
        assert sessions.active_session.type == "observation"
    assert len(finished(tmp_path)) == 3


def test_a_clock_that_was_set_back_still_ends_the_hour(tmp_path, monkeypatch):
    clock = SetClock(evening(20, 30))
    with SessionManager(tmp_path, clock=clock) as sessions:
        clock.shown = evening(14)
        assert not sessions.rotate_if_due()
        sessions.log("INFO", "earlier than the session's start")
        sessions.active_session.opened -= 3601
        assert sessions.rotate_if_due()
    found = read_all(tmp_path)
    meta = next(meta for meta in found.metas if meta["session_id"] == "idle_20261120_203000")
    assert meta["end_time"].startswith("2026-11-20T14:00")  # times stay as they were read
    assert all(metrics["duration_seconds"] >= 0 for metrics in found.metrics)


def test_a_long_journal_rotates_an_idle_session_only(tmp_path, monkeypatch):
    monkeypatch.setattr(manager, "JOURNAL_LIMIT", 10_000)
    with SessionManager(tmp_path) as sessions:
        before = sessions.active_session
        for number in range(120):
            sessions.log("INFO", f"row {number}")
        sessions.rotate_if_due()
        assert sessions.active_session is not before
        observation = sessions.start_session("observation")
        for number in range(120):
            sessions.log("INFO", f"more {number}")
        assert not sessions.rotate_if_due() and sessions.active_session is observation
    assert read_all(tmp_path).messages.total() == 240


def test_many_sessions_within_one_second_have_their_own_files(tmp_path):
    clock = SetClock(evening(22))
    with SessionManager(tmp_path, clock=clock) as sessions:
        names = []
        for number in range(12):
            session = sessions.start_session("observation", target="M31")
            sessions.log("INFO", f"{number}")
            names.append(session.id)
            sessions.end_session(wait=False)
    assert len(set(names)) == 12
    assert names[0] == "observation_m31_20261120_220000" and names[11] == "observation_m31_20261120_220000_12"
    assert read_all(tmp_path).messages.total() == 12
    nothing_left(tmp_path)


def test_an_idle_session_is_ended_when_the_process_stops_on_purpose(tmp_path):
    sessions = SessionManager(tmp_path)
    sessions.log("INFO", "last words")
    sessions.suspend("update")
    sessions.suspend("again")
    nothing_left(tmp_path)
    found = read_all(tmp_path)
    assert found.messages == {"last words": 1} and found.metas[0]["status"] == "complete"


def test_an_id_is_not_given_again_after_its_session_is_finished(tmp_path):
    clock = SetClock(evening(22))
    for _ in range(3):
        with SessionManager(tmp_path, clock=clock) as sessions:
            sessions.log("INFO", "x")
    assert [path.stem for path in finished(tmp_path)] == [
        "idle_20261120_220000",
        "idle_20261120_220000_2",
        "idle_20261120_220000_3",
    ]


def test_files_lie_under_the_utc_date_of_their_start_and_name_their_instrument(tmp_path):
    clock = SetClock(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).astimezone(tz=None))
    with SessionManager(tmp_path, instrument="dwarf3", clock=clock) as sessions:
        sessions.start_session("maintenance", target="focus")
        clock.shown += timedelta(hours=5)
        path = sessions.end_session()
    assert path == tmp_path / "2026/12/31/maintenance_focus_dwarf3_20261231_235959.asdf"


def test_a_session_that_has_ended_says_so(tmp_path):
    with SessionManager(tmp_path) as sessions:
        session = sessions.start_session("observation")
        sessions.end_session()
        for record in (
            lambda: session.log("INFO", "late"),
            lambda: session.add_frame("main", np.eye(3, dtype=np.uint8)),
            lambda: session.add_event("late"),
        ):
            with pytest.raises(SessionClosedError, match=session.id):
                record()
        sessions.log("INFO", "in the next one")
    with pytest.raises(SessionClosedError):
        sessions.log("INFO", "nobody listens")
    with pytest.raises(SessionClosedError):
        sessions.start_session("observation")
    assert sessions.shutdown() is None
    assert read_all(tmp_path).messages == {"in the next one": 1}


def test_a_frame_that_is_being_written_belongs_to_the_session_it_began_in(tmp_path, monkeypatch):
    from sessions.store import frames

    writing, go_on = threading.Event(), threading.Event()
    write = frames.write

    def slow(path, encoded):
        writing.set()
        assert go_on.wait(20)
        write(path, encoded)

    monkeypatch.setattr(frames, "write", slow)
    with SessionManager(tmp_path) as sessions:
        session = sessions.start_session("observation", "A")
        results = []
        thread = threading.Thread(
            target=lambda: results.append(session.add_frame("main", np.eye(3, dtype=np.uint8)))
        )
        thread.start()
        assert writing.wait(20)
        sessions.start_session("observation", "B")  # does not wait for the frame
        go_on.set()
        thread.join()
    with reading.open_session(next(path for path in finished(tmp_path) if "_a_" in path.name)) as af:
        assert np.array_equal(af["cameras"]["main"]["frames"][0], np.eye(3))
    assert results[0].index == 0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda s: s.start_session("party"), "session type"),
        (lambda s: s.start_session("observation", uuid="x"), "meta"),
        (lambda s: s.start_session("observation", target=5), "target"),
        (lambda s: s.end_session(status="perfect"), "status"),
    ],
)
def test_refused_calls_change_nothing(tmp_path, call, match):
    with SessionManager(tmp_path) as sessions:
        before = sessions.active_session
        with pytest.raises(InvalidValueError, match=match):
            call(sessions)
        assert sessions.active_session is before


def test_target_and_purpose_can_be_changed_while_it_runs(tmp_path):
    with SessionManager(tmp_path) as sessions:
        session = sessions.start_session("observation", target="M31")
        session.update(target="M33", observer="me")
        assert sessions.status().target == "M33"
        path = sessions.end_session(status="aborted")
    assert "m31" in path.name
    with reading.open_session(path) as af:
        meta = af["meta"]
    assert (meta["target"], meta["observer"], meta["status"]) == ("M33", "me", "aborted")


def test_changed_camera_settings_are_an_event_but_a_ramp_of_exposures_is_not(tmp_path):
    with SessionManager(tmp_path) as sessions:
        session = sessions.start_session("observation")
        for exposure, binning in ((1, 1), (2, 1), (3, 1), (4, 2)):
            settings = {"exposure_us": exposure, "binning": binning}
            session.add_frame("main", np.eye(3, dtype=np.uint8), settings=settings, exposure_us=exposure)
        path = sessions.end_session()
    with reading.open_session(path) as af:
        assert af["cameras"]["main"]["settings"] == {"exposure_us": 1, "binning": 1}
        assert af["cameras"]["main"]["frame_table"].column("exposure_us") == [1, 2, 3, 4]
        events = list(af["observability"]["events"])
    assert [row["details"]["settings"] for row in events] == [{"exposure_us": 4, "binning": 2}]


def test_the_hook_hears_of_every_session_and_its_errors_stay_with_it(tmp_path, caplog):
    heard = []

    def hook(done):
        heard.append(done.session_id)
        raise RuntimeError("catalogue is down")

    with SessionManager(tmp_path, on_finished=hook) as sessions:
        sessions.start_session("observation")
        sessions.end_session()
    assert sorted(heard) == sorted(path.stem for path in finished(tmp_path))
    assert "catalogue is down" in caplog.text


# -- a disk without room -------------------------------------------------------------------------------------

FULL = """
import resource, sys
import numpy as np
from sessions.store.manager import SessionManager
from sessions.store.errors import DiskFullError, WriteError
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
with SessionManager(sys.argv[1]) as sessions:
    session = sessions.start_session("observation")
    small = session.add_frame("main", np.eye(50, dtype=np.uint8))
    noise = np.random.default_rng(1).integers(0, 65535, (400, 400), dtype=np.uint16)
    for add in (session.add_frame, session.add_original):
        try:
            add("main", noise if add == session.add_frame else noise.tobytes())
        except DiskFullError as error:
            print("refused", error)
    again = session.add_frame("main", np.eye(50, dtype=np.uint8))
    rows = 0
    try:
        while True:
            session.log("INFO", "x" * 1000)
            rows += 1
    except WriteError as error:
        print("rows", rows, error)
"""


def test_files_that_cannot_grow_are_refused_cleanly(tmp_path):
    out = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    refused, rows = out.stdout.splitlines()[:2], out.stdout.splitlines()[2]
    assert all(line.startswith("refused") and "disk is full" in line for line in refused), out
    SessionManager(tmp_path).shutdown()
    found = read_all(tmp_path)
    assert found.messages["x" * 1000] == int(rows.split()[1]) > 100
    assert found.frames.total() == 2
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_file_system_that_fills_up(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=True)
    try:
        noise = np.random.default_rng(1).integers(0, 65535, (300, 300), dtype=np.uint16)
        sessions = SessionManager(disk)
        session = sessions.start_session("observation")
        kept = 0
        with pytest.raises(DiskFullError):
            while True:
                session.add_frame("main", noise)
                kept += 1
        rows = 0
        with pytest.raises(WriteError):
            while True:
                session.log("INFO", "y" * 500)
                rows += 1
        assert kept > 5 and rows > 10
        with pytest.raises(OSError, match=r"No space|left"):
            sessions.shutdown()
        subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
        SessionManager(disk).shutdown()
        found = read_all(disk)
        assert found.messages["y" * 500] == rows
        assert found.frames.total() == kept
        nothing_left(disk)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
