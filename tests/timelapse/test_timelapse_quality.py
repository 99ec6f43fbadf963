"""A sequence whose errors are known comes out without them, measured on the encoded file."""

import cv2
import numpy as np
import pytest

from bench import _timelapse_metrics as metrics
from bench import _timelapse_scene as scene
from timelapse.pipeline import deflicker, rigid, tonebins, warp
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import make
from timelapse.pipeline.planes import Planes, from_rgb, to_rgb
from timelapse.pipeline.recipe import Recipe
from timelapse.pipeline.smoothing import whittaker

SHAKEN = scene.Errors(count=48, size=(640, 360), flicker=0.08, shake_px=6.0, seed=5)


@pytest.fixture(scope="module")
def shaken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shaken")
    scene.write(folder, SHAKEN)
    return folder


def test_encoded_result_neither_flickers_nor_shakes(shaken, tmp_path):
    recipe = Recipe.from_json({"outputs": [{"preset": "veryfast", "crf": 16}], "poster": False})
    report = make(open_source(shaken / "cap"), recipe, tmp_path / "o.mp4", tmp_path / "w")
    after = metrics.measure(metrics.decoded(tmp_path / "o.mp4"), shaken)
    captured = (cv2.imread(str(path)) for path in sorted((shaken / "cap").iterdir()))
    before = metrics.measure(captured, shaken)
    # As asked of 1080p and 4K; only a cell has a ninth of the pixels there, and its colour so much more noise.
    assert after["frame_dl"] < 0.09 < 0.25 * before["frame_dl"]
    assert after["cell_de"] < 0.25 < 0.4 * before["cell_de"]
    assert after["jitter_px"] < 0.05
    assert after["drift_px"] < 0.06
    exposure, shifts, _ = scene.known_errors(SHAKEN)
    assert report.flicker_ev == pytest.approx(exposure.std(), rel=0.25)
    assert report.motion_px == pytest.approx(np.hypot(*(shifts - shifts.mean(0)).T).std() * 1.5, rel=0.5)


def test_found_poses_and_exposures_are_the_known_ones(shaken, tmp_path):
    import polars

    recipe = Recipe.from_json({"outputs": [{"preset": "ultrafast"}], "poster": False})
    make(open_source(shaken / "cap"), recipe, tmp_path / "o.mp4", tmp_path / "w")
    curves = polars.read_parquet(tmp_path / "o-curves.parquet")
    exposure, shifts, turns = scene.known_errors(SHAKEN)
    for found, known, limit in (
        (curves["x_px"].to_numpy(), shifts[:, 0], 0.06),
        (curves["y_px"].to_numpy(), shifts[:, 1], 0.06),
        (curves["turn_deg"].to_numpy(), turns, 0.01),
        (curves["exposure_ev"].to_numpy() - curves["smooth_ev"].to_numpy(), _fast(exposure), 0.02),
    ):
        known = known - known.mean()
        assert np.std(found - found.mean() - known) < limit


def _fast(series):
    return series - whittaker(series, 40)


def test_flash_stays_and_broken_light_does_not(tmp_path):
    """A frame lit by lightning is an event; exposure errors around it are taken out all the same."""
    count, random = 40, np.random.default_rng(4)
    base = random.uniform(0.02, 0.5, (90, 160, 3))
    light = 2 ** random.normal(0, 0.08, count)
    light[20] *= 4
    frames = [scene.tone(base * gain + random.normal(0, 0.002, base.shape), 0.2) for gain in light]
    pairs = np.zeros((count, 3, 3, tonebins.BINS, 2), np.float32)
    for number, lag in enumerate(deflicker.LAGS):
        for later in range(lag, count):
            pairs[later, number] = tonebins.compare(frames[later - lag], frames[later])
    solved = deflicker.solve(pairs, count, 40)
    assert np.flatnonzero(solved.events).tolist() == [20]
    assert not solved.correction[20].any()
    others = np.delete(np.arange(count), 20)
    known = np.log2(light[others])
    found = solved.curve[others].mean(1)
    assert np.std(found - found.mean() - known + known.mean()) < 0.01
    assert not deflicker.solve(pairs, count, 40, keep_events=False).events.any()


