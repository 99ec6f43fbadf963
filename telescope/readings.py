"""What a telescope says of itself goes into its session: where it points, temperatures, focus, lost tracking."""

import asyncio
import logging
from collections.abc import Callable

from sessions.store.errors import StoreError
from sessions.store.manager import SessionManager
from skycam_project.common.clock import Clock
from skycam_project.common.units import Degrees, Seconds
from telescope.dwarf.heavens import Equatorial, separation
from telescope.dwarf.session.state import Board
from telescope.procedures import Procedures

logger = logging.getLogger(__name__)

LOOK: Seconds = 2.0
"""Between two looks at the state."""
AT_LEAST: Seconds = 60.0
"""A reading that does not change is written down again after so long."""
MOUNT_EVERY: Seconds = 10.0
MOVED: Degrees = 0.05
"""A mount that has moved so far is written down at the next look."""
LOST_AFTER: Seconds = 5.0
"""Tracking that stops for less is a telescope thinking, not tracking that is lost."""


class TelescopeReadings:
    """Writes rows and events from the telescope's state; run it beside the host.

    Series: `mount_position` (`ra`, `dec`, `alt`, `az`, degrees, ICRS), `temperature` (`sensor` is `ccd` or
    `telescope`), `focus_position` (motor steps), `battery` (`value_percent`). Events: `tracking_lost`,
    `tracking_regained`. Sessions of calibrations and focus runs: `Procedures`.

    Args:
        sessions: of this telescope, owned by this process.
        board: its state.
        clock: for pauses.
        where: altitude and azimuth of a place now, degrees.
    """

    def __init__(
        self,
        sessions: SessionManager,
        board: Board,
        clock: Clock,
        where: Callable[[Equatorial], tuple[Degrees, Degrees]],
    ) -> None:
        self._sessions, self._board, self._clock, self._where = sessions, board, clock, where
        self._procedures = Procedures(sessions, board)
        self._written: dict[str, tuple[object, Seconds]] = {}
        self._place: tuple[Equatorial, Seconds] | None = None
        self._tracked = False
        self._stopped_at: Seconds | None = None
        self._lost_at: Seconds | None = None

    async def run(self) -> None:
        """Until cancelled."""
        failing = False
        while True:
            try:
                self.look()
                await asyncio.to_thread(self._procedures.look)  # a new session is synced
                failing = False
            except (StoreError, OSError) as error:  # a full disk must not end the host
                if not failing:
                    logger.warning("readings are not written down for now reason=%s", error)
                failing = True
            await self._clock.sleep(LOOK)

    def look(self) -> None:
        """Write down what is new."""
        board, now = self._board, self._clock.monotonic()
        if not board.connection.connected:
            self._stopped_at, self._tracked = None, False
            return
        self._mount(now)
        self._reading("temperature", now, board.camera.sensor_temperature_c, sensor="ccd")
        self._reading("temperature", now, board.telemetry.temperature_c, sensor="telescope")
        self._reading("focus_position", now, board.focus.position)
        self._reading("battery", now, board.telemetry.battery_percent, column="value_percent")
        self._tracking(now)

    def _reading(
        self, series: str, now: Seconds, value: float | None, column: str = "value", **more: str
    ) -> None:
        name = f"{series}/{more.get('sensor', '')}"
        before, then = self._written.get(name, (None, -AT_LEAST))
        if value is not None and (value != before or now - then >= AT_LEAST):
            self._written[name] = (value, now)
            self._sessions.add_telemetry(series, **more, **{column: value})

    def _mount(self, now: Seconds) -> None:
        mount = self._board.mount
        if not mount.position_known:
            return
        place = Equatorial(mount.ra_hours, mount.dec_deg)
        if self._place is not None:
            before, then = self._place
            if now - then < MOUNT_EVERY and separation(place, before) < MOVED * 3600:
                return
        self._place = (place, now)
        altitude, azimuth = self._where(place)
        self._sessions.add_telemetry(
            "mount_position",
            ra=place.ra_hours * 15,
            dec=place.dec_deg,
            alt=round(altitude, 4),
            az=round(azimuth, 4),
        )

    def _tracking(self, now: Seconds) -> None:
        """Tracking that was on, is wanted, and has stopped with nothing going on that explains it."""
        mount = self._board.mount
        explained = mount.slewing or mount.moving or mount.calibrating or mount.parked or not mount.tracking
        if mount.tracking_active:
            if self._lost_at is not None:
                self._sessions.add_event("tracking_regained", {"lost_for_s": round(now - self._lost_at, 1)})
            self._tracked, self._stopped_at, self._lost_at = True, None, None
        elif explained:
            self._tracked, self._stopped_at, self._lost_at = False, None, None
        elif self._tracked:
            if self._stopped_at is None:
                self._stopped_at = now
            if now - self._stopped_at >= LOST_AFTER:
                self._tracked, self._lost_at = False, self._stopped_at
                details = {
                    "target": mount.target_name,
                    "ra_deg": mount.ra_hours * 15,
                    "dec_deg": mount.dec_deg,
                }
                self._sessions.add_event("tracking_lost", details | {"problem": mount.problem})
