"""Star trails: the brightest of all, satellites apart, pauses bridged, bad frames left out."""

from datetime import timedelta

import numpy as np
from night_fields import EVENING, Field, frame_of, streaked

from sky.coordinates import Site
from timelapse.night.frames import Camera, Look
from timelapse.night.motion import estimate
from timelapse.night.sightings import Watch
from timelapse.night.trails import Gates, StarTrails

FIELD = Field(size=480, stars=260)


def look(n: int, turn: float, camera: Camera | None = None, line=None, **more) -> Look:
    image = FIELD.pixels(FIELD.light(turn), n)
    if line:
        image = streaked(image, *line, 900)
    return Look(frame_of(image, n, **more), camera or Camera())


def trailed(looks, gates: Gates | None = None) -> StarTrails:
    trails, watch = StarTrails(gates or Gates()), Watch()
    for one in looks:
        for judged, sightings in watch.push(one):
            trails.append(judged, sightings)
    for judged, sightings in watch.flush():
        trails.append(judged, sightings)
    return trails


def test_the_brightest_of_all_frames_remains():
    looks = [look(n, 0.3 * n) for n in range(5)]
    trails = trailed(looks)
    assert trails.used == 5
    brightest = np.max([one.frame.image for one in looks], axis=0)
    assert np.abs(trails.raw(clean=False)[..., 0].astype(int) - brightest).max() <= 2  # levelled
    assert np.array_equal(trails.raw(clean=False), trails.raw(clean=True))


def test_a_satellite_is_on_one_picture_only():
    lines = [((20 + 110 * n, 60 + 80 * n), (20 + 110 * (n + 1), 60 + 80 * (n + 1))) for n in range(3)]
    looks = [look(n, 0.1 * n, line=lines[n - 1] if 1 <= n <= 3 else None) for n in range(5)]
    without = trailed([look(n, 0.1 * n) for n in range(5)])
    trails = trailed(looks)
    added = trails.raw(clean=False)[..., 0].astype(int) - without.raw(clean=True)[..., 0]
    kept = trails.raw(clean=True)[..., 0].astype(int) - without.raw(clean=True)[..., 0]
    assert (added > 250).sum() > 300
    assert (kept > 250).sum() < 0.06 * (added > 250).sum()


def test_pauses_are_bridged():
    looks = [look(n, 0.9 * n, start=EVENING + timedelta(seconds=60 * n)) for n in range(3)]
    motion = estimate(looks[0].stars, looks[1].stars, (480, 480))
    assert motion is not None
    assert motion.rms_px < 0.2
    trails = trailed(looks)
    assert trails.bridged == 2
    half = np.stack(FIELD.places(0.225), axis=1)  # a quarter of the minute: half of the pause
    bright = (FIELD.flux > 2e4) & (half > 20).all(axis=1) & (half < 460).all(axis=1)
    x, y = np.round(half[bright]).astype(int).T
    unbridged = np.max([one.frame.image for one in looks], axis=0)
    gained = trails.raw(clean=False)[y, x, 0].astype(int) - unbridged[y, x]
    far = np.hypot(*(half[bright] - 239.5).T) > 120
    assert np.median(gained[far]) > 100


def test_a_brighter_sky_does_not_wash_out_what_is_there():
    looks = [look(0, 0.0)]
    bright = FIELD.pixels(FIELD.light(0.3) + 900, 1)
    looks.append(Look(frame_of(bright, 1), Camera()))
    trails = trailed(looks)
    assert abs(float(np.median(trails.raw(clean=False))) - float(np.median(looks[0].frame.image))) < 40


def test_frames_of_clouds_and_twilight_are_left_out():
    cloudy = Field(size=480, stars=260)
    cloudy.flux = cloudy.flux / 600
    looks = [look(n, 0.1 * n) for n in range(3)]
    looks.append(Look(frame_of(cloudy.pixels(cloudy.light(), 9), 3), Camera()))
    noon = EVENING.replace(hour=11)
    looks.append(look(4, 0.4, Camera(Site(46, 7.5)), start=noon + timedelta(days=1)))
    trails = trailed(looks)
    assert trails.used == 3
    assert trails.reasons == {"clouds": 1, "twilight or day": 1}


def test_the_moon_gate():
    full = EVENING.replace(month=11, day=24, hour=22)  # the moon is full and up
    camera = Camera(Site(46, 7.5))
    looks = [look(n, 0.1 * n, camera, start=full + timedelta(seconds=32 * n)) for n in range(3)]
    assert trailed(looks).used == 3
    assert trailed(looks, Gates(moon_lit=0.6)).reasons == {"moon": 3}


def test_goes_on_where_it_was_saved():
    looks = [look(n, 0.3 * n) for n in range(6)]
    whole = StarTrails()
    for one in looks:
        whole.append(one, [])
    first, second = StarTrails(), StarTrails()
    for one in looks[:3]:
        first.append(one, [])
    second.restore(*first.state())
    second.append(looks[2], [], counted=True)
    for one in looks[3:]:
        second.append(one, [])
    assert second.used == whole.used
    assert np.array_equal(second.raw(clean=True), whole.raw(clean=True))
    assert second.picture().shape == (480, 480, 3)
