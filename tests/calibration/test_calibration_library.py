"""Darks, flats and bias on the renderer's sensor: the acceptance numbers of sky.md §7.4, matching, gaps, files."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sessions import provenance
from sessions.calibration import making
from sessions.calibration.key import Key
from sessions.calibration.library import Correction, Library
from sessions.calibration.lookup import Corrections
from sessions.calibration.masters import clipped_mean, hot_map, repair
from sessions.calibration.matching import match
from sessions.exchange.contents import Contents
from sessions.store.manager import SessionManager
from sky.instruments import DWARF3_TELE
from sky.renderer import sensor as chip
from skycam_project.common.clock import FastClock, microseconds_utc
from skycam_project.common.errors import InvalidValueError

NIGHT = datetime(2026, 3, 24, 22, tzinfo=UTC)
SMALL = replace(DWARF3_TELE, sensor=replace(DWARF3_TELE.sensor, width=400, height=300, hot_fraction=2e-3))
GAIN = 60.0
INFO = {"model": "DWARF 3 tele", "bayer_pattern": "RGGB", "serial": "7"}


def expose(seconds: float, temperature: float, seed: int, light: float = 0.0, mean=False) -> np.ndarray:
    """A frame of the renderer's sensor under even light (electrons), or its expectation."""
    sensor = SMALL.sensor
    maps = chip.maps(sensor, SMALL.optics)
    darks = maps.dark_factors * np.float32(chip.electrons_dark(SMALL, seconds, temperature))
    if mean:
        electrons = light * maps.flat * chip.FLAT_STEP + darks[maps.dark]
        return np.minimum(electrons, sensor.full_well_e) / sensor.adu_gain(GAIN) + sensor.offset_adu
    nodes = np.full((4, 4, 5), light, np.float32)
    out = np.empty((sensor.height, sensor.width), np.uint16)
    chip.expose_mosaic(
        np.zeros((1, sensor.height, sensor.width), np.float32), 0, nodes, nodes, np.ones((4, 5), np.float32), False, 100,
        maps.flat, maps.dark, darks, sensor.read_noise_e, 1 / sensor.adu_gain(GAIN), sensor.offset_adu, sensor.top_adu,
        sensor.full_well_e, np.uint64(seed), chip.normal_table(), chip.poisson_table(), out,
    )  # fmt: skip
    return out


def key(seconds: float, temperature: float | None, **more) -> Key:
    return replace(Key("DWARF 3 tele 7", 400, 300, 1, GAIN, seconds, temperature), **more)


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Library:
    """A dark of 60 s at 30 degrees, one of 30 s at 25, bias and flat, of 16 frames each."""
    result = Library(tmp_path_factory.mktemp("calibration"))
    for kind, seconds, temperature, light, seed in (
        ("dark", 60.0, 30.0, 0.0, 100), ("dark", 30.0, 25.0, 0.0, 200), ("bias", 0.0, 25.0, 0.0, 300),
        ("flat", 0.2, 25.0, 4000.0, 400),
    ):  # fmt: skip
        frames = (expose(seconds, temperature, seed + n, light) for n in range(16))
        mean, count = clipped_mean(frames)
        settings = key(seconds, temperature, filter="Astro" if kind == "flat" else "")
        result.add(kind, mean, settings, count, NIGHT - timedelta(days=3), True)
    return result


def isolated_hot(pixels: np.ndarray) -> int:
    """Pixels more than 8 deviations above the others."""
    median = np.median(pixels)
    sigma = 1.4826 * np.median(np.abs(pixels - median))
    return int(np.count_nonzero(pixels > median + 8 * sigma))


def test_an_exact_dark_removes_99_of_100_hot_pixels(library):
    light = expose(60, 30, 9, 20.0)
    before = isolated_hot(light.astype(float))
    found = library.apply(light, key(60, 30.5), NIGHT)
    assert before > 100 and found.repaired > 100
    assert isolated_hot(found.pixels) <= before * 0.01
    assert found.used[0]["how"] == "equal" and [gap for gap in found.gaps if "dark" in gap] == []


