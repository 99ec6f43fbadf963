"""Satellites, aircraft and meteors: invented from the seed and the time, the same for every camera at the site."""

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from sky.coordinates import airmass
from sky.ephemeris import body
from sky.flux import star_rates
from sky.instruments import Colours
from sky.renderer.conditions import Meteor
from sky.renderer.view import Instant, View
from skycam_project.common.clock import microseconds_utc

Streak = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""x, y (n,) pixels and electrons (n, 3) in R, G, B of points along a path."""

_EARTH_KM = 6371.0
_SLOT_S = 600


def _slot(moment: datetime) -> int:
    return int(microseconds_utc(moment) // 1_000_000 // _SLOT_S)


def _trace(view: View, instant: Instant, directions: NDArray[np.float64]) -> tuple[NDArray, NDArray, NDArray]:
    x, y = view.lens.project(directions @ instant.matrix.T)
    seen = (x > -60) & (x < view.width + 60) & (y > -60) & (y < view.height + 60) & (directions[:, 2] > 0)
    return x, y, seen


def _satellite_path(seed: list[int]) -> tuple[float, NDArray, NDArray, float, float]:
    """When (s into the slot), where (km), which way (km/s) a satellite is closest; height; V."""
    random = np.random.default_rng(seed)
    when = random.uniform(0, _SLOT_S)
    height = random.choice([420.0, 550.0, 780.0, 1150.0], p=[0.1, 0.6, 0.2, 0.1])
    highest = np.radians(random.triangular(10, 40, 90))
    heading = random.uniform(0, 2 * np.pi)
    aside = height / np.tan(highest)
    way = np.array([np.sin(heading), np.cos(heading), 0.0])
    place = np.array([way[1], -way[0], 0.0]) * aside + np.array([0, 0, height])
    speed = 7.9 * np.sqrt(_EARTH_KM / (_EARTH_KM + height))
    return when, place, way * speed, height, float(random.uniform(2.5, 6.5))


def satellites(view: View, transmitted: Colours) -> list[Streak]:
    """Paths of satellites that cross the picture in sunlight while the shutter is open."""
    conditions, found = view.conditions, []
    per_slot = conditions.satellites_per_hour * _SLOT_S / 3600
    if per_slot <= 0:
        return found
    sun = body("sun", view.middle.observer)
    a, h = np.radians(sun.azimuth_deg), np.radians(sun.altitude_deg)
    to_sun = np.array([np.sin(a) * np.cos(h), np.cos(a) * np.cos(h), np.sin(h)])
    for slot in range(_slot(view.start) - 1, _slot(view.start + timedelta(seconds=view.exposure)) + 2):
        count = np.random.default_rng([conditions.seed, slot, 5]).poisson(per_slot)
        begin = (microseconds_utc(view.start) / 1e6) - slot * _SLOT_S
        for n in range(count):
            streak = _satellite(view, [conditions.seed, slot, n, 6], begin, to_sun, transmitted)
            if streak:
                found.append(streak)
    return found


def _satellite(
    view: View, seed: list[int], begin: float, to_sun: NDArray, transmitted: Colours
) -> Streak | None:
    when, place, way, _, v0 = _satellite_path(seed)

    def at(times: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        flat = place + (times - when)[:, None] * way
        drop = (flat[:, 0] ** 2 + flat[:, 1] ** 2) / (
            2 * (_EARTH_KM + place[2])
        )  # the orbit follows the Earth
        flat[:, 2] -= drop
        distance = np.linalg.norm(flat, axis=1)
        return flat / distance[:, None], distance

    times = np.linspace(begin, begin + view.exposure, max(48, int(view.exposure * 4)))
    directions, _ = at(times)
    x, y, seen = _trace(view, view.middle, directions)
    if not seen.any():
        return None
    inside = np.flatnonzero(seen)
    first, last = times[max(inside[0] - 1, 0)], times[min(inside[-1] + 1, len(times) - 1)]
    ends = [max(inside[0] - 1, 0), min(inside[-1] + 1, len(times) - 1)]
    length = np.hypot(x[ends[1]] - x[ends[0]], y[ends[1]] - y[ends[0]])
    times = np.linspace(first, last, int(np.clip(np.nan_to_num(length) * 1.3, 16, 12_000)))
    directions, distance = at(times)
    x, y, seen = _trace(view, view.middle, directions)
    from_earth = directions * distance[:, None] + np.array([0, 0, _EARTH_KM])
    along = from_earth @ to_sun
    sunlit = (along > 0) | (np.linalg.norm(from_earth - along[:, None] * to_sun, axis=1) > _EARTH_KM)
    v = v0 + 5 * np.log10(distance / 550)
    rates = _rates(view, v, 0.65, directions, transmitted)
    part = (times[-1] - times[0]) / len(times)
    keep = seen & sunlit
    return (x[keep], y[keep], rates[keep] * part) if keep.any() else None


def aircraft(view: View, transmitted: Colours) -> list[Streak]:
    """Aeroplanes at cruising height: steady lights and a strobe every 1.2 s."""
    conditions, found = view.conditions, []
    per_slot = conditions.aircraft_per_hour * _SLOT_S / 3600
    if per_slot <= 0:
        return found
    for slot in range(_slot(view.start) - 1, _slot(view.start + timedelta(seconds=view.exposure)) + 2):
        count = np.random.default_rng([conditions.seed, slot, 10]).poisson(per_slot)
        begin = (microseconds_utc(view.start) / 1e6) - slot * _SLOT_S
        for n in range(count):
            streak = _aeroplane(view, [conditions.seed, slot, n, 11], begin, transmitted)
            if streak:
                found.append(streak)
    return found


def _aeroplane(view: View, seed: list[int], begin: float, transmitted: Colours) -> Streak | None:
    random = np.random.default_rng(seed)
    when, height, heading = random.uniform(0, _SLOT_S), random.uniform(7, 12), random.uniform(0, 2 * np.pi)
    aside = height / np.tan(np.radians(random.triangular(15, 40, 90)))
    way = np.array([np.sin(heading), np.cos(heading), 0.0])
    nearest = np.array([way[1], -way[0], 0.0]) * aside + np.array([0, 0, height])
    speed, v0, strobe = random.uniform(0.19, 0.26), random.uniform(0.5, 2.5), random.uniform(0, 1.2)
    times = np.linspace(begin, begin + view.exposure, max(60, int(view.exposure * 120)))
    flat = nearest + (times - when)[:, None] * way * speed
    distance = np.linalg.norm(flat, axis=1)
    directions = flat / distance[:, None]
    x, y, seen = _trace(view, view.middle, directions)
    seen &= directions[:, 2] > 0.05
    if not seen.any():
        return None
    flash = (times + strobe) % 1.2 < 0.06
    v = v0 + 5 * np.log10(distance / 15) - 3.0 * flash
    rates = _rates(view, v, 0.8, directions, transmitted) * (view.exposure / len(times))
    return x[seen], y[seen], rates[seen]


def _invented(view: View) -> list[Meteor]:
    """The meteors that the seed brings while the shutter is open."""
    conditions, found = view.conditions, []
    begin = microseconds_utc(view.start) / 1e6
    for minute in range(int(begin // 60), int((begin + view.exposure) // 60) + 1):
        random = np.random.default_rng([conditions.seed, minute, 8])
        for _ in range(random.poisson(conditions.meteors_per_hour / 60)):
            when = minute * 60 + random.uniform(0, 60)
            azimuth, up = random.uniform(0, 2 * np.pi), random.uniform(0.1, 1.0)
            heading, length = random.uniform(0, 2 * np.pi), random.uniform(4, 20)
            brightest = 4.5 - random.exponential(1.2)
            if begin <= when < begin + view.exposure:
                altitude = float(np.degrees(np.arcsin(up)))
                moment = view.start + timedelta(seconds=when - begin)
                degrees = float(np.degrees(azimuth)), altitude, float(np.degrees(heading)), length
                found.append(Meteor(moment, *degrees, brightest))
    return found


def meteors(view: View, transmitted: Colours) -> list[Streak]:
    """Meteors that flare up while the shutter is open."""
    found = []
    close = view.start + timedelta(seconds=view.exposure)
    for meteor in (*_invented(view), *(m for m in view.conditions.meteors if view.start <= m.when < close)):
        path, x, y, seen = meteor_track(view, meteor)
        if seen.any():
            length = np.radians(meteor.length_deg)
            found.append(_meteor(view, path, x, y, seen, meteor.peak_mag, length, transmitted))
    return found


def meteor_track(view: View, meteor: Meteor) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """400 directions (400, 3) along a meteor's path, their pixels x and y, and which are in the picture."""
    heading, up = np.radians(meteor.heading_deg), np.sin(np.radians(meteor.altitude_deg))
    azimuth, flat = np.radians(meteor.azimuth_deg), np.sqrt(1 - up * up)
    start = np.array([np.sin(azimuth) * flat, np.cos(azimuth) * flat, up])
    aside = np.cross(start, [np.cos(heading), np.sin(heading), 0.3])
    way = np.arange(400)[:, None] / 399 * np.radians(meteor.length_deg)
    path = start * np.cos(way) + aside / np.linalg.norm(aside) * np.sin(way)
    return path, *_trace(view, view.middle, path)


