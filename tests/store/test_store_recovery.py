"""What a new process makes of what the last one left."""

import hashlib
import os
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from store_contents import Contents, finished, nothing_left, read_all, read_one

from sessions.store import finalise, frames, host, journal, reading, recovery
from sessions.store.errors import DiskFullError
from sessions.store.layout import Layout, read_head
from sessions.store.manager import SessionManager
from skycam_project.common.clock import FastClock

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def image(value=0):
    return np.full((20, 30), value, np.uint16)


def abandon(sessions):
    """As if the process had been killed: nothing is ended, only what the kernel does happens."""
    sessions._stopping.set()
    sessions._keeper.join()
    sessions._finaliser.shutdown()
    sessions.active_session.recorder.journal.close()
    sessions._release()
    return sessions.active_session


def crashed(tmp_path, **options):
    sessions = SessionManager(tmp_path, **options)
    session = sessions.start_session("observation", target="M31", purpose="deep", kind="test")
    session.add_frame("main", image(1), info={"model": "x"}, settings={"gain": 5}, gain=5)
    session.log("WARNING", "first life")
    session.add_event("cloud_detected")
    return abandon(sessions)


def test_a_crash_continues_the_night_in_the_same_session(tmp_path):
    before = crashed(tmp_path)
    with SessionManager(tmp_path, resume=True) as sessions:
        session = sessions.active_session
        assert sessions.resumed and session.id == before.id and session.target == "M31"
        status = sessions.status()
        assert (status.frames, status.warnings, status.events) == (1, 1, 2)
        assert status.logs[-1]["message"] == "first life"
        assert session.add_frame("main", image(2)).index == 1
        session.log("INFO", "second life")
        path = sessions.end_session()
    found = Contents()
    read_one(path, found)
    assert found.metas[0]["status"] == "complete"
    assert found.metas[0]["kind"] == "test"
    assert list(found.messages) == ["first life", "second life"]
    resumed = next(row for row in found.event_rows if row["event"] == "resumed")
    assert resumed["details"]["reason"] == "the process that captured died"
    assert 0 <= resumed["details"]["gap_seconds"] < 60
    with reading.open_session(path) as af:
        main = af["cameras"]["main"]
        assert [frame[0, 0] for frame in main["frames"]] == [1, 2]
        assert main["info"] == {"model": "x"} and main["settings"] == {"gain": 5}
    assert len(finished(tmp_path)) == 3  # idle before, the night, idle after
    nothing_left(tmp_path)


def test_the_reason_of_a_gap_is_named(tmp_path, monkeypatch):
    crashed(tmp_path)
    SessionManager(tmp_path, resume=True).suspend("update to 2.0")
    sessions = SessionManager(tmp_path, resume=True)
    abandon(sessions)
    monkeypatch.setattr(host, "boot_id", lambda: "another boot")
    with SessionManager(tmp_path, resume=True) as sessions:
        sessions.log("INFO", "after the power cut")
        assert sessions.active_session.head["boots"][-1] == "another boot"
    found = read_all(tmp_path)
    reasons = [row["details"]["reason"] for row in found.event_rows if row["event"] == "resumed"]
    assert reasons == [
        "the process that captured died",
        "stopped on purpose: update to 2.0",
        "the machine was switched off or restarted",
    ]
    durations = [metrics["duration_seconds"] for metrics in found.metrics]
    assert all(0 <= duration < 60 for duration in durations)


def test_without_resume_the_session_is_finished_as_recovered(tmp_path):
    before = crashed(tmp_path)
    done = []
    with SessionManager(tmp_path, on_finished=done.append) as sessions:
        assert not sessions.resumed and sessions.active_session.type == "idle"
        sessions.recover()
    assert {one.session_id: one.status for one in done}[before.id] == "recovered"
    found = read_all(tmp_path)
    meta = next(meta for meta in found.metas if meta["session_id"] == before.id)
    assert meta["status"] == "recovered" and meta["end_time"] >= meta["start_time"]
    nothing_left(tmp_path)


