"""What is light of the scene and what an exposure error: how long a period tells is read from the sequence."""

import cv2
import numpy as np
import pytest

from bench import _timelapse_scene as scene
from timelapse.pipeline import deflicker, rigid, scenelight, tonebins
from timelapse.pipeline.scenelight import scene_light
from timelapse.pipeline.smoothing import unlikelihood, whittaker

COUNT, ASKED = 72, 40
DUSK = -np.outer(1 / (1 + np.exp(-(np.arange(COUNT) - 45) / 6)), [0.7, 1.0, 1.3])
"""EV per channel: within 40 frames the light goes, and not in every colour alike."""


def flicker(sigma_ev, seed=1):
    return np.random.default_rng(seed).normal(0, sigma_ev, (COUNT, 1))


def fast(series):
    """What the metrics see of an error: changes faster than 40 frames, the ends left out."""
    return (series - whittaker(series, ASKED))[3:-3]


@pytest.fixture(scope="module")
def evening():
    """Linear light of the scene, and the known exposure errors that it is seen with."""
    errors = scene.Errors(COUNT, (320, 180), flicker=0.03, seed=12)
    world, (known, _, _) = scene.World(errors), scene.known_errors(errors)
    inner = slice(scene.MARGIN, -scene.MARGIN)
    return [world.light(number)[inner, inner, ::-1] for number in range(COUNT)], known


@pytest.mark.parametrize("contrast", [0.2, 0.8])
def test_dusk_is_not_flattened_under_any_tone_curve(evening, contrast):
    light, known = evening
    frames = [
        scene.tone(frame * np.float32(2**error), contrast) for frame, error in zip(light, known, strict=True)
    ]
    pairs = np.zeros((COUNT, len(deflicker.LAGS), 3, tonebins.BINS, 2), np.float32)
    for number, lag in enumerate(deflicker.LAGS):
        for later in range(lag, COUNT):
            pairs[later, number] = tonebins.compare(frames[later - lag], frames[later])
    correction = deflicker.solve(pairs, COUNT, ASKED).correction.mean(1)
    # Curve and response share a factor that the remapping cancels.
    factor = -np.polyfit(known - whittaker(known, 12), correction - whittaker(correction, 12), 1)[0]
    assert np.std(fast(correction / factor + known)) < 0.006 < 0.3 * np.std(fast(known))


@pytest.mark.parametrize(
    ("sigma_ev", "shortest", "longest", "gain"), [(0.02, 24, 32, 0.6), (0.15, 36, 55, 1.03)]
)
def test_light_is_followed_as_far_as_the_flicker_lets_it(sigma_ev, shortest, longest, gain):
    periods, left = [], []
    for seed in range(20):
        curve = DUSK + flicker(sigma_ev, seed)
        periods.append(scenelight.light_period(curve.mean(1), ASKED))
        left.append(
            [
                np.std(fast(found - DUSK).mean(1))
                for found in (scene_light(curve, ASKED), whittaker(curve, ASKED))
            ]
        )
    assert shortest <= np.mean(periods) <= longest
    ours, asked = np.sqrt(np.mean(np.square(left), axis=0))
    assert ours < gain * asked


def test_a_dusk_within_a_long_film_is_followed_and_the_hours_around_it_are_held():
    """Where light bends is read from its colours: no single period does as well, though it were chosen by the truth."""
    count = 420
    frames = np.arange(count)
    light = -np.outer(1 / (1 + np.exp(-(frames - 250) / 7)), [0.7, 1.0, 1.3])
    ours, single = [], []
    for seed in range(6):
        random = np.random.default_rng(seed)
        error = random.normal(0, 0.03, (count, 1)) + random.normal(0, 0.001, (count, 3))
        ours.append(np.std(fast(scene_light(light + error, ASKED) - light).mean(1)))
        tried = [whittaker(light + error, period) for period in range(16, 80, 4)]
        single.append(min(np.std(fast(found - light).mean(1)) for found in tried))
    assert np.mean(ours) < 0.85 * np.mean(single)


def test_light_bends_where_its_colour_does():
    measured = np.random.default_rng(2).normal(0, 0.001, (COUNT, 3))
    bends = scenelight.where_light_bends(DUSK + flicker(0.1) + measured, ASKED)
    assert np.exp(np.log(bends).mean()) == pytest.approx(1)
    assert abs(int(np.argmax(bends)) + 1.5 - 45) < 12 and bends[:15].max() < 0.4 * bends.max()
    grey = np.repeat(DUSK[:, 1:2], 3, axis=1) + flicker(0.1)
    np.testing.assert_allclose(scenelight.where_light_bends(grey, ASKED), 1, rtol=1e-6)


def test_light_that_changes_slowly_needs_no_shorter_period():
    slow = np.linspace(0, -3, 240)
    noise = np.random.default_rng(3).normal(0, 0.02, 240)
    assert scenelight.light_period(slow + noise, ASKED) > 1.2 * ASKED


@pytest.mark.parametrize("amplitude_ev", [0.03, 0.1, 0.5])
def test_hunting_exposure_is_no_light(amplitude_ev):
    """As fast as dusk, however smooth: the same in every channel, so the camera did it."""
    hunting = amplitude_ev * np.sin(2 * np.pi * np.arange(COUNT) / 28)[:, None]
    measured = np.random.default_rng(2).normal(0, 0.002, (COUNT, 3))
    curve = hunting + measured + flicker(0.01)
    np.testing.assert_array_equal(scene_light(curve, ASKED), whittaker(curve, ASKED))


