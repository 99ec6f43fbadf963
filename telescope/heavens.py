"""The sky over a telescope's site, for its session; the arithmetic is `sky`'s."""

from datetime import datetime

from sky.coordinates import Observer
from sky.coordinates import Site as SkySite
from sky.ephemeris import body
from telescope.dwarf.heavens import Equatorial, Horizontal, Site, wrapped_hours


class SiteHeavens:
    """A `telescope.dwarf.heavens.Heavens`: refraction included, ICRS.

    Args:
        site: where the telescope stands.
    """

    def __init__(self, site: Site) -> None:
        self._site = SkySite(site.latitude_deg, site.longitude_deg, site.elevation_m)

    def horizontal(self, place: Equatorial, moment: datetime) -> Horizontal:
        """Where a place of the sky is seen."""
        altitude, azimuth = Observer(self._site, moment).altaz(place.ra_hours * 15, place.dec_deg)
        return Horizontal(float(altitude), float(azimuth))

    def equatorial(self, direction: Horizontal, moment: datetime) -> Equatorial:
        """The place of the sky that is seen in a direction."""
        ra, dec = Observer(self._site, moment).icrs(direction.altitude_deg, direction.azimuth_deg)
        return Equatorial(wrapped_hours(float(ra) / 15), float(dec))

    def sun(self, moment: datetime) -> Horizontal:
        """Where the sun is seen."""
        sun = body("sun", Observer(self._site, moment))
        return Horizontal(sun.altitude_deg, sun.azimuth_deg)
