"""A frame is found by its stars, a few pixels wide and in noise, or by the ground under a sky that turns."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from timelapse.pipeline import analysis, rigid
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import held_by
from timelapse.pipeline.recipe import Recipe
from timelapse.pipeline.said import Said
from timelapse.pipeline.tracking import Hold, KeyFrame

SIZE = (3000, 2000)


def sky(turn_deg: float, shift_px: tuple[float, float], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A frame of 900 stars that turned and moved behind clouds that stand, and the movement `[2, 3]` from the frame that did not."""
    stars = np.random.default_rng(1)
    places = stars.uniform(0, 1, (900, 2)) * SIZE
    light = 8 / stars.uniform(0.03, 1, 900)
    matrix = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), turn_deg, 1.0)
    matrix[:, 2] += shift_px
    clouds = cv2.GaussianBlur(
        stars.standard_normal((SIZE[1] // 8, SIZE[0] // 8)).astype(np.float32), (0, 0), 4
    )
    frame = 30 + cv2.resize(clouds / clouds.std(), SIZE, interpolation=cv2.INTER_CUBIC)
    grid = np.arange(-5, 6)
    for (x, y), bright in zip(places @ matrix[:, :2].T + matrix[:, 2], light, strict=True):
        column, row = round(x), round(y)
        if 5 <= column < SIZE[0] - 5 and 5 <= row < SIZE[1] - 5:
            spot = np.exp(-((grid + column - x) ** 2) / 4.5) * np.exp(-((grid[:, None] + row - y) ** 2) / 4.5)
            frame[row - 5 : row + 6, column - 5 : column + 6] += bright * spot
    frame += np.random.default_rng(seed).normal(0, 3, frame.shape)
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8), matrix


@pytest.mark.parametrize(
    ("turn_deg", "shift_px"), [(0.05, (2.0, 0.5)), (0.13, (14.0, -6.0)), (-0.3, (-25.0, 11.0))]
)
def test_a_sky_of_stars_is_found_where_it_turned_to(turn_deg, shift_px):
    key = KeyFrame(sky(0.0, (0.0, 0.0), 2)[0])
    frame, matrix = sky(turn_deg, shift_px, 3)
    found = key.find(frame)
    assert found is not None
    assert found.patches > 100
    corners = np.array([[0, 0], [SIZE[0], 0], [0, SIZE[1]], SIZE])
    away = corners @ (found.matrix[:, :2] - matrix[:, :2]).T + found.matrix[:, 2] - matrix[:, 2]
    assert np.abs(away).max() < 0.2


STILL = np.eye(2, 3)
HOUSES = cv2.GaussianBlur(
    np.random.default_rng(8).uniform(10, 90, (400, SIZE[0])).astype(np.float32), (0, 0), 2
)


def over_houses(turn_deg: float, seed: int, shift_px: tuple[int, int] = (0, 0)) -> np.ndarray:
    """The turning sky over ground, by a camera that was pushed."""
    frame = sky(turn_deg, (0.0, 0.0), seed)[0]
    ground = HOUSES + np.random.default_rng(seed + 50).normal(0, 2, HOUSES.shape)
    frame[-400:] = np.clip(np.rint(ground), 0, 255)
    return np.roll(frame, shift_px, (1, 0))


def away(one: np.ndarray, two: np.ndarray) -> float:
    """Pixels that a corner of the picture lies apart under two movements."""
    corners = np.array([[0, 0], [SIZE[0], 0], [0, SIZE[1]], SIZE], float)
    return float(rigid.off(one, corners, corners @ two[:, :2].T + two[:, 2]).max())


def test_the_ground_is_held_under_the_stars_that_turn():
    key = KeyFrame(over_houses(0.0, 2))
    frame = over_houses(0.3, 3)
    followed, held = key.find(frame), key.find(frame, STILL)
    assert followed is not None and held is not None
    assert away(followed.matrix, sky(0.3, (0, 0), 3)[1]) < 0.3, "most patches are stars"
    assert away(held.matrix, STILL) < 0.1 and held.stars == 0
    pushed = key.find(over_houses(0.3, 4, (3, -2)), STILL)
    assert pushed is not None and away(pushed.matrix, np.array([[1.0, 0, 3], [0, 1, -2]])) < 0.1


@pytest.mark.parametrize("turn_deg", [0.02, 0.1, 0.5])
def test_where_there_are_only_stars_nothing_says_that_the_camera_moved(turn_deg):
    key = KeyFrame(sky(0.0, (0.0, 0.0), 2)[0])
    frame = sky(turn_deg, (0.0, 0.0), 3)[0]
    assert key.find(frame) is not None
    assert key.find(frame, STILL) is None


def test_by_day_it_makes_no_difference_where_the_camera_was():
    world = cv2.GaussianBlur(
        np.random.default_rng(5).uniform(0, 255, (740, 1360)).astype(np.float32), (0, 0), 3
    )
    world = np.clip((world - world.mean()) * 6 + 120, 0, 255).astype(np.uint8)
    key = KeyFrame(np.ascontiguousarray(world[10:730, 40:1320]))
    frame = np.ascontiguousarray(world[17:737, 29:1309])
    found, told = key.find(frame), key.find(frame, STILL)
    assert found is not None and told is not None and found.patches > 300
    np.testing.assert_array_equal(found.matrix, told.matrix)


def test_a_night_of_a_camera_that_stands_is_not_turned(tmp_path):
    """Faster than the real sky: the stars of the first frame are far away in the last, and a new key frame is taken."""
    for number in range(8):
        Image.fromarray(over_houses(0.35 * number, number)).save(
            tmp_path / f"{number:02d}.png", compress_level=1
        )
    source = open_source(tmp_path)
    poses = {}
    for hold in Hold:
        rows = analysis.analyse(source, list(range(8)), tmp_path / hold, hold)
        poses[hold] = np.array([rigid.pose(row.matrix, SIZE) for row in rows])
    assert (
        np.abs(poses[Hold.CAMERA][:, :2]).max() < 0.3
        and np.degrees(np.abs(poses[Hold.CAMERA][:, 2])).max() < 0.01
    )
    turns = np.degrees(poses[Hold.STARS][:, 2])
    assert all(0.3 < before - after < 0.4 for before, after in pairwise(turns))


def test_stars_hold_what_follows_them(tmp_path, monkeypatch):
    Image.fromarray(sky(0.0, (0.0, 0.0), 2)[0]).resize((300, 200)).save(tmp_path / "one.png")
    source = open_source(tmp_path)
    wishes = [Recipe(stabilise=how) for how in ("tripod", "moving", "stars", "off")]
    assert [held_by(wish, source) for wish in wishes] == [Hold.CAMERA, Hold.CAMERA, Hold.STARS, None]
    monkeypatch.setattr(
        source, "said", lambda index: Said("telescope", {}, {}, {"ra_deg": 10.7, "dec_deg": 41.3})
    )
    assert [held_by(wish, source) for wish in wishes] == [Hold.STARS, Hold.CAMERA, Hold.STARS, None]