@pytest.mark.parametrize(("hours", "goes_on"), [(11.9, True), (12.1, False), (-5, True)])
def test_only_a_recent_session_is_resumed_and_a_clock_without_battery_is_no_reason(tmp_path, hours, goes_on):
    before = crashed(tmp_path, clock=FastClock(NOON))
    with SessionManager(tmp_path, resume=True, clock=FastClock(NOON + timedelta(hours=hours))) as sessions:
        assert (sessions.active_session.id == before.id) is goes_on
    statuses = {meta["session_id"]: meta["status"] for meta in read_all(tmp_path).metas}
    assert statuses[before.id] == ("complete" if goes_on else "recovered")


def test_an_idle_session_is_not_resumed(tmp_path):
    sessions = SessionManager(tmp_path)
    sessions.log("INFO", "idle row")
    before = abandon(sessions)
    with SessionManager(tmp_path, resume=True) as sessions:
        assert sessions.active_session.id != before.id
    found = read_all(tmp_path)
    assert found.messages == {"idle row": 1}
    assert sorted(meta["status"] for meta in found.metas) == ["complete", "recovered"]


def test_a_crash_loop_of_empty_idle_sessions_leaves_no_files(tmp_path):
    for _ in range(3):
        abandon(SessionManager(tmp_path))
    SessionManager(tmp_path).shutdown()
    assert len(finished(tmp_path)) == 1
    nothing_left(tmp_path)


def test_an_announced_session_without_content_is_kept(tmp_path):
    sessions = SessionManager(tmp_path)
    sessions.start_session("observation", target="nothing yet")
    before = abandon(sessions)
    SessionManager(tmp_path).shutdown()
    assert before.id in [path.stem for path in finished(tmp_path)]


def test_torn_line_whole_orphan_and_unfinished_file(tmp_path):
    before = crashed(tmp_path)
    handle = os.open(before.folder / journal.OWNER, os.O_WRONLY | os.O_APPEND)
    os.write(handle, b'deadbeef {"k":"log","t":17')
    os.close(handle)
    folder = before.folder / "frames" / "main"
    encoded = frames.encode(
        image(7), {"time": "2026-11-20T12:00:00Z", "index": 5, "gain": 9.0}, frames.Codec.BLSC
    )
    frames.write(folder / "000005.frame", encoded)
    (folder / "000006.tmp").write_bytes(b"#ASDF")
    (folder / "original").mkdir()
    (folder / "original" / "000007.nef").write_bytes(b"raw")
    with SessionManager(tmp_path, resume=True) as sessions:
        assert sessions.add_frame("main", image(8)).index == 8
        path = sessions.end_session()
    with reading.open_session(path) as af:
        rows = list(af["cameras"]["main"]["frame_table"])
        assert [(row["index"], row["recovered"]) for row in rows] == [(0, None), (5, 1), (7, 1), (8, None)]
        assert rows[1]["gain"] == 9 and rows[2]["media_type"] == "image/x-nikon-nef"
        assert rows[2]["sha256"] == hashlib.sha256(b"raw").hexdigest()
        assert [frame[0, 0] for frame in af["cameras"]["main"]["frames"]] == [1, 7, 8]
        details = next(row for row in af["observability"]["events"] if row["event"] == "resumed")["details"]
        assert (details["frames_adopted"], details["frames_unfinished"]) == (2, 1)
        assert af["observability"]["metrics"]["journal_bad_lines"] == 1


def test_a_frame_whose_journal_line_is_damaged_is_kept(tmp_path):
    before = crashed(tmp_path)
    path = before.folder / journal.OWNER
    path.write_bytes(path.read_bytes().replace(b'"k":"frame"', b'"k":"fraMe"'))
    SessionManager(tmp_path).shutdown()
    found = read_all(tmp_path)
    assert sum(found.frames.values()) == 1
    assert sum(metrics["journal_bad_lines"] for metrics in found.metrics) == 1


def test_half_a_frame_that_was_never_acknowledged_is_put_aside_and_named(tmp_path):
    before = crashed(tmp_path)
    folder = before.folder / "frames" / "main"
    whole = (folder / "000000.frame").read_bytes()
    (folder / "000001.frame").write_bytes(whole[:-200])
    with SessionManager(tmp_path, resume=True) as sessions:
        assert sessions.add_frame("main", image(2)).index == 2
    found = read_all(tmp_path)
    assert found.frames.total() == 2 and found.events["frame_unfinished"] == 1
    assert all(metrics["frames_lost"] == 0 for metrics in found.metrics)
    assert (tmp_path / "quarantine" / before.id / "main" / "000001.frame").read_bytes() == whole[:-200]


