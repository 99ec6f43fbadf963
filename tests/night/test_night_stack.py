"""The live stack: frames find their place, noise falls, what does not belong stays out."""

import numpy as np
import pytest
from night_fields import Field, frame_of, streaked

from sky.projection import plate
from timelapse.night import state
from timelapse.night.registration import NoOverlapError, Reference
from timelapse.night.repair import repaired
from timelapse.night.stack import LiveStack

FIELD = Field()
POSES = [(0.0, (0.0, 0.0))] + [(0.35 * n, (2.3 * n, -1.7 * n)) for n in range(1, 9)]


def frames(field: Field = FIELD, poses=POSES):
    return [field.pixels(field.light(*pose), n) for n, pose in enumerate(poses)]


def stacked(images, **more) -> LiveStack:
    stack = LiveStack()
    for n, image in enumerate(images):
        stack.append(frame_of(image, n, **more))
    return stack


def residual(image: np.ndarray, field: Field = FIELD) -> np.ndarray:
    part = slice(60, -60)
    return image[part, part] - field.light()[part, part]


def test_turned_and_shifted_frames_lie_on_the_first():
    order = np.argsort(-FIELD.flux)
    places = np.stack(FIELD.places(), axis=1)[order]
    reference = Reference(places)
    for turn, shift in POSES[1:]:
        moved = np.stack(FIELD.places(turn, shift), axis=1)[order]
        seen = np.delete(moved, [3, 8, 20, 21, 50], axis=0)  # some are missed, some swap their ranks
        seen[[5, 6]] = seen[[6, 5]]
        pose = reference.pose(seen)
        assert pose.rotation_deg == pytest.approx(turn, abs=1e-3)
        back = places @ pose.matrix[:, :2].T + pose.matrix[:, 2]
        assert np.abs(back - moved).max() < 0.01


def test_half_a_turn_is_no_obstacle():
    order = np.argsort(-FIELD.flux)
    reference = Reference(np.stack(FIELD.places(), axis=1)[order])
    assert abs(reference.pose(np.stack(FIELD.places(180.0), axis=1)[order]).rotation_deg) == pytest.approx(
        180, abs=1e-3
    )


def test_another_field_is_refused():
    with pytest.raises(NoOverlapError):
        Reference(np.stack(FIELD.places(), axis=1)).pose(np.stack(Field(seed=9).places(), axis=1))


def test_plates_say_where_frames_of_few_stars_lie():
    first = plate(40.0, 20.0, 200, 200, 3.0, 10.0)
    second = plate(40.01, 20.0, 200, 200, 3.0, 12.0)
    random = np.random.default_rng(4)
    a = random.uniform(20, 380, (11, 2))
    b = np.stack(second.pixel(*first.sky(a[:, 0], a[:, 1])), axis=1)
    pose = Reference(a, first).pose(b, second)
    assert pose.stars >= 8
    assert pose.rms_px < 0.05
    assert abs(pose.rotation_deg) == pytest.approx(2.0, abs=0.05)


def test_noise_falls_and_the_sky_keeps_its_level():
    images = frames()
    stack = stacked(images)
    assert stack.used == len(images)
    one, all_ = residual(images[0].astype(float)), residual(stack.image()[..., 0])
    dark = FIELD.light()[60:-60, 60:-60] < 402
    assert all_[dark].std() < one[dark].std() / np.sqrt(len(images)) * 1.15
    assert abs(np.median(all_[dark])) < 1.5


def test_a_satellite_leaves_no_trace():
    images = frames()
    images[1] = streaked(images[1], (0, 90), (399, 300), 3000)
    images[5] = streaked(images[5], (0, 300), (399, 80), 3000)
    both, clean = stacked(images), stacked(frames())
    difference = (both.image() - clean.image())[60:-60, 60:-60]
    assert np.abs(difference).max() < 60


def test_hot_pixels_go_and_stars_stay():
    random = np.random.default_rng(3)
    y, x = random.integers(30, 370, 80), random.integers(30, 370, 80)
    light = FIELD.light()
    image = FIELD.pixels(light, 5)
    hot = image.copy()
    hot[y, x] = np.minimum(hot[y, x].astype(int) + random.integers(2000, 30000, 80), 65535)
    fixed = repaired(hot, mosaic=False)
    lone = light[y, x] < 410
    assert np.abs(fixed[y, x][lone] - light[y, x][lone]).max() < 6 * np.sqrt(464)
    clean = repaired(image, mosaic=False)
    assert (clean != image).mean() < 1e-3
    assert clean.max() == image.max()


def test_hot_pixels_of_a_mosaic():
    image = np.full((128, 128), 300, np.uint16)
    image[0::2, 0::2], image[1::2, 1::2] = 200, 150
    noisy = (image + np.random.default_rng(1).normal(0, 5, image.shape)).astype(np.uint16)
    noisy[40, 40], noisy[61, 50] = 4000, 3000
    fixed = repaired(noisy, mosaic=True)
    assert fixed[40, 40] == pytest.approx(200, abs=25)
    assert fixed[61, 50] == pytest.approx(300, abs=25)


def test_moonrise_and_a_slope_do_not_shut_frames_out():
    images = []
    slope = np.linspace(0, 120, 400)[None]
    for n, pose in enumerate(POSES):
        images.append(FIELD.pixels(FIELD.light(*pose) + n * 40 + n * slope / 4, n))
    stack = stacked(images)
    assert stack.coverage()[60:-60, 60:-60].mean() > 0.97 * len(images)
    assert abs(np.median(residual(stack.image()[..., 0]))) < 3


def test_clouds_blur_and_other_sizes_are_left_out_with_a_reason():
    images = frames()[:3]
    cloudy = Field(stars=140)
    cloudy.flux = cloudy.flux / 400
    blurred = Field(fwhm=9.0)
    stack = stacked(
        [*images, cloudy.pixels(cloudy.light(), 50), blurred.pixels(blurred.light(), 51), images[0][:300]]
    )
    assert stack.used == 3
    assert set(stack.reasons) == {"clouds", "out of focus or trailed", "another size"}


@pytest.mark.parametrize("after", [2, 7])
def test_goes_on_where_it_was_saved(tmp_path, after):
    images = frames()
    whole, first = stacked(images), stacked(images[:after])
    state.save(tmp_path / "stack", *first.state())
    second = LiveStack()
    loaded = state.load(tmp_path / "stack")
    assert loaded
    second.restore(*loaded)
    for n, image in enumerate(images[after:], after):
        second.append(frame_of(image, n))
    assert second.used == whole.used
    assert np.array_equal(second.image(), whole.image())


def test_a_cut_state_is_no_state(tmp_path):
    state.save(tmp_path / "s", {"a": 1}, {"x": np.arange(1000)})
    data = (tmp_path / "s").read_bytes()
    for cut in (0, 5, 40, len(data) - 8):
        (tmp_path / "s").write_bytes(data[:cut])
        assert state.load(tmp_path / "s") is None
    assert state.load(tmp_path / "nothing") is None


def test_corners_that_only_the_first_frame_sees_are_its_own():
    """Also while the first frames wait for their median, and when no later frame fills them."""
    stack = LiveStack()
    for n in range(6):
        shift = (9.0 * n, 5.0 * n)
        stack.append(frame_of(FIELD.pixels(FIELD.light(shift=shift), n), n))
        assert stack.image().min() > 200, n
    assert stack.used == 6
