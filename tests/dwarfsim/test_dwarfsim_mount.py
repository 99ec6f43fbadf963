"""The mount: truth against belief, errors of the right size, and what calibrations and gotos make of them."""

import math

import pytest
from dwarfsim_helpers import NIGHT, SITE
from hypothesis import given, settings
from hypothesis import strategies as st

from sky.angles import separation_deg, unit_vector
from telescope.simulator.geometry import (
    Horizon,
    axes_vector,
    camera_matrix,
    rotation,
    separation,
    vector_axes,
)
from telescope.simulator.mount import Mount, MountErrors
from telescope.simulator.paths import Slew, Still, Track, Turn

START = NIGHT.timestamp()
PERFECT = MountErrors(0, 0, 0, 0, 0, 0, 0, 180, 0)
M31 = (10.68, 41.27)
angles = st.floats(-180, 180)
heights = st.floats(-89, 89)


def arcsec(one, other):
    return float(separation_deg(unit_vector(*one), unit_vector(*other))) * 3600


def calibrated(errors, seed=1, wedge=False):
    mount = Mount(Horizon(SITE), errors, seed, START, wedge)
    mount.calibrate(START)
    return mount


def track(mount, radec, start=START, slip=(0.0, 0.0)):
    model = mount.model
    mount.follow(
        Track(
            start,
            lambda at: mount.axes_for(radec, at, model),
            lambda at: mount.tracking_slip(slip, start, at),
        )
    )


@given(angles, heights)
def test_axes_and_vectors(azimuth, altitude):
    vector = axes_vector(azimuth, altitude)
    back = vector_axes(vector)
    assert separation(vector, axes_vector(*back)) < 1e-9
    assert separation(vector, camera_matrix(azimuth, altitude)[2]) < 1e-9


@given(angles, heights)
def test_camera_matrix_is_a_right_handed_frame_with_up_towards_the_zenith(azimuth, altitude):
    right, down, out = camera_matrix(azimuth, altitude)
    assert right @ down == pytest.approx(0, abs=1e-12)
    assert rotation(out, 90) @ right == pytest.approx(down, abs=1e-9)
    assert (right[2], -down[2] > 0) == (pytest.approx(0, abs=1e-12), True)


def test_a_camera_that_looks_north_has_east_at_its_right_and_the_pole_above():
    right, down, _ = camera_matrix(0, 0)
    assert right == pytest.approx([1, 0, 0])
    assert down == pytest.approx([0, 0, -1])


def test_without_errors_the_truth_is_the_target():
    mount = calibrated(PERFECT)
    track(mount, M31)
    for minutes in (0, 30, 120):
        truth = mount.truth(START + 60 * minutes)
        assert arcsec((truth.ra, truth.dec), M31) < 0.05


def test_an_alt_azimuth_field_turns_as_the_formula_says():
    """ω = 15.041″/s · cos φ · cos A / cos h, about the centre of the picture."""
    mount = calibrated(PERFECT)
    capella = (79.17, 46.0)
    track(mount, capella)
    azimuth, altitude = vector_axes(mount.horizon.direction(capella, START + 60))
    rate = 15.041 * math.cos(math.radians(SITE.latitude_deg)) * math.cos(math.radians(azimuth))
    rate /= 3600 * math.cos(math.radians(altitude))
    turned = mount.truth(START + 120).roll - mount.truth(START).roll
    assert abs(turned) == pytest.approx(abs(rate) * 120, rel=0.01)


def test_on_a_true_wedge_the_field_does_not_turn():
    mount = calibrated(PERFECT, wedge=True)
    track(mount, M31)
    assert mount.truth(START + 3600).roll == pytest.approx(mount.truth(START).roll, abs=0.03)
    assert mount.polar_error() == pytest.approx((0, 0), abs=1e-9)


@pytest.mark.parametrize(("lean", "azimuth", "altitude"), [(0.0, 0.0, -1.0), (180.0, 0.0, 1.0)])
def test_polar_error_of_a_leaning_wedge(lean, azimuth, altitude):
    mount = calibrated(PERFECT, wedge=True)
    mount.place(True, tilt=1.0, lean=lean)
    assert mount.polar_error() == pytest.approx((azimuth, altitude), abs=0.02)


def test_a_wedge_that_leans_east_turns_the_pole_aside():
    mount = calibrated(PERFECT, wedge=True)
    mount.place(True, tilt=1.0, lean=90.0)
    latitude = math.radians(SITE.latitude_deg)
    assert mount.polar_error()[0] == pytest.approx(math.tan(latitude), rel=0.02)


