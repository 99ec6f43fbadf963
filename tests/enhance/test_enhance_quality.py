"""Quality scores: what is blurred, noisy, clipped or shaken scores lower, and noise is not sharpness."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timelapse.pipeline import quality
from timelapse.pipeline.grading import grade
from timelapse.pipeline.recipe import Recipe


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(3)
    grey = np.zeros((400, 600), np.float32)
    for size in (4, 8, 16, 32, 64):
        grid = rng.standard_normal((400 // size + 2, 600 // size + 2)).astype(np.float32)
        grey += cv2.resize(grid, (600, 400), interpolation=cv2.INTER_CUBIC) * size**0.7
    edges = (cv2.GaussianBlur(rng.standard_normal((400, 600)).astype(np.float32), (0, 0), 12) > 0) * 60.0
    grey = 115 + 9 * grey / grey.std() + edges - 30
    return cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.5)


def frame(grey, *, blur=0.0, noise=0.0, gain=1.0):
    out = cv2.GaussianBlur(grey, (0, 0), blur) if blur else grey
    out = out * gain + noise * np.random.default_rng(1).standard_normal(grey.shape)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def look(luma):
    small = cv2.resize(luma, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    return quality.measure(luma, np.repeat(small[..., None], 3, axis=2))


def test_blur_lowers_the_ratio_step_by_step_with_and_without_noise(scene):
    for noise in (0.0, 6.0):
        ratios = [look(frame(scene, blur=blur, noise=noise)).focus_ratio for blur in (0, 1, 2, 4, 8)]
        assert ratios == sorted(ratios, reverse=True)
        assert ratios[0] > 1.3 * ratios[3]


def test_noise_is_not_taken_for_sharpness(scene):
    quiet, loud = look(frame(scene)).focus_ratio, look(frame(scene, noise=6)).focus_ratio
    assert loud == pytest.approx(quiet, rel=0.1)
    assert look(frame(scene, blur=4, noise=6)).focus_ratio < 0.85 * quiet


@pytest.mark.parametrize("sigma", [2.0, 4.0, 8.0])
def test_noise_is_measured(sigma):
    even = np.full((300, 300), 120, np.float32)
    assert look(frame(even, noise=sigma)).noise_sigma == pytest.approx(sigma, rel=0.15)


def test_exposure_prefers_the_middle(scene):
    values = [look(frame(scene, gain=gain)).exposure_day for gain in (0.02, 0.5, 1.0, 2.3)]
    assert max(values) == values[2]
    assert values[0] < 0.4
    assert values[3] < 0.6


def test_a_nights_dark_sky_is_right_at_night_and_wrong_by_day(scene):
    dark = frame(scene * 0.05 + 35)
    assert look(dark).exposure_night > 0.95
    assert look(dark).exposure_day < look(dark).exposure_night


def test_an_even_frame_has_no_focus_and_no_entropy():
    even = look(np.full((64, 64), 128, np.uint8))
    assert (even.focus_ratio, even.entropy) == (1.0, 0.0)


def test_the_worst_frames_are_named_with_what_is_to_blame(scene):
    frames = [frame(scene, noise=1)] * 8 + [frame(scene, blur=8, noise=1), frame(scene, gain=2.6, noise=1)]
    found = quality.scores([look(one) for one in frames], [0.1] * 7 + [19.9] + [0.1] * 2)
    assert all(score.total > 0.75 for score in found[:7])
    reasons = quality.poor(found, 0.6)
    assert set(reasons) == {7, 8, 9}
    assert "motion" in reasons[7]
    assert "focus" in reasons[8]
    assert "exposure" in reasons[9]


def test_focus_is_judged_within_its_session(scene):
    soft = [look(frame(scene, blur=1.2))] * 5
    assert all(score.focus > 0.95 for score in quality.scores(soft, [0.0] * 5))


def test_stars_out_of_focus_are_seen_at_night_and_not_looked_for_by_day(scene):
    from timelapse.pipeline import analysis

    random = np.random.default_rng(2)
    stars = np.zeros((400, 600), np.float32)
    stars[random.integers(20, 380, 60), random.integers(20, 580, 60)] = random.uniform(400, 1800, 60)
    rows = []
    for width in (1.2, 1.2, 2.4):
        sky = 24 + cv2.GaussianBlur(stars, (0, 0), width) + 1.5 * random.standard_normal(stars.shape)
        luma = np.clip(np.rint(sky), 0, 255).astype(np.uint8)
        rows.append(analysis.Row(0, "", mean=float(luma.mean())))
        analysis._grade(luma, np.repeat(luma[..., None], 3, axis=2), rows[-1])
    widths = [row.fwhm_px for row in rows]
    assert widths[:2] == pytest.approx([2.83, 2.83], rel=0.2)
    focus = [score.focus for score in grade(rows, np.zeros((3, 3)), Recipe(profile="night"))]
    assert focus[0] > 0.9 > 0.7 > focus[2]
    day = analysis.Row(0, "", mean=120.0)
    analysis._grade(frame(scene), np.repeat(frame(scene)[..., None], 3, axis=2), day)
    assert np.isnan(day.fwhm_px)


def test_star_widths():
    assert quality.night_focus([2.0, 2.0, 4.0, float("nan")]) == pytest.approx([1.0, 1.0, 0.5, 0.5])
    assert quality.night_focus([float("nan")]) == [0.5]
    assert quality.night_focus([]) == []


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.floats(0, 1),
)
def test_a_products_quality_lies_within_its_frames_and_grows_with_each(totals, more):
    value = quality.of_product(totals)
    assert min(totals) - 1e-9 <= value <= max(totals) + 1e-9
    raised = [max(total, more) for total in totals]
    assert quality.of_product(raised) >= value - 1e-9


@given(
    st.builds(quality.Measures, *[st.floats(0, 1)] * 3, st.floats(0, 100), st.floats(0, 5)),
    st.floats(0, 500),
)
def test_every_score_is_between_0_and_1(measures, jump):
    score = quality.scores([measures], [jump])[0]
    assert all(0 <= getattr(score, name) <= 1 for name in (*quality.WEIGHTS, "total"))