def test_recorded_steps_slower_than_the_period_are_taken_out():
    count = 240
    steps = np.repeat(np.arange(count // 30), 30) / 3.0  # a third of a stop every 30 frames
    scene_ev = -np.linspace(0, steps[-1], count)
    random = np.random.default_rng(1)
    truth = scene_ev + steps + random.normal(0, 0.03, count)
    pairs = np.zeros((count, 3, 3, tonebins.BINS, 2), np.float32)
    response = deflicker.prior_response()
    for number, lag in enumerate(deflicker.LAGS):
        for later in range(lag, count):
            pairs[later, number, :, 4:20, 0] = (response * (truth[later] - truth[later - lag]))[4:20]
            pairs[later, number, :, 4:20, 1] = 0.05
    blind = deflicker.solve(pairs, count, 40)
    told = deflicker.solve(pairs, count, 40, recorded=steps)
    ideal = np.linspace(0, 1, count) * 0
    rough = [np.abs(np.diff(solved.smooth.mean(1), 2)).max() for solved in (blind, told)]
    assert rough[1] < 0.5 * rough[0]
    assert np.std(told.smooth.mean(1) - ideal) < 0.15


def test_smoother_keeps_the_slow_and_drops_the_fast():
    x = np.arange(400)
    for period, least, most in ((200, 0.98, 1.01), (40, 0.45, 0.55), (10, 0.0, 0.01)):
        wave = np.sin(2 * np.pi * x / period)
        kept = (whittaker(wave, 40)[100:300] * wave[100:300]).sum() / (wave[100:300] ** 2).sum()
        assert least <= kept <= most
    curve = 3 + 0.1 * x - 1e-4 * x**2
    np.testing.assert_allclose(whittaker(curve, 40), curve, atol=1e-4)


def identity_tables():
    code = np.linspace(0, 256, 4096, endpoint=False).clip(0, 255).astype(np.float32)
    return code, np.ones(4096, np.float32)


def test_identity_changes_nothing():
    random = np.random.default_rng(2)
    planes = from_rgb(random.integers(0, 256, (90, 134, 3), dtype=np.uint8))
    out = warp.render(planes, warp.IDENTITY, *identity_tables())
    np.testing.assert_allclose((out.y / 256 - 16) * 255 / 219, planes.y, atol=0.02)
    np.testing.assert_allclose((out.u / 256 - 128) * 255 / 224 + 128, planes.u, atol=0.02)
    luma, factor = deflicker.tables(np.tile(deflicker.prior_response(), (3, 1)), np.zeros(3))
    np.testing.assert_allclose(luma, identity_tables()[0], atol=1e-3)
    np.testing.assert_allclose(factor[:4000], 1, atol=0.03)


@pytest.mark.parametrize("turn_deg", [0.0, 0.03, 0.1, 3.0])
def test_moved_picture_is_the_moved_scene(turn_deg):
    """Against a smooth function sampled where the movement says; both kernels."""

    def world(x, y):
        return 128 + 50 * np.sin(x / 7.0) + 40 * np.cos(y / 5.0 + x / 31.0)

    y, x = np.mgrid[0:180, 0:320].astype(float)
    picture = np.rint(world(x, y)).astype(np.uint8)
    planes = Planes(picture, *(np.full((90, 160), 128, np.uint8) for _ in "uv"))
    matrix = rigid.movement(np.array([2.37, -1.62, np.deg2rad(turn_deg)]), (320, 180))
    out = warp.render(planes, matrix, *identity_tables())
    found = (out.y / 256 - 16) * 255 / 219
    wanted = world(
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2], matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    )
    inside = (slice(12, -12), slice(12, -12))
    assert np.sqrt(np.mean((found - wanted)[inside] ** 2)) < 0.5
    assert np.abs(np.mean((found - wanted)[inside])) < 0.05


def test_bands_do_not_change_pixels(monkeypatch):
    random = np.random.default_rng(3)
    planes = from_rgb(random.integers(0, 256, (122, 200, 3), dtype=np.uint8))
    matrix = rigid.movement(np.array([0.4, 0.7, 3e-4]), (200, 122))
    results = []
    for cores in (1, 2, 5):
        monkeypatch.setattr("sky.kernels.cores", lambda cores=cores: cores)
        results.append(warp.render(planes, matrix, *identity_tables()))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_rgb_goes_through_planes():
    random = np.random.default_rng(6)
    for kind, top in ((np.uint8, 255), (np.uint16, 65535)):
        blocks = np.repeat(np.repeat(random.integers(0, top + 1, (20, 30, 3)), 2, 0), 2, 1).astype(kind)
        back = to_rgb(from_rgb(blocks))
        assert np.abs(back.astype(int) - blocks).max() <= 3


def test_light_beyond_the_top_of_the_scale_is_the_top_whatever_lies_in_memory():
    """The filter's overshoot beside white pixels once read behind the end of the table: other films each time."""
    random = np.random.default_rng(0)
    luma = np.where(random.random((64, 128)) < 0.05, 255, 20).astype(np.uint8)
    planes = Planes(luma, *(np.full((32, 64), 128, np.uint8) for _ in "uv"))
    matrix = np.array([[1, 0, 0.4], [0, 1, 0.3]])
    made = set()
    for _ in range(60):
        for _ in range(20):
            random.integers(0, 65535, 4096).astype(np.uint16)  # what the next table stands beside
        made.add(warp.render(planes, matrix, np.arange(4096) / 16, np.ones(4096)).y.tobytes())
    assert len(made) == 1
    assert np.frombuffer(made.pop(), np.uint16).max() <= 4096 + 256 * 219 * 256 / 255  # code 256
