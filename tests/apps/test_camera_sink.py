"""Frames of a camera's run: one session a night, kept byte for byte, shown under image_path, never twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from camera.drivers.base import Applied, Frame, Original
from camera.sink import SessionSink
from sessions.store.errors import WriteError
from sessions.store.manager import SessionManager
from sessions.store.reading import open_session

NOON_BEFORE = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


@pytest.fixture
def sessions(tmp_path):
    with SessionManager(tmp_path / "sessions", instrument="north") as manager:
        yield manager


def frame(folder: Path, number: int, start: datetime, *companions: str) -> Frame:
    def original(name: str) -> Original:
        path = folder / name
        path.write_bytes(f"\xff\xd8{name}{start}".encode("latin-1"))
        return Original(path, "image/jpeg")

    applied = Applied(exposure_s=2.0, gain=800.0, gain_unit="ISO", aperture_f=1.4)
    main = original(f"{number:06d}.jpg")
    return Frame(
        main, applied, start, start + timedelta(seconds=2), companions=tuple(map(original, companions))
    )


async def test_a_run_has_a_session_and_its_end_gives_the_file(sessions, tmp_path):
    sink = SessionSink(sessions, "north", "All-sky")
    assert sessions.active_session.type == "idle"
    await sink.begin_run()
    taken = frame(tmp_path, 1, datetime.now(UTC))
    content = taken.path.read_bytes()
    name = await sink.frame(taken)
    session = sessions.active_session
    assert (session.type, session.target) == ("observation", "All-sky")
    assert name == f"{session.id}/000000" and not taken.path.exists()
    path = sessions.end_session()
    with open_session(path) as file:
        (kept,) = file["cameras"]["north"]["originals"]
        assert kept[:].tobytes() == content
        (row,) = file["cameras"]["north"]["frame_table"]
        assert (row["exposure_us"], row["gain"]) == (2_000_000, 800.0)


async def test_begin_run_goes_on_in_the_same_night(sessions):
    sink = SessionSink(sessions, "north", "All-sky")
    await sink.begin_run()
    first = sessions.active_session.id
    await sink.begin_run()
    assert sessions.active_session.id == first
    await sink.end_run()
    await sink.end_run()
    assert sessions.active_session.type == "idle"


async def test_the_next_night_has_a_session_of_its_own(sessions, tmp_path):
    sink = SessionSink(sessions, "north", "All-sky")
    await sink.begin_run()
    tonight = sessions.active_session
    await sink.frame(frame(tmp_path, 1, tonight.started_at + timedelta(seconds=1)))
    await sink.frame(frame(tmp_path, 2, tonight.started_at + timedelta(hours=25)))
    assert sessions.active_session.id != tonight.id
    assert sessions.active_session.status().frames == 1


async def test_a_frame_offered_again_is_kept_once(sessions, tmp_path, monkeypatch):
    sink = SessionSink(sessions, "north", "All-sky")
    await sink.begin_run()
    two = frame(tmp_path, 1, datetime.now(UTC), "000001.nef")
    add, calls = sessions.add_original, []

    def second_fails(camera, source, **more):
        calls.append(source.name)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return add(camera, source, **more)

    monkeypatch.setattr(sessions, "add_original", second_fails)
    with pytest.raises(OSError, match="No space"):
        await sink.frame(two)
    await sink.frame(two)
    assert calls == ["000001.jpg", "000001.nef", "000001.nef"]
    assert sessions.active_session.status().frames == 2


async def test_frames_also_appear_under_image_path(sessions, tmp_path):
    shown = tmp_path / "images"
    sink = SessionSink(sessions, "north", "All-sky", shown)
    await sink.begin_run()
    taken = frame(tmp_path, 1, datetime.now(UTC))
    content = taken.path.read_bytes()
    await sink.frame(taken)
    (path,) = shown.glob("*/*/*/raw/*.jpg")
    assert path.read_bytes() == content
    await sink.end_run()
    assert path.read_bytes() == content, "it outlives the session's own folder"


async def test_image_path_may_fail_without_harm(sessions, tmp_path):
    (tmp_path / "images").write_text("a file where a folder should be")
    sink = SessionSink(sessions, "north", "All-sky", tmp_path / "images")
    await sink.begin_run()
    assert await sink.frame(frame(tmp_path, 1, datetime.now(UTC)))


async def test_stars_that_vanish_are_an_event_and_temperatures_are_rows(sessions, tmp_path):
    start = datetime.now(UTC)
    dawn = start + timedelta(hours=1)
    sink = SessionSink(sessions, "north", "All-sky", dark=lambda moment: moment < dawn)
    await sink.begin_run()
    for number, stars in enumerate([300, 310, 290, 305, 40, 30, 35, 280, 290]):
        taken = replace(
            frame(tmp_path, number, start + timedelta(minutes=number)), temperature_c=11.0 + number
        )
        await sink.frame(taken)
        sink.measured(taken, stars)
    sink.measured(replace(taken, start=dawn, end=dawn + timedelta(seconds=2)), 0)
    sink.measured(taken, None)
    with open_session(sessions.end_session()) as file:
        events = [(row["event"], row["details"]) for row in file["observability"]["events"]]
        assert events == [
            ("cloud_detected", {"stars": 30, "expected": 302}),
            ("cloud_cleared", {"stars": 290, "expected": 302}),
        ]
        assert len(file["telemetry"]["stars"]) == 9, "none by day"
        temperature = file["telemetry"]["temperature"]
        assert temperature.column("value") == [11.0 + number for number in range(9)]
        assert set(temperature.column("sensor")) == {"ccd"}


async def test_a_full_disk_does_not_stop_the_counting(sessions, tmp_path, monkeypatch, caplog):
    sink = SessionSink(sessions, "north", "All-sky")

    def refuse(*_, **__):
        raise WriteError("the journal cannot be written: no space left")

    monkeypatch.setattr(sessions, "add_telemetry", refuse)
    sink.measured(frame(tmp_path, 1, datetime.now(UTC)), 100)
    assert "the number of stars was not written down" in caplog.text


async def test_flats_have_a_session_of_their_own_that_the_next_light_frame_ends(sessions, tmp_path):
    sink = SessionSink(sessions, "north", "All-sky")
    now = datetime.now(UTC)
    for number in (1, 2):
        await sink.frame(replace(frame(tmp_path, number, now), kind="flat"))
    flats = sessions.active_session
    assert (flats.type, flats.purpose) == ("alignment", "flats")
    await sink.frame(replace(frame(tmp_path, 3, now), kind="dark"))
    assert (sessions.active_session.type, sessions.active_session.purpose) == ("alignment", "darks")
    await sink.frame(frame(tmp_path, 4, now))
    assert sessions.active_session.type == "idle"
    await sink.frame(replace(frame(tmp_path, 5, now), kind="flat"))
    again = sessions.active_session
    await sink.end_calibration()
    assert (again.type, sessions.active_session.type) == ("alignment", "idle")
    await sink.end_calibration()
    sessions.shutdown()
    files = {path.stem: path for path in (tmp_path / "sessions").rglob("*.asdf")}
    with open_session(files[flats.id]) as file:
        rows = file["cameras"]["north"]["frame_table"]
        assert [row["details"]["image_type"] for row in rows] == ["Flat Frame", "Flat Frame"]