def _meteor(
    view: View, path: NDArray, x: NDArray, y: NDArray, seen: NDArray, brightest: float, length: float,
    transmitted: Colours,
) -> Streak:  # fmt: skip
    """A light curve that rises and falls, in 15 to 25°/s; stamped at every pixel of the path."""
    lasts = np.degrees(length) / 20
    pieces = max(1, int(np.nanmax(np.hypot(np.diff(x[seen]), np.diff(y[seen])), initial=1.0)))
    at = np.linspace(0, 399, 399 * min(pieces, 25) + 1)
    nodes = np.arange(400)
    fine = np.stack([np.interp(at, nodes, path[:, n]) for n in range(3)], axis=1)
    fx, fy, inside = _trace(view, view.middle, fine)
    curve = np.sin(np.pi * at / 399) ** 0.7
    rates = (
        _rates(view, np.full(len(at), brightest), 0.3, fine, transmitted) * curve[:, None] * (lasts / len(at))
    )
    return fx[inside], fy[inside], rates[inside]


def _rates(
    view: View, v: NDArray, bv: float, directions: NDArray, transmitted: Colours
) -> NDArray[np.float64]:
    altitude = np.degrees(np.arcsin(np.clip(directions[:, 2], 0, 1)))
    return star_rates(
        v, np.full(len(v), bv), view.instrument, transmitted, airmass(altitude), view.conditions.haze
    )
