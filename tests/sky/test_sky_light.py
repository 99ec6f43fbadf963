"""Twilight, moon, towns, clouds, passing satellites; the pictures of an ordinary camera."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sky_frames import CLEAR, DARK, SITE, box, sized

from sky.angles import unit_vector
from sky.coordinates import Observer
from sky.instruments import ALLSKY, DSLR_SMALL
from sky.names import resolve
from sky.renderer import (
    Fixed,
    LightDome,
    render_rgb,
    render_with_truth,
)
from sky.renderer.skylight import Lamps, clear_sky, cloud_depth, ground_lux
from sky.renderer.transients import satellites
from sky.renderer.view import View


def _v(lamps, altitude, azimuth=0.0):
    direction = unit_vector(90 - azimuth, altitude)
    return float(-2.5 * np.log10(clear_sky(replace(CLEAR, zenith_mag=21.6), lamps, direction)[1]))


def _lamps(sun=-60.0, moon=-60.0, phase=0.0):
    lamps = Lamps.of(Observer(SITE, DARK))
    return Lamps(
        replace(lamps.sun, altitude_deg=sun, azimuth_deg=0.0),
        replace(lamps.moon, altitude_deg=moon, azimuth_deg=0.0, phase_angle_deg=phase),
    )


@pytest.mark.parametrize(
    ("sun", "mag"), [(0, 7.0), (-3, 9.33), (-6, 13.41), (-9, 17.14), (-12, 19.68), (-15, 20.84), (-18, 21.42)]
)
def test_twilight_at_the_zenith(sun, mag):
    assert _v(_lamps(sun=sun), 90) == pytest.approx(mag, abs=0.02)


def test_moonlight_and_the_dark_sky():
    assert _v(_lamps(moon=45), 90) == pytest.approx(18.17, abs=0.02)  # Krisciunas & Schaefer, full moon
    assert _v(_lamps(moon=45), 65) == pytest.approx(17.39, abs=0.02)
    assert _v(_lamps(moon=45, phase=90), 90) == pytest.approx(20.39, abs=0.02)
    assert _v(_lamps(), 30, 90) == pytest.approx(21.09, abs=0.02)
    assert _v(_lamps(), 10, 90) == pytest.approx(20.71, abs=0.02)


def test_the_light_around_the_moon_has_no_edge():
    """A step in the sky is a line that no sky has: what looks for lines takes it for a meteor."""
    away = np.arange(1.0, 30.0, 0.05)
    mags = [_v(_lamps(moon=45), 45 + degrees) for degrees in away]
    assert np.abs(np.diff(mags)).max() < 0.11  # at 1° it falls as the square of the distance
    assert np.abs(np.diff(mags, 2)[away[2:] > 5]).max() < 0.01


def test_clouds_smear_along_the_wind_while_the_shutter_is_open():
    windy = replace(CLEAR, cloud_cover=0.6, wind_m_per_s=10.0, wind_from_deg=270.0, seed=4)
    east, north = np.meshgrid(*[np.arange(-2000, 2000, 20.0)] * 2)
    above = np.stack([east, north, np.full_like(east, 3000.0)], axis=-1)
    above /= np.linalg.norm(above, axis=-1, keepdims=True)
    passed = [10 ** (-0.4 * cloud_depth(windy, 1e9, above, exposure)) for exposure in (0.0, 30.0)]
    assert passed[1].mean() == pytest.approx(passed[0].mean(), abs=0.03)
    along, across = ([float(np.abs(np.diff(p, axis=axis)).mean()) for p in passed] for axis in (1, 0))
    assert along[1] < 0.75 * along[0]
    assert across[1] / across[0] > 1.15 * along[1] / along[0]


def test_skylight_in_lux_follows_the_illuminance_tables():
    """The whole sky, integrated, against measured illuminance: within little more than a stop."""
    azimuth, altitude = np.meshgrid(np.arange(2, 360, 4.0), np.arange(1.5, 90, 3.0))
    weight = np.cos(np.radians(altitude)) * np.sin(np.radians(altitude)) * np.radians(4) * np.radians(3)
    directions = unit_vector(90 - azimuth, altitude)
    for sun in (-15, -12, -9, -6, -3, 0, 5):
        lamps = _lamps(sun=sun)
        lux = (clear_sky(CLEAR, lamps, directions)[..., 1] * weight).sum() * 1.08e5
        assert 0.45 < lux / ground_lux(lamps)[0] < 2.3, sun


def test_town_glows_in_its_direction():
    glow = replace(CLEAR, domes=(LightDome(90.0, 6.0),))
    east, west = (clear_sky(glow, _lamps(), unit_vector(90 - a, 15.0))[1] for a in (90, 270))
    assert east / west > 3


def test_clouds_hide_stars_and_drift_with_the_wind():
    camera = sized(DSLR_SMALL, 750, 500)
    clear, overcast = (
        render_rgb(camera, Fixed(60, 180), DARK, 10.0, 1600, replace(CLEAR, cloud_cover=c)).astype(float)
        for c in (0.0, 1.0)
    )
    stars = (clear.max(axis=2) > np.median(clear) + 60).sum()
    assert stars > 100
    assert (overcast.max(axis=2) > np.median(overcast) + 60).sum() < 0.05 * stars


def test_clouds_drift_with_the_wind():
    camera = sized(DSLR_SMALL, 750, 500)
    windy = replace(CLEAR, cloud_cover=0.5, wind_m_per_s=10.0, wind_from_deg=270.0, seed=4)
    noon = datetime(2026, 6, 20, 11, tzinfo=UTC)
    first, second = (
        render_rgb(camera, Fixed(89.9, 180), noon + timedelta(seconds=s), 1 / 2000, 100, windy, f_number=8.0)
        for s in (0, 10)
    )
    shift = 100 / 3000 / np.radians(camera.scale_arcsec / 3600)  # 100 m, 3 km up; east is left
    spectra = [np.fft.rfft2(np.diff(f[..., 0].astype(float), axis=1)) for f in (second, first)]
    peak = np.fft.irfft2(spectra[0] * np.conj(spectra[1]), (500, 749))
    y, x = np.unravel_index(np.argmax(peak), peak.shape)
    assert (x + 374) % 749 - 374 == pytest.approx(-shift, abs=4)
    assert (y + 250) % 500 - 250 == pytest.approx(0, abs=4)


def test_allsky_shows_the_pole_at_its_height_and_the_land_outside():
    mosaic, truth = render_with_truth(ALLSKY, Fixed(90, 180), DARK, 5.0, 0, CLEAR)
    polaris = resolve("Polaris")
    view = View(ALLSKY, Fixed(90, 180), DARK, 5.0, CLEAR)
    x, y, altitude = view.pixels(unit_vector(polaris.ra_deg, polaris.dec_deg)[None])[0]
    assert np.degrees(altitude) == pytest.approx(46, abs=0.8)
    assert y < truth.wcs.y - 500  # north is up
    assert x == pytest.approx(truth.wcs.x, abs=15)
    assert box(mosaic, x, y, 2).max() > np.median(mosaic) + 100
    assert mosaic[:100, :100].mean() < np.median(mosaic[900:1180, 1400:1700])


def test_satellites_are_the_same_for_every_camera_of_the_site():
    busy = replace(CLEAR, satellites_per_hour=300)
    dusk = datetime(2026, 6, 20, 21, tzinfo=UTC)
    camera, aim = sized(DSLR_SMALL, 1500, 1000), Fixed(45, 180)
    views = [View(camera, aim, dusk + timedelta(seconds=20 * n), 20.0, busy) for n in range(12)]
    streaks = [(satellite, view) for view in views for satellite in satellites(view, (1, 1, 1))]
    (x, y, _), view = max(streaks, key=lambda s: s[0][2].max())
    other = View(ALLSKY, Fixed(90, 180), view.start, 20.0, busy)
    seen = view.directions(x, y)
    ex, ey = other.lens.project(seen @ other.middle.matrix.T)
    again = satellites(other, (1, 1, 1))
    apart = [max(np.hypot(s[0] - ex[k], s[1] - ey[k]).min() for k in (0, len(ex) // 2, -1)) for s in again]
    assert min(apart) < 2
    picture, plain = (
        render_rgb(camera, aim, view.start, 20.0, 800, replace(busy, satellites_per_hour=n)).astype(int)
        for n in (300, 0)
    )
    inside = (x > 5) & (x < 1494) & (y > 5) & (y < 994)
    on_path = (picture - plain)[np.round(y[inside]).astype(int), np.round(x[inside]).astype(int)]
    assert on_path.mean() > 2
    assert abs((picture - plain)[5:50, 5:50].mean()) < 0.5


def test_meteors_come_as_often_as_asked():
    from sky.renderer.transients import meteors

    def count(rate, minutes):
        storm = replace(CLEAR, meteors_per_hour=rate)
        views = [
            View(ALLSKY, Fixed(90, 180), DARK + timedelta(minutes=n), 60.0, storm) for n in range(minutes)
        ]
        return sum(len(meteors(view, (1, 1, 1))) for view in views)

    assert count(0, 5) == 0
    assert count(1200, 6) == pytest.approx(120, abs=40)


def _linear(picture):
    x = picture.astype(np.float64) / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize(
    ("moment", "exposure", "iso", "f_number"),
    [
        (datetime(2026, 11, 10, 11, tzinfo=UTC), 1 / 400, 100, 8.0),
        (datetime(2026, 11, 10, 16, 35, tzinfo=UTC), 1.0, 200, 4.0),
        (datetime(2026, 11, 10, 22, tzinfo=UTC), 15.0, 1600, 2.8),
    ],
)
def test_picture_follows_shutter_iso_and_diaphragm(moment, exposure, iso, f_number):
    camera = sized(DSLR_SMALL, 300, 200)

    def level(t, i, n):
        return np.median(_linear(render_rgb(camera, Fixed(40, 30), moment, t, i, CLEAR, f_number=n)))

    base = level(exposure, iso, f_number)
    assert 0.003 < base < 0.45
    assert level(exposure * 2, iso, f_number) / base == pytest.approx(2, rel=0.06)
    assert level(exposure, iso * 2, f_number) / base == pytest.approx(2, rel=0.06)
    assert level(exposure, iso, f_number * np.sqrt(2)) / base == pytest.approx(0.5, rel=0.06)


def test_day_and_night_lie_twenty_stops_apart():
    camera = sized(DSLR_SMALL, 300, 200)

    def ev(moment, exposure, iso):
        level = np.median(
            _linear(render_rgb(camera, Fixed(40, 30), moment, exposure, iso, CLEAR, f_number=4.0))
        )
        return np.log2(level / exposure / iso)

    day = ev(datetime(2026, 6, 20, 11, tzinfo=UTC), 1 / 2000, 100)
    night = ev(datetime(2026, 11, 10, 22, tzinfo=UTC), 30.0, 3200)
    assert day - night == pytest.approx(23.5, abs=2.0)


def test_daylight_is_neutral_on_clouds_and_blue_above():
    camera = sized(DSLR_SMALL, 300, 200)
    noon = datetime(2026, 6, 20, 11, tzinfo=UTC)
    blue = np.median(render_rgb(camera, Fixed(60, 0), noon, 1 / 800, 100, CLEAR, f_number=8.0), axis=(0, 1))
    cloudy = replace(CLEAR, cloud_cover=1.0)
    grey = np.median(render_rgb(camera, Fixed(60, 0), noon, 1 / 800, 100, cloudy, f_number=8.0), axis=(0, 1))
    assert blue[2] > blue[0] + 15
    assert np.ptp(grey) < 6