def test_a_scaled_dark_is_at_most_three_times_worse_than_an_exact_one(library):
    """30 s at 25 degrees become 60 s at 30: the error that stays, beside the exact dark's."""
    known = library.masters()
    exact = match(known, key(60, 30), NIGHT)
    scaled = match([one for one in known if one.key.exposure_s != 60], key(60, 30), NIGHT)
    assert scaled.dark is not None and scaled.dark.how == "scaled"
    assert scaled.dark.factor == pytest.approx(2 * 2 ** (5 / 6))
    fresh = expose(60, 30, 77)
    below = expose(60, 30, 0, mean=True) < 0.9 * SMALL.sensor.top_adu
    truth = expose(60, 30, 0, mean=True)
    rms, shift = [], []
    for found in (exact, scaled):
        correction = Correction(library, replace(found, flat=None))
        left = correction.apply(fresh, repair=False).pixels[below]
        rms.append(float(np.sqrt(np.mean(left**2))))
        shift.append(abs(float(np.median((correction.offset - truth)[below]))))
    assert rms[1] <= 3 * rms[0] and max(shift) < 0.15, (rms, shift)
    light = expose(60, 30, 9, 20.0)
    left = isolated_hot(Correction(library, replace(scaled, flat=None)).apply(light).pixels)
    assert left <= isolated_hot(light.astype(float)) * 0.02


@pytest.mark.parametrize("count", [10, 20])
def test_a_master_adds_the_noise_that_it_must_and_no_more(count):
    frames = [expose(10, 20, 500 + n, 100.0) for n in range(count)]
    mean, _ = clipped_mean(iter(frames))
    truth = expose(10, 20, 0, 100.0, mean=True)
    good = ~hot_map(truth.astype(np.float32))
    single = np.std((expose(10, 20, 999, 100.0) - truth)[good])
    after = np.std((expose(10, 20, 999, 100.0) - mean)[good])
    assert after / single == pytest.approx(np.sqrt(1 + 1 / count), rel=0.02)


def test_cosmic_rays_do_not_reach_the_master():
    frames = [expose(10, 20, 500 + n, 100.0) for n in range(10)]
    clean, _ = clipped_mean(iter(frames))
    for number, frame in enumerate(frames):
        frame[number * 20 : number * 20 + 3, 50:90] = 3000
    hit, _ = clipped_mean(iter(frames))
    assert np.abs(hit - clean).max() < 12  # a tenth of 2800 would be 280


def test_a_flat_flattens_to_one_percent(library):
    light = expose(15, 25, 11, 2000.0)
    found = library.apply(light, key(60, 30, filter="Astro"), NIGHT)
    assert [one["kind"] for one in found.used] == ["dark", "flat"]
    good = library.apply(
        expose(0.2, 25, 12, 3000.0), key(0.2, 25, filter="Astro", exposure_s=0.2), NIGHT
    ).pixels
    boxes = good[:300, :400].reshape(10, 30, 10, 40).mean(axis=(1, 3))
    assert boxes.std() / boxes.mean() < 0.01
    raw = expose(0.2, 25, 12, 3000.0).reshape(10, 30, 10, 40).mean(axis=(1, 3))
    assert raw.std() / raw.mean() > 0.03, "without a flat the corners are dark"


def test_what_fits_and_what_does_not(library):
    known = library.masters()
    at = NIGHT

    def dark(wanted: Key, moment: datetime = at):
        return match(known, wanted, moment).dark

    assert dark(key(60, 31.9)).how == "equal" and dark(key(60, 28.1)).master.key.exposure_s == 60
    assert dark(key(60, 34)).how == "scaled" and dark(key(60, 39)) is None
    assert dark(key(60, None)).how == "equal", "a camera without a thermometer"
    assert dark(key(60, 30, gain=61.0)) is None and dark(key(60, 30, binning=2)) is None
    assert dark(key(60, 30, camera="DWARF 3 tele 8")) is None and dark(key(60, 30, width=1920)) is None
    assert dark(key(60, 30), at + timedelta(days=200)) is None and dark(key(60, 30), at + timedelta(days=170))
    without_bias = [one for one in known if one.kind != "bias"]
    found = match(without_bias, key(45, 30), at)
    assert (
        found.dark is None
        and found.gaps[0] == "no dark for 45 s, gain 60, 30 °C (a bias would let one be scaled)"
    )
    assert match(known, key(60, 30, filter="Duo-band"), at).gaps == ("no flat for the filter Duo-band",)
    assert match([], key(30, -5.0), at).gaps[0] == "no dark for 30 s, gain 60, −5 °C"