@pytest.mark.parametrize("storage", ["embedded", "external"])
def test_a_damaged_or_missing_frame_is_counted_and_the_session_still_closes(tmp_path, storage):
    with SessionManager(tmp_path, storage=storage) as sessions:
        session = sessions.start_session("observation")
        records = [session.add_frame("main", image(number)) for number in range(4)]
        raw = session.add_original("dslr", b"original", file_name="a.jpg")
        flipped = bytearray(records[1].path.read_bytes())
        flipped[-60] ^= 4
        records[1].path.write_bytes(flipped)
        records[2].path.unlink()
        raw.path.write_bytes(b"Original")
        path = sessions.end_session()
        assert sessions.verify(path).ok
    with reading.open_session(path) as af:
        assert [frame[0, 0] for frame in af["cameras"]["main"]["frames"]] == [0, 3]
        rows = list(af["cameras"]["main"]["frame_table"])
        assert [row["dropped"] for row in rows] == [0, 1, 1, 0]
        assert [row["position"] for row in rows] == [0, -1, -1, 1]
        metrics = af["observability"]["metrics"]
        assert (metrics["frames_lost"], metrics["frames_captured"]) == (3, 2)
        lost = [row["details"] for row in af["observability"]["events"] if row["event"] == "frame_lost"]
    assert {entry["file"] for entry in lost} == {
        "main/000001.frame",
        "main/000002.frame",
        "dslr/original/000000.jpg",
    }
    kept = tmp_path / "quarantine" / session.id / "main" / "000001.frame"
    assert kept.read_bytes() == bytes(flipped)


def test_a_damaged_head_is_rebuilt_from_the_journal(tmp_path):
    before = crashed(tmp_path)
    (before.folder / "head.json").write_bytes(b"{oops")
    with SessionManager(tmp_path, resume=True) as sessions:
        assert sessions.active_session.head["uuid"] == before.head["uuid"]
        assert read_head(before.folder)["uuid"] == before.head["uuid"]


def test_a_folder_without_origin_is_put_aside_and_an_empty_one_removed(tmp_path):
    live = tmp_path / ".live"
    (live / "observation_x_20261120_000000.partial" / "frames" / "main").mkdir(parents=True)
    (live / "observation_x_20261120_000000.partial" / "frames" / "main" / "000000.frame").write_bytes(b"?")
    (live / "empty.partial" / "frames").mkdir(parents=True)
    (live / "old.done").mkdir()
    SessionManager(tmp_path).shutdown()
    nothing_left(tmp_path)
    kept = (
        tmp_path / "quarantine" / "observation_x_20261120_000000.partial" / "frames" / "main" / "000000.frame"
    )
    assert kept.read_bytes() == b"?"


def test_capture_goes_on_at_once_while_a_big_session_is_recovered(tmp_path, monkeypatch):
    crashed(tmp_path)
    started, may_go_on = threading.Event(), threading.Event()
    whole = finalise.finalise

    def slow(*args):
        started.set()
        assert may_go_on.wait(30)
        return whole(*args)

    monkeypatch.setattr(finalise, "finalise", slow)
    sessions = SessionManager(tmp_path)
    assert started.wait(30)
    record = sessions.add_frame("main", image(3))  # does not wait for the recovery
    assert record.path.exists()
    may_go_on.set()
    sessions.shutdown()
    assert sum(read_all(tmp_path).frames.values()) == 2


def test_sessions_of_an_instrument_that_nobody_runs(tmp_path):
    before = crashed(tmp_path, instrument="lost", clock=FastClock(NOON))
    with SessionManager(tmp_path, clock=FastClock(NOON + timedelta(hours=1))) as sessions:
        sessions._finaliser.submit(lambda: None).result()
        assert before.folder.exists()  # its owner may come back
        assert [one.session_id for one in sessions.recover()] == [before.id]
        assert not before.folder.exists()
    crashed(tmp_path, instrument="lost", clock=FastClock(NOON))
    with SessionManager(tmp_path, clock=FastClock(NOON + timedelta(hours=13))) as sessions:
        sessions._finaliser.submit(lambda: None).result()
        assert not list((tmp_path / ".live").glob("*lost*.partial"))
    nothing_left(tmp_path)


