"""The host of one telescope: its session, its clients, its state, and the calls that others may make.

A call returns when its command is accepted; what becomes of it is in the state (`mount.problem`,
`camera.problem`, …). Frames go to the sink, which acknowledges them; only then is an image ready.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import asdict, replace
from functools import wraps
from typing import Any

from skycam_project.common.clock import Clock, SystemClock, iso_utc
from skycam_project.common.errors import SkycamError
from skycam_project.common.holders import Holders
from skycam_project.common.units import Seconds
from telescope.dwarf.heavens import Equatorial
from telescope.dwarf.session import DwarfSession, Exposure, Frame
from telescope.dwarf.session.state import CameraPhase
from telescope.errors import CaptureError, InvalidStateError, NotConnectedError, NotHostError
from telescope.frame_sink import FrameSink, described
from telescope.leased import FrameLeases
from telescope.metrics import focusing

logger = logging.getLogger(__name__)

DEVICES = ("telescope", "camera", "focuser", "filterwheel", "switch")
"""What a DWARF 3 is to clients: one telescope, several devices."""
CONNECT_PATIENCE: Seconds = 3.5
"""How long `connect` and `disconnect` wait before they answer; Alpaca clients give up after 5 s."""
OFFER_AGAIN: tuple[Seconds, ...] = (1.0, 5.0, 15.0)
"""Pauses before a frame is offered again to a sink that failed."""
FRESH: dict[str, Any] = {"percent_completed": 0, "image_ready": False, "image": None, "problem": ""}
LOOK_AROUND: Seconds = 30.0
"""Between looks for silent clients."""


class TelescopeHost:
    """Owns one telescope. `run` it in the event loop that serves its link.

    Args:
        telescope: id, stable over restarts, e.g. "0".
        name: for people.
        session: the telescope; nobody else may use it.
        sink: takes the frames.
        holders: the clients.
        publish: called with each new state, e.g. the link host's `publish`; may be replaced.
        leases: keep the lights dark meanwhile.
        clock: for times and pauses.
    """

    def __init__(
        self,
        *,
        telescope: str,
        name: str,
        session: DwarfSession,
        sink: FrameSink,
        holders: Holders,
        publish: Callable[[Mapping[str, Any]], None],
        leases: FrameLeases,
        clock: Clock | None = None,
    ) -> None:
        self.telescope, self.name, self.session, self.publish = telescope, name, session, publish
        self._sink, self._holders, self._leases = sink, holders, leases
        self._clock, self._publishing = clock or SystemClock(), False
        self._exposing: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._jobs: set[asyncio.Task[Any]] = set()
        session.board.changed = self._changed

    @property
    def calls(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        """What others may ask for, by name."""
        calls: tuple[Callable[..., Awaitable[Any]], ...] = (
            self.connect, self.disconnect, self.heard, self.take_control,
            self.slew, self.abort_slew, self.track, self.park, self.unpark, self.move_axis, self.joystick,
            self.calibrate, self.set_pointing_loop, self.set_solar_mode,
            self.expose, self.abort_exposure, self._sink.begin_calibration,
            self._sink.end_calibration, self.list_darks, self.take_darks,
            self.set_filter, self.set_focus_offset, self.focus_move, self.focus_halt, self.autofocus,
            self.power_down, self.reboot,
        )  # fmt: skip
        return {call.__name__: self._published(call) for call in calls}

    # ---- the life of the host

    async def run(self) -> None:
        """Serve until cancelled: take in leftovers, reconnect what was held, then look around."""
        self._changed()
        try:
            for frame in await asyncio.to_thread(self.session.leftovers):
                await self._quietly(self._take_in(frame))
            if self._holders.any:
                self.session.connection.start()
            while True:
                await self._clock.sleep(LOOK_AROUND)
                if self._holders.expire():
                    self._changed()
                    self._close_if_unheld()
        finally:
            for job in self._jobs:
                job.cancel()
            await asyncio.gather(*self._jobs, return_exceptions=True)
            await self.session.close()

    # ---- clients

    async def connect(self, device: str, client: str, patient: bool = False) -> None:
        """Hold a device for a client, and connect the telescope when it is not.

        Args:
            device: one of `DEVICES`.
            client: its id.
            patient: keep trying, and holding, when the telescope does not answer at once.

        Raises:
            NotConnectedError: the telescope does not answer; unless `patient`, the client holds nothing then.
        """
        self._holders.hold(device, client)
        try:
            if self._closing is not None:
                await asyncio.wait([self._closing], timeout=CONNECT_PATIENCE)
                if not self._closing.done():
                    raise NotConnectedError(f"{self.name} is still being disconnected; try again in a moment")
            self.session.connection.start()
            await self.session.connection.ready(CONNECT_PATIENCE)
        except NotConnectedError:
            if not patient:
                self._holders.release(device, client)
                self._close_if_unheld()
            raise
        finally:
            self._changed()

    async def disconnect(self, device: str, client: str) -> None:
        """Release a client's own hold; the last one disconnects the telescope."""
        self._holders.release(device, client)
        self._changed()
        self._close_if_unheld()
        if self._closing is not None:
            await asyncio.wait([self._closing], timeout=CONNECT_PATIENCE)

    async def heard(self, clients: Mapping[str, list[str]]) -> None:
        """Clients that spoke since the last call, by device: they are alive."""
        self._holders.heard(clients)

    async def take_control(self) -> None:
        """Take the master lock from another app. Raises `NotHostError` when that app keeps it."""
        await self.session.connection.take_control()

    def _close_if_unheld(self) -> None:
        if self._holders.any or (self._closing is not None and not self._closing.done()):
            return
        if self._exposing is not None:
            self._exposing.cancel()
        self._closing = self._job(self.session.close())

    # ---- the mount

    async def slew(self, ra_hours: float, dec_deg: float, name: str = "") -> None:
        """Point at a place (ICRS) and track it. Raises when it is not up, near the sun or parked."""
        await self.session.motion.slew(Equatorial(ra_hours, dec_deg), name)

    async def abort_slew(self) -> None:
        """Stop every movement."""
        await self.session.motion.abort()

    async def track(self, on: bool) -> None:
        """Switch tracking."""
        await self.session.motion.track(on)

    async def park(self) -> None:
        """Fold the barrel in."""
        await self.session.motion.park()

    async def unpark(self) -> None:
        """Allow movements again."""
        await self.session.motion.unpark()

    async def move_axis(self, axis: int, rate_deg_s: float) -> None:
        """Run axis 0 (azimuth) or 1 (altitude), degrees per second; 0 stops it."""
        await self.session.motion.move_axis(axis, rate_deg_s)

    async def joystick(self, angle_deg: float, length: float) -> None:
        """Move like a joystick, 0° right, 90° up; repeat at least every 1.5 s."""
        await self.session.motion.joystick(angle_deg, length)

    async def calibrate(self) -> None:
        """Let the telescope learn from the stars how it stands."""
        await self.session.motion.calibrate()

    async def set_pointing_loop(self, on: bool) -> None:
        """Check gotos by plate solving."""
        self.session.motion.set_pointing_loop(on)

    async def set_solar_mode(self, on: bool) -> None:
        """The solar filter is fitted: switch the sun exclusion off."""
        self.session.motion.set_solar_mode(on)
        self._sink.event("solar_mode", on=on)

    # ---- exposures

    async def expose(self, exposure_s: float, gain: int, light: bool = True, flat: bool = False) -> None:
        """Start one exposure; the state tells its phases and, in the end, `image_ready` or `problem`.

        A `flat` may see the flat panel.

        Raises:
            InvalidStateError: one is under way.
            InvalidValueError: not in the telescope's tables.
            NotConnectedError, NotHostError: it cannot be commanded now.
        """
        if self._exposing is not None and not self._exposing.done():
            raise InvalidStateError(f"{self.name} is exposing already; wait for its end or abort it")
        self._check_commands()
        self.session.camera.resolver.exposure(exposure_s)
        exposure = Exposure(exposure_s, self.session.camera.resolver.gain(gain), light, flat)
        self.session.board.set(
            "camera",
            phase=CameraPhase.WAITING,
            exposure_s=exposure_s,
            gain=exposure.gain,
            light=light,
            started_at=iso_utc(self._clock.now()),
            **FRESH,
        )
        self._exposing = self._job(self._expose(exposure))

    async def abort_exposure(self) -> None:
        """Give up the exposure and end the telescope's run; harmless when there is none."""
        task, self._exposing = self._exposing, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])
        if self.session.connection.connected:
            self._job(self._quietly(self.session.abort_exposure()))
        await self._leases.release()

    async def list_darks(self) -> list[dict[str, Any]]:
        """The telescope's dark library: exposure (text), gain, temperature_c."""
        return [asdict(dark) for dark in await self.session.darks.list()]

    async def take_darks(self, exposure_s: float, gain: int, frames: int = 10) -> None:
        """Take a master dark; the telescope closes its barrel and loses its target."""
        self._check_commands()
        self.session.camera.resolver.exposure(exposure_s)
        self._job(self._quietly(self.session.take_darks(Exposure(exposure_s, gain, False), frames)))

    async def _expose(self, exposure: Exposure) -> None:
        board = self.session.board
        try:
            frame = await self._take(exposure)
            number = await self._store(frame)
            frame = self.session.acknowledged(frame)
            try:
                image = await self._sink.image(frame, number)
            finally:
                self._job(self._finish(frame))
            image = {"frame": number, **described(frame), **image}
            board.set("camera", image_ready=True, image=image, frames=board.camera.frames + 1)
        except SkycamError as error:
            logger.warning("exposure failed reason=%s", error)
            board.set("camera", problem=str(error))
            self._sink.event("exposure_failed", reason=str(error))
        except asyncio.CancelledError:
            board.set("camera", problem="the exposure was aborted")
            raise
        except Exception as error:
            logger.exception("exposure failed")
            board.set("camera", problem=f"internal error: {error}")
        finally:
            done = 100 if board.camera.image_ready else 0
            board.set("camera", phase=CameraPhase.IDLE, percent_completed=done)

    async def _take(self, exposure: Exposure) -> Frame:
        async with self._leases.exposure(exposure.kind, exposure.duration_s) as lease:
            frame = await self.session.expose(exposure)
            if self.session.board.mount.tracking_active:  # its run exposes the next frame already
                await self._leases.keep(exposure.kind)
        return replace(frame, warnings=(*frame.warnings, *lease.warnings))

    async def _store(self, frame: Frame) -> str:
        """Give a frame to the sink until it is acknowledged; its file stays in the spool folder meanwhile."""
        for pause in (*OFFER_AGAIN, None):
            try:
                return await self._sink.frame(frame)
            except (SkycamError, OSError) as error:
                if pause is None:
                    raise CaptureError(
                        f"the frame could not be stored ({error}). It waits in {frame.path.parent} "
                        "and is stored when the telescope's host starts again."
                    ) from error
                logger.warning("frame offered again in %g s reason=%s", pause, error)
            await self._clock.sleep(pause)
        raise AssertionError("unreachable")

    async def _finish(self, frame: Frame) -> None:
        """What can be done after the frame is safe: see where it points, free the spool folder."""
        await self._quietly(self.session.check_pointing(frame))
        frame.path.unlink(missing_ok=True)

    async def _take_in(self, frame: Frame) -> None:
        logger.info("frame of an earlier process file=%s frame=%s", frame.path.name, await self._store(frame))
        frame.path.unlink(missing_ok=True)

    # ---- filter and focus

    async def set_filter(self, position: int) -> None:
        """Put a filter into the light; `filters.position` is -1 until it is there."""
        self.session.filters.check(position)
        self._check_commands()
        self._job(self._quietly(self.session.turn_filter(position)))

    async def set_focus_offset(self, position: int, steps: int) -> None:
        """Note the focus offset of a filter."""
        self.session.filters.set_focus_offset(position, steps)

    async def focus_move(self, position: int) -> None:
        """Move the focus to a position; beyond the ends the end is meant."""
        self._check_commands()
        self.session.board.set("focus", moving=True)
        self._job(self._quietly(self.session.move_focus(position)))

    async def focus_halt(self) -> None:
        """Stop the focus motor."""
        await self.session.focus.halt()

    async def autofocus(self, fast: bool = False) -> None:
        """Let the telescope focus on stars; `focus.moving` tells when it is done."""
        self._check_commands()
        self.session.board.set("focus", moving=True)
        self._job(self._quietly(focusing(self.session.autofocus(fast), self.telescope, self._clock)))

    # ---- power

    async def power_down(self) -> None:
        """Switch the telescope off; only a hand switches it on again."""
        await self.session.power(reboot=False)

    async def reboot(self) -> None:
        """Switch the telescope off and on again."""
        await self.session.power(reboot=True)

    # ---- inside

    def _check_commands(self) -> None:
        connection = self.session.board.connection
        if not connection.connected:
            raise NotConnectedError(
                f"{self.name} is not connected: {connection.problem or 'still connecting'}"
            )
        if connection.role == "slave":
            raise NotHostError(self.name)

    def _job(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return task

    async def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run what tells its failures by the state."""
        try:
            await work
        except SkycamError as error:
            logger.warning("failed reason=%s", error)

    def _changed(self) -> None:
        """Publish the state, once per turn of the event loop."""
        if not self._publishing:
            self._publishing = True
            asyncio.get_running_loop().call_soon(self._publish)

    def _publish(self) -> None:
        if self._publishing:
            self._publishing = False
            self.publish(self.state())

    def _published(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """What a call changed is published before it is answered: its caller reads its own writes."""

        @wraps(call)
        async def wrapped(**arguments: Any) -> Any:
            try:
                return await call(**arguments)
            finally:
                self._publish()

        return wrapped

    def state(self) -> dict[str, Any]:
        """The telescope now; docs/dwarf3.md explains each field."""
        return {
            "telescope": self.telescope,
            "name": self.name,
            "clients": self._holders.as_dict(),
            **self.session.board.as_dict(),
            "updated_at": iso_utc(self._clock.now()),
        }
