"""What pages read of a session is what the ASDF library reads of it, running or finished, and damage is said."""

import io
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sessions.history import charts, pictures, stretch
from sessions.history.answers import Answers, open_contents
from sessions.history.contents import FrameQuery, LogQuery, NoSessionError, NoSuchFrameError
from sessions.history.finished import Finished
from sessions.history.running import Running
from sessions.history.selection import nearest
from sessions.store import reading
from sessions.store.errors import DamagedFileError
from sessions.store.manager import SessionManager
from tests.history_nights import BRIGHT, EVENING, PLACE, SIDE, SetClock, fill, frame, jpeg


@pytest.fixture(scope="module")
def session(nights):
    return nights[1]["m-31"]


def library_logs(path):
    with reading.open_session(path) as file:
        return list(file["observability"]["logs"])


def all_logs(contents, **more):
    """Every page of a query, joined."""
    rows, before = [], None
    while True:
        answer = contents.logs(LogQuery(before=before, limit=37, **more))
        rows += answer["rows"]
        before = answer["next"]
        if before is None:
            return rows


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
@pytest.mark.parametrize("text", ["", "frame 1", "FRAME", "SKY", "µs", "nothing says this"])
def test_log_pages_hold_every_row_that_matches_once_and_newest_first(session, level, text):
    order = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    wanted = [
        (number, row["message"], row["level"], row["context"])
        for number, row in enumerate(library_logs(session))
        if order.index(row["level"]) >= order.index(level)
        and (text.lower() in row["message"].lower() or text.lower() in row["source"].lower())
    ]
    found = all_logs(Finished(session), level=level, text=text)
    assert [(row["number"], row["message"], row["level"], row["context"]) for row in found] == wanted[::-1]


def test_a_search_does_not_find_words_that_reach_from_one_row_into_the_next(tmp_path):
    with SessionManager(tmp_path, instrument="x") as sessions:
        night = sessions.start_session("experiment")
        for message in ("abc", "def", "cd", "xcdx", ""):
            night.log("INFO", message)
        path = sessions.end_session()
    assert [row["message"] for row in all_logs(Finished(path), text="cd")] == ["xcdx", "cd"]


def test_a_running_session_reads_like_the_finished_one(tmp_path):
    clock = SetClock(EVENING)
    with SessionManager(tmp_path, PLACE, instrument="dslr", clock=clock) as sessions:
        night = sessions.start_session("observation", target="M 31")
        fill(night, clock, 24, "RGGB")
        before = told(live := Running(night.folder))
        pixels = live.pixels("main", 3).data.copy()
        original = live.pixels("guide", 0).file.read_bytes()
        finished = Finished(sessions.end_session())
    assert told(finished) == before
    assert np.array_equal(pixels, frame(3)) and np.array_equal(finished.pixels("main", 3).data, frame(3))
    assert original == finished.pixels("guide", 0).data == jpeg()


def told(contents):
    """What a session says of itself, but for what only one of the two can know."""
    frames = contents.frames(FrameQuery(limit=500))
    for row in frames["frames"]:
        row.pop("bytes", None)  # of the frame file, which a block in the session's file is not
        row["sensor_temp_c"] = round(row.get("sensor_temp_c", 0), 4)  # the file keeps 32 bits
    lines = {
        (chart["name"], chart["column"], chart["unit"], line["name"]): [
            [at, value and round(value, 4)] for at, value in line["points"]
        ]
        for chart in contents.telemetry()["charts"]
        for line in chart["lines"]
    }
    summary = contents.summary()
    cameras = [
        (camera["name"], camera["frames"], camera["info"], camera["settings"])
        for camera in summary["cameras"]
    ]
    logs = [
        all_logs(contents, level=level, text=text) for level in ("DEBUG", "WARNING") for text in ("", "Sky")
    ]
    return frames, lines, contents.events(), cameras, summary["solves"], logs


# -- frames


