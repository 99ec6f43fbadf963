"""How the small pictures of a night look: a sky that changes, a moon, clouds."""

import cv2
import numpy as np
from night_fields import Field, frame_of

from timelapse.night.developing import developed
from timelapse.night.films import Reel
from timelapse.night.frames import Camera, Look

FIELD = Field(size=256, stars=60, sky=0.0)


def look(n: int, sky: np.ndarray | float) -> Look:
    pixels = FIELD.pixels(FIELD.light() + sky + 100, n)
    return Look(frame_of(pixels, n, top=16383.0, offset=100.0), Camera())


def pictures(reel: Reel) -> list[np.ndarray]:
    return [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for _, path in reel.pictures()]


def test_a_sky_that_darkens_or_is_dark_on_one_side_is_not_black(tmp_path):
    reel = Reel(tmp_path)
    moonlit = 800.0 + 3000 * (np.arange(256) / 256) ** 2 * np.ones((256, 1))
    skies = [moonlit, moonlit, 2500.0, 1500.0, 400.0, 300.0]  # the moon at one side, then it sets
    for n, sky in enumerate(skies):
        reel.append(look(n, sky))
    shown = [np.median(picture[:, :64]) for picture in pictures(reel)]
    assert min(shown) > 15
    quiet = Reel(tmp_path / "quiet")
    for n in range(6):
        quiet.append(look(n, 800.0))
    assert np.ptp([np.median(picture) for picture in pictures(quiet)]) <= 2, "it flickers"


def test_moon_and_clouds_do_not_stay_in_the_film_of_trails(tmp_path):
    reel = Reel(tmp_path)
    for n, sky in enumerate((300.0, 6000.0, 300.0)):
        reel.append(look(n, sky))
    film = cv2.VideoCapture(str(reel.film(tmp_path / "trails.mp4", trails=True)))
    frames = [film.read()[1] for _ in range(3)]
    assert all(np.median(frame) < 60 for frame in frames)
    assert all(frame.max() > 200 for frame in frames), "white stays white"


def test_what_is_saturated_is_white_however_bright_the_sky():
    random = np.random.default_rng(2)
    slope = 1000 + 4000 * np.arange(300) / 300
    image = np.repeat((slope + random.normal(0, 30, (200, 300)))[..., None], 3, axis=2)
    image[90:110, 140:160] = 16383
    shown = developed(image.astype(np.uint16), 100.0, 16383.0, np.ones(3))
    assert shown[100, 150].min() > 245
    assert 5 < np.median(shown) < 90
