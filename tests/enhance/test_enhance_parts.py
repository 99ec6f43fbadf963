"""Key frames, speed, looks, overlays, lenses: each does what it says to numbers and to pixels."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skycam_project.common.errors import InvalidValueError
from timelapse.pipeline import colour, keyframes, lens, overlay, profiles, retime
from timelapse.pipeline.planes import Planes, from_rgb

START = datetime(2026, 11, 20, 21, tzinfo=UTC)
moments = st.lists(st.integers(0, 1000), min_size=1, max_size=6, unique=True)


def working(y, u=128.0, v=128.0, height=64, width=96):
    """Even working planes of codes 0 … 255."""
    luma = np.full((height, width), round(4096 + y * 219 * 256 / 255), np.uint16)
    parts = (np.full((height // 2, width // 2), round(32768 + (c - 128) * 224 * 256 / 255)) for c in (u, v))
    return Planes(luma, *(part.astype(np.uint16) for part in parts))


def rgb_of(planes):
    """Mean colour, codes 0 … 255."""
    y = (planes.y.mean() - 4096) / (219 * 256) * 255
    cb, cr = ((plane.mean() - 32768) / (224 * 256) * 255 for plane in (planes.u, planes.v))
    return np.array([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb])


# ---- key frames


def test_values_run_between_key_frames_without_overshoot():
    given_frames = keyframes.key_frames(
        [{"at": 1, "zoom": 2.0}, {"at": 0.25, "zoom": 1.0}, {"at": 0.5, "zoom": 2.0}]
    )
    track = keyframes.track(given_frames, "zoom", 101)
    assert (track[:26] == 1).all()
    assert track[50] == pytest.approx(2)
    assert (np.diff(track[25:51]) > 0).all()
    assert track[50:] == pytest.approx(2)
    assert (keyframes.track(given_frames, "exposure_ev", 101) == 0).all()


@given(moments, st.data())
def test_a_track_stays_between_its_key_frames(at, data):
    frames = keyframes.key_frames([{"at": m / 1000, "exposure_ev": data.draw(st.floats(-8, 8))} for m in at])
    values = [frame.exposure_ev for frame in frames]
    track = keyframes.track(frames, "exposure_ev", 50)
    assert min(values) - 1e-9 <= track.min() <= track.max() <= max(values) + 1e-9


@pytest.mark.parametrize(
    "wrong",
    [
        "x", [{}], [{"at": 2}], [{"at": 0, "zoom": 0.5}], [{"at": 0, "zoom": True}], [{"at": 0, "what": 1}],
        [{"at": 0}, {"at": 0}], [{"at": float("nan")}], [{"at": 0, "x": "left"}],
    ],
)  # fmt: skip
def test_wrong_key_frames_are_refused(wrong):
    with pytest.raises(InvalidValueError):
        keyframes.key_frames(wrong)


# ---- speed


def test_time_runs_evenly_over_gaps_and_changed_intervals():
    seconds = [*range(0, 100, 10), *range(100, 200, 20), 400, *range(420, 500, 20)]
    times = [START + timedelta(seconds=s) for s in seconds]
    found = retime.positions(retime.Speed(even=True), times)
    shown = np.interp(found, np.arange(len(times)), seconds)
    assert np.diff(shown) == pytest.approx(np.diff(shown)[0], rel=0.01)
    assert (found[0], found[-1]) == (0, len(times) - 1)


def test_a_speed_of_two_halves_the_frames():
    found = retime.positions(retime.Speed.from_json({"points": [[0, 2], [1, 2]]}), [None] * 101)
    assert len(found) == 51
    assert np.diff(found) == pytest.approx(2)


def test_speed_runs_smoothly_between_its_points():
    found = retime.positions(retime.Speed.from_json({"points": [[0, 1], [1, 4]]}), [None] * 400)
    steps = np.diff(found)
    assert steps[0] == pytest.approx(1, abs=0.05)
    assert steps[-1] == pytest.approx(4, abs=0.15)
    assert (np.diff(steps) > -1e-6).all()


@given(
    st.lists(st.integers(0, 3600), min_size=2, max_size=60),
    st.lists(st.tuples(st.integers(0, 100), st.floats(0.1, 100)), max_size=4, unique_by=lambda pair: pair[0]),
    st.booleans(),
)
def test_any_speed_gives_rising_places_within_the_sequence(gaps, points, even):
    times = [START + timedelta(seconds=int(s)) for s in np.cumsum(gaps)]
    speed = retime.Speed.from_json(
        {"even": even, "points": [[moment / 100, rate] for moment, rate in sorted(points)]}
    )
    found = retime.positions(speed, times)
    assert 2 <= len(found) <= retime.MOST * len(times)
    assert found[0] == 0
    assert found[-1] == pytest.approx(len(times) - 1)
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize(
    "wrong", [{"points": [[0]]}, {"points": [[0, 0]]}, {"points": [[1, 2], [0, 2]]}, {"even": 1}, []]
)
def test_wrong_speeds_are_refused(wrong):
    with pytest.raises(InvalidValueError):
        retime.Speed.from_json(wrong)


# ---- colour and tone


def test_no_look_changes_nothing():
    codes = np.linspace(0, 256, 4096)
    luma, factor = colour.apply_curve(colour.Look(), codes, np.ones(4096))
    assert luma == pytest.approx(np.clip(codes, 0, 255), abs=0.01)
    assert factor == pytest.approx(1, abs=0.02)


@given(
    st.builds(
        colour.Look,
        saturation=st.floats(0, 3), contrast=st.floats(-1, 1), shadows_ev=st.floats(-2, 3),
        lights=st.floats(0, 1), dehaze=st.floats(0, 1),
    ),
    st.floats(0, 255),
)  # fmt: skip
def test_every_look_keeps_the_order_of_tones(look, black):
    luma, factor = colour.apply_curve(look, np.linspace(0, 255, 256), np.ones(256), black)
    assert (np.diff(luma) >= 0).all()
    assert luma.min() >= 0
    assert luma.max() <= 255
    assert (factor >= 0).all()


def test_shadows_lights_and_haze():
    def at(code, **fields):
        return float(
            colour.apply_curve(colour.Look(**fields), np.array([float(code)]), np.ones(1), 60.0)[0][0]
        )

    assert at(40, shadows_ev=1.0) > 46
    assert at(200, shadows_ev=1.0) == pytest.approx(200, abs=0.5)
    assert at(250, lights=1.0) < 225
    assert at(100, lights=1.0) == pytest.approx(100)
    assert at(60, dehaze=1.0) == 0
    assert at(255, dehaze=1.0) == pytest.approx(255)


def test_white_balance_keeps_brightness_and_changes_colour():
    grey = working(128)
    warm = rgb_of(colour.balance(grey, colour.gains(800, 0)))
    cool = rgb_of(colour.balance(grey, colour.gains(-800, 0)))
    assert warm[0] > warm[1] > warm[2]
    assert cool[0] < cool[1] < cool[2]
    assert rgb_of(colour.balance(grey, colour.gains(0, 0))) == pytest.approx([128] * 3, abs=0.2)
    magenta = rgb_of(colour.balance(grey, colour.gains(0, 1)))
    assert magenta[1] < magenta[0] == pytest.approx(magenta[2], abs=0.5)
    for values in (warm, cool, magenta):
        assert values @ [0.2126, 0.7152, 0.0722] == pytest.approx(128, abs=4)


def test_balance_is_a_factor_of_light_for_each_channel():
    red_light = rgb_of(colour.balance(working(100, 110, 160), np.array([2.0, 1, 1])))
    before = rgb_of(working(100, 110, 160))
    assert red_light[0] / before[0] == pytest.approx(2 ** (1 / 2.4), rel=0.01)
    assert red_light[1:] == pytest.approx(before[1:], abs=0.3)


def test_local_contrast_separates_close_tones_and_spares_colour():
    rng = np.random.default_rng(2)
    planes = working(90, height=256, width=256)
    planes.y[:] = (planes.y + rng.normal(0, 500, planes.y.shape)).astype(np.uint16)
    after = colour.local_contrast(planes, 2.0)
    assert after.y.std() > 1.3 * planes.y.std()
    assert np.array_equal(after.u, planes.u)
    assert after.y.min() >= 4096


@pytest.mark.parametrize(
    "wrong", [{"saturation": -1}, {"what": 1}, {"contrast": "much"}, {"lights": True}, 3]
)
def test_wrong_looks_are_refused(wrong):
    with pytest.raises(InvalidValueError):
        colour.Look.from_json(wrong)


# ---- overlays


@pytest.mark.parametrize("place", overlay.PLACES)
def test_text_stands_in_its_corner(place):
    planes = working(40, height=200, width=320)
    overlay.draw(planes, overlay.Overlay(text="%H:%M", place=place, size=0.1, opacity=1.0), START)
    lit = np.argwhere(planes.y > 50000)
    assert len(lit) > 40
    y, x = lit.mean(axis=0)
    assert (y < 100) == place.startswith("top")
    assert (x < 160) == place.endswith("left")


def test_text_is_local_time_and_needs_one():
    zurich = overlay.Overlay(text="%H:%M", zone="Europe/Zurich")
    assert zurich.line(START) == "22:00"
    assert zurich.line(None) == ""
    assert overlay.Overlay(text="Hut").line(None) == "Hut"


def test_a_logo_keeps_its_colours_and_its_transparency(tmp_path):
    from PIL import Image

    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[:, :20] = (255, 0, 0, 255)
    Image.fromarray(pixels).save(tmp_path / "logo.png")
    planes = working(40, height=200, width=320)
    wanted = overlay.Overlay(
        logo=str(tmp_path / "logo.png"), logo_size=0.2, opacity=1.0, logo_place="top-left"
    )
    overlay.draw(planes, wanted, None)
    red = Planes(planes.y[8:40, 8:20], planes.u[4:20, 4:10], planes.v[4:20, 4:10])
    assert rgb_of(red) == pytest.approx([255, 0, 0], abs=3)
    assert rgb_of(
        Planes(planes.y[8:40, 28:40], planes.u[4:20, 14:20], planes.v[4:20, 14:20])
    ) == pytest.approx([40] * 3, abs=1)


def test_a_logo_counts_by_its_content_wherever_it_lies(tmp_path):
    from PIL import Image

    from timelapse.pipeline.recipe import Recipe

    def recipe(name: str, colour: str) -> Recipe:
        Image.new("RGBA", (8, 8), colour).save(tmp_path / name)
        return Recipe.from_json({"overlay": {"logo": str(tmp_path / name)}})

    red, same, blue = recipe("a.png", "red"), recipe("b.png", "red"), recipe("a.png", "blue")
    assert red.digest() == same.digest() != blue.digest()
    with pytest.raises(InvalidValueError, match="changed since"):
        Recipe.from_json(red.to_json())  # a job that was queued with the red one


@pytest.mark.parametrize(
    "wrong",
    [
        {"place": "middle"},
        {"zone": "Mars/Olympus"},
        {"size": 2},
        {"logo": "/nowhere.png"},
        {"text": 3},
        {"x": 1},
        [],
    ],
)
def test_wrong_overlays_are_refused(wrong):
    with pytest.raises(InvalidValueError):
        overlay.Overlay.from_json(wrong)


# ---- lenses


def grid(width=480, height=320):
    y, x = np.mgrid[0:height, 0:width]
    lines = ((x % 40 < 3) | (y % 40 < 3)).astype(np.uint8) * 200 + 20
    return from_rgb(np.repeat(lines[..., None], 3, axis=2))


def test_a_lens_of_the_database_makes_bent_lines_straight():
    import cv2

    named = lens.Named(
        camera="Nikon D750", lens="Samyang 14mm f/2.8 AE ED AS IF UMC", focal_mm=14, aperture_f=8
    )
    found = lens.correction(named, (480, 320), {})
    assert "Samyang" in found.title
    bent = cv2.remap(grid().y, *np.moveaxis(_inverse(found.place), 2, 0), cv2.INTER_LINEAR)
    planes = Planes(bent, *(np.full((160, 240), 128, np.uint8) for _ in "uv"))
    straight = lens.straighten(planes, found, np.eye(2, 3)).y[30:-30, 30:-30] / 256
    truth = grid().y[30:-30, 30:-30]
    assert np.corrcoef(straight.ravel(), truth.ravel())[0, 1] > 0.9
    assert np.corrcoef(bent[30:-30, 30:-30].ravel(), truth.ravel())[0, 1] < 0.7


def _inverse(place):
    """Where each pixel of the frame comes from, by iteration."""
    import cv2

    height, width = place.shape[:2]
    start = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2).astype(np.float32)
    at = start.copy()
    for _ in range(30):
        at += start - cv2.remap(place, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return at


def test_colours_that_a_lens_draws_apart_lie_on_each_other_again():
    import cv2

    size = 960, 640
    named = lens.Named(
        camera="Nikon D750", lens="Nikon AF-S Zoom-Nikkor 24-70mm f/2.8G ED", focal_mm=24, vignetting=False
    )
    found = lens.correction(named, size, {})
    assert found.lateral is not None
    soft = cv2.GaussianBlur(grid(*size).y, (0, 0), 1.0)
    places = (found.lateral[0], found.place, found.lateral[1])
    drawn = [cv2.remap(soft, *np.moveaxis(_inverse(place), 2, 0), cv2.INTER_CUBIC) for place in places]
    frame = from_rgb(np.stack(drawn, axis=2))
    corners = np.s_[10:60, 10:60]

    def fringes(correction):
        done = lens.straighten(frame, correction, np.eye(2, 3))
        return np.hypot(*(np.abs(plane[corners] / 256.0 - 128).mean() for plane in (done.u, done.v)))

    assert fringes(found) < 0.5 * fringes(replace(found, lateral=None))


def test_corners_are_brightened_in_light_not_in_codes():
    named = lens.Named(camera="Nikon D750", lens="Nikon AF-S Nikkor 50mm f/1.8G", focal_mm=50, aperture_f=2.8)
    found = lens.correction(named, (480, 320), {})
    assert found.gain is not None
    even = Planes(np.full((320, 480), 100, np.uint8), *(np.full((160, 240), 128, np.uint8) for _ in "uv"))
    done = lens.straighten(even, found, np.eye(2, 3)).y / 256
    assert done[160, 240] == pytest.approx(100, abs=1)
    corner = found.gain[tuple(np.rint(found.place[5, 5][::-1]).astype(int))] ** (1 / 2.4)
    assert done[5, 5] == pytest.approx(100 * corner, rel=0.02)
    without = lens.correction(replace(named, vignetting=False), (480, 320), {})
    assert without.gain is None


def test_the_whole_sky_becomes_a_panorama():
    height, width = 400, 400
    y, x = np.mgrid[0:height, 0:width] - 199.5
    sky = np.where(np.hypot(x, y) < 150, 60 + 120 * (np.hypot(x, y) / 150), 0)
    sky[60:90, 190:210] = 255  # north, at the top, low
    planes = Planes(sky.astype(np.uint8), *(np.full((200, 200), 128, np.uint8) for _ in "uv"))
    found = lens.correction(lens.Fisheye(radius=150 / 400), (width, height), {})
    done = lens.straighten(planes, found, np.eye(2, 3)).y / 256
    assert done[20].mean() < done[200].mean() < done[380].mean()  # zenith above, horizon below
    assert np.unravel_index(done.argmax(), done.shape)[1] == pytest.approx(200, abs=12)
    window = lens.correction(
        lens.Fisheye(radius=150 / 400, view="straight", altitude_deg=30), (width, height), {}
    )
    assert np.unravel_index(lens.straighten(planes, window, np.eye(2, 3)).y.argmax(), done.shape)[
        1
    ] == pytest.approx(200, abs=25)


def test_stabilising_and_straightening_are_one_step():
    import cv2

    named = lens.Named(camera="Nikon D750", lens="Samyang 14mm f/2.8 AE ED AS IF UMC", focal_mm=14)
    found = lens.correction(named, (480, 320), {})
    move = np.array([[1, 0, 3.0], [0, 1, -2.0]])
    soft = Planes(cv2.GaussianBlur(grid().y, (0, 0), 2), grid().u, grid().v)
    both = lens.straighten(soft, found, move).y[30:-30, 30:-30].astype(float)
    first = lens.straighten(soft, found, np.eye(2, 3)).y
    second = cv2.warpAffine(first, move, (480, 320), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    assert both == pytest.approx(second[30:-30, 30:-30].astype(float), abs=700)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "magic"},
        {"kind": "fisheye", "radius": 9},
        {"focal_mm": "long"},
        {"kind": "fisheye", "camera": "x"},
        7,
    ],
)
def test_wrong_lenses_are_refused(wrong):
    with pytest.raises(InvalidValueError):
        lens.lens_from_json(wrong)


def test_an_unknown_lens_says_what_was_looked_for():
    with pytest.raises(InvalidValueError, match="Hologon"):
        lens.correction(lens.Named(camera="Nikon D750", lens="Hologon 3000 xyz"), (480, 320), {})
    with pytest.raises(InvalidValueError, match="name none"):
        lens.correction(lens.Named(), (480, 320), {})
    assert lens.lens_from_json("off") is None
    assert lens.lens_from_json("auto") == lens.Named()


# ---- profiles


def test_what_is_given_stands_above_the_profile():
    assert profiles.with_profile({"fps": 25}) == {"fps": 25}
    merged = profiles.with_profile({"profile": "overcast", "look": {"shadows_ev": 1.0}, "denoise": 0.1})
    assert merged["look"] == {"shadows_ev": 1.0, "local_contrast": 1.5, "dehaze": 0.5}
    assert merged["denoise"] == 0.1
    with pytest.raises(InvalidValueError, match="golden"):
        profiles.with_profile({"profile": "disco"})