def test_too_few_frames_keep_the_period():
    curve = (DUSK + flicker(0.02))[: ASKED - 1]
    np.testing.assert_array_equal(scene_light(curve, ASKED), whittaker(curve, ASKED))


@pytest.mark.parametrize("period", [12, 30, 70])
def test_likeliest_period_is_that_of_the_series(period):
    """A series that the model itself draws: white third differences summed up, and noise."""
    count, random = 400, np.random.default_rng(period)
    third = random.normal(0, (2 * np.sin(np.pi / period)) ** 3, count)
    series = np.cumsum(np.cumsum(np.cumsum(third))) + random.normal(0, 1, count)
    tried = np.geomspace(6, 160, 40)
    likeliest = tried[np.argmin([unlikelihood(series, one) for one in tried])]
    assert period / 1.35 < likeliest < period * 1.35


def test_likelihood_knows_where_a_series_bends():
    """A series that bends in its second half only: told so, the model explains it better than told the contrary."""
    count, random = 300, np.random.default_rng(4)
    third = random.normal(0, 1e-3, count) * (np.arange(count) > 150)
    series = np.cumsum(np.cumsum(np.cumsum(third))) + random.normal(0, 1, count)
    bends = np.where(np.arange(count - 3) > 150, 10, 0.1)
    explained = [
        min(unlikelihood(series, one, how) for one in np.geomspace(6, 160, 30))
        for how in (bends, None, 1 / bends)
    ]
    assert explained == sorted(explained) and explained[0] < explained[1] - 2


def shaken(places, ev, size=(640, 360)):
    """Small pictures of a textured plane that stands still, by a camera that shakes, and `[n]` exposures."""
    random = np.random.default_rng(9)
    width, height = size
    world = cv2.GaussianBlur(random.random((height + 80, width + 1080, 3)).astype(np.float32), (0, 0), 0.8)
    world = 0.25 + 0.8 * (world - world.mean())
    frames = []
    for place, error in zip(places, ev, strict=True):
        seen = rigid.compose(place, np.array([[1.0, 0, -40], [0, 1, -40]]))
        flags = cv2.INTER_LANCZOS4
        frames.append(scene.tone(cv2.warpAffine(world, seen, size, flags=flags) * np.float32(2**error), 0.3))
    return frames


def steps_of(frames, places, parts=1000):
    neighbours = tonebins.Neighbours(deflicker.LAGS, frames[0].shape[1])
    pairs = []
    for number, (frame, place) in enumerate(zip(frames, places, strict=True)):
        if number % parts == 0:
            neighbours.begin()
        pairs.append(neighbours.add(frame, place))
    return np.stack(pairs)


def places_of(shifts, turns=0.0, size=(640, 360)):
    turns = turns * np.random.default_rng(8).normal(0, 1, len(shifts))
    return [rigid.movement(np.array([*shift, turn]), size) for shift, turn in zip(shifts, turns, strict=True)]


def test_exposures_of_a_shaken_camera_are_found_better_where_its_places_are_known(evening):
    light, known = evening
    places = places_of(np.random.default_rng(7).normal(0, 1.5, (COUNT, 2)), size=(320, 180))
    frames = [
        scene.tone(
            cv2.warpAffine(
                frame, place, (320, 180), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_LANCZOS4
            )
            * np.float32(2**error),
            0.8,
        )
        for frame, place, error in zip(light, places, known, strict=True)
    ]
    off, fast_ev = [], known - whittaker(known, 8)
    for told in (places, [np.eye(2, 3)] * COUNT):
        curve = deflicker.solve(steps_of(frames, told), COUNT, ASKED).curve.mean(1)
        fast_curve = curve - whittaker(curve, 8)
        off.append(np.std(fast_curve / np.polyfit(fast_ev, fast_curve, 1)[0] - fast_ev))
    assert off[0] < 0.5 * off[1]


def test_a_moving_camera_leaves_its_first_frame_behind():
    """Frames are laid anew as it goes: those far away from the first are compared all the same."""
    random = np.random.default_rng(6)
    ev = random.normal(0, 0.05, 60)
    places = places_of(np.stack([np.linspace(0, -1000, 60), random.normal(0, 2, 60)], 1))
    pairs = steps_of(shaken(places, ev), places)
    assert (pairs[3:, :, :, :, 1] > 0).any(axis=(2, 3)).all()
    curve = deflicker.solve(pairs, 60, ASKED, keep_events=False).curve.mean(1)
    fast_ev, fast_curve = (series - whittaker(series, 12) for series in (ev, curve))
    assert np.std(fast_curve / np.polyfit(fast_ev, fast_curve, 1)[0] - fast_ev) < 0.003


def test_a_frame_that_was_not_found_lies_as_the_one_before():
    shifts = np.repeat([[2.0, 1.0]], 6, axis=0)
    places = places_of(shifts)
    frames = shaken(places, np.zeros(6))
    lost = [place if number != 3 else np.full((2, 3), np.nan) for number, place in enumerate(places)]
    np.testing.assert_array_equal(steps_of(frames, places), steps_of(frames, lost))