def test_of_several_the_nearest_is_taken(tmp_path):
    library = Library(tmp_path)
    blank = np.zeros((300, 400), np.float32)
    for number, (temperature, days) in enumerate(((20.0, 1), (21.0, 90), (21.0, 2), (23.0, 1))):
        library.add("dark", blank + number, key(60, temperature), 10, NIGHT - timedelta(days=days), True)
    found = library.match(key(60, 21.4), NIGHT).dark
    assert found is not None and library.pixels(found.master)[0, 0] == 2


def test_hot_pixels_are_filled_from_their_own_colour():
    y, x = np.mgrid[0:40, 0:60]
    colours = np.where((y % 2) & (x % 2), 300.0, np.where((y % 2) | (x % 2), 200.0, 100.0)).astype(np.float32)
    bad = np.random.default_rng(1).random((40, 60)) < 0.05
    bad[0, 0] = bad[39, 59] = True
    broken = np.where(bad, 9999, colours).astype(np.float32)
    repair(broken, bad, mosaic=True)
    assert np.array_equal(broken, colours)
    rgb = np.stack([colours] * 3, axis=2)
    broken = rgb.copy()
    broken[10, 10] = 9999
    one = np.zeros((40, 60), bool)
    one[10, 10] = True
    repair(broken, one, mosaic=False)
    assert broken[10, 10].max() < 400
    alone = np.full((3, 3), 5.0, np.float32)
    repair(alone, np.ones((3, 3), bool), mosaic=False)
    assert (alone == 5).all()


def test_too_few_and_mixed_frames_are_refused():
    with pytest.raises(InvalidValueError, match="at least 10"):
        clipped_mean(iter([np.zeros((4, 4), np.uint16)] * 9))
    with pytest.raises(InvalidValueError, match="all uint16"):
        clipped_mean(iter([np.zeros((4, 4), np.uint16)] * 9 + [np.zeros((5, 4), np.uint16)]))
    with pytest.raises(InvalidValueError, match="as its dark is"):
        matches = match([], key(1, 1), NIGHT)
        library = Correction(Library.__new__(Library), matches)
        library.offset, library.matches = np.zeros((4, 4), np.float32), matches
        library.apply(np.zeros((5, 4)))


def session(folder, darks=(10, 10), flats=0):
    """A session with darks at 30 and at 20 degrees, and lights of 60 s and 15 s."""
    with SessionManager(folder, clock=FastClock(NIGHT)) as sessions:
        made = sessions.start_session("observation", target="M 31")
        common = {"info": INFO, "gain": GAIN, "time": NIGHT}
        for number in range(2):
            made.add_frame(
                "tele", expose(60, 30, number, 200.0), exposure_us=60_000_000, sensor_temp_c=30.0, **common
            )
        made.add_frame("tele", expose(15, 8, 7, 200.0), exposure_us=15_000_000, sensor_temp_c=8.0, **common)
        for temperature, count in zip((30.0, 20.0), darks, strict=True):
            for number in range(count):
                frame = expose(60, temperature, 40 + number)
                jitter = temperature + 0.3 * (number % 3)
                made.add_calibration("dark", frame, exposure_us=60_000_000, gain=GAIN, sensor_temp_c=jitter, camera="tele", time=NIGHT)  # fmt: skip
        for number in range(flats):
            made.add_frame(
                "tele",
                expose(0.2, 25, 80 + number, 4000.0),
                image_type="Flat Frame",
                exposure_us=200_000,
                **common,
            )
        return sessions.end_session()


