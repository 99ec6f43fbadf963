"""Detection, frame statistics and photometry on simulated frames whose truth is known."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from sky_frames import CLEAR, DARK, QUIET, SMALL, sized

from sky import faint
from sky.angles import unit_vector
from sky.detection import Detections, detect, hfr_median
from sky.instruments import DSLR_SMALL, DWARF3_TELE
from sky.photometry import TooFewStarsError, apertures, cloud_cover, sky_quality
from sky.renderer import Equatorial, Fixed, render, render_rgb, render_with_truth
from sky.renderer.view import View
from sky.solver import solve_detections
from sky.statistics import frame_statistics, quality

CYGNUS = Equatorial(305.0, 40.0)
MEDIUM = sized(DWARF3_TELE, 1920, 1080)


@pytest.fixture(scope="module")
def cygnus():
    mosaic, truth = render_with_truth(MEDIUM, CYGNUS, DARK, 15.0, 60, CLEAR, temperature_c=25.0)
    return mosaic, truth, detect(mosaic, top=4095)


def nearest(detections, x, y):
    """Index of the detection within 3 px of each place, -1 where there is none."""
    apart = np.hypot(detections.x[None] - np.asarray(x)[:, None], detections.y[None] - np.asarray(y)[:, None])
    return np.where(apart.min(axis=1) < 3, apart.argmin(axis=1), -1)


def inside(truth, margin=14):
    s = truth.stars
    return (s.x > margin) & (s.x < 1919 - margin) & (s.y > margin) & (s.y < 1079 - margin)


def test_stars_of_the_table_are_found_in_their_places(cygnus):
    _, truth, found = cygnus
    keep = inside(truth)
    hit = nearest(found, truth.stars.x[keep], truth.stars.y[keep])
    assert keep.sum() > 50
    assert (hit >= 0).mean() >= 0.95
    dx = found.x[hit[hit >= 0]] - truth.stars.x[keep][hit >= 0]
    dy = found.y[hit[hit >= 0]] - truth.stars.y[keep][hit >= 0]
    # The colours of the mosaic pull by 0.1 px; most of that is taken back.
    assert abs(np.median(dx)) < 0.06
    assert abs(np.median(dy)) < 0.06
    assert np.median(np.hypot(dx - np.median(dx), dy - np.median(dy))) < 0.2


def test_hardly_anything_found_is_not_a_star(cygnus):
    _, _, found = cygnus
    view = View(MEDIUM, CYGNUS, DARK, 15.0, CLEAR)
    from sky.catalogue import stars

    aim = unit_vector(305, 40)
    rows = stars().cone(aim, 1.2)
    every = np.concatenate([stars().places(rows, DARK), faint.cone(aim, 1.2, 15.0)[0]])
    at = view.pixels(every)
    near = np.zeros(len(found), bool)
    for k in range(len(found)):
        near[k] = (np.hypot(at[:, 0] - found.x[k], at[:, 1] - found.y[k]) < 3).any()
    assert (~near).mean() < 0.10
    assert (~near[:100]).mean() <= 0.03


def test_light_follows_the_magnitude(cygnus):
    _, truth, found = cygnus
    keep = inside(truth) & (truth.stars.v > 8) & (truth.stars.v < 10.8)
    hit = nearest(found, truth.stars.x[keep], truth.stars.y[keep])
    ok = hit >= 0
    zero = truth.stars.v[keep][ok] + 2.5 * np.log10(found.flux[hit[ok]])
    assert 1.4826 * np.median(np.abs(zero - np.median(zero))) < 0.15  # stars of all colours in one number


def test_noise_and_blank_frames_give_next_to_nothing():
    random = np.random.default_rng(3)
    noise = np.clip(random.normal(300, 12, (1080, 1920)), 0, 4095).astype(np.uint16)
    assert len(detect(noise)) < 15
    assert len(detect(np.full((400, 600), 200, np.uint16))) == 0


def test_hot_pixels_are_no_stars():
    dark = render(MEDIUM, CYGNUS, DARK, 60.0, 60, CLEAR, filter_name="Dark", temperature_c=30.0)
    assert (dark > 260).sum() > 200
    assert len(detect(dark)) < 0.1 * (dark > 260).sum()


def test_width_grows_with_the_seeing():
    """Second moments take in the wings of the profile: 1.1 to 1.6 times the width at half height."""
    widths = []
    for seeing in (2.0, 6.0, 10.0):
        found = detect(render(QUIET, CYGNUS, DARK, 10.0, 60, replace(CLEAR, seeing_arcsec=seeing)), top=4095)
        bright = ~found.saturated & (found.snr > 30)
        widths.append(np.median(found.fwhm[bright]) / np.hypot(seeing / 2.75, 1.6))
    assert min(widths) > 1.0
    assert max(widths) < 1.6


def test_sharpness_falls_with_defocus():
    frames = [render(SMALL, CYGNUS, DARK, 10.0, 60, CLEAR, defocus_um=um) for um in (0, 30, 60, 100)]
    radii = [hfr_median(detect(frame)) for frame in frames]
    assert all(r is not None for r in radii)
    assert radii == sorted(radii)
    assert radii[-1] > 1.8 * radii[0]


def test_mono_and_rgb_frames_are_understood():
    mono = sized(DWARF3_TELE, 960, 640, mosaic="")
    frame, truth = render_with_truth(mono, CYGNUS, DARK, 15.0, 60, CLEAR)
    found = detect(frame, "mono", top=4095)
    bright = truth.stars.v < 10
    assert (nearest(found, truth.stars.x[bright], truth.stars.y[bright]) >= 0).mean() > 0.9
    camera = sized(DSLR_SMALL, 900, 600)
    picture = render_rgb(camera, Fixed(50, 180), DARK, 4.0, 3200, CLEAR)
    assert len(detect(picture, "rgb")) > 40


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((10, 10, 3), "mosaic"), ((9, 9, 3), "mono")],
)
def test_frames_of_another_kind_are_refused(shape, kind):
    with pytest.raises(ValueError, match=kind):
        detect(np.zeros(shape, np.uint16), kind)
    with pytest.raises(ValueError, match="uint16"):
        detect(np.zeros((90, 90), np.uint8))


def test_spreading_takes_the_brightest_of_every_cell():
    n = 300
    x = np.concatenate([np.full(n, 10.0), np.linspace(0, 3839, 40)])
    flux = np.arange(len(x), 0, -1.0)
    zeros = np.zeros(len(x))
    tiles = np.zeros((2, 2), np.float32)
    d = Detections(x, zeros + 50.0, flux, zeros, zeros, zeros, zeros > 0, tiles, tiles)
    chosen = d.spread(3840, 2160, per_cell=3)
    assert list(chosen[:3]) == [0, 1, 2]
    assert len(chosen) == 24
    assert (np.diff(chosen) > 0).all()


# --- photometry ---


def test_aperture_holds_the_star_and_nothing_else():
    y, x = np.mgrid[:80, :80]
    image = (100 + 5000 * np.exp(-((x - 40.3) ** 2 + (y - 39.6) ** 2) / 8)).astype(np.float32)
    light, sky, peak = apertures(image, [40.3, 2.0], [39.6, 2.0], mosaic=False)
    assert light[0] == pytest.approx(5000 * np.pi * 8, rel=0.01)
    assert sky[0] == pytest.approx(100, abs=1)
    assert peak[0] == pytest.approx(image.max())
    assert np.isnan(light[1])


@pytest.mark.parametrize("zenith", [17.0, 19.0, 21.0])
def test_sky_brightness_is_measured_to_five_hundredths(zenith):
    conditions = replace(CLEAR, zenith_mag=zenith)
    mosaic, truth = render_with_truth(MEDIUM, CYGNUS, DARK, 20.0, 60, conditions, temperature_c=5.0)
    found = detect(mosaic, top=4095)
    solution = solve_detections(found, 1920, 1080, 2.75, 305.2, 40.1, 0.5)
    dark = render(MEDIUM, CYGNUS, DARK, 20.0, 60, CLEAR, filter_name="Dark", temperature_c=5.0).mean()
    measured = sky_quality(mosaic, found, solution, 20.0, truth.airmass, dark_adu=float(dark), top=4095)
    assert measured.sky_mag == pytest.approx(truth.sky_mag, abs=0.06)
    assert measured.scatter < 0.10
    assert measured.stars > 20


def test_zero_point_needs_stars(cygnus):
    mosaic, truth, found = cygnus
    solution = solve_detections(found, 1920, 1080, 2.75, 305.2, 40.1, 0.5)
    few = replace(solution, detected=solution.detected[:5], rows=solution.rows[:5])
    with pytest.raises(TooFewStarsError, match="needs 8"):
        sky_quality(mosaic, found, few, 15.0, truth.airmass, dark_adu=200.0, top=4095)


def test_cloud_cover_is_the_share_of_tiles_without_their_stars():
    random = np.random.default_rng(8)
    x, y = random.uniform(0, 3000, 4000), random.uniform(0, 2000, 4000)
    clear = (x > 1200) & (random.random(4000) < 0.9)
    cover, share = cloud_cover((x[clear], y[clear]), (x, y), 3000, 2000)
    assert cover == pytest.approx(0.4, abs=0.05)
    assert np.nanmax(share[:, 0]) < 0.5 < np.nanmin(share[:, -1])
    assert np.isnan(cloud_cover(([], []), ([], []), 3000, 2000)[0])


def test_cloud_cover_of_a_rendered_sky():
    """Half-clouded frame: the share of tiles under cloud is that of the truth within 0.15."""
    camera = sized(DSLR_SMALL, 1500, 1000)
    cloudy = replace(CLEAR, cloud_cover=0.5, hills=False, seed=5)
    _, clear = render_with_truth(camera, Fixed(60, 180), DARK, 6.0, 1600, CLEAR)
    frame = render(camera, Fixed(60, 180), DARK, 6.0, 1600, cloudy)
    expected = clear.stars.v < 7
    found = detect(frame, top=2**14 - 1)
    cover, _ = cloud_cover(
        (found.x, found.y), (clear.stars.x[expected], clear.stars.y[expected]), 1500, 1000, tiles=8
    )
    from sky.renderer.skylight import cloud_depth
    from skycam_project.common.clock import microseconds_utc

    view = View(camera, Fixed(60, 180), DARK, 6.0, cloudy)
    x, y = np.meshgrid(np.arange(0, 1500, 10.0), np.arange(0, 1000, 10.0))
    depth = cloud_depth(cloudy, microseconds_utc(DARK) / 1e6 + 3, view.directions(x, y))
    assert cover == pytest.approx((depth > 0.7).mean(), abs=0.15)


# --- frame statistics ---


def test_good_frame_scores_well_and_faults_show():
    def score(start=DARK, cover=0.0, **changes):
        mosaic = render(MEDIUM, CYGNUS, start, 10.0, 60, replace(CLEAR, cloud_cover=cover), **changes)
        return frame_statistics(mosaic, top=4095, offset=200)

    good = score()
    assert good.quality > 0.9
    assert good.stars > 200
    assert good.background_adu == pytest.approx(202, abs=2)
    assert good.noise_adu == pytest.approx(1.45, abs=0.15)
    assert score(defocus_um=60.0).quality < 0.75 * good.quality
    assert score(cover=1.0).quality < 0.3
    assert score(start=datetime(2026, 11, 10, 11, tzinfo=UTC)).quality < 0.05
    assert score(filter_name="Dark").quality < 0.4


def test_day_frames_are_judged_by_their_exposure():
    camera = sized(DSLR_SMALL, 300, 200)
    noon = datetime(2026, 6, 20, 11, tzinfo=UTC)

    def score(exposure):
        picture = render_rgb(camera, Fixed(40, 0), noon, exposure, 100, CLEAR, f_number=8.0)
        return frame_statistics(picture, "rgb", top=255, expects_stars=False)

    good, over = score(1 / 400), score(1 / 20)
    assert good.quality > 0.8
    assert over.clipped > 0.5
    assert over.quality < 0.1


def test_quality_stays_between_zero_and_one():
    assert quality(0.1, 0.0, 100, 1.5, 1.8) == pytest.approx(1.0, abs=0.01)
    assert quality(2.0, 1.0, 100, 1.5, 1.8) == 0
    assert quality(0.1, 0.0, 0, None, 1.8) == 0


def test_same_stars_on_any_number_of_cores(cygnus, monkeypatch):
    from sky import kernels

    mosaic, _, found = cygnus
    monkeypatch.setattr(kernels, "cores", lambda: 3)
    again = detect(mosaic, top=4095)
    assert (again.x == found.x).all()
    assert (again.flux == found.flux).all()
