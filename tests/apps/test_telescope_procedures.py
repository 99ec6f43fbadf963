"""Calibrations and focus runs are sessions of their own; plate solutions stand in the running one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from sessions.store.manager import SessionManager
from sessions.store.reading import open_session
from telescope import solving
from telescope.dwarf.heavens import Equatorial
from telescope.dwarf.session.state import Board
from telescope.procedures import SETTLED, Procedures


@pytest.fixture
def rig(tmp_path):
    manager = SessionManager(tmp_path, instrument="telescope-0")
    board = Board()
    board.set("connection", connected=True)
    procedures = Procedures(manager, board)

    def looks(count, piece="mount", **changes):
        board.set(piece, **changes)
        for _ in range(count):
            procedures.look()
        return manager.active_session

    yield SimpleNamespace(board=board, looks=looks, sessions=manager, root=tmp_path)
    manager.shutdown()


def finished(rig, kind):
    rig.sessions.wait_for_files()
    (path,) = rig.root.glob(f"2*/**/{kind}_*.asdf")
    with open_session(path) as af:
        events = [(row["event"], row["details"]) for row in af["observability"]["events"]]
        return af["meta"]["purpose"], af["observability"]["metrics"]["errors"], events


def test_a_calibration_is_an_alignment(rig):
    assert rig.looks(2, calibrating=True).type == "alignment"
    assert rig.looks(SETTLED - 1, calibrating=False).type == "alignment", "a pause between two directions"
    rig.looks(1, calibrating=True)
    assert rig.looks(SETTLED, calibrating=False, calibrated=True).type == "idle"
    assert finished(rig, "alignment") == ("calibration", 0, [("calibration_ended", {"problem": None})])


def test_a_failed_calibration_is_a_failed_alignment(rig):
    rig.looks(1, calibrating=True)
    rig.looks(SETTLED, calibrating=False, problem="no stars")
    assert finished(rig, "alignment") == ("calibration", 1, [("calibration_ended", {"problem": "no stars"})])


def test_a_telescope_that_goes_away_ends_it(rig):
    rig.looks(1, calibrating=True)
    assert rig.looks(SETTLED, "connection", connected=False).type == "idle"
    assert finished(rig, "alignment")[1] == 1


def test_a_focus_run_is_maintenance(rig):
    assert rig.looks(1, "focus", autofocus=True).type == "maintenance"
    assert rig.looks(SETTLED, "focus", autofocus=False).type == "idle"
    assert finished(rig, "maintenance") == ("focus", 0, [("focus_ended", {"problem": None})])


def test_within_an_observation_it_stays_there(rig):
    rig.sessions.start_session("observation", target="M31")
    assert rig.looks(2, calibrating=True).type == "observation"
    assert rig.looks(3, calibrating=False).type == "observation"


def test_a_restart_ends_what_its_predecessor_began(rig):
    rig.looks(1, calibrating=True)
    again = Procedures(rig.sessions, Board())
    for _ in range(SETTLED):
        again.look()
    assert rig.sessions.active_session.type == "idle"


def test_flats_are_not_taken_for_it(rig):
    rig.sessions.start_session("alignment", purpose="flats")
    assert rig.looks(5).purpose == "flats"


async def test_plate_solutions_are_noted_now_and_then(monkeypatch):
    found = SimpleNamespace(
        ra_deg=10.0, dec_deg=41.0, position_angle_deg=1.5, scale_arcsec=2.75, mirrored=False, rms_arcsec=0.4, matched=30
    )  # fmt: skip
    monkeypatch.setattr(solving, "mosaic", lambda frame, width, height: (np.zeros((4, 4)), False))
    monkeypatch.setattr(solving, "detect", lambda pixels, kind: SimpleNamespace(x=[], y=[]))
    monkeypatch.setattr(solving, "solve", lambda *arguments: found)
    rows = []
    solver = solving.FrameSolver(rows.append)
    start = datetime(2026, 11, 30, 22, tzinfo=UTC)
    place = Equatorial(0.7, 41.0)
    for seconds in range(0, 180, 15):
        frame = SimpleNamespace(middle=start + timedelta(seconds=seconds))
        assert await solver(frame, place, 5.0) == Equatorial(10 / 15, 41.0)
    assert [row["time"] for row in rows] == [f"2026-11-30T22:0{minute}:00.000Z" for minute in range(3)]
    assert {"ra", "dec", "rotation", "scale"} <= set(rows[0])
    await solver(frame, replace(place, dec_deg=41.2), 5.0)
    assert len(rows) == 4, "the closed loop looks elsewhere"
