"""A frame is found where there are only stars, a few pixels wide and in noise, and clouds that do not go with them."""

import cv2
import numpy as np
import pytest

from timelapse.pipeline.tracking import KeyFrame

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
