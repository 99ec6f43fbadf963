"""The gphoto2 driver: states, failures and recovery around a `Connection` and a `Stock` of files."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from camera.drivers.address import parse_address
from camera.drivers.base import (
    Applied,
    Capabilities,
    Counters,
    DriverState,
    Frame,
    Settings,
    Standing,
    Status,
    exposure_end,
)
from camera.drivers.gphoto2.connection import Connection, Limits
from camera.drivers.gphoto2.faults import RESCUABLE
from camera.drivers.gphoto2.stock import Stock
from camera.errors import (
    CameraAbsentError,
    CameraClaimedError,
    CameraError,
    CameraFaultError,
    CameraHungError,
    CardFullError,
    ExposureAbortedError,
    FrameLostError,
    NotConnectedError,
)
from skycam_project.common.clock import Clock, SystemClock
from skycam_project.common.units import Seconds


class GPhoto2Driver:
    """A `CameraDriver` for what libgphoto2 knows.

    Args:
        spool: folder of this camera alone, on the file system of the sessions.
        address: see `camera.drivers.address.parse_address`.
        name: how messages call the camera.
        lock_folder: where the lock files of ports are; the spool's parent by default.
        clock: for times and pauses. Deadlines of the child are real time.
        limits: how long things may take.
        environment: additions for the child, e.g. `HOME`, where libgphoto2 keeps its network identity.

    Raises:
        InvalidValueError: when the address is none.
    """

    def __init__(
        self,
        spool: Path,
        *,
        address: str = "auto",
        name: str = "camera",
        lock_folder: Path | None = None,
        clock: Clock | None = None,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._name, self._clock, self._limits = name, clock or SystemClock(), limits or Limits()
        self.on_change: Callable[[], None] = lambda: None
        self.on_event: Callable[[str, Mapping[str, Any]], None] = lambda name, details: None
        self.standing = Standing(DriverState.ABSENT, self._clock.now())
        self.counters, self._status = Counters(), Status()
        self._connection = Connection(
            name,
            parse_address(address),
            lock_folder or spool.parent,
            dict(environment or {}),
            self._limits,
            self._clock,
            self._on_busy,
        )
        self._stock = Stock(spool, lambda name, details: self.on_event(name, details))
        self._lock = asyncio.Lock()
        self._handed_out: dict[int | None, Frame] = {}
        self._failures = 0
        self._closing = False
        self.exposing_s: Seconds | None = None
        self._aborted: asyncio.Event | None = None
        self._abandoned: asyncio.Task[None] | None = None

    # ---- what it is

    @property
    def connected(self) -> bool:
        return self._connection.connected

    @property
    def model(self) -> str | None:
        return self._connection.model

    @property
    def address(self) -> str:
        return self._connection.address

    @property
    def capabilities(self) -> Capabilities:
        panel = self._connection.panel
        return panel.capabilities if panel else Capabilities()

    @property
    def status(self) -> Status:
        return self._status

    @property
    def child_pid(self) -> int | None:
        """Process id of the child while it lives."""
        return self._connection.pid

    # ---- connection

    async def open(self) -> Capabilities:
        self._closing = False
        async with self._lock:
            await self._settle()
            if not self.connected:
                await self._open()
            return self.capabilities

    async def recover(self) -> Capabilities:
        if self._failures and not self.connected:
            pause = self._limits.back_off[min(self._failures, len(self._limits.back_off)) - 1]
            problem = self.standing.reason or f"{self._name}: the connection was lost"
            self._stand(DriverState.RECOVERING, f"{problem}; trying again in {pause:g} s")
            await self._clock.sleep(pause)
            self._stand(DriverState.RECOVERING, problem)
        return await self.open()

    async def close(self) -> None:
        self._closing = True
        if self._lock.locked() or self._abandoned:
            await self._connection.kill()
        async with self._lock:
            await self._settle()
            await self._connection.leave()
            self._failures = 0
            self._stand(DriverState.ABSENT)

    async def _open(self) -> None:
        if self._closing:
            raise NotConnectedError(f"{self._name} is being disconnected")
        again = self.standing.state is not DriverState.ABSENT
        if self._connection.died:
            text = f"{self._name}: the driver's process ended between two commands"
            self.on_event("camera_failed", {"code": CameraFaultError.code, "text": text})
        self._stand(DriverState.CONNECTING, self.standing.reason)
        try:
            await self._connection.open()
            await self._stock.take(self._connection)
            self._handed_out.clear()  # they are leftovers now
        except CameraError as error:
            raise await self._fail(error, always=True) from error.__cause__
        self.counters.restarts += again
        self._stand(DriverState.IDLE)
        self.on_event("camera_connected", {"model": self.model, "address": self.address})

    async def _fail(self, error: CameraError, always: bool = False) -> CameraError:
        """Take note of an error, end the connection where it cannot be trusted; returns the error."""
        if isinstance(error, CameraHungError):
            self.counters.watchdog_kills += 1
        if error.reopen or always:
            await self._connection.drop()
            self._failures += 1
            absent = isinstance(error, CameraAbsentError | CameraClaimedError)
            self._stand(DriverState.ABSENT if absent else DriverState.FAULT, str(error))
            self.on_event("camera_failed", {"code": error.code, "text": str(error)})
            if self._failures == self._limits.alert_after:
                self.on_event("camera_alert", {"failures": self._failures, "text": str(error)})
        return error

    def _stand(self, state: DriverState, reason: str | None = None) -> None:
        if (state, reason) != (self.standing.state, self.standing.reason):
            since = self.standing.since if state == self.standing.state else self._clock.now()
            self.standing = Standing(state, since, reason)
            self.on_change()

    def _on_busy(self, reason: str | None) -> None:
        if reason:
            self._before_busy = self.standing.state
            self._stand(DriverState.BUSY, reason)
        else:
            self._stand(self._before_busy)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[Connection]:
        """One operation at a time, on an open camera; a failure that costs the connection is noted."""
        async with self._lock:
            await self._settle()
            if not self.connected:
                if self._connection.died:
                    await self._fail(CameraFaultError(f"{self._name}: the driver's process ended"))
                raise NotConnectedError(
                    f"{self._name} is not connected: {self.standing.reason or 'connect it first'}"
                )
            try:
                yield self._connection
            except CameraFaultError as error:
                raise await self._fail(error) from error.__cause__

    # ---- settings and status

    async def apply(self, settings: Settings) -> Applied:
        async with self._turn() as connection:
            return await connection.apply(settings)

    async def refresh(self) -> Status:
        async with self._turn() as connection:
            self._status, strangers = await connection.status()
            self._stock.note_strangers(strangers)
            self._failures = 0
            return self._status

    async def preview(self) -> bytes:
        async with self._turn() as connection:
            return await connection.preview()

    # ---- exposure

    async def expose(self, settings: Settings) -> Frame:
        async with self._turn() as connection:
            self._aborted = asyncio.Event()
            work = asyncio.create_task(self._expose(connection, settings))
            stop = asyncio.create_task(self._aborted.wait())
            try:
                await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stop.cancel()
                self._aborted = None
                if not work.done():
                    # The camera finishes its exposure whatever we want; only the next command waits for it.
                    self._abandoned = asyncio.create_task(self._discard(work))
            if not work.done():
                raise ExposureAbortedError(f"{self._name}: the exposure was stopped")
            frame = work.result()
            self._handed_out[frame.token] = frame
            return frame

    async def abort(self) -> None:
        if self._aborted:
            self._aborted.set()
            self._connection.abort()

    async def _discard(self, work: asyncio.Task[Frame]) -> None:
        """Wait for an exposure that nobody wants any more and remove its picture."""
        self._stand(self.standing.state, f"{self._name}: stopped; the camera finishes its exposure")
        try:
            frame = await work
            self._stock.acknowledge(frame)
            await self._stock.delete(self._connection, frame)
        except CameraFaultError as error:
            await self._fail(error)
        except CameraError:
            return  # no picture: nothing to remove

    async def _settle(self) -> None:
        """Wait until an exposure that was given up has ended in the camera too."""
        if self._abandoned:
            await asyncio.wait({self._abandoned})
            self._abandoned = None

    async def _expose(self, connection: Connection, settings: Settings) -> Frame:
        applied = await connection.apply(settings)
        number = self._stock.ledger.begin(self._clock.now(), applied)
        self.exposing_s = applied.exposure_s
        self._stand(DriverState.EXPOSING)
        try:
            frame = await self._shoot(connection, number, applied)
        except CameraError as error:
            if not error.reopen:
                self._stock.ledger.cancel(number)
                full = isinstance(error, CardFullError)
                self._stand(DriverState.FAULT if full else DriverState.IDLE, str(error))
            raise
        finally:
            self.exposing_s = None
        self._failures = 0
        self._stand(DriverState.IDLE)
        return frame

    async def _shoot(self, connection: Connection, number: int, applied: Applied) -> Frame:
        try:
            captured = await connection.capture(applied)
            start, started = connection.attempted
            ended = self._clock.monotonic()
            self._stock.note_strangers(captured.strangers)
            self._stand(DriverState.DOWNLOADING)
            originals = await self._stock.fetch(connection, number, captured.files)
        except CameraFaultError as error:
            if error.device_code not in RESCUABLE:
                raise
            return await self._rescue(connection, number, error)
        fetched = self._clock.monotonic()
        end = exposure_end(start, applied.exposure_s, start + timedelta(seconds=ended - started))
        frame = self._stock.frame(connection, number, originals, applied, start, end)
        return replace(
            frame,
            start_monotonic=started,
            end_monotonic=min(ended, started + (end - start).total_seconds()),
            download_s=fetched - ended,
        )

    async def _rescue(self, connection: Connection, number: int, cause: CameraError) -> Frame:
        """The picture may be on the card all the same: open the camera in a fresh process and look."""
        self._stand(DriverState.RECOVERING, str(cause))
        await connection.drop()
        await self._open()
        mine = next((left for left in self._stock.leftovers if left.exposure.number == number), None)
        if mine is None:
            raise FrameLostError(
                f"{cause}; the connection was made anew, but there is no picture on the card"
            )
        self._stand(DriverState.DOWNLOADING)
        frame = await self._stock.recover(connection, mine)
        self._stock.leftovers.remove(mine)
        return replace(
            frame, recovered=False, warnings=(*frame.warnings, f"fetched after a failure: {cause}")
        )

    # ---- after the exposure

    async def acknowledge(self, frame: Frame) -> None:
        self._stock.acknowledge(frame)
        self._handed_out.pop(frame.token, None)
        if self.connected:
            async with self._turn() as connection:
                await self._stock.delete(connection, frame)

    async def recovered(self) -> list[Frame]:
        async with self._turn() as connection:
            for leftover in list(self._stock.leftovers):
                frame = await self._stock.recover(connection, leftover)
                self._stock.leftovers.remove(leftover)
                self._handed_out[frame.token] = frame
            return sorted(self._handed_out.values(), key=lambda frame: frame.start)