def test_frames_come_in_order_of_time_and_know_their_neighbours(session):
    contents = Finished(session)
    answer = contents.frames(FrameQuery(limit=500))
    times = [row["time_ms"] for row in answer["frames"]]
    assert times == sorted(times) and answer["total"] == len(times) == 25
    assert {row["camera"] for row in answer["frames"]} == {"main", "guide"}
    middle = contents.frame("main", 7)
    assert (middle["previous"], middle["next"], middle["place"], middle["total"]) == (6, 8, 7, 24)
    assert middle["frame"]["exposure_s"] == pytest.approx(20.000007)
    assert contents.frame("main", 0)["previous"] is None and contents.frame("main", 23)["next"] is None


def test_a_sample_is_spread_evenly_and_pages_join_without_a_gap(session):
    contents = Finished(session)
    sample = contents.frames(FrameQuery(camera="main", sample=6))
    indices = [row["index"] for row in sample["frames"]]
    assert len(indices) == 6 and set(np.diff(indices)) <= {4}
    assert len(contents.frames(FrameQuery(sample=500))["frames"]) == 25
    pages = [
        contents.frames(FrameQuery(camera="main", offset=at, limit=7))["frames"] for at in range(0, 28, 7)
    ]
    assert [row["index"] for page in pages for row in page] == list(range(24))


def test_frames_at_events_are_the_nearest_ones(session):
    near = Finished(session).frames(FrameQuery(only="events"))["frames"]
    assert [(row["camera"], row["index"]) for row in near] == [("main", 12), ("main", 23)]


@given(st.lists(st.integers(0, 1000), max_size=30), st.lists(st.integers(-50, 1050), max_size=8))
def test_nearest_is_nearest(times, moments):
    ordered = np.array(sorted(times), np.int64)
    found = nearest(ordered, np.array(moments, np.int64))
    for moment in moments if times else ():
        assert min(abs(ordered - moment)) == min(abs(ordered[found] - moment))


@pytest.mark.parametrize(("camera", "index"), [("main", 24), ("nobody", 0), ("guide", 1)])
def test_a_frame_that_is_not_there_is_refused(session, camera, index):
    with pytest.raises(NoSuchFrameError):
        Finished(session).frame(camera, index)
    with pytest.raises(NoSuchFrameError):
        Finished(session).pixels(camera, index)


def test_frames_outside_the_file_are_read_and_never_from_elsewhere(tmp_path):
    clock = SetClock(EVENING)
    with SessionManager(tmp_path / "root", PLACE, storage="external", clock=clock) as sessions:
        night = sessions.start_session("observation", target="M 31")
        fill(night, clock, 3)
        path = sessions.end_session()
    contents = Finished(path)
    assert np.array_equal(contents.pixels("main", 1).data, frame(1))
    assert contents.pixels("guide", 0).file.read_bytes() == jpeg()
    inside = f"{path.stem}.frames/main/000001.frame".encode()
    outside = (b"../" * 20 + b"etc/hosts").ljust(len(inside), b"/")[: len(inside)]
    assert inside in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(inside, outside))
    with pytest.raises(DamagedFileError, match="not inside"):
        Finished(path).pixels("main", 1)


# -- pictures