def test_masters_are_made_from_sessions_and_can_be_made_again(tmp_path):
    path = session(tmp_path / "data", darks=(12, 4), flats=10)
    found = making.groups([path])
    assert sorted((one.kind, len(one.frames), one.enough) for one in found) == [
        ("dark", 4, False), ("dark", 12, True), ("flat", 10, True),
    ]  # fmt: skip
    library = Library(tmp_path / "data" / "calibration")
    made = [making.make(one, library) for one in found if one.enough]
    again = [making.make(one, library) for one in found if one.enough]
    assert [one.sha256 for one in made] == [one.sha256 for one in again], (
        "the same frames are the same master"
    )
    dark = next(one for one in library.masters() if one.kind == "dark")
    assert (
        len(library.masters()) == 2
        and dark.frames == 12
        and dark.key.temperature_c == pytest.approx(30.3, abs=0.31)
    )
    wanted = next(iter(making.wanted([path])))
    result = library.apply(expose(60, 30, 3, 200.0), *wanted)
    assert {one["kind"] for one in result.used} == {"dark", "flat"} and not result.gaps
    provenance.register("master", making.make_again)
    assert provenance.reproduce(dark.path).ok
    missing = library.gaps(making.wanted([path]))
    assert missing == {"no dark for 15 s, gain 60, 8 °C (a bias would let one be scaled)": 1}


@pytest.mark.parametrize("finished", [True, False])
def test_every_part_finds_the_masters_of_a_frame_with_one_call(tmp_path, library, finished):
    """From the rows of a finished session, and from the journal of one that runs."""
    path = session(tmp_path / "data", darks=(0, 0))
    corrections = Corrections(library.root)
    with Contents(path) as contents:
        camera = contents.cameras["tele"]
        rows = [frame.row for frame in contents.frames()]
    if not finished:
        rows = [row | {"time": microseconds_utc(row["time"])} for row in rows]
    light = expose(60, 30, 3, 200.0)
    found = [corrections.of_frame("tele", camera.info, camera.settings, row, light.shape) for row in rows]
    assert found[0] is found[1], "masters of equal settings are read once"
    assert np.array_equal(found[0].apply(light).pixels, library.apply(light, key(60, 30), NIGHT).pixels)
    assert found[0].offset.shape == found[0].hot.shape == light.shape
    assert found[2].matches.dark is None and found[2].matches.bias is not None
    assert {(one["kind"], one["how"]) for one in corrections.used} == {("dark", "equal"), ("bias", "equal")}
    assert corrections.gaps == {
        "no flat for DWARF 3 tele 7": 3, "no dark for 15 s, gain 60, 8 °C": 1,
    }  # fmt: skip


def test_a_master_made_meanwhile_is_seen(tmp_path):
    corrections = Corrections(tmp_path / "none yet")
    row = {"time": NIGHT, "exposure_us": 60_000_000, "gain": GAIN, "sensor_temp_c": 30.0}
    before = corrections.of_frame("tele", INFO, {}, row, (300, 400))
    assert before.offset is None and before.apply(expose(60, 30, 1)).used == []
    Library(tmp_path / "none yet").add("dark", np.ones((300, 400), np.float32), key(60, 30), 10, NIGHT, True)
    assert corrections.of_frame("tele", INFO, {}, row, (300, 400)).offset is not None


def test_a_master_that_is_not_whole_is_not_there(tmp_path, library):
    folder = tmp_path / "darks"
    folder.mkdir()
    (folder / "broken.json").write_text("{")
    (folder / "gone.json").write_text(
        json.dumps(
            {
                "key": {"camera": "x"},
                "frames": 10,
                "taken_at": "2026-01-01T00:00:00Z",
                "hot_pixels": 0,
                "mosaic": True,
            }
        )
    )
    (folder / "half.frame").write_bytes(b"x")
    assert Library(tmp_path).masters() == []
