"""The connection of a session: lazy, held as long as it is wanted, and the master lock.

After every connect the telescope's complete state is read (16405) and given to the pieces of the session,
because stacking, gotos and tracking go on without us. Then the pieces' own preparations run, then their
background tasks until the connection ends.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from enum import IntEnum
from typing import Any, TypeVar, cast

from google.protobuf.message import Message

from skycam_project.common.clock import Clock
from skycam_project.common.units import Seconds
from telescope.dwarf.commands import System, Task, Tele, Wide
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import camera_pb2, notify_pb2, system_pb2, task_pb2
from telescope.dwarf.session.settings import DwarfSettings
from telescope.dwarf.session.state import Board, Role
from telescope.dwarf.values import HostMode, ShootingMode, ShootingTech
from telescope.dwarf.ws import DwarfWsClient
from telescope.errors import NoAnswerError, NotConnectedError, NotHostError, TelescopeError

logger = logging.getLogger(__name__)

BACK_OFF: tuple[Seconds, ...] = (1, 2, 4, 8, 16, 30)
POWERED_OFF: Seconds = 30.0
CLOCK_SET_EVERY: Seconds = 3600.0
ALWAYS_ANSWERED = (System.SET_MASTER, Task.GET_DEVICE_STATE_INFO)
"""Commands that a telescope obeys whoever is host."""
Info = task_pb2.ResGetDeviceStateInfo
Kind = TypeVar("Kind", bound=Message)


class Connection:
    """Commands and notifications of one telescope.

    Args:
        settings: addresses and deadlines.
        board: where the state is kept.
        clock: for the pauses between attempts and the time that is set in the telescope.
    """

    def __init__(self, settings: DwarfSettings, board: Board, clock: Clock) -> None:
        self.settings, self.board, self.clock = settings, board, clock
        self._handlers: defaultdict[int, list[Callable[[Any], None]]] = defaultdict(list)
        self._adopters: list[Callable[[Info], None]] = []
        self._preparations: list[Callable[[], Awaitable[None]]] = []
        self._background: list[Callable[[], Awaitable[None]]] = [self._prepare_when_host, self._keep_clock]
        self._waits: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._client: DwarfWsClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._prepared = False

    # ---- what the pieces of a session register when they are made

    def on(self, notification: Notify, handler: Callable[[Any], None]) -> None:
        """Call `handler` with each message of this kind; it must not block."""
        self._handlers[notification].append(handler)

    def on_state(self, adopt: Callable[[Info], None]) -> None:
        """Call `adopt` with the complete state after each connect and re-read."""
        self._adopters.append(adopt)

    def on_ready(self, prepare: Callable[[], Awaitable[None]]) -> None:
        """Run `prepare` after each connect once commands are obeyed; what it raises is logged."""
        self._preparations.append(prepare)

    def in_background(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run `loop` while connected; begun anew after each connect."""
        self._background.append(loop)

    # ---- life

    @property
    def connected(self) -> bool:
        """Commands can be sent."""
        client = self._client
        return self.board.connection.connected and client is not None and not client.closed.done()

    def start(self) -> None:
        """Connect, and keep connected until `stop`. Returns at once; harmless when it runs."""
        if self._task is None:
            self.board.set("connection", wanted=True, connecting=True, problem="")
            self._task = asyncio.create_task(self._keep_connected())

    async def stop(self) -> None:
        """Release the lock and disconnect."""
        task, self._task = self._task, None
        if task is None:
            return
        client = self._client
        if client is not None and self.board.connection.role is Role.HOST:
            try:
                await client.request(System.SET_MASTER, system_pb2.ReqsetMasterLock(lock=False), deadline=1.0)
            except TelescopeError as error:
                logger.debug("lock not released: %s", error)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._disconnected("disconnected", wanted=False)

    async def ready(self, timeout: Seconds) -> None:
        """Wait until connected.

        Raises:
            NotConnectedError: not within `timeout` seconds; the attempts go on.
        """
        try:
            await self.until(lambda: self.connected, timeout, "connecting")
        except NoAnswerError as error:
            reason = self.board.connection.problem or f"no answer within {timeout:g} s"
            raise NotConnectedError(f"{self.settings.name} is not connected: {reason}") from error

    # ---- commands

    async def command(
        self,
        command: IntEnum,
        message: Message | None = None,
        *,
        deadline: Seconds | None = None,
        accept: Collection[int] = (),
    ) -> Any:
        """Send a command that only the host may send; see `DwarfWsClient.request`.

        Raises:
            NotHostError: another client is host; nothing was sent.
            TelescopeError: as `DwarfWsClient.request`.
        """
        if self.board.connection.role is Role.SLAVE:
            raise NotHostError(self.settings.name)
        return await self.read(command, message, deadline=deadline, accept=accept)

    async def read(
        self,
        command: IntEnum,
        message: Message | None = None,
        *,
        deadline: Seconds | None = None,
        accept: Collection[int] = (),
    ) -> Any:
        """Send a command that any client may send."""
        client = self._client
        if client is None:
            reason = self.board.connection.problem or "not connected yet"
            raise NotConnectedError(f"{self.settings.name} is not connected: {reason}")
        return await client.request(command, message, deadline=deadline, accept=accept)

    async def until(self, predicate: Callable[[], bool], timeout: Seconds | None, what: str) -> None:
        """Wait until `predicate` holds; it is asked after every notification and change of the connection.

        A lost connection does not end the wait: the state is read again after the next connect.

        Raises:
            NoAnswerError: not within `timeout` real seconds (None: never).
        """
        if predicate():
            return
        entry = (predicate, asyncio.get_running_loop().create_future())
        self._waits.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await entry[1]
        except TimeoutError as error:
            raise NoAnswerError(f"{what}: nothing came of it within {timeout or 0:g} s") from error
        finally:
            self._waits.remove(entry)

    async def read_state(self) -> None:
        """Read the complete state (16405) and give it to all pieces."""
        info = cast(Info, await self.read(Task.GET_DEVICE_STATE_INFO))
        if info.HasField("connection_state_info"):
            self._role(info.connection_state_info.host_slave_mode)
        for adopt in self._adopters:
            adopt(info)
        self.recheck()

    async def refresh(self) -> None:
        """`read_state`, for loops: a failure is no more than logged, the connection has its own watch."""
        try:
            await self.read_state()
        except TelescopeError as error:
            logger.info("state not read reason=%s", error)

    async def take_control(self) -> None:
        """Ask for the master lock, on the user's wish.

        Raises:
            NotHostError: the other client keeps it.
        """
        await self._lock()
        if self.board.connection.role is Role.SLAVE:
            raise NotHostError(self.settings.name)
        await self._prepare()

    # ---- inside

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            self.board.set("telemetry", powering_off=False)
            try:
                await self._connect()
                failures = 0
                reason = await self._serve()
            except TelescopeError as error:
                reason = str(error)
            except Exception as error:
                logger.exception("connecting failed")
                reason = f"internal error: {error}"
            finally:
                client, self._client = self._client, None
                if client is not None:
                    await client.close()
            pause = POWERED_OFF if self.board.telemetry.powering_off else BACK_OFF[min(failures, 5)]
            failures += 1
            logger.info("disconnected reason=%s retry_s=%g", reason, pause)
            self._disconnected(reason, wanted=True)
            await self.clock.sleep(pause)

    def _disconnected(self, reason: str, wanted: bool) -> None:
        self.board.set(
            "connection", wanted=wanted, connected=False, connecting=wanted, problem=reason, role=Role.UNKNOWN
        )
        self.recheck()

    async def _connect(self) -> None:
        settings = self.settings
        self._prepared = False
        client = DwarfWsClient(
            settings.address(settings.ws_port),
            client_id=settings.client_id,
            on_notification=self._notified,
            deadline=settings.patience.command,
            ping_interval=settings.patience.ping,
        )
        await client.connect()
        self._client = client
        await self._lock()
        await self.read_state()
        if self.board.connection.role is not Role.SLAVE:
            await self._prepare()
        self.board.set("connection", connected=True, connecting=False, problem="")
        self.recheck()

    async def _serve(self) -> str:
        """Run the background tasks until the connection ends; returns why it did."""
        client = cast(DwarfWsClient, self._client)
        tasks = [asyncio.ensure_future(loop()) for loop in self._background]
        try:
            return await client.closed
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _lock(self) -> None:
        await self.read(System.SET_MASTER, system_pb2.ReqsetMasterLock(lock=True))
        board = self.board
        try:
            # Firmware that has no host and slave any more (sources disagree) sends nothing: go on then.
            await self.until(
                lambda: board.connection.role is not Role.UNKNOWN, self.settings.patience.lock, "master lock"
            )
        except NoAnswerError:
            logger.warning("no word about the master lock; going on without")

    async def _prepare(self) -> None:
        """Set clock and place, enter the camera, let the pieces prepare: an order that is known to work."""
        site, self._prepared = self.settings.site, True
        await self._set_clock()
        await self.command(System.SET_TIME_ZONE, system_pb2.ReqSetTimezone(timezone="UTC"))
        await self.command(
            System.SET_LOCATION,
            system_pb2.ReqSetLocation(
                latitude=site.latitude_deg,
                longitude=site.longitude_deg,
                altitude=site.elevation_m,
                enable=True,
            ),
        )
        if not self.board.camera.run_active:  # a run that survived a lost connection is not disturbed
            await self._enter_camera()
        for prepare in self._preparations:
            try:
                await prepare()
            except TelescopeError as error:
                logger.warning("preparation failed reason=%s", error)

    async def _set_clock(self) -> None:
        now = round(self.clock.now().timestamp())
        await self.command(System.SET_TIME, system_pb2.ReqSetTime(timestamp=now))

    async def _keep_clock(self) -> None:
        """The telescope takes whole seconds: tell it the time when one begins, and again every hour."""
        while True:
            await self.clock.sleep(1.0 - self.clock.now().microsecond / 1e6)
            try:
                await self._set_clock()
            except TelescopeError as error:
                logger.info("clock not set reason=%s", error)
            await self.clock.sleep(CLOCK_SET_EVERY)

    async def _prepare_when_host(self) -> None:
        """The other client left, so the telescope made us host: do what was left out when connecting."""
        while True:
            await self.until(
                lambda: self.board.connection.role is Role.HOST and not self._prepared, None, "becoming host"
            )
            try:
                await self._prepare()
            except TelescopeError as error:
                logger.warning("preparation failed reason=%s", error)

    async def _enter_camera(self) -> None:
        await self.command(
            Task.ENTER_CAMERA, task_pb2.ReqEnterCamera(client_param=task_pb2.ClientParam(encode_type=1))
        )
        await self.command(Tele.SET_PREVIEW_QUALITY, camera_pb2.ReqSetPreviewQuality(level=1))
        await self.command(Wide.SET_PREVIEW_QUALITY)
        await self.command(
            Task.SWITCH_SHOOTING_MODE, task_pb2.ReqSwitchShootingMode(mode=ShootingMode.DEEP_SKY)
        )
        await self.command(
            Task.SWITCH_SHOOTING_TECH, task_pb2.ReqSwitchShootingTech(tech=ShootingTech.STACKING)
        )

    def _notified(self, kind: Notify, message: Message) -> None:
        if kind == Notify.WS_HOST_SLAVE_MODE:
            self._role(cast(notify_pb2.ResNotifyHostSlaveMode, message))
        for handler in self._handlers[kind]:
            handler(message)
        self.recheck()

    def _role(self, said: notify_pb2.ResNotifyHostSlaveMode | task_pb2.HostSlaveMode) -> None:
        role = Role.SLAVE if said.mode == HostMode.SLAVE else Role.HOST
        before = self.board.connection.role
        self.board.set("connection", role=role)
        if role is Role.SLAVE and self._client is not None:
            self._client.fail_requests(NotHostError(self.settings.name), spare=ALWAYS_ANSWERED)
        if role is not before:
            logger.info("role=%s", role.value)

    def recheck(self) -> None:
        """Ask the predicates of all `until` again, after a change that no notification told."""
        for predicate, future in self._waits:
            if not future.done() and predicate():
                future.set_result(None)
