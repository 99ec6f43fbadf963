"""Galaxies, nebulae, moon and planets in simulated frames."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sky_frames import CLEAR, DARK, QUIET, SITE, SMALL, WHOLE, box, superpixels

from sky.angles import unit_vector
from sky.coordinates import Observer
from sky.ephemeris import body
from sky.renderer import (
    Equatorial,
    render,
    render_with_truth,
)
from sky.renderer.view import View


def _moments(image):
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    total = image.sum()
    cx, cy = (image * x).sum() / total, (image * y).sum() / total
    xx, yy = (image * (x - cx) ** 2).sum() / total, (image * (y - cy) ** 2).sum() / total
    xy = (image * (x - cx) * (y - cy)).sum() / total
    # The angle of the long axis from "up", counted to the left: east of north for a picture with north up.
    return (
        cx,
        cy,
        np.degrees(0.5 * np.arctan2(-2 * xy, yy - xx)) * -1,
        np.sqrt((xx + yy + np.hypot(xx - yy, 2 * xy)) / (xx + yy - np.hypot(xx - yy, 2 * xy))),
    )


@pytest.mark.parametrize("roll", [0.0, 50.0])
def test_andromeda_is_long_and_lies_at_its_angle(roll):
    mosaic = render(WHOLE, Equatorial(10.6848, 41.2691, roll), DARK, 6.0, 0, CLEAR)
    coarse = np.median(superpixels(mosaic).reshape(90, 3, 160, 3).swapaxes(1, 2), axis=(2, 3))
    sky = np.percentile(coarse, 50)
    y, x = np.mgrid[:90, :160]
    isophote = (coarse > sky + 0.04 * (coarse[43:47, 78:82].max() - sky)) & (
        np.hypot(x - 79.5, y - 44.5) < 20
    )
    cx, cy, angle, ratio = _moments(isophote.astype(float))
    assert 60 < isophote.sum() < 900
    assert (cx, cy) == pytest.approx((79.5, 44.5), abs=2)
    assert (angle - (35 - roll) + 90) % 180 - 90 == pytest.approx(0, abs=5)
    assert ratio > 1.7
    above = coarse - sky
    along = np.radians(35 - roll)
    profile = [above[round(44.5 - r * np.cos(along)), round(79.5 - r * np.sin(along))] for r in (1, 4, 9, 18)]
    assert profile[0] > 2.5 * profile[1] > 5 * profile[2] > 2 * profile[3] > 0


def test_galaxy_sends_the_light_of_its_magnitude():
    """M94's patches together hold the electrons of V 8.2 (less the few per cent beyond their edge)."""
    from sky import flux
    from sky.deepsky import objects
    from sky.renderer.extended import galaxy

    m94 = next(o for o in objects().objects if o.name == "NGC4736")
    view = View(SMALL, Equatorial(m94.ra_deg, m94.dec_deg), datetime(2026, 3, 10, 23, tzinfo=UTC), 1.0, CLEAR)
    total = np.array([1000.0, 1000.0, 1000.0, 1000.0])
    patches = galaxy(view, m94, view.pixels(unit_vector(m94.ra_deg, m94.dec_deg)[None])[0], total)
    assert sum(float(p.grid.sum() * p.step**2 * p.flux[0]) for p in patches) == pytest.approx(1000, rel=0.08)
    assert flux.throughput(SMALL)[1] == pytest.approx(5.77e6, rel=0.01)


def test_orion_nebula_glows_more_in_red_than_the_sky_beside_it():
    mosaic = render(WHOLE, Equatorial(83.82, -5.39), DARK.replace(hour=1), 10.0, 60, CLEAR)
    red, green = (mosaic[j::2, i::2].astype(np.float64) - 200 for j, i in ((0, 0), (0, 1)))
    inside, beside = np.s_[105:165, 210:270], np.s_[5:50, 5:75]
    glow_red, glow_green = (np.median(c[inside]) - np.median(c[beside]) for c in (red, green))
    assert glow_green > 3
    assert glow_red / glow_green > 1.15 * np.median(red[beside]) / np.median(green[beside])


def test_duo_band_filter_keeps_the_gas_and_stops_the_sky():
    def frame(name):
        mosaic = render(
            WHOLE, Equatorial(83.82, -5.39), DARK.replace(hour=1), 10.0, 60, CLEAR, filter_name=name
        )
        red = mosaic[::2, ::2].astype(np.float64) - 200
        sky = np.median(red[5:50, 5:75])
        return np.median(red[120:150, 225:255]) - sky, sky

    (gas, sky), (gas_duo, sky_duo) = frame("VIS"), frame("Duo-band")
    assert gas_duo / gas > 0.75
    assert sky_duo / sky < 0.4


def test_unknown_filter_is_named():
    with pytest.raises(KeyError, match="no filter 'H-beta'"):
        render(SMALL, Equatorial(10, 40), DARK, 1.0, 60, CLEAR, filter_name="H-beta")


def test_moon_has_its_size_and_is_lit_from_the_suns_side():
    moment = datetime(2026, 11, 16, 17, 30, tzinfo=UTC)
    moon = body("moon", Observer(SITE, moment, CLEAR.air))
    assert moon.illuminated < 0.6
    mosaic = render(WHOLE, Equatorial(moon.ra_deg, moon.dec_deg), moment, 1 / 8000, 0, CLEAR)
    image = superpixels(mosaic) - 800
    shape = image > 0.03 * np.percentile(image, 99.9)
    y, x = np.nonzero(shape)
    angle = np.radians(moon.bright_limb_deg)
    towards = np.array([-np.sin(angle), -np.cos(angle)])  # north up, east left, in superpixels
    along = (x - 239.5) * towards[0] + (y - 134.5) * towards[1]
    across = (x - 239.5) * towards[1] - (y - 134.5) * towards[0]
    radius = moon.diameter_arcsec / 2 / WHOLE.scale_arcsec / 2
    assert np.ptp(across) / 2 == pytest.approx(radius, rel=0.03)
    assert along.max() == pytest.approx(radius, rel=0.03)
    assert along.mean() > 0.15 * radius


def test_jupiter_is_as_bright_as_its_magnitude_and_no_point():
    moment = datetime(2026, 11, 21, 4, tzinfo=UTC)
    jupiter = body("jupiter", Observer(SITE, moment, CLEAR.air))
    mosaic, _ = render_with_truth(
        QUIET, Equatorial(jupiter.ra_deg, jupiter.dec_deg), moment, 1 / 400, 0, CLEAR
    )
    cut = box(mosaic, 479.5, 319.5, 20) - 200
    from sky import flux
    from sky.coordinates import airmass

    rate = flux.star_rates(jupiter.magnitude, 0.9, QUIET, airmass=airmass(jupiter.altitude_deg))
    expected = (rate[..., 0] + 2 * rate[..., 1] + rate[..., 2]) / 4 / 400 / 2.7
    assert cut.sum() == pytest.approx(float(np.ravel(expected)[0]), rel=0.05)
    assert (cut > 0.3 * cut.max()).sum() > 60