def test_drift_of_a_tracked_target_has_the_size_that_was_asked_for():
    mount = calibrated(MountErrors(0, 0, 0, 0, 0, 6.0, 0, 180, 0))
    track(mount, M31)
    truth = mount.truth(START + 600)
    altitude = vector_axes(mount.horizon.direction(M31, START + 600))[1]
    assert arcsec((truth.ra, truth.dec), M31) == pytest.approx(
        60 * math.cos(math.radians(altitude)), rel=0.02
    )


@given(st.floats(-170, 170), st.floats(-60, 60))
def test_scale_error_grows_with_the_way(azimuth, altitude):
    mount = Mount(Horizon(SITE), MountErrors(0, 0, 0, 0.05, 0, 0, 0, 180, 0), 1, START)
    mount.follow(Still(START, (0.0, 0.0), (0.0, 0.0)))
    slip = mount.arrival_slip((azimuth, altitude), START)
    assert slip == (pytest.approx(0.05 * azimuth), pytest.approx(-0.05 * altitude))


def test_backlash_is_lost_when_an_axis_reverses_only():
    mount = Mount(Horizon(SITE), MountErrors(0, 0, 0, 0, 36.0, 0, 0, 180, 0), 1, START)
    mount.follow(Still(START, (0.0, 0.0), (0.0, 0.0)))
    assert mount.arrival_slip((10.0, 0.0), START)[0] == 0.0
    assert mount.arrival_slip((-10.0, 0.0), START)[0] == pytest.approx(0.01)
    assert mount.arrival_slip((-20.0, 0.0), START)[0] == 0.0
    assert mount.arrival_slip((0.001, 0.0), START)[0] == pytest.approx(-0.001)


def test_a_calibration_leaves_model_and_bias_of_the_given_size():
    mount = calibrated(MountErrors(tilt=0.4, model=60, bias=0, scale=0, noise=0))
    off = separation(mount.model[:, 2], mount.true_model[:, 2]) * 3600
    assert off <= 60.001
    mount = Mount(Horizon(SITE), MountErrors(tilt=0, model=0, bias=90, scale=0, noise=0), 1, START)
    mount.follow(Still(START, (0.0, 45.0), (0.0, 0.0)))
    mount.calibrate(START)
    truth = mount.true_axes(START)
    believed = mount.path.axes(START)
    assert separation(axes_vector(*truth), axes_vector(*believed)) * 3600 == pytest.approx(90, rel=0.01)


def test_different_seeds_stand_the_device_differently_and_equal_ones_alike():
    def place(seed):
        mount = Mount(Horizon(SITE), MountErrors(), seed, START)
        mount.follow(Still(START, (10.0, 45.0), (0.0, 0.0)))
        return mount.truth(START)

    assert place(1) == place(1)
    assert arcsec((place(1).ra, place(1).dec), (place(2).ra, place(2).dec)) > 3600


def test_a_folded_barrel_sees_nothing():
    mount = Mount(Horizon(SITE), MountErrors(), 1, START)
    assert not mount.is_open(START)
    mount.follow(Still(START, (0.0, 60.0), (0.0, 0.0)))
    assert mount.is_open(START)


@settings(max_examples=50)
@given(st.floats(-400, 400), st.floats(-10, 148), st.floats(-400, 400), st.floats(-10, 148))
def test_a_slew_goes_the_shorter_way_and_ends_at_its_goal(a, h, b, k):
    slew = Slew(100.0, (a, h), (b, k), 10.0, (0.0, 0.0), (0.5, -0.5))
    assert abs(slew.way[0]) <= 180
    assert slew.axes(100.0) == (pytest.approx(a), pytest.approx(h))
    end = slew.axes(100.0 + slew.duration + 1e-6)
    assert (end[0] - b) / 360 == pytest.approx(round((end[0] - b) / 360), abs=1e-6)
    assert end[1] == pytest.approx(k)
    assert slew.slip(100.0 + slew.duration + 1e-6) == (pytest.approx(0.5), pytest.approx(-0.5))


def test_a_turn_stops_at_the_limit():
    turn = Turn(0.0, (0.0, 0.0), (5.0, 10.0), (0.0, 0.0), (-10.0, 148.0))
    assert turn.axes(3.0) == (15.0, 30.0)
    assert turn.axes(60.0) == (300.0, 148.0)


def test_the_past_is_remembered():
    mount = Mount(Horizon(SITE), MountErrors(), 1, START)
    mount.follow(Still(START + 10, (20.0, 30.0), (0.0, 0.0)))
    mount.follow(Still(START + 20, (40.0, 50.0), (0.0, 0.0)))
    assert mount.true_axes(START + 15) == (20.0, 30.0)
    assert mount.true_axes(START + 25) == (40.0, 50.0)
    assert mount.true_axes(START - 5) == (0.0, 148.0)