def shown(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L")).astype(int)


@pytest.mark.parametrize("form", ["jpg", "png"])
@pytest.mark.parametrize("mode", stretch.MODES)
@pytest.mark.parametrize("name", ["m-31", "ngc-7000"])  # a colour mosaic and a grey one
def test_the_bright_square_is_where_it_was_taken_and_the_sky_is_dark(nights, name, mode, form):
    picture = shown(pictures.picture(Finished(nights[1][name]).pixels("main", 2), "full", mode, form))
    scale = 160 / picture.shape[0]
    top, left, side = (int(x / scale) for x in (*BRIGHT, SIDE))
    assert picture[top + 2 : top + side - 2, left + 2 : left + side - 2].min() > 200
    assert np.median(picture) == pytest.approx(255 * stretch.BACKGROUND if mode == "auto" else 2, abs=14)


@pytest.mark.parametrize(("size", "longest"), [("thumbnail", 320), ("large", 1600)])
def test_pictures_keep_their_shape_and_their_limit(size, longest):
    from sessions.history.contents import Pixels

    wide = Pixels(None, np.full((900, 3600), 700, np.uint16), "", "x")
    picture = shown(pictures.picture(wide, size, "auto", "png"))
    assert picture.shape[1] == longest and abs(picture.shape[0] - longest // 4) <= 1


@given(st.integers(0, 2**31), st.sampled_from(["uint8", "uint16", "int16", "float32"]), st.booleans())
def test_any_array_becomes_a_picture(seed, dtype, colour):
    random = np.random.default_rng(seed)
    array = random.integers(0, 120, (9, 12, 3) if colour else (9, 12)).astype(dtype)
    if dtype == "float32":
        array.flat[:3] = (np.nan, np.inf, -np.inf)
    for mode in stretch.MODES:
        found = stretch.to_bytes(stretch.small(array, "RGGB", None), mode, False)
        assert (found.dtype == np.uint8 and found.ndim == array.ndim) or array.ndim == 2


def test_a_cameras_own_picture_keeps_its_colours(session):
    pixels = Finished(session).pixels("guide", 0)
    data = pictures.picture(pixels, "thumbnail", "auto", "png")
    colour = np.asarray(Image.open(io.BytesIO(data))).reshape(-1, 3).mean(axis=0)
    assert colour == pytest.approx((200, 40, 20), abs=3)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/fits", "image/x-canon-cr2", "video/mp4"])
def test_rubbish_is_not_showable_and_says_so(media_type):
    from sessions.history.contents import Pixels

    with pytest.raises(pictures.NotShowableError, match="holiday"):
        pictures.picture(Pixels(None, b"rubbish" * 99, media_type, "holiday.xyz"), "large", "auto", "jpg")


def test_a_fits_file_is_shown_and_one_that_lies_about_its_size_is_not(tmp_path):
    from astropy.io import fits

    from sessions.history.contents import Pixels

    file = io.BytesIO()
    fits.PrimaryHDU(frame(1)).writeto(file)
    picture = shown(
        pictures.picture(Pixels(None, file.getvalue(), "image/fits", "a.fits"), "full", "auto", "png")
    )
    assert picture[BRIGHT[0] + 4, BRIGHT[1] + 4] > 200
    huge = file.getvalue().replace(b"NAXIS1  =                  240", b"NAXIS1  =           2400000000")
    with pytest.raises(pictures.NotShowableError):
        pictures.picture(Pixels(None, huge, "image/fits", "a.fits"), "full", "auto", "png")


# -- charts


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e6, 1e6)), min_size=1, max_size=3000))
def test_thinning_keeps_both_extremes_and_the_ends(rows):
    times = np.array([at for at, _ in rows], np.int64) * 1000
    values = np.array([value for _, value in rows])
    line = [value for _, value in charts.thin(times, values, 100) if value is not None]
    assert min(line) == values.min() and max(line) == values.max()
    assert len(charts.thin(times, values, 100)) <= 100 * 5


def test_a_pause_breaks_the_line_and_a_reading_that_is_missing_is_not_drawn():
    times = np.array([0, 1, 2, 3, 10, 11, 12], np.int64) * 1_000_000
    values = np.array([1.0, 2, np.nan, 4, 5, 6, 7])
    assert charts.thin(times, values) == [
        [0, 1.0], [1000, 2.0], [3000, 4.0], [3001, None], [10000, 5.0], [11000, 6.0], [12000, 7.0],
    ]  # fmt: skip


def test_telemetry_has_a_line_for_each_sensor_with_its_unit_and_values(session):
    found = {(chart["name"], chart["column"]): chart for chart in Finished(session).telemetry()["charts"]}
    temperature = found["temperature", "value"]
    assert temperature["unit"] == "degC" and [line["name"] for line in temperature["lines"]] == [
        "lens",
        "outside",
    ]
    lens = [value for _, value in temperature["lines"][0]["points"] if value is not None]
    assert lens == [2 - number / 8 for number in range(24)]
    assert [value for _, value in temperature["lines"][0]["points"] if value is None] == [None], "one gap"
    exposures = found["frames", "exposure_s"]["lines"]
    assert [line["name"] for line in exposures] == ["main", "guide"]


