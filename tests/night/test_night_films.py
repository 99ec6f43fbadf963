"""How the small pictures of a night look: a sky that changes, a moon, clouds."""

import av
import cv2
import numpy as np
from night_fields import Field, frame_of

from timelapse.night.developing import developed
from timelapse.night.films import MeteorClips, Reel
from timelapse.night.frames import Camera, Look
from timelapse.night.sightings import Sighting
from timelapse.night.streaks import Streak

FIELD = Field(size=256, stars=60, sky=0.0)
FAINT = Field(size=700, stars=60, sky=0.0)


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


def clip(folder, *, marks: bool) -> list[np.ndarray]:
    """The clip of a meteor that is too faint to be seen, as (h, w, 3) RGB frames."""
    clips = MeteorClips(folder, marks=marks)
    ends = np.array([[300.0, 200.0], [400.0, 260.0]])
    streak = Streak(np.linspace(*ends, 20), 117.0, 9.0, 2.0, np.ones(24), (False, False), False)
    for n in range(7):
        pixels = FAINT.pixels(FAINT.light() + 500.0, n)
        seen = [Sighting(streak, "meteor", "")] if n == 3 else []
        clips.append(Look(frame_of(pixels, n, top=16383.0, offset=100.0), Camera()), seen)
    (film,) = folder.glob("*.mp4")
    with av.open(str(film)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def test_ticks_say_where_a_faint_meteor_is(tmp_path):
    """They point at its ends from both sides, in all frames; nothing else changes, the still not at all."""
    marked, plain = clip(tmp_path / "marked", marks=True), clip(tmp_path / "plain", marks=False)
    assert len(marked) == len(plain) == 14
    # The clip shows 512 pixels about the meteor's middle, inside the picture of 700.
    middle, along = np.array([350.0, 230.0]) - [94, 0], np.array([100.0, 60.0]) / np.hypot(100, 60)
    across = np.array([-along[1], along[0]])
    for one, other in zip(marked, plain, strict=True):
        away = np.abs(one.astype(int) - other).max(axis=2)
        y, x = np.nonzero(away > 60)
        to = np.stack([x, y], axis=1) - middle
        ends, sides = to @ along, to @ across
        assert (np.abs(np.abs(ends) - 58) < 3).all(), "a tick does not stand at an end"
        assert (np.abs(sides) > 9).all(), "over the meteor"
        assert (np.abs(sides) < 36).all()
        ticks = {(bool(end > 0), bool(side > 0)) for end, side in zip(ends, sides, strict=True)}
        assert len(ticks) == 4
        assert np.quantile(away, 0.99) < 8, "other pixels are others"
    stills = [next((tmp_path / name).glob("*.jpg")).read_bytes() for name in ("marked", "plain")]
    assert stills[0] == stills[1]
