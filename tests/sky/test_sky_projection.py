"""Lenses, attitudes and plates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sky.angles import separation_deg, unit_vector
from sky.instruments import ALLSKY, DSLR, DWARF3_TELE, DWARF3_WIDE
from sky.places import place_parameters, project
from sky.projection import Lens, Wcs, attitude, plate

lenses = st.one_of(
    st.builds(Lens, st.just("perspective"), st.floats(500, 80_000), st.just(1919.5), st.just(1079.5)),
    st.builds(
        Lens, st.just("fisheye"), st.floats(300, 2000), st.just(1547.5), st.just(1039.5),
        st.floats(-0.02, 0.02),
        st.floats(-0.003, 0.003),
    ),
)  # fmt: skip


@given(lenses, st.floats(0, 1.3), st.floats(0, 6.28))
def test_lens_there_and_back(lens, theta, angle):
    v = np.array([np.sin(theta) * np.cos(angle), np.sin(theta) * np.sin(angle), np.cos(theta)])
    x, y = lens.project(v)
    assert separation_deg(lens.unproject(x, y), v) * 3600 < 0.01


def test_fisheye_beyond_its_reach_is_nan():
    assert np.isnan(ALLSKY.lens.unproject(0.0, 0.0)).all() or ALLSKY.lens.theta(1865.0) > 1.5
    assert np.isnan(Lens("fisheye", 100, 0, 0).theta(201.0))


def test_camera_looking_up_with_north_on_top_has_east_on_the_left():
    up = attitude(unit_vector(90 - 180, 90 - 1e-9), [0, 0, 1])  # azimuth 180: the top of the picture is north
    x, y = ALLSKY.lens.project(np.array([[0.5, 0, 0.866], [0, 0.5, 0.866]]) @ up.T)
    assert x[0] < ALLSKY.lens.centre_x - 100
    assert y[1] < ALLSKY.lens.centre_y - 100


def test_roll_turns_the_top_of_the_picture_to_the_left():
    axis, north = unit_vector(0, 0), np.array([0.0, 0.0, 1.0])
    level, rolled = attitude(axis, north), attitude(axis, north, 30)
    east_of_north = unit_vector(1.0, 1.7320508)  # position angle 30°, east is left of north
    x, y = DWARF3_TELE.lens.project(east_of_north @ rolled.T)
    assert x == pytest.approx(DWARF3_TELE.lens.centre_x, abs=1)
    assert y < DWARF3_TELE.lens.centre_y
    assert DWARF3_TELE.lens.project(east_of_north @ level.T)[0] < DWARF3_TELE.lens.centre_x


def test_kernel_and_lens_put_a_star_on_the_same_pixel(observer):
    parameters = place_parameters(observer)
    for instrument in (DWARF3_WIDE, ALLSKY):
        m = attitude(unit_vector(90 - 130, 50), [0, 0, 1], 12.0)
        ra, dec = observer.icrs([45, 60, 52], [120, 140, 131])
        found = project(unit_vector(ra, dec), parameters, m, instrument.lens)
        x, y = instrument.lens.project(observer.direction(ra, dec) @ m.T)
        assert np.abs(found[:, 0] - x).max() < 1e-3
        assert np.abs(found[:, 1] - y).max() < 1e-3
        assert np.degrees(found[:, 2]) == pytest.approx([45, 60, 52], abs=1e-4)


@given(
    st.floats(0, 359.9), st.floats(-89.5, 89.5), st.floats(0.5, 100), st.floats(0, 360), st.booleans(),
    st.floats(0, 3839), st.floats(0, 2159),
)  # fmt: skip
@settings(max_examples=100)
def test_plate_there_and_back(ra, dec, scale, angle, mirrored, x, y):
    wcs = plate(ra, dec, 1919.5, 1079.5, scale, angle, mirrored)
    assert wcs.pixel(*wcs.sky(x, y)) == pytest.approx((x, y), abs=1e-6)
    assert wcs.scale_arcsec == pytest.approx(scale)
    assert wcs.mirrored is mirrored
    assert abs((wcs.position_angle_deg - angle + 180) % 360 - 180) < 1e-6


@given(st.floats(0, 359.9), st.floats(-80, 80), st.floats(0, 360), st.booleans())
@settings(max_examples=25, deadline=None)
def test_plate_is_the_one_astropy_reads_from_the_cards(ra, dec, angle, mirrored):
    from astropy.wcs import WCS

    mine = plate(ra, dec, 1919.5, 1079.5, 2.75, angle, mirrored)
    header = {"NAXIS": 2, "NAXIS1": 3840, "NAXIS2": 2160} | mine.fits_cards()
    world = WCS(header).pixel_to_world_values([0.0, 3839.0, 100.0], [0.0, 50.0, 2159.0])
    assert (
        separation_deg(unit_vector(*world), unit_vector(*mine.sky([0, 3839, 100], [0, 50, 2159]))).max()
        < 1e-8
    )


def test_far_half_of_the_sky_has_no_pixel():
    assert np.isnan(Wcs(0, 0, 0, 0, ((-1e-3, 0), (0, -1e-3))).pixel(180.0, 0.0)).all()


@pytest.mark.parametrize(
    ("instrument", "scale", "width"),
    [(DWARF3_TELE, 2.750, 2.933), (DWARF3_WIDE, 89.3, 45.1), (DSLR, 32.0, 49.9)],
)
def test_scales_and_fields_of_the_profiles(instrument, scale, width):
    assert instrument.scale_arcsec == pytest.approx(scale, rel=2e-3)
    assert instrument.field_deg[0] == pytest.approx(width, abs=0.05)
