"""What the mount is asked for: slew, track, park, move, calibrate. Accepted at once, done in the background.

Every request is checked first (connected, host, parked, horizon, zenith, sun) and raises then; what goes
wrong later is in `board.mount.problem`. The sun exclusion and the horizon sit here, below every interface.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from skycam_project.common.clock import Clock
from skycam_project.common.errors import InvalidValueError, SkycamError
from skycam_project.common.units import Degrees
from telescope.dwarf.captures import target_name
from telescope.dwarf.codes import Code
from telescope.dwarf.heavens import Equatorial, Heavens
from telescope.dwarf.session.connection import Connection
from telescope.dwarf.session.goto import Goto
from telescope.dwarf.session.hand import Barrel, HandMovement
from telescope.dwarf.session.pointing import PointingLoop
from telescope.dwarf.session.position import Position
from telescope.dwarf.session.state import Role
from telescope.dwarf.session.work import OneWork
from telescope.dwarf.sun import CLOSED_PITCH, LIMIT, PARKED_PITCH, Axes, SunGuard
from telescope.errors import (
    BelowHorizonError,
    CalibrationError,
    ConnectionLostError,
    DwarfCommandError,
    InvalidStateError,
    NearZenithError,
    NotConnectedError,
    NotHostError,
    ParkedError,
)

logger = logging.getLogger(__name__)

ZENITH_LIMIT: Degrees = 87.0
DARK_ENOUGH: Degrees = -5.0
"""Altitude of the sun above which the telescope sees no stars to calibrate on."""
BY_HAND = "moving by hand"
TICK = 1.0
"""Seconds between looks at where the telescope points."""


class Motion:
    """The mount.

    Args:
        connection: of the session.
        heavens: the sky over the site.
        goto: gotos and calibrations.
        position: where it points.
        hand: axis movements.
        guard: the sun exclusion.
        loop: refines gotos.
        clock: time.

    Attributes:
        before_move: awaited before the telescope is moved: ends a stacking run.
    """

    def __init__(
        self,
        connection: Connection,
        heavens: Heavens,
        goto: Goto,
        position: Position,
        hand: HandMovement,
        guard: SunGuard,
        loop: PointingLoop,
        clock: Clock,
    ) -> None:
        self._connection, self._board, self._heavens, self._clock = (
            connection,
            connection.board,
            heavens,
            clock,
        )
        self._goto, self._position, self._hand, self._guard, self._loop = goto, position, hand, guard, loop
        self._barrel = Barrel(connection)
        self._work = OneWork(self._board)
        self._movements: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        hand.stopped = lambda: self._movements.put_nowait(_nothing)
        self.before_move: Callable[[], Awaitable[None]] = _nothing
        connection.on_ready(self._resume)
        connection.in_background(self._tick)

    # ---- requests

    async def slew(self, place: Equatorial, name: str = "") -> None:
        """Point at a place of the sky and track it.

        Args:
            place: ICRS.
            name: of the target; made of the coordinates when empty.

        Raises:
            SkycamError: not possible now; the text says why and what to do.
        """
        if not (0 <= place.ra_hours < 24 and -90 <= place.dec_deg <= 90):
            raise InvalidValueError(
                "place", (place.ra_hours, place.dec_deg), "0 ≤ RA < 24 h, -90 ≤ Dec ≤ 90°"
            )
        self._check_ready()
        name = target_name(name) if name.strip() else f"RA {place.ra_hours:.4f}h Dec {place.dec_deg:+.3f}"
        self._check_place(place, name)
        self._board.set(
            "mount",
            target_name=name,
            target_ra_hours=place.ra_hours,
            target_dec_deg=place.dec_deg,
            tracking=True,
        )
        self._work.begin(f"slew to {name}", self._slew(place, name))

    async def track(self, wanted: bool) -> None:
        """Switch tracking: off stops a goto and tracking, on goes to the present position.

        Where the present position is not known, the wish alone is noted; the next goto fulfils it.
        """
        if wanted:
            self._check_ready()
            place = self._position.place_now()
            if place is not None and not self._board.mount.tracking_active:
                name = self._board.mount.target_name or "present position"
                self._check_place(place, name)
                self._work.begin("track", self._slew_plain(place, target_name(name)))
        elif self._board.mount.tracking_active or self._work.busy:
            self._check_connected()
            self._work.begin("stop tracking", self._stop_all())
        self._board.set("mount", tracking=wanted)

    async def abort(self) -> None:
        """Stop every movement now; a goto that was under way leaves the telescope not tracking."""
        if self._board.mount.parked:
            raise ParkedError(self._connection.settings.name)
        self._check_connected()
        if self._work.busy:
            self._work.begin("abort", self._abort())

    async def park(self) -> None:
        """Stop everything and fold the barrel into the body; harmless when it is parked."""
        if self._board.mount.parked:
            return
        self._check_connected()
        axes = self._position.axes_now()
        end = Axes(axes.azimuth_deg if axes else 0.0, PARKED_PITCH)
        self._guard.check_way("the parking position", axes, end, self._clock.now())
        self._work.begin("park", self._park())

    async def unpark(self) -> None:
        """Allow movements again; the telescope unfolds with the next goto."""
        self._check_connected()
        self._board.set("mount", parked=False)

    async def move_axis(self, axis: int, rate: float) -> None:
        """Run an axis; see `HandMovement.run`."""
        self._check_ready()
        self._hand.check(self._hand.rates_with(axis, rate))
        if rate or self._moves_by_hand:
            self._by_hand(lambda: self._hand.run(axis, rate))

    async def joystick(self, angle_deg: float, length: float) -> None:
        """Move like a joystick; see `HandMovement.joystick`."""
        self._check_ready()
        self._hand.check(self._hand.joystick_rates(angle_deg, length))
        if length or self._moves_by_hand:
            self._by_hand(lambda: self._hand.joystick(angle_deg, length))

    async def calibrate(self) -> None:
        """Let the telescope learn how it stands; the barrel looks in several directions for some minutes."""
        self._check_ready()
        self._check_dark()
        self._work.begin("calibration", self._calibrate())

    def set_pointing_loop(self, wanted: bool) -> None:
        """Check gotos by plate solving, or not."""
        self._board.set("mount", pointing_loop=wanted)

    def set_solar_mode(self, wanted: bool) -> None:
        """The solar filter is fitted: the sun exclusion is off."""
        self._guard.solar_mode = wanted
        self._board.set("mount", solar_mode=wanted)
        logger.warning("solar mode %s", "on" if wanted else "off")

    async def settled(self) -> None:
        """Wait until the present work has ended, well or badly."""
        await self._work.settled()

    async def stop_at_once(self) -> None:
        """The last client has gone: stop what moves, without a word."""
        if self._connection.connected and self._work.busy:
            self._work.begin("stop", self._abort())
            await self.settled()

    # ---- checks

    @property
    def _moves_by_hand(self) -> bool:
        return self._work.busy and self._work.name == BY_HAND

    def _check_connected(self) -> None:
        name = self._connection.settings.name
        if not self._connection.connected:
            raise NotConnectedError(
                f"{name} is not connected: {self._board.connection.problem or 'still connecting'}"
            )
        if self._board.connection.role is Role.SLAVE:
            raise NotHostError(name)

    def _check_ready(self) -> None:
        self._check_connected()
        if self._board.mount.parked:
            raise ParkedError(self._connection.settings.name)

    def _check_place(self, place: Equatorial, name: str) -> None:
        moment = self._clock.now()
        direction = self._heavens.horizontal(place, moment)
        limit = self._connection.settings.horizon_deg
        if direction.altitude_deg < limit:
            raise BelowHorizonError(name, direction.altitude_deg, limit)
        if direction.altitude_deg > ZENITH_LIMIT and not self._board.mount.equatorial:
            raise NearZenithError(
                f"{name} is at altitude {direction.altitude_deg:.1f}°; above {ZENITH_LIMIT:g}° "
                "an alt-azimuth mount cannot follow. Wait until it has passed the zenith."
            )
        self._guard.check_target(name, direction, moment)
        self._guard.check_way(name, self._position.axes_now(), Axes.of(direction), moment)

    def _check_dark(self) -> None:
        if (height := self._heavens.sun(self._clock.now()).altitude_deg) > DARK_ENOUGH:
            raise CalibrationError(
                f"a calibration needs stars, and the sun is at altitude {height:.0f}°; "
                f"wait until it is below {DARK_ENOUGH:g}°"
            )

    # ---- works

    async def _slew(self, place: Equatorial, name: str) -> None:
        await self._slew_plain(place, name)

        async def again(commanded: Equatorial) -> None:
            await self._goto.goto(commanded, name)
            self._position.track(place, name)

        await self._loop.refine(place, again)

    async def _slew_plain(self, place: Equatorial, name: str) -> None:
        """The telescope's own goto; tried again when the connection was lost before it began."""
        try:
            await self._go(place, name)
        except (ConnectionLostError, NotConnectedError) as error:
            logger.info("goto tried again reason=%s", error)
            await self._connection.ready(self._connection.settings.patience.file)
            await self._go(place, name)
        self._position.track(place, name)

    async def _go(self, place: Equatorial, name: str) -> None:
        """Stop what goes on, then go; calibrating first when the telescope asks for that."""
        await self._stop_all()
        self._board.set("mount", tracking=True)
        try:
            await self._goto.goto(place, name)
        except DwarfCommandError as error:
            if error.device_code != Code.ASTRO_NEED_CALIBRATION:
                raise
            await self._calibrate()
            await self._goto.goto(place, name)

    async def _calibrate(self) -> None:
        self._check_dark()
        await self.before_move()
        self._position.lost()
        await self._goto.calibrate()

    async def _stop_all(self) -> None:
        """End a stacking run, axis movements, a goto, tracking; returns when the telescope stands."""
        await self.before_move()
        if self._hand.moving:
            await self._hand.stop()
        if self._goto.active:
            await self._goto.stop()
        if self._position.tracked is not None:
            self._position.stand()

    async def _abort(self) -> None:
        if self._goto.calibrating:
            await self._goto.stop_calibration()
        if self._goto.moving:
            await self._goto.stop()
            self._position.lost()
        if not self._goto.active:
            self._board.set("mount", tracking=False)

    async def _park(self) -> None:
        await self._stop_all()
        self._board.set("mount", tracking=False)
        await self._barrel.close()
        self._position.folded()
        self._board.set("mount", parked=True, tracking=False)

    def _by_hand(self, movement: Callable[[], Awaitable[None]]) -> None:
        self._movements.put_nowait(movement)
        if not self._moves_by_hand:
            self._work.begin(BY_HAND, self._move_by_hand())

    async def _move_by_hand(self) -> None:
        """Carry out movements in their order until both axes stand; then tracking goes on if it is wished."""
        try:
            await self._stop_all()
            while True:
                await (await self._movements.get())()
                if not self._hand.moving and self._movements.empty():
                    break
        finally:
            self._movements = asyncio.Queue()
            if self._hand.moving:
                await self._hand.stop()
        self._board.set("mount", slewing=False)
        if self._board.mount.tracking and self._position.known:
            await self._track_again()

    async def _track_again(self) -> None:
        """After a movement by hand: see where it led, if a solver is there, and track that."""
        place = self._position.place_now()
        if place is None:
            raise InvalidStateError("the telescope does not know where it points")
        if self._loop.solver is not None and self._board.mount.pointing_loop:
            try:
                place = await self._loop.locate(place)
            except SkycamError as error:
                logger.info("place after moving by hand only reckoned reason=%s", error)
        name = self._board.mount.target_name or "present position"
        self._check_place(place, name)
        await self._goto.goto(place, name)
        self._position.track(place, name)

    # ---- after a connect, and now and then

    async def _resume(self) -> None:
        """The telescope may track something: if we sent it there, we know where it points."""
        name = self._goto.tracking_name
        if self._work.busy:
            return
        if not name:
            if self._position.tracked is not None:
                self._position.stand()
            return
        if self._position.tracked is None and (place := self._position.recall(name)) is not None:
            self._position.track(place, name)
            self._board.set(
                "mount", target_name=name, target_ra_hours=place.ra_hours, target_dec_deg=place.dec_deg
            )
        self._board.set("mount", tracking=True, parked=False)

    async def _tick(self) -> None:
        """Publish where it points; notice the end of tracking; keep the sun out of a standing barrel."""
        while True:
            if self._position.tracked is not None and not self._goto.active and not self._work.busy:
                logger.info("tracking ended by the telescope")
                self._position.stand()
                self._board.set("mount", tracking=False)
            self._position.publish()
            await self._watch_sun()
            await self._clock.sleep(TICK)

    async def _watch_sun(self) -> None:
        axes, moment = self._position.axes_now(), self._clock.now()
        if axes is None or axes.pitch_deg > CLOSED_PITCH or self._work.busy or self._guard.solar_mode:
            return
        if self._guard.is_up(moment) and self._guard.distance(axes, moment) < LIMIT:
            logger.error("the sun comes close: the barrel is closed")
            self._work.begin("closing because of the sun", self._park())


async def _nothing() -> None:
    return None
