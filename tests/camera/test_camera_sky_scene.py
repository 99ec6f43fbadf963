"""The simulated DSLR under the real sky."""

import io
from datetime import UTC, datetime

import numpy as np
from PIL import Image

from camera.simulator.camera import Shot
from camera.simulator.sky_scene import SkyScene

NIGHT = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
DAY = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)


def picture(scene: SkyScene, shot: Shot) -> np.ndarray:
    ((suffix, data),) = scene.files(shot, jpeg=True, raw=False)
    assert suffix == "JPG"
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_night_shows_stars_and_day_a_bright_sky():
    scene = SkyScene((600, 400))
    night = picture(scene, Shot(NIGHT, 8.0, 3200, 2.0))
    day = picture(scene, Shot(DAY, 1 / 500, 100, 5.6))
    assert night.shape == day.shape == (400, 600, 3)
    upper = night[:200].max(axis=2)
    assert 3 <= (upper > np.median(upper) + 60).sum() < 4000, "points of light on a dark sky"
    assert np.median(day[:150]) > 60
    assert day[:150, :, 2].mean() > day[:150, :, 0].mean(), "blue"


def test_more_light_with_longer_exposure_and_higher_iso():
    scene = SkyScene((300, 200))
    means = [
        picture(scene, Shot(NIGHT, *settings, 2.0)).mean()
        for settings in ((2.0, 800), (4.0, 800), (4.0, 3200))
    ]
    assert means[0] < means[1] < means[2]


def test_the_camera_looks_to_the_equator():
    north, south = SkyScene((300, 200), 46.0), SkyScene((300, 200), -33.0)
    shot = Shot(NIGHT, 8.0, 1600, 2.0)
    assert north._pointing.azimuth_deg == 180.0 and south._pointing.azimuth_deg == 0.0
    assert not np.array_equal(picture(north, shot), picture(south, shot))
