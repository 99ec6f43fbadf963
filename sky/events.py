"""When things rise and set, and how dark a night is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sky.coordinates import VACUUM, Observer, Site
from sky.ephemeris import BodyName, body
from skycam_project.common.units import Degrees, Hours

RISE_SET: Degrees = -0.833
"""Altitude of the centre of sun or moon, without refraction, when the upper limb touches the horizon."""
CIVIL: Degrees = -6.0
NAUTICAL: Degrees = -12.0
ASTRONOMICAL: Degrees = -18.0

_STEP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Crossing:
    """The moment (to about 1 s) at which something passed an altitude."""

    moment: datetime
    rising: bool


def altitude_of(name: BodyName, site: Site) -> Callable[[datetime], Degrees]:
    """Topocentric altitude of a body's centre without refraction, as a function of time."""
    return lambda moment: body(name, Observer(site, moment, VACUUM)).altitude_deg


def crossings(
    altitude: Callable[[datetime], Degrees], start: datetime, duration: Hours, limit: Degrees = RISE_SET
) -> list[Crossing]:
    """Every time `altitude` passes `limit` in [start, start + duration], in order.

    Sampled every 10 min and bisected to 1 s: two crossings within 10 min of each other (a body that only
    grazes the limit) can be missed.
    """
    found: list[Crossing] = []
    samples = int(duration * 3600 / _STEP.total_seconds())
    before, at = altitude(start) - limit, start
    for n in range(1, samples + 1):
        then = start + n * _STEP
        after = altitude(then) - limit
        if (before < 0) != (after < 0):
            found.append(Crossing(_bisect(altitude, limit, at, then, before < 0), before < 0))
        before, at = after, then
    return found


def _bisect(
    altitude: Callable[[datetime], Degrees], limit: Degrees, low: datetime, high: datetime, rising: bool
) -> datetime:
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if (altitude(middle) < limit) == rising:
            low = middle
        else:
            high = middle
    return low + (high - low) / 2


@dataclass(frozen=True, slots=True)
class Night:
    """One night; None where the sun does not pass that altitude (polar summer or winter)."""

    sunset: datetime | None
    civil_dusk: datetime | None
    nautical_dusk: datetime | None
    astronomical_dusk: datetime | None
    astronomical_dawn: datetime | None
    nautical_dawn: datetime | None
    civil_dawn: datetime | None
    sunrise: datetime | None
    lowest_sun_deg: Degrees


def night(site: Site, noon: datetime) -> Night:
    """Twilights of the 24 hours from `noon`, the site's local noon, so that a night is in one piece."""
    altitude = altitude_of("sun", site)
    known = {noon + n * _STEP: altitude(noon + n * _STEP) for n in range(145)}

    def sampled(moment: datetime) -> Degrees:
        return known[moment] if moment in known else altitude(moment)

    edges: list[datetime | None] = []
    for limit in (RISE_SET, CIVIL, NAUTICAL, ASTRONOMICAL):
        passes = crossings(sampled, noon, 24, limit)
        down = next((c.moment for c in passes if not c.rising), None)
        up = next((c.moment for c in reversed(passes) if c.rising), None)
        edges.insert(len(edges) // 2, down)
        edges.insert(len(edges) // 2 + 1, up)
    return Night(*edges, lowest_sun_deg=min(known.values()))
