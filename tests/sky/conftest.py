"""What the tests of the sky share."""

from datetime import UTC, datetime

import pytest

from sky.coordinates import Observer, Site

SITE = Site(46.3, 7.6, 900.0)
NIGHT = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def observer() -> Observer:
    return Observer(SITE, NIGHT)


@pytest.fixture
def earth_tables():
    """Astropy's own tables of the Earth's rotation, whatever their age: nothing is fetched, no date fails."""
    from astropy.utils import iers

    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        yield
