"""Stars in simulated frames: where they stand, how bright they are, how they trail."""

from datetime import timedelta

import numpy as np
import pytest
from sky_frames import CLEAR, DARK, QUIET, SITE, SMALL, box, sized, star_adu

from sky import faint
from sky.angles import separation_deg, unit_vector
from sky.coordinates import Observer
from sky.instruments import DSLR_SMALL, DWARF3_TELE
from sky.renderer import (
    AltAz,
    Equatorial,
    Fixed,
    render_with_truth,
)
from sky.renderer.view import View


def test_stars_stand_where_astropy_puts_them(earth_tables):
    """Another code for precession, aberration, refraction and projection, to a tenth of a pixel."""
    from astropy import units as u
    from astropy.coordinates import AltAz as AstropyAltAz
    from astropy.coordinates import EarthLocation, SkyCoord
    from astropy.time import Time

    from sky.catalogue import stars

    exposure, angle = 2.0, 25.0
    _, truth = render_with_truth(DWARF3_TELE, Equatorial(305.0, 40.0, angle), DARK, exposure, 60, CLEAR)
    air = CLEAR.air
    frame = AstropyAltAz(
        obstime=Time(DARK + timedelta(seconds=exposure / 2)),
        location=EarthLocation.from_geodetic(7.5 * u.deg, 46 * u.deg, 1000 * u.m),
        pressure=air.pressure_at(SITE) * u.hPa, temperature=10 * u.deg_C,
        relative_humidity=0.5, obswl=0.55 * u.um,
    )  # fmt: skip
    here = Observer(SITE, DARK)

    def observed(ra, dec):
        place = SkyCoord(ra * u.deg, dec * u.deg).transform_to(frame)
        return unit_vector(90 - place.az.deg, place.alt.deg)

    rows = truth.stars.row[truth.stars.v < 9.5]
    xyz = stars().places(rows, here.moment)
    ra, dec = np.degrees(np.arctan2(xyz[:, 1], xyz[:, 0])) % 360, np.degrees(np.arcsin(xyz[:, 2]))
    seen = observed(ra, dec)
    axis, north = observed(np.array([305.0, 305.0]), np.array([40.0, 40.05]))
    up = north - axis * (north @ axis)
    up /= np.linalg.norm(up)
    right = np.cross(axis, up)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    top, side = up * c - right * s, right * c + up * s
    f = 150e3 / 2.0
    depth = seen @ axis
    x, y = 1919.5 + f * (seen @ side) / depth, 1079.5 - f * (seen @ top) / depth
    assert len(rows) > 20
    bright = truth.stars.v < 9.5
    assert np.abs(truth.stars.x[bright] - x).max() < 0.1
    assert np.abs(truth.stars.y[bright] - y).max() < 0.1


def test_light_of_a_star_falls_on_its_pixel():
    """Centroid of the electrons, noise averaged away, against the projection: no bias beyond 0.02 px."""
    frames = [
        render_with_truth(QUIET, Equatorial(305, 40), DARK + timedelta(milliseconds=n), 4.0, 0, CLEAR)
        for n in range(4)
    ]
    mean = np.mean([f[0].astype(np.float64) for f in frames], axis=0) - 200
    known = frames[0][1].stars
    # The mosaic's colours must not pull the centroid: divide each by what a star of this colour leaves there.
    offsets = []
    for x, y, v in zip(known.x, known.y, known.v, strict=True):
        if not (8 < v < 10.5 and 20 < x < 940 and 20 < y < 620):
            continue
        apart = np.hypot(known.x - x, known.y - y)
        if ((apart > 0) & (apart < 20) & (known.v < v + 3)).any():
            continue
        ix, iy = round(x), round(y)
        cut = box(mean, x, y, 7) - np.median(box(mean, x, y, 15))
        j, i = np.mgrid[-7:8, -7:8]
        green = ((iy + j) % 2) != ((ix + i) % 2)
        weight = cut * green * np.exp(-(i**2 + j**2) / 18)
        offsets.append(
            [(weight * i).sum() / weight.sum() - (x - ix), (weight * j).sum() / weight.sum() - (y - iy)]
        )
    bias = np.median(np.array(offsets), axis=0)
    assert len(offsets) >= 5
    assert np.abs(bias).max() < 0.05


def test_light_grows_with_exposure():
    sums = []
    for exposure in (2.0, 4.0, 8.0):
        mosaic, truth = render_with_truth(
            QUIET, Equatorial(83.82, 10.0), DARK.replace(hour=23), exposure, 100, CLEAR
        )
        n = np.argsort(np.abs(truth.stars.v - 8.9))[:3]
        sums.append([star_adu(mosaic, truth.stars.x[k], truth.stars.y[k]) / exposure for k in n])
    counted = truth.stars.electrons[n] / 8.0 / QUIET.sensor.adu_gain(100)
    assert np.array(sums) == pytest.approx(np.broadcast_to(sums[-1], (3, 3)), rel=0.04)
    # The mean of R, 2 G, B of a star is close to its green light.
    assert sums[-1] == pytest.approx(counted, rel=0.25)


