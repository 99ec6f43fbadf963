"""Where the telescope points, as far as we know: it never says so itself.

Known from the last accepted goto or plate solution. While it tracks, that place stays (plus the drift that
later solutions show); while it stands, the direction stays and the place moves. Movements by hand are
reckoned from their rates.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from skycam_project.common.clock import Clock, iso_utc
from skycam_project.common.errors import SkycamError
from skycam_project.common.files import write_atomic
from skycam_project.common.units import Seconds
from telescope.dwarf.heavens import Equatorial, Heavens, Horizontal, displaced, offset, wrapped_hours
from telescope.dwarf.session.settings import DwarfSettings
from telescope.dwarf.session.state import Board
from telescope.dwarf.sun import PARKED_PITCH, Axes

NOMINAL = Axes(0.0, 0.0)
"""Shown when nothing is known: level, to the north."""
LONGEST_MEMORY: Seconds = 12 * 3600.0
SHORTEST_DRIFT: Seconds = 60.0
"""Two plate solutions closer together than this tell nothing of the drift."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """A tracked place.

    Attributes:
        place: the target.
        since: when tracking of it began, aware, UTC.
        reference: what the first plate solution said, and when.
        drift: change of the place since then in the tangent plane, radians per second (east, north).
    """

    place: Equatorial
    since: datetime
    reference: tuple[Equatorial, datetime] | None = None
    drift: tuple[float, float] = (0.0, 0.0)

    def at(self, moment: datetime) -> Equatorial:
        """Where it points at `moment`: the target plus the drift."""
        if self.reference is None or self.drift == (0.0, 0.0):
            return self.place
        seconds = (moment - self.reference[1]).total_seconds()
        return displaced(self.place, self.drift[0] * seconds, self.drift[1] * seconds)


class Position:
    """Where one telescope points.

    Args:
        settings: name of the spool folder, where the last place outlives the process.
        board: `mount` gets the numbers.
        clock: what time it is.
        heavens: the sky over the site.

    Attributes:
        axes: where a standing telescope points; None when not known or tracking.
        tracked: what a tracking telescope points at.
    """

    def __init__(self, settings: DwarfSettings, board: Board, clock: Clock, heavens: Heavens) -> None:
        self._board, self._clock, self._heavens = board, clock, heavens
        self._memory = settings.spool / "position.json"
        self.axes: Axes | None = None
        self.tracked: Tracked | None = None

    @property
    def known(self) -> bool:
        """False before the first goto or plate solution."""
        return self.axes is not None or self.tracked is not None

    def axes_now(self) -> Axes | None:
        """Where the barrel points now; None when not known."""
        if self.tracked is None:
            return self.axes
        moment = self._clock.now()
        return Axes.of(self._heavens.horizontal(self.tracked.at(moment), moment))

    def place_now(self) -> Equatorial | None:
        """The place of the sky that is in the middle of the picture; None when not known."""
        moment = self._clock.now()
        if self.tracked is not None:
            return self.tracked.at(moment)
        return None if self.axes is None else self._heavens.equatorial(self.axes.direction, moment)

    def track(self, place: Equatorial, name: str) -> None:
        """The telescope tracks `place` from now on."""
        self.axes, self.tracked = None, Tracked(place, self._clock.now())
        self._remember(name)
        self.publish()

    def solved(self, place: Equatorial, moment: datetime) -> None:
        """A plate solution says where the middle of a picture was at its middle time.

        The first one after a goto is the reference; what later ones differ from it is drift.
        """
        if (before := self.tracked) is None:
            return
        if before.reference is None:
            self.tracked = replace(before, reference=(place, moment))
            return
        seconds = (moment - before.reference[1]).total_seconds()
        if seconds >= SHORTEST_DRIFT:
            east, north = offset(before.reference[0], place)
            self.tracked = replace(before, drift=(east / seconds, north / seconds))
            self.publish()

    def stand(self) -> None:
        """Tracking has ended; the barrel stays where it is."""
        self.axes, self.tracked = self.axes_now(), None
        self.publish()

    def moved(self, azimuth_deg: float, pitch_deg: float) -> None:
        """The axes moved by hand by these angles."""
        if (axes := self.axes_now()) is not None:
            pitch = min(max(axes.pitch_deg + pitch_deg, -90.0), PARKED_PITCH)
            self.axes, self.tracked = Axes((axes.azimuth_deg + azimuth_deg) % 360, pitch), None
        self.publish()

    def folded(self) -> None:
        """The barrel is in the body; the azimuth is as before."""
        axes = self.axes_now()
        self.axes = None if axes is None else replace(axes, pitch_deg=PARKED_PITCH)
        self.tracked = None
        self.publish()

    def lost(self) -> None:
        """Nothing is known any more, e.g. after a movement that we did not see."""
        self.axes = self.tracked = None
        self.publish()

    def publish(self) -> None:
        """Put the present numbers onto the board."""
        moment = self._clock.now()
        axes = self.axes_now() or NOMINAL
        place = self.place_now() or self._heavens.equatorial(axes.direction, moment)
        direction: Horizontal = axes.direction
        self._board.set(
            "mount",
            ra_hours=wrapped_hours(round(place.ra_hours, 7)),
            dec_deg=round(place.dec_deg, 6),
            altitude_deg=round(direction.altitude_deg, 5),
            azimuth_deg=round(direction.azimuth_deg, 5) % 360,
            position_known=self.known,
        )

    # ---- what outlives the process

    def _remember(self, name: str) -> None:
        if (tracked := self.tracked) is not None:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            record = {
                "name": name,
                "ra_hours": tracked.place.ra_hours,
                "dec_deg": tracked.place.dec_deg,
                "at": iso_utc(tracked.since),
            }
            write_atomic(self._memory, orjson.dumps(record))

    def recall(self, name: str) -> Equatorial | None:
        """The place that was tracked under this name when the process before this one ended.

        Returns:
            None when nothing, something else, or something older than 12 hours was written down.
        """
        try:
            record = orjson.loads(self._memory.read_bytes())
            age = (self._clock.now() - datetime.fromisoformat(record["at"])).total_seconds()
            if record["name"] == name and 0 <= age < LONGEST_MEMORY:
                return Equatorial(wrapped_hours(float(record["ra_hours"])), float(record["dec_deg"]))
        except (OSError, ValueError, KeyError, TypeError, SkycamError):
            return None
        return None
