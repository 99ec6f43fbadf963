"""Sun, moon, planets and twilight against printed examples, eclipses and astropy."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sky.angles import separation_deg, unit_vector
from sky.coordinates import VACUUM, Observer, Site
from sky.ephemeris import BODIES, body
from sky.events import altitude_of, crossings, night

GREENWICH = Site(51.4769, 0.0)


def geocentric(name, moment):
    """As seen from the Earth's centre: the mean of two opposite places on the equator."""
    places = []
    for longitude in (0.0, 180.0):
        observer = Observer(Site(0.0, longitude), moment)
        b = body(name, observer)
        places.append(unit_vector(*observer.jnow(b.ra_deg, b.dec_deg)) * b.distance_au)
    return places[0] + places[1]


@pytest.mark.parametrize(
    ("name", "tdt", "ra", "dec", "within"),
    [
        ("sun", datetime(1992, 10, 13, tzinfo=UTC), 198.378178, -7.783871, 1.0),  # Meeus 25.b, apparent
        ("venus", datetime(1992, 12, 20, tzinfo=UTC), 316.172725, -18.888011, 8.0),  # Meeus 33.a
        ("moon", datetime(1992, 4, 12, tzinfo=UTC), 134.688470, 13.768368, 12.0),  # Meeus 47.a
    ],
)
def test_printed_examples(name, tdt, ra, dec, within):
    utc = tdt - timedelta(seconds=59.184 if tdt.month > 6 else 58.184)
    apart = separation_deg(geocentric(name, utc), unit_vector(ra, dec)) * 3600
    assert apart < within


def test_total_eclipse_of_2017_is_central_at_greatest_eclipse():
    observer = Observer(Site(36.9664, -87.6709), datetime(2017, 8, 21, 18, 25, 31, tzinfo=UTC), VACUUM)
    moon, sun = body("moon", observer), body("sun", observer)
    assert moon.elongation_deg * 3600 < 15
    assert moon.diameter_arcsec / sun.diameter_arcsec == pytest.approx(1.0306, abs=0.002)
    assert moon.illuminated < 1e-4


def test_venus_crosses_the_sun_on_6_june_2012():
    observer = Observer(Site(0, 0), datetime(2012, 6, 6, 1, 29, tzinfo=UTC))
    venus = body("venus", observer)
    assert venus.elongation_deg * 60 == pytest.approx(9.23, abs=0.6)  # 554″ from the centre
    assert venus.diameter_arcsec == pytest.approx(57.8, abs=0.2)


def test_great_conjunction_of_2020():
    observer = Observer(GREENWICH, datetime(2020, 12, 21, 18, 20, tzinfo=UTC))
    jupiter, saturn = body("jupiter", observer), body("saturn", observer)
    apart = separation_deg(
        unit_vector(jupiter.ra_deg, jupiter.dec_deg), unit_vector(saturn.ra_deg, saturn.dec_deg)
    )
    assert float(apart) * 60 == pytest.approx(6.1, abs=1.5)  # the series is good to 0.5′ and 1.1′


def test_full_moon_is_full_and_its_lit_limb_turns_after_it():
    full = datetime(2026, 11, 24, 14, 53, tzinfo=UTC)
    before, at, after = (body("moon", Observer(GREENWICH, full + timedelta(days=d))) for d in (-4, 0, 4))
    assert at.illuminated > 0.997
    assert 180 < before.bright_limb_deg < 360  # waxing: lit in the west
    assert 0 < after.bright_limb_deg < 180
    assert at.magnitude == pytest.approx(-12.6, abs=0.35)


@pytest.mark.parametrize(
    ("name", "moment", "magnitude", "diameter"),
    [
        ("venus", datetime(2020, 4, 28, tzinfo=UTC), -4.73, 37.1),  # greatest brilliancy, 0.450 au
        ("mars", datetime(2020, 10, 13, 23, tzinfo=UTC), -2.6, 22.4),  # opposition
        ("jupiter", datetime(2022, 9, 26, tzinfo=UTC), -2.94, 49.9),  # closest in 59 years
        ("saturn", datetime(2003, 12, 31, tzinfo=UTC), -0.48, 20.7),  # rings open
        ("uranus", datetime(2024, 11, 17, tzinfo=UTC), 5.6, 3.8),
    ],
)
def test_planets_are_as_bright_and_large_as_almanacs_say(name, moment, magnitude, diameter):
    b = body(name, Observer(GREENWICH, moment))
    assert b.magnitude == pytest.approx(magnitude, abs=0.12)
    assert b.diameter_arcsec == pytest.approx(diameter, rel=0.01)


def test_places_agree_with_astropy(earth_tables):
    """Same series, other code for light time, parallax, aberration, Earth rotation and refraction."""
    from astropy import units as u
    from astropy.coordinates import AltAz, EarthLocation, get_body
    from astropy.time import Time

    moment = datetime(2026, 11, 20, 20, tzinfo=UTC)
    time = Time(moment)
    location = EarthLocation.from_geodetic(7.5 * u.deg, 46 * u.deg, 1000 * u.m)
    observer = Observer(Site(46.0, 7.5, 1000.0), moment, VACUUM, ut1_minus_utc=float(time.delta_ut1_utc))
    for name in BODIES:
        truth = get_body(name, time, location).transform_to(AltAz(obstime=time, location=location))
        b = body(name, observer)
        apart = separation_deg(
            unit_vector(b.azimuth_deg, b.altitude_deg), unit_vector(truth.az.deg, truth.alt.deg)
        )
        assert apart * 3600 < 1.5, name


def test_twilight_of_greenwich_at_the_equinox():
    """HM Nautical Almanac, 20 March 2026 at Greenwich: rise 06:04, set 18:14 UTC; civil twilight 33 min."""
    found = night(GREENWICH, datetime(2026, 3, 20, 12, tzinfo=UTC))
    assert found.sunset and found.sunrise and found.civil_dusk
    assert abs(found.sunset - datetime(2026, 3, 20, 18, 14, tzinfo=UTC)) < timedelta(minutes=1.5)
    assert abs(found.civil_dusk - found.sunset - timedelta(minutes=33)) < timedelta(minutes=1.5)
    times = [
        found.sunset, found.civil_dusk, found.nautical_dusk, found.astronomical_dusk,
        found.astronomical_dawn, found.nautical_dawn, found.civil_dawn, found.sunrise,
    ]  # fmt: skip
    assert times == sorted(times)  # pyright: ignore[reportArgumentType]


def test_events_are_where_the_altitude_says():
    site = Site(46.0, 7.5)
    altitude = altitude_of("moon", site)
    found = crossings(altitude, datetime(2026, 11, 20, 11, tzinfo=UTC), 24)
    assert [c.rising for c in found] == [True, False]
    for crossing in found:
        assert altitude(crossing.moment) == pytest.approx(-0.833, abs=0.01)


def test_midsummer_in_the_far_north_has_no_night():
    found = night(Site(70.0, 20.0), datetime(2026, 6, 21, 10, 40, tzinfo=UTC))
    assert found.sunset is None
    assert found.astronomical_dusk is None
    assert found.lowest_sun_deg == pytest.approx(3.4, abs=0.1)


def test_rings_of_saturn_are_edge_on_in_2025():
    tilts = [
        body("saturn", Observer(GREENWICH, datetime(y, 3, 23, tzinfo=UTC))).tilt_deg
        for y in (2017, 2025, 2032)
    ]
    assert tilts[0] == pytest.approx(26.5, abs=0.5)
    assert abs(tilts[1]) < 0.3
    assert np.sign(tilts[2]) == -1