def test_recover_leaves_running_sessions_alone(tmp_path):
    with SessionManager(tmp_path, instrument="a") as a, SessionManager(tmp_path, instrument="b") as b:
        assert a.recover() == []
        b.log("INFO", "still here")
    assert read_all(tmp_path).messages == {"still here": 1}


def test_a_session_that_could_not_be_finished_is_finished_later(tmp_path, monkeypatch):
    sessions = SessionManager(tmp_path)
    session = sessions.start_session("observation")
    session.add_frame("main", image(5))
    with monkeypatch.context() as patch:
        patch.setattr(finalise, "copy_range", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(OSError, match="No space"):
            sessions.end_session()
    assert session.folder.exists()
    assert session.id not in [path.stem for path in finished(tmp_path)]
    sessions.log("INFO", "life goes on")
    assert [one.session_id for one in sessions.recover()] == [session.id]
    sessions.shutdown()
    found = read_all(tmp_path)
    assert sum(found.frames.values()) == 1
    assert {meta["status"] for meta in found.metas} == {"complete"}
    nothing_left(tmp_path)


def test_finishing_is_idempotent_and_a_broken_result_is_made_again(tmp_path):
    before = crashed(tmp_path)
    layout = Layout(tmp_path)
    copy = {path: path.read_bytes() for path in before.folder.rglob("*") if path.is_file()}
    recovery.finish(layout, before.folder, finalise.FreeSpace(tmp_path))
    path = finished(tmp_path)[-1]
    whole = path.read_bytes()
    for damage in (whole, whole[:-100]):  # finished and killed before the folder went; finished and damaged
        path.write_bytes(damage)
        for file, content in copy.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        SessionManager(tmp_path).shutdown()
        found = Contents()
        read_one(path, found)
        assert sum(found.frames.values()) == 1
        assert not before.folder.exists()


def test_a_foreign_file_of_the_same_name_is_never_overwritten(tmp_path):
    before = crashed(tmp_path)
    path = Layout(tmp_path).final(before.id, before.started_at)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"somebody else's")
    with SessionManager(tmp_path) as sessions:
        sessions.recover()
    assert path.read_bytes() == b"somebody else's"
    with reading.open_session(path.with_name(f"{before.id}_2.asdf")) as af:
        assert af["meta"]["session_id"] == f"{before.id}_2"
        assert af["meta"]["uuid"] == before.head["uuid"]


def test_no_room_to_embed_keeps_the_frames_outside(tmp_path):
    room = [10**12, 10**12]
    with SessionManager(tmp_path, measure=lambda _: tuple(room)) as sessions:
        session = sessions.start_session("observation")
        session.add_frame("main", image(4))
        room[0] = 2 * 10**10 + 10**7  # above the reserve, but not with a second copy
        path = sessions.end_session()
    assert path.with_suffix(".frames").is_dir()
    with reading.open_session(path) as af:
        assert af["cameras"]["main"]["frames"][0][0, 0] == 4


def test_frames_beyond_the_limit_stay_outside(tmp_path):
    with SessionManager(tmp_path, embed_limit=5000) as sessions:
        session = sessions.start_session("observation")
        noise = np.random.default_rng(1).integers(0, 65535, (60, 60), dtype=np.uint16)
        session.add_frame("main", noise)
        path = sessions.end_session()
        assert sessions.verify(path).external == 1
    assert path.with_suffix(".frames").is_dir()
    with reading.open_session(path) as af:
        assert np.array_equal(af["cameras"]["main"]["frames"][0], noise)


def test_little_space_warns_once_and_none_refuses_frames_but_not_logs(tmp_path):
    free = [50]
    with SessionManager(tmp_path, measure=lambda _: (free[0], 100)) as sessions:
        session = sessions.start_session("observation")
        session.add_frame("main", image())
        free[0] = 9
        session.add_frame("main", image())
        session.add_frame("main", image())
        assert sessions.status().warnings == 1
        free[0] = 1
        with pytest.raises(DiskFullError, match=r"1\.0% of the disk is free"):
            session.add_frame("main", image())
        with pytest.raises(DiskFullError):
            session.add_original("main", b"x")
        session.log("ERROR", "no more frames")
        session.add_event("disk_full")
        assert sessions.status().frames == 3
        free[0] = 50
        session.add_frame("main", image())
    assert read_all(tmp_path).messages["no more frames"] == 1
