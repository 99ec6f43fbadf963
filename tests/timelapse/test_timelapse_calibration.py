"""Darks, flats and bad pixels in timelapses of sessions: pixels, names of parts, the record, the same masters again."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from astropy.io import fits

from camera.simulator.dng import dng
from sessions import provenance
from sessions.calibration.key import Key
from sessions.calibration.library import Library
from sessions.store.manager import SessionManager
from timelapse import making
from timelapse.makers import timelapse
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import make
from timelapse.pipeline.recipe import Output, Recipe
from timelapse.work import Work

START = datetime(2026, 11, 10, 20, tzinfo=UTC)
HEIGHT, WIDTH = 96, 128
DARK = 2000.0
HOT = (40, 61)
INFO = {"model": "Roof camera", "serial": "9"}
KEY = Key("Roof camera 9", WIDTH, HEIGHT, 1, 60.0, 30.0, 5.0)
COLOURS = np.array([[9000.0, 14000.0], [14000.0, 6000.0]])
FLAT = 1 - 0.5 * np.hypot(*(np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j])) ** 2 / 2
RECIPE = Recipe(
    denoise=0.0, stabilise="off", deflicker=0.0, poster=False, outputs=(Output(codec="ffv1"),), chunk=24
)


def counts(n: int, mosaic: bool) -> np.ndarray:
    """An even light seen through a lens that falls off to a quarter less, with dark current and a hot pixel."""
    light = np.tile(COLOURS, (HEIGHT // 2, WIDTH // 2)) if mosaic else np.full((HEIGHT, WIDTH), 12000.0)
    image = light * FLAT + DARK + np.random.default_rng(n).normal(0, 20, FLAT.shape)
    image[HOT] = 65535
    return image.astype(np.uint16)


def frame_file(form: str, n: int) -> tuple[bytes, str]:
    if form == "raw":
        taken = START + timedelta(seconds=40 * n)
        data = dng(
            counts(n, True), b"\xff\xd8\xff\xd9", (WIDTH, HEIGHT), make="A", model="B", taken=taken, exposure_s=30,
            f_number=2.8, iso=1600,
        )  # fmt: skip
        return data, f"IMG_{n:04d}.DNG"
    buffer = BytesIO()
    fits.PrimaryHDU(counts(n, False)).writeto(buffer)
    return buffer.getvalue(), f"light_{n:04d}.fits"


def night(root: Path, form: str, frames: int = 3) -> Path:
    with SessionManager(root, {"lat": 46.0, "lon": 7.5, "alt": 500.0}, instrument="roof") as sessions:
        running = sessions.start_session("observation", target="sky")
        info = INFO | ({"bayer_pattern": "RGGB"} if form == "mosaic" else {})
        for n in range(frames):
            about = {
                "time": START + timedelta(seconds=40 * n), "exposure_us": 30_000_000, "gain": 60.0,
                "sensor_temp_c": 5.0,
            }  # fmt: skip
            if form in ("mono", "mosaic"):
                running.add_frame("roof", counts(n, form == "mosaic"), info=info, **about)
            else:
                running.add_original("roof", *frame_file(form, n), info=info, **about)
        return sessions.end_session()


def masters(root: Path, mosaic: bool) -> Library:
    library = Library(root / "calibration")
    dark = np.random.default_rng(99).normal(DARK, 2, FLAT.shape).astype(np.float32)
    dark[HOT] = 60000
    library.add("dark", dark, KEY, 16, START, mosaic)
    library.add("flat", (FLAT * 20_000).astype(np.float32), KEY, 16, START, mosaic)
    return library


def pictures(path: Path, tmp_path: Path, **changes) -> tuple[np.ndarray, object]:
    """The developed frame 1, and the report of a film."""
    source = open_source(path)
    recipe = Recipe.from_json(RECIPE.to_json() | {"develop": {"stretch": "off"}} | changes)
    report = make(source, recipe, tmp_path / "film.mkv", tmp_path / "work")
    rgb = source.read_rgb(1).astype(float)
    source.close()
    return rgb, report


def decoded(film: Path) -> np.ndarray:
    with av.open(film) as opened:
        return np.stack([frame.to_ndarray() for frame in opened.decode(video=0)])


@pytest.mark.parametrize("form", ["mono", "mosaic", "raw", "fits"])
def test_hot_pixels_and_vignettes_are_gone(tmp_path, form):
    path = night(tmp_path / "sessions", form)
    before, bare = pictures(path, tmp_path)
    assert not bare.masters
    assert bare.gaps == {"no dark for 30 s, gain 60, 5 °C": 3, "no flat for Roof camera 9": 3}
    masters(tmp_path / "sessions", form in ("mosaic", "raw"))
    after, report = pictures(path, tmp_path)
    assert [one["kind"] for one in report.masters] == ["dark", "flat"]
    assert not report.gaps
    assert report.digest != bare.digest

    def fall(rgb):  # corner against middle, in code
        middle = np.median(
            rgb[HEIGHT // 2 - 8 : HEIGHT // 2 + 8, WIDTH // 2 - 8 : WIDTH // 2 + 8], axis=(0, 1)
        )
        return np.median(rgb[:8, :8], axis=(0, 1)) / middle

    def above(rgb):  # the hot pixel against its surroundings
        around = rgb[HOT[0] - 6 : HOT[0] + 7, HOT[1] - 6 : HOT[1] + 7]
        return np.abs(around - np.median(around, axis=(0, 1))).max() / np.median(around)

    assert (fall(before) < 0.85).all()
    np.testing.assert_allclose(fall(after), 1, atol=0.01)
    assert above(before) > 0.3
    assert above(after) < 0.03
    if form == "mono":  # the dark is gone from the level, too
        expected = 65535 * (12000 * np.median(FLAT) / 65535) ** (1 / 2.2)
        assert np.median(after) == pytest.approx(expected, rel=0.01)
    left, without = pictures(path, tmp_path, calibrate=False)
    np.testing.assert_array_equal(left, before)
    assert (without.masters, without.gaps) == ([], {})
    assert without.digest == bare.digest


def test_a_damaged_or_odd_master_is_a_gap(tmp_path):
    path = night(tmp_path / "sessions", "mono")
    library = masters(tmp_path / "sessions", False)
    dark = next(one for one in library.masters() if one.kind == "dark")
    data = bytearray(dark.path.read_bytes())
    data[-200] ^= 255
    dark.path.write_bytes(data)
    _, report = pictures(path, tmp_path)
    assert report.frames == 3
    assert not report.masters
    assert list(report.gaps.values()) == [3]
    assert dark.path.name in next(iter(report.gaps))


def test_the_record_names_masters_and_the_film_comes_out_again(tmp_path):
    path = night(tmp_path / "sessions", "mono")
    library = masters(tmp_path / "sessions", False)
    folder = tmp_path / "product"
    recipe = {"recipe": RECIPE.to_json(), "draft": False}
    work = Work("timelapse", "", "", str(path), str(folder), str(tmp_path / "work"), recipe)
    report = making.make(work, lambda _: None, lambda: False)
    json.dumps(report)
    assert [one["kind"] for one in report["masters"]] == ["dark", "flat"]
    record = provenance.read(folder)
    used = {one["sha256"] for one in record.parameters["found"]["masters"]}
    files = [one.path for one in library.masters()]
    assert used == {file.stem for file in files}
    assert len(record.inputs) == 3
    library.add("flat", np.full((HEIGHT, WIDTH), 20_000, np.float32), KEY, 16, START, mosaic=False)
    sources = [provenance.Source(one) for one in (path, *files)]
    again = timelapse(sources, record.parameters, tmp_path / "again")
    film = next(one for one in again if one.suffix == ".mkv")
    np.testing.assert_array_equal(decoded(film), decoded(folder / film.name))
    other = open_source(path)
    calibrated = make(other, RECIPE, tmp_path / "new.mkv", tmp_path / "work")
    other.close()
    assert {one["sha256"] for one in calibrated.masters} != used


def test_pictures_and_folders_are_left_alone(tmp_path):
    folder = tmp_path / "sessions" / "in"
    folder.mkdir(parents=True)
    masters(tmp_path / "sessions", False)
    for n in range(3):
        data, name = frame_file("fits", n)
        (folder / name).write_bytes(data)
    _, report = pictures(folder, tmp_path)
    assert (report.masters, report.gaps) == ([], {})
