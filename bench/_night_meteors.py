"""Nights with meteors, satellites and aircraft whose truth the detector never sees."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from sky.coordinates import Site
from sky.instruments import ALLSKY, DSLR_SMALL, Instrument
from sky.renderer import Conditions, Fixed, Meteor, render
from sky.renderer.transients import meteor_track
from sky.renderer.view import View
from timelapse.night.frames import Camera, Look, NightFrame
from timelapse.night.sightings import Sighting, Watch

SITE = Site(46.0, 7.5, 1000.0)
CAMERAS: dict[str, tuple[Instrument, Fixed, float]] = {
    "DSLR 24 mm f/2.8, ISO 1600": (DSLR_SMALL, Fixed(50, 180), 1600),
    "all-sky 2.5 mm f/2": (ALLSKY, Fixed(90, 180), 0),
}
FAINTEST = {"DSLR 24 mm f/2.8, ISO 1600": 0.0, "all-sky 2.5 mm f/2": -1.0}
"""Peak magnitude of the faintest meteors. A lens 1.2 mm wide gathers a fiftieth of the light: at magnitude 0 the light
of a whole trail is 4 to 10 times its noise (measured with the truth in hand), which no detector can tell from chance."""
EXPOSURE_S, INTERVAL_S = 30.0, 32.0
SHORTEST_PX = 60.0
NEAR_PX = 14.0


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A meteor and where it lies."""

    meteor: Meteor
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    length_px: float


@dataclass(slots=True)
class Score:
    """What came of a night."""

    events: int = 0
    found: int = 0
    false: int = 0
    frames: int = 0
    cpu_s: float = 0.0

    def __add__(self, other: "Score") -> "Score":
        names = ("events", "found", "false", "frames", "cpu_s")
        return Score(*(getattr(self, name) + getattr(other, name) for name in names))


def an_event(camera: str, start: datetime, random: np.random.Generator) -> Event:
    """A meteor no fainter than `FAINTEST`, 60 px or more of it in the picture, above 10°."""
    instrument, pointing, _ = CAMERAS[camera]
    view = View(instrument, pointing, start, EXPOSURE_S, Conditions(SITE))
    while True:
        when = start + timedelta(seconds=float(random.uniform(0, EXPOSURE_S - 0.1)))
        place = float(random.uniform(0, 360)), float(random.uniform(12, 85)), float(random.uniform(0, 360))
        peak = FAINTEST[camera] - float(random.exponential(1.0))
        meteor = Meteor(when, *place, float(random.uniform(4, 20)), peak)
        path, x, y, seen = meteor_track(view, meteor)
        length = float(np.hypot(np.diff(x), np.diff(y))[seen[1:] & seen[:-1]].sum())
        inside = seen & (x > 0) & (y > 0) & (x < view.width) & (y < view.height)
        if length >= SHORTEST_PX and inside.all() and path[:, 2].min() > np.sin(np.radians(10)):
            return Event(meteor, x, y, length)


def a_night(
    camera: str, start: datetime, frames: int, every: int, seed: int, clouds: bool = False, first: int = 0
) -> Iterator[tuple[Look, list[Event]]]:
    """Frames with 60 satellites and 12 aircraft an hour, and a meteor in every `every`-th (0: none).

    Args:
        camera: of `CAMERAS`.
        start: of frame 0.
        frames: how many.
        every: see above.
        seed: of everything.
        clouds: whether a cloud cover of 0 to 0.8 comes and goes, once in an hour.
        first: number of the first frame.
    """
    instrument, pointing, gain = CAMERAS[camera]
    random = np.random.default_rng(seed)
    quiet = Conditions(
        SITE,
        satellites_per_hour=60,
        meteors_per_hour=0,
        aircraft_per_hour=12,
        seed=seed,
        hills=bool(seed % 2),
    )
    sensor = instrument.sensor
    for n in range(first, first + frames):
        begin = start + timedelta(seconds=INTERVAL_S * n)
        events = [an_event(camera, begin, random)] if every and n % every == 1 and n < frames - 1 else []
        cover = 0.4 - 0.4 * np.cos(n * INTERVAL_S / 3600 * 2 * np.pi) if clouds else quiet.cloud_cover
        conditions = replace(quiet, meteors=tuple(event.meteor for event in events), cloud_cover=float(cover))
        image = render(instrument, pointing, begin, EXPOSURE_S, gain, conditions, seed=seed)
        frame = NightFrame(
            f"{seed}-{n}",
            begin,
            EXPOSURE_S,
            image,
            "mosaic",
            float(sensor.top_adu),
            sensor.offset_adu,
            name=str(n),
        )
        yield Look(frame, Camera(SITE)), events


def run(
    camera: str,
    start: datetime,
    frames: int,
    every: int,
    seed: int,
    *,
    tell: bool = False,
    clouds: bool = False,
    first: int = 0,
) -> tuple[Score, list[tuple[int, Sighting]]]:
    """Watch a night. Returns the score and what was taken for a meteor and is none."""
    import time

    score, watch = Score(frames=frames), Watch()
    truth: dict[str, list[Event]] = {}
    wrong: list[tuple[int, Sighting]] = []

    def judge(judged: list[tuple[Look, list[Sighting]]]) -> None:
        for look, sightings in judged:
            events = truth.pop(look.frame.digest)
            meteors = [s for s in sightings if s.kind == "meteor"]
            for event in events:
                score.events += 1
                if any(_same(s, event) for s in meteors):
                    score.found += 1
                elif tell:
                    seen = [(s.kind, s.reason) for s in sightings if _same(s, event)]
                    print(
                        f"    missed: frame {look.frame.name} V {event.meteor.peak_mag:.1f} {event.length_px:.0f} px {seen}"
                    )
            for s in meteors:
                if not any(_same(s, event) for event in events):
                    score.false += 1
                    wrong.append((int(look.frame.name), s))

    for look, events in a_night(camera, start, frames, every, seed, clouds, first):
        truth[look.frame.digest] = events
        begin = time.process_time()
        judged = watch.push(look)
        score.cpu_s += time.process_time() - begin
        judge(judged)
    judge(watch.flush())
    return score, wrong


def _same(sighting: Sighting, event: Event) -> bool:
    middle = sighting.streak.path[len(sighting.streak.path) // 2]
    return bool(np.hypot(event.x - middle[0], event.y - middle[1]).min() < NEAR_PX)


NIGHT = datetime(2026, 11, 10, 19, tzinfo=UTC)
MOONLIT = datetime(2026, 11, 19, 18, tzinfo=UTC)
"""The moon, three quarters lit, sets in the second half of this night."""
