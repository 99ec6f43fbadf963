"""The device: everything it consists of, and what its parts need of each other."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from google.protobuf.message import Message

from sky.coordinates import Site
from skycam_project.common.clock import Clock
from skycam_project.common.units import Seconds
from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Module
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.messages import notification_type
from telescope.dwarf.values import (
    Camera,
    Charging,
    Filter,
    OperationState,
    ShootingMode,
    ShootingTech,
    StreamEncoding,
    StreamType,
)
from telescope.simulator.capture import Capture
from telescope.simulator.card import Card
from telescope.simulator.clients import Client, Clients
from telescope.simulator.darks import Darks
from telescope.simulator.environment import Environment
from telescope.simulator.errors import SimulatorError
from telescope.simulator.faults import Faults
from telescope.simulator.focuser import Focuser
from telescope.simulator.geometry import Horizon, Pointing
from telescope.simulator.motion import Motion
from telescope.simulator.mount import Mount, MountErrors
from telescope.simulator.params import Params
from telescope.simulator.paths import Axes
from telescope.simulator.photos import Photos
from telescope.simulator.profile import Profile
from telescope.simulator.renderer import Renderer, Shot, Sight
from telescope.simulator.wire import RefusedError, notification_packet

logger = logging.getLogger(__name__)

PASSWORD = "12345678"  # noqa: S105
"""Wi-Fi password that the simulated device tells."""

WIDE_OFFSET = (0.35, -0.25)
"""Where the wide camera looks beside the tele camera: azimuth, altitude of the mount, degrees [chosen]."""


@dataclass
class Switches:
    """Small states that commands set and notifications tell."""

    ring: int = 1
    indicator: int = 1
    mtp: int = 0
    cpu: int = 0
    defog: int = 0
    cooling: int = 0
    shutdown: int = 0
    cold_protection: int = 0


@dataclass(frozen=True, eq=False)
class Publication:
    """An RTSP stream that the device offers; another one, though alike, is not the same."""

    encoding: StreamEncoding


@dataclass
class Setup:
    """How a device is set up; see the command line for what each means.

    Attributes:
        v2: speak the old dialect.
        ra_degrees: take the right ascension of 11002 as degrees instead of hours.
        pinned_clock: the device's clock follows the simulation, 13000 is answered and ignored.
        darks: begin with a complete dark library.
    """

    site: Site
    seed: int = 1
    v2: bool = False
    ra_degrees: bool = False
    pinned_clock: bool = False
    darks: bool = False
    wedge: bool = False
    errors: MountErrors = field(default_factory=MountErrors)
    profile: Profile = field(default_factory=Profile)


class Dwarf:
    """One simulated telescope; `server.py` gives it its sockets.

    Args:
        setup: what it is and where it stands.
        clock: simulated time.
        card: its SD card.
        renderer: paints what a camera sees.
        faults: what goes wrong from the beginning.

    Attributes:
        name, password: what HTTP and UDP tell; `/setDeviceNameAndPsd` changes them.
        opened: cameras that 10001 and 12001 can close.
        streams: RTSP streams on offer; one that is withdrawn must be published again.
        preview: newest stacked picture (JPEG), None before the first.
        powered: False after 13502, until somebody switches it on again.
    """

    def __init__(
        self, setup: Setup, clock: Clock, card: Card, renderer: Renderer, faults: Faults | None = None
    ) -> None:
        self.setup, self.clock, self.card, self.renderer = setup, clock, card, renderer
        self.profile = setup.profile
        self.faults = faults or Faults()
        self.clients = Clients()
        self.horizon = Horizon(setup.site)
        self.name, self.password = self.profile.name, PASSWORD
        self.powered = True
        self._tasks: set[asyncio.Task[Any]] = set()
        self._painting = asyncio.Lock()
        self._random = Random(f"device {setup.seed}")  # noqa: S311
        self._frames = 0
        self._boot()

    def _boot(self) -> None:
        """The state after switching on: nothing calibrated, barrel closed, parameters as at first."""
        setup = self.setup
        mount = Mount(self.horizon, setup.errors, setup.seed, self.now(), setup.wedge)
        self.motion = Motion(self, mount)
        self.environment = Environment(self.clock)
        self.params = Params(self.profile)
        self.focuser = Focuser(self, setup.seed)
        self.darks = Darks(self)
        self.captures = {camera: Capture(self, camera) for camera in Camera}
        self.photos = {camera: Photos(self, camera) for camera in Camera}
        self.switches = Switches()
        self.shooting_mode: int = ShootingMode.NORMAL
        self.shooting_tech: int = ShootingTech.PHOTO
        self.entered = False
        self.opened: set[Camera] = set()
        self.streams: dict[Camera, Publication] = {}
        self.stream = StreamType.JPEG if setup.v2 else StreamType.RTSP
        self.preview: bytes | None = None
        self._clock_offset = timedelta(0)
        self._zone: tzinfo = ZoneInfo("UTC")
        self.attitude_wanted = False
        self.told_location: tuple[float, float] | None = None
        self.jpg_quality = 80
        if setup.darks:
            self.darks.fill((60, 80, 100))

    # --- time

    def now(self) -> Seconds:
        """Unix time of the simulation."""
        return self.clock.now().timestamp()

    async def sleep_until(self, moment: Seconds) -> None:
        """Return at this unix time of the simulation, at once when it has passed."""
        await self.clock.sleep(moment - self.now())

    def set_clock(self, unix_time: int) -> None:
        """Answer 13000. Raises `RefusedError` with -13300 for a time that no calendar has."""
        try:
            wanted = datetime.fromtimestamp(unix_time, ZoneInfo("UTC"))
            offset = wanted - self.clock.now()
        except (ValueError, OverflowError, OSError) as error:
            raise RefusedError(Code.SYSTEM_SET_TIME_FAILED) from error
        if not self.setup.pinned_clock:
            self._clock_offset = offset

    def set_zone(self, name: str) -> None:
        """Answer 13001. Raises `RefusedError` with -13301 for a zone that does not exist."""
        try:
            self._zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise RefusedError(Code.SYSTEM_SET_TIMEZONE_FAILED) from error

    def local(self, moment: datetime) -> datetime:
        """What the device's own clock shows at a moment: its time zone, and its error."""
        return (moment + self._clock_offset).astimezone(self._zone)

    # --- telling

    def notify(self, number: Notify, module: Module = Module.NOTIFY, **values: Any) -> None:
        """Send a notification to every client; `values` are the fields of its message.

        Going down, the device says nothing but 15229.
        """
        kind = notification_type(number)
        if kind is None:
            raise SimulatorError(f"notification {number.name} has no known content")
        if not self.powered and number is not Notify.POWER_OFF:
            return
        self.clients.broadcast(number, kind(**values), module)

    def tell(self, client: Client, number: Notify, message: Message | None = None, **values: Any) -> None:
        """Send a notification to one client only."""
        if message is None:
            kind = notification_type(number)
            assert kind is not None  # noqa: S101
            message = kind(**values)
        client.send(notification_packet(number, message))

    def greet(self, client: Client) -> None:
        """What a client is told when it has connected."""
        for number, values in self._telemetry():
            self.tell(client, number, **values)

    def _telemetry(self) -> list[tuple[Notify, dict[str, Any]]]:
        sensor = round(self.environment.sensor())
        return [
            (Notify.ELE, {"value": self.battery()}),
            (Notify.CHARGE, {"value": Charging.NO}),
            (Notify.SDCARD_INFO, self.storage()),
            (Notify.TEMPERATURE, {"temperature": round(self.environment.air() + 5)}),
            (Notify.CMOS_TEMPERATURE, {"temperature": sensor, "camera_type": Camera.TELE}),
            (Notify.CMOS_TEMPERATURE, {"temperature": sensor, "camera_type": Camera.WIDE}),
        ]

    def battery(self) -> int:
        """Charge in per cent, as the device says it."""
        return self.faults.low_battery or self.environment.battery()

    def storage(self) -> dict[str, Any]:
        """Fields of 15203: whole GB."""
        free = 0 if self.faults.sd_full else self.card.free() // 10**9
        total = self.card.capacity // 10**9
        return {"available_size": free, "total_size": total, "storage_type": 0, "is_valid": True}

    def set_stream(self, kind: StreamType) -> None:
        """Switch the live pictures (both cameras) and say so when it changes something."""
        if kind != self.stream and not self.setup.v2:
            self.stream = kind
            for camera in Camera:
                self.notify(Notify.STREAM_TYPE, stream_type=kind, cam_id=camera)

    def publish(self, camera: Camera, encode_type: int) -> None:
        """Open a camera and offer its RTSP stream; what is offered alike goes on.

        A stacking run and EQ solving have taken the streams away and give them back to nobody.
        """
        self.opened.add(camera)
        if self.is_capturing() or self.motion.operation == Notify.EQ_SOLVING_STATE:
            return
        h265 = encode_type == StreamEncoding.H265
        encoding = StreamEncoding.H265 if h265 else StreamEncoding.H264
        present = self.streams.get(camera)
        if present is None or present.encoding != encoding:
            self.streams[camera] = Publication(encoding)
        self.set_stream(StreamType.RTSP)

    async def live(self) -> None:
        """Background work while switched on: telemetry, attitude, a setting target."""
        last = 0.0
        while True:
            await self.clock.sleep(1.0)
            if not self.powered:
                continue
            if self.attitude_wanted:
                azimuth, altitude = self.motion.mount.true_axes(self.now())
                self.notify(Notify.DEVICE_ATTITUDE, pitch=altitude, yaw=azimuth % 360.0, roll=0.0)
            self.motion.check_horizon()
            if self.clock.monotonic() - last >= self.profile.timing.telemetry:
                last = self.clock.monotonic()
                for number, values in self._telemetry():
                    self.notify(number, **values)

    # --- working

    def require_idle(self) -> None:
        """Raises `RefusedError` naming what runs, when a capture, darks, or a movement does."""
        self.motion.require_free()
        if self.darks.running is not None:
            raise RefusedError(Code.ASTRO_DARK_RUNNING)
        if self.is_capturing():
            raise RefusedError(Code.ASTRO_LIVE_STACKING_RUNNING)

    def is_capturing(self) -> bool:
        """True while a stacking run goes on."""
        return any(capture.state != OperationState.IDLE for capture in self.captures.values())

    def chance(self, share: float) -> bool:
        """True with this probability; the same seed gives the same sequence."""
        return share > 0 and self._random.random() < share

    def pointing(self, camera: Camera, moment: datetime) -> Pointing:
        """Where a camera truly looks."""
        return self.motion.mount.truth(moment.timestamp(), self.offset(camera))

    @staticmethod
    def offset(camera: Camera) -> Axes:
        """How far a camera looks beside the tele camera."""
        return WIDE_OFFSET if camera == Camera.WIDE else (0.0, 0.0)

    async def paint(
        self, camera: Camera, start: datetime, exposure: Seconds, gain: int, filter_: Filter, light: bool
    ) -> np.ndarray:
        """Pixels of one exposure that is over: uint16, shape of the camera."""
        self._frames += 1
        middle = start.timestamp() + exposure / 2
        shot = Shot(
            camera=self.profile.cameras[camera],
            site=self.setup.site,
            start=start,
            exposure=exposure,
            gain=gain,
            filter=filter_,
            sight=Sight(self.motion.mount, self.offset(camera), start.timestamp()),
            focus_error=self.focuser.error() if camera == Camera.TELE else 0.0,
            temperature=self.environment.sensor(),
            light=light and self.motion.mount.is_open(middle),
            seed=self.setup.seed * 1_000_003 + self._frames,
        )
        async with self._painting:
            return await asyncio.to_thread(self.renderer, shot)

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run `work` in the background; a failure is logged, never lost."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned)
        return task

    def _spawned(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the simulated device failed", exc_info=error)

    # --- power

    async def power_off(self) -> None:
        """Stop all work, say 15229 as the last thing, close every connection."""
        self.powered = False
        self.streams.clear()
        await self._abandon()
        self.notify(Notify.POWER_OFF)
        await self.clients.flush()
        self.clients.drop_all()

    def power_on(self) -> None:
        """Begin anew; what was calibrated or set is forgotten, the card stays."""
        if not self.powered:
            self._boot()
            self.powered = True

    async def reboot(self) -> None:
        """Power off and, after a while, on again."""
        await self.power_off()
        await self.clock.sleep(self.profile.timing.reboot)
        self.power_on()

    async def _abandon(self) -> None:
        for capture in self.captures.values():
            await capture.abandon()
        for photos in self.photos.values():
            await photos.stop()
        await self.darks.stop()
        await self.focuser.stop()
        await self.motion.stop()

    async def close(self) -> None:
        """End all work of the simulation."""
        self.powered = False
        await self._abandon()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