# -- damage and strangers


@pytest.mark.parametrize("cut", [0, 10, 200, 5000])
def test_a_cut_file_is_refused_in_words(session, tmp_path, cut):
    path = tmp_path / "observation_x_20261119_180000.asdf"
    path.write_bytes(session.read_bytes()[:cut])
    with pytest.raises(DamagedFileError):
        open_contents(path).summary()
        open_contents(path).logs(LogQuery())


def test_a_block_that_is_damaged_is_noticed(session, tmp_path):
    path = tmp_path / session.name
    data = bytearray(session.read_bytes())
    at = data.index(b"\xd3BLK", len(data) // 2)
    data[at + 80] ^= 0xFF
    path.write_bytes(data)
    contents = Finished(path)
    with pytest.raises(DamagedFileError, match="checksum"):
        for number in range(24):
            contents.pixels("main", number)
        contents.telemetry()
        all_logs(contents)


def test_a_session_that_is_gone_is_refused(tmp_path):
    with pytest.raises(NoSessionError):
        open_contents(tmp_path / "idle_20261119_180000.asdf")
    with pytest.raises(NoSessionError):
        open_contents(tmp_path / "idle_20261119_180000.partial")


def test_a_tree_that_claims_a_huge_array_costs_nothing(session, tmp_path):
    path = tmp_path / session.name
    data = session.read_bytes()
    shape = b"shape: [160, 240]"
    assert shape in data
    path.write_bytes(data.replace(shape, b"shape: [9999999]".ljust(len(shape))))
    with pytest.raises(DamagedFileError):
        Finished(path).pixels("main", 0)


def test_an_idle_session_answers_with_nothing(nights):
    contents = Finished(nights[1]["idle_dslr"])
    assert contents.frames(FrameQuery())["frames"] == [] and contents.telemetry() == {"charts": []}
    assert contents.events()["total"] == 0 and contents.summary()["cameras"] == []


def test_answers_put_pictures_and_originals_into_the_cache(session, tmp_path):
    answers = Answers(tmp_path)
    wanted = {"camera": "main", "index": 0, "size": "thumbnail", "stretch": "auto", "form": "jpg"}
    assert answers.ask("picture", str(session), name="u/a.jpg", **wanted) == "u/a.jpg"
    assert shown((tmp_path / "u/a.jpg").read_bytes()).shape[1] <= 320
    told = answers.ask("original", str(session), camera="guide", index=0, name="u/b")
    assert told == {"name": "DSC_0001.JPG", "media_type": "image/jpeg"}
    assert (tmp_path / "u/b").read_bytes() == jpeg()
    with pytest.raises(NoSessionError, match="FITS"):
        answers.ask("original", str(session), camera="main", index=0, name="u/c")


@pytest.mark.parametrize("finished", [True, False])
def test_the_best_frames_have_the_most_stars_each_of_its_part_of_the_night(tmp_path, finished):
    counted = [5, 40, 9, 0, 70, 71, 20, 3, 90, 2, 50, 8]
    clock = SetClock(EVENING)
    with SessionManager(tmp_path, PLACE, clock=clock) as sessions:
        night = sessions.start_session("observation", target="M 31")
        for number, stars in enumerate(counted):
            moment = clock.forward(seconds=30)
            night.add_frame("main", frame(number), time=moment, exposure_us=20_000_000)
            night.add_telemetry("stars", time=moment + timedelta(seconds=10), value=stars)
        running = open_contents(tmp_path / ".live" / f"{night.id}.partial")
        session = Finished(sessions.end_session()) if finished else running
        best = session.frames(FrameQuery(only="best", sample=4))
        assert [row["index"] for row in best["frames"]] == [1, 5, 8, 10]
        assert session.frames(FrameQuery(only="best", sample=1))["frames"][0]["index"] == 8
        assert best["counts"]["all"] == len(counted)


def test_without_counted_stars_there_is_no_best_frame(session):
    assert Finished(session).frames(FrameQuery(only="best"))["frames"] == []
