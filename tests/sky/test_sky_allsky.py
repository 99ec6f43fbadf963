"""Calibration of an all-sky camera against cameras that are bent in another way than the model."""

import numpy as np
import pytest
from sky_frames import CLEAR, DARK

from sky.allsky import calibrate, pixels
from sky.angles import separation_deg, unit_vector
from sky.catalogue import stars
from sky.coordinates import Observer, Site
from sky.detection import detect
from sky.errors import NoMatchError
from sky.instruments import ALLSKY
from sky.places import observe, place_parameters
from sky.projection import Lens, attitude
from sky.renderer import Fixed, render
from sky.renderer.view import View

W, H = 3096, 2080


def visible_stars(observer):
    rows = np.flatnonzero(stars().v < 5.5)
    enu = observe(stars().xyz[rows].astype(np.float64), place_parameters(observer))
    up = enu[:, 2] > np.sin(np.radians(8))
    return enu[up], stars().v[rows][up].astype(np.float64)


def camera(random, focal=590.0):
    """Lens and attitude: ± 7 % focal length, 30 px off centre, tilted by up to some degrees."""
    lens = Lens(
        "fisheye", focal * random.uniform(0.93, 1.07), W / 2 + random.normal(0, 30),
        H / 2 + random.normal(0, 30),
        random.normal(0, 0.01), random.normal(0, 0.003),
    )  # fmt: skip
    axis = unit_vector(random.uniform(0, 360), 90 - abs(random.normal(0, 1.7)))
    return lens, attitude(axis, unit_vector(random.uniform(0, 360), 0))


def night(random, mirrored=False):
    """Detections of a frame: a fifth missing, a quarter of the sky blocked, 60 false, an unmodelled bend."""
    observer = Observer(Site(random.uniform(-50, 60), random.uniform(-180, 180)), DARK)
    enu, v = visible_stars(observer)
    lens, matrix = camera(random)
    x, y = lens.project(enu @ matrix.T)
    theta = np.arccos(enu[:, 2])
    bent = np.stack([x + 0.18 * np.cos(3 * theta), y + 0.18 * np.sin(2 * theta)], axis=1)
    blocked = np.arctan2(enu[:, 0], enu[:, 1]) % (2 * np.pi) < np.pi / 2
    keep = (random.random(len(v)) < 0.8) & ~blocked
    seen = bent[keep] + random.normal(0, 0.25, (keep.sum(), 2))
    found = np.vstack([seen, random.uniform(0, (W, H), (60, 2))])
    brightness = np.concatenate([v[keep] + random.normal(0, 0.3, keep.sum()), random.uniform(2, 6, 60)])
    order = np.argsort(brightness)
    found = found[order]
    if mirrored:
        found[:, 0] = W - 1 - found[:, 0]
    return found[:, 0], found[:, 1], enu, v, lens, matrix


def error_px(fit, enu, lens, matrix, mirrored=False):
    x, y = lens.project(enu @ matrix.T)
    px, py = pixels(fit, enu, W)
    return np.hypot(px - (W - 1 - x if mirrored else x), py - y)


def solved(random, count):
    good, errors = 0, []
    for _ in range(count):
        x, y, enu, v, lens, matrix = night(random)
        try:
            fit = calibrate(x, y, enu, v, W, H, 590.0, mirrored=False)
        except NoMatchError:
            continue
        error = error_px(fit, enu, lens, matrix)
        assert np.median(error) < 1.5  # an answer is a right answer
        good += 1
        errors.append(np.percentile(error, 95))
    return good, errors


def test_three_cameras_are_calibrated():
    good, errors = solved(np.random.default_rng(1), 3)
    assert good == 3
    assert np.median(errors) < 0.5


@pytest.mark.full
def test_nine_of_ten_cameras_are_calibrated():
    good, errors = solved(np.random.default_rng(4), 20)
    assert good >= 18
    assert np.median(errors) < 0.5


def test_mirrored_picture_is_noticed():
    random = np.random.default_rng(2)
    x, y, enu, v, lens, matrix = night(random, mirrored=True)
    fit = calibrate(x, y, enu, v, W, H, 590.0)
    assert fit.mirrored
    assert np.percentile(error_px(fit, enu, lens, matrix, mirrored=True), 95) < 1.0


def test_another_sky_is_no_match():
    random = np.random.default_rng(3)
    x, y, *_ = night(random)
    enu, v = visible_stars(Observer(Site(-35.0, 100.0), DARK))
    with pytest.raises(NoMatchError):
        calibrate(x, y, enu, v, W, H, 590.0, mirrored=False)


def test_rendered_all_sky_frame():
    """The renderer's own camera comes back: focal length, turn and tilt."""
    aim = Fixed(88.5, 170.0)
    frame = render(ALLSKY, aim, DARK, 6.0, 0, CLEAR)
    found = detect(frame, top=ALLSKY.sensor.top_adu)
    observer = Observer(CLEAR.site, DARK.replace(second=3))
    enu, v = visible_stars(observer)
    fit = calibrate(found.x[:600], found.y[:600], enu, v, W, H, 1.03 * ALLSKY.lens.focal_px, mirrored=False)
    assert fit.rms_px < 0.6
    assert fit.lens.focal_px == pytest.approx(ALLSKY.lens.focal_px, rel=5e-3)
    assert fit.tilt_deg == pytest.approx(1.5, abs=0.1)
    view = View(ALLSKY, aim, DARK, 6.0, CLEAR)
    axes = separation_deg(fit.matrix[2], view.middle.matrix[2])
    assert axes < 0.1