def test_red_stars_are_red():
    mosaic, truth = render_with_truth(QUIET, Equatorial(305, 40), DARK, 10.0, 0, CLEAR)
    from sky.catalogue import stars

    bv = stars().bv[truth.stars.row]
    ok = (truth.stars.v < 10) & (np.abs(truth.stars.x - 480) < 450) & (np.abs(truth.stars.y - 320) < 300)
    ratios = []
    for x, y in zip(truth.stars.x[ok], truth.stars.y[ok], strict=True):
        ix, iy = round(x) // 2 * 2, round(y) // 2 * 2
        cut = mosaic[iy - 6 : iy + 8, ix - 6 : ix + 8].astype(np.float64) - 200
        red, blue = (c.sum() - np.median(c) * c.size for c in (cut[::2, ::2], cut[1::2, 1::2]))
        ratios.append(2.5 * np.log10(max(red, 1) / max(blue, 1)))
    assert np.corrcoef(bv[ok], ratios)[0, 1] > 0.8


def test_faint_stars_are_the_same_in_every_frame():
    aim = unit_vector(305, 40)
    one, two = faint.cone(aim, 1.0, 13.0), faint.cone(unit_vector(305.4, 40.2), 1.0, 13.0)
    inside = [
        {tuple(np.round(v, 9)) for v in stars[0][separation_deg(stars[0], unit_vector(305.2, 40.1)) < 0.6]}
        for stars in (one, two)
    ]
    assert len(inside[0]) > 100
    assert inside[0] == inside[1]


def test_faint_stars_continue_the_counts_of_the_table():
    from sky.catalogue import stars

    aim = unit_vector(100, 25)
    bright = stars().cone(aim, 5.0)
    xyz, v, _ = faint.cone(aim, 5.0, 15.0)
    v = v[separation_deg(xyz, aim) < 5]
    table = np.histogram(stars().v[bright], [9, 10, 11])[0]
    invented = np.histogram(v, [11, 12, 13, 14, 15])[0]
    assert v.min() >= 11
    assert invented[0] / table[1] == pytest.approx(2.4, abs=0.5)
    assert (invented[1:] / invented[:-1]) == pytest.approx([10**0.4] * 3, rel=0.1)


def test_untracked_camera_draws_trails_of_the_length_of_the_time():
    camera = sized(DSLR_SMALL, 800, 600)
    exposure = 240.0
    view = View(camera, Fixed(45, 180), DARK, exposure, CLEAR)
    start, end = view.at(0.0), view.at(exposure)
    star = unit_vector(*view.middle.observer.icrs([45.0], [180.0]))
    way = view.pixels(star, end)[0] - view.pixels(star, start)[0]
    _, dec = view.middle.observer.jnow(*view.centre)
    length = 15.041 * exposure * np.cos(np.radians(dec)) / camera.scale_arcsec
    assert np.hypot(*way[:2]) == pytest.approx(length, rel=0.01)
    assert view.steps >= length * 0.98
    path = np.array([at[0, :2] for at in view.path(star)])
    exact = np.array(
        [view.pixels(star, view.at(exposure * (n + 0.5) / view.steps))[0, :2] for n in range(view.steps)]
    )
    assert np.abs(path - exact).max() < 0.05


def test_field_turns_on_two_axes_at_the_rate_of_the_formula():
    exposure = 60.0
    view = View(DWARF3_TELE, AltAz(305, 40), DARK, exposure, CLEAR)
    corner = view.icrs(view.directions(np.array([100.0]), np.array([100.0])))
    moved = view.pixels(corner, view.at(exposure)) - view.pixels(corner, view.at(0.0))
    altitude, azimuth = (np.radians(float(a)) for a in view.middle.observer.altaz(305, 40))
    rate = 15.041 * np.cos(np.radians(46)) * np.cos(azimuth) / np.cos(altitude)
    radius = np.hypot(1919.5 - 100, 1079.5 - 100)
    assert np.hypot(*moved[0, :2]) == pytest.approx(abs(rate) * radius * exposure / 206265, rel=0.02)
    middle = view.pixels(unit_vector(305, 40)[None], view.at(exposure))[0]
    assert middle[:2] == pytest.approx([1919.5, 1079.5], abs=0.01)


def test_drift_moves_the_field():
    view = View(DWARF3_TELE, Equatorial(305, 40, drift_east=0.5, drift_north=-0.2), DARK, 60.0, CLEAR)
    star = unit_vector(305, 40)
    moved = view.pixels(star[None], view.at(60.0))[0, :2] - view.pixels(star[None], view.at(0.0))[0, :2]
    assert moved * DWARF3_TELE.scale_arcsec == pytest.approx(
        [30.0, -12.0], abs=0.1
    )  # the field goes the other way


def test_centre_and_angle_of_the_truth_are_those_asked_for():
    _, truth = render_with_truth(SMALL, Equatorial(305, 40, 33.0), DARK, 1.0, 60, CLEAR)
    assert separation_deg(unit_vector(truth.ra_deg, truth.dec_deg), unit_vector(305, 40)) * 3600 < 0.01
    assert truth.position_angle_deg == pytest.approx(33.0, abs=0.01)
    star = truth.wcs.sky(700.0, 100.0)
    assert np.isfinite(star).all()
