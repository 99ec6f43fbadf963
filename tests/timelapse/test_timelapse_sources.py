"""Frames of sessions: embedded, outside, still running; the camera's files and arrays."""

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from test_timelapse_job import write_frames

from sessions.store.manager import SessionManager
from timelapse.pipeline.errors import SourceError
from timelapse.pipeline.frames import open_source

START = datetime(2026, 11, 10, 20, tzinfo=UTC)


def jpegs(folder, count):
    write_frames(folder, count)
    return [(folder / f"frame{number}.jpg").read_bytes() for number in range(count)]


def fill(session, files):
    for number, data in enumerate(files):
        session.add_original(
            "dslr",
            data,
            f"DSC_{number:04d}.JPG",
            time=START + timedelta(seconds=10 * number),
            exposure_us=2_000_000,
            gain=400,
            aperture_f=2.8,
        )


@pytest.mark.parametrize("storage", ["embedded", "external", "running"])
def test_originals_of_a_session(tmp_path, storage):
    files = jpegs(tmp_path / "in", 8)
    options = {} if storage == "running" else {"storage": storage}
    sessions = SessionManager(tmp_path / "data", **options)
    session = sessions.start_session("observation", target="mountain")
    fill(session, files)
    session.add_frame("guide", np.zeros((20, 30), np.uint16))
    path = next((tmp_path / "data" / ".live").glob("observation*.partial"))
    if storage != "running":
        path = sessions.end_session()
    source = open_source(path)
    assert [frame.index for frame in source.frames] == list(range(8))
    frame = source.frames[3]
    assert (frame.time, frame.exposure_s, frame.iso, frame.aperture_f, frame.camera) == (
        START + timedelta(seconds=30),
        2.0,
        400.0,
        2.8,
        "dslr",
    )
    assert source.read_original(3) == ("DSC_0003.JPG", files[3])
    direct = open_source(tmp_path / "in")
    np.testing.assert_array_equal(source.read_yuv(3).y, direct.read_yuv(3).y)
    guide = open_source(path, "guide")
    assert guide.size == (30, 20)
    guide.close()
    with pytest.raises(SourceError, match="dslr, guide"):
        open_source(path, "main")
    source.close()
    sessions.shutdown()


def test_arrays_of_a_session_keep_one_scale(tmp_path):
    sessions = SessionManager(tmp_path / "data")
    session = sessions.start_session("observation")
    for level in (1000, 2000, 4000):
        session.add_frame("main", np.full((40, 60), level, np.uint16), exposure_us=1000)
    source = open_source(sessions.end_session())
    levels = [source.read_yuv(number).y for number in range(3)]
    assert all(plane.dtype == np.uint16 and np.ptp(plane) == 0 for plane in levels)
    ratios = [levels[number + 1][0, 0] / levels[number][0, 0] for number in range(2)]
    assert ratios == pytest.approx([2 ** (1 / 2.2)] * 2, rel=1e-3)
    source.close()
    sessions.shutdown()


def test_other_pictures_and_odd_sizes(tmp_path):
    random = np.random.default_rng(1)
    pixels = cv2.GaussianBlur(random.integers(0, 65536, (61, 81, 3)).astype(np.uint16), (0, 0), 3)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    cv2.imwrite(str(tmp_path / "b.tif"), pixels)
    cv2.imwrite(str(tmp_path / "c.png"), (pixels >> 8).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "d.jpg"), (pixels >> 8).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "e.png"), pixels[:, :, 1])
    source = open_source(tmp_path)
    assert source.size == (81, 61)
    for number, tolerance in enumerate((2, 2, 2, 6)):
        rgb = source.read_rgb(number).astype(float)
        scale = 257 if rgb.max() > 255 else 1
        off = rgb[::2, ::2] / scale - pixels[:60:2, :80:2, ::-1] / 257
        assert np.abs(off).mean() < tolerance
    assert source.read_luma(4).shape == (60, 80)
    assert np.abs(source.read_luma(4).astype(int) - (pixels[:60, :80, 1] >> 8)).max() <= 1


def test_order_is_by_time_when_every_frame_has_one(tmp_path):
    from PIL import Image

    for name, second in (("a", 5), ("b", 1), ("c", 3)):
        image = Image.new("RGB", (32, 32))
        exif = image.getexif()
        exif[0x8769] = {0x9003: f"2026:11:10 20:00:0{second}", 0x829A: 0.5, 0x8827: 800, 0x829D: 4.0}
        image.save(tmp_path / f"{name}.jpg", exif=exif)
    source = open_source(tmp_path)
    assert [frame.name for frame in source.frames] == ["b.jpg", "c.jpg", "a.jpg"]
    assert source.frames[0].time == datetime(2026, 11, 10, 20, 0, 1, tzinfo=UTC)
    assert (source.frames[0].exposure_s, source.frames[0].iso, source.frames[0].aperture_f) == (0.5, 800, 4)
