"""The simplest timelapse: a picture every so many seconds, for ever, whatever happens."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from camera.drivers.base import CameraDriver, Frame
from camera.errors import CameraError, ExposureAbortedError
from camera.plan import Plan, RunRecord
from skycam_project.common.clock import Clock, iso_utc
from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

T = TypeVar("T")

RETRY: Seconds = 2.0
"""Pause before offering a frame to its session again, and after a failure that no rule foresees."""
STATUS_EVERY: Seconds = 10.0
"""How often the camera is asked for battery and card, between frames."""
STATUS_NEEDS: Seconds = 1.0
"""Free time before the next frame that such a question needs."""


class FrameSink(Protocol):
    """Where frames go: the session of this camera."""

    async def begin_run(self) -> None:
        """A run begins, or goes on after an interruption."""
        ...

    async def end_run(self) -> None:
        """No run is wanted (any more); harmless when there was none."""
        ...

    async def frame(self, frame: Frame) -> str:
        """Store a frame and its companions; its id, once it is on disk. Raises: it is offered again."""
        ...

    async def begin_calibration(self, purpose: str) -> None:
        """Darks or flats follow; each purpose has a session."""
        ...

    async def end_calibration(self) -> None:
        """No more darks or flats are wanted; harmless when there were none."""
        ...

    def event(self, name: str, **details: Any) -> None:
        """Something a reader of the session wants to know."""
        ...

    def measured(self, frame: Frame, stars: int | None) -> None:
        """What was measured in a stored frame, later than it was stored; None: not a dark picture."""
        ...

    def log(self, level: int, message: str, **context: Any) -> None:
        """A log record of this camera; levels as in `logging`."""
        ...

    def session(self) -> dict[str, Any] | None:
        """A summary of the running session for the page, at least its `id`."""
        ...


class Stopped(Exception):  # noqa: N818 (no error)
    """The stop event was set."""


class TimelapseLoop:
    """Runs one plan until it is stopped.

    Args:
        driver: open or not.
        sink: takes the frames.
        plan: may be replaced while running; the next frame obeys.
        record: counts; continued after a restart.
        clock: for times and pauses.
        on_frame: called with each frame and its id after the sink has acknowledged it.
        on_error: called with the code of each failure.
        on_change: called when `record` or `next_at` changed.
    """

    def __init__(
        self,
        driver: CameraDriver,
        sink: FrameSink,
        plan: Plan,
        record: RunRecord,
        clock: Clock,
        on_frame: Callable[[Frame, str], None],
        on_error: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self.plan, self.record, self.next_at = plan, record, clock.monotonic()
        self._driver, self._sink, self._clock = driver, sink, clock
        self._on_frame, self._on_error, self._on_change = on_frame, on_error, on_change
        self._stop = asyncio.Event()
        self._status_due = clock.monotonic()

    def stop(self) -> None:
        """End the run at once; a running exposure is given up."""
        self._stop.set()

    async def run(self) -> None:
        """Take pictures until stopped, or until the plan's number of frames is reached. Raises nothing."""
        done = 0
        with contextlib.suppress(Stopped):
            if self._driver.connected:
                await self._guarded(self._take_in())
            while not self._stop.is_set() and (self.plan.frames is None or done < self.plan.frames):
                await self._wait_until(self.next_at)
                done += await self._slot()

    async def _slot(self) -> bool:
        """One picture, and when the next is due. Returns whether there is a picture."""
        start = self._clock.monotonic()
        taken = await self._attempt()
        earliest = start + self.plan.interval_s
        now = self._clock.monotonic()
        self.next_at = max(earliest, now)
        self._count_lateness(self.next_at - earliest)
        self._on_change()
        if self.next_at - now > STATUS_NEEDS and now >= self._status_due:
            await self._ask_status()
        return taken

    def _count_lateness(self, late: Seconds) -> None:
        """Missed slots are whole intervals of lateness: late frames are counted, never made up for."""
        record = self.record
        record.late_s += late
        if self.plan.interval_s > 0 and record.late_s >= self.plan.interval_s:
            missed = int(record.late_s // self.plan.interval_s)
            record.missed_slots += missed
            record.late_s -= missed * self.plan.interval_s

    async def _attempt(self) -> bool:
        if not self._driver.connected:
            await self._reconnect()
        return await self._guarded(self._take_one())

    async def _take_one(self) -> None:
        await self._deliver(await self._unless_stopped(self._driver.expose(self.plan.settings)))

    async def _take_in(self) -> None:
        """Store what an interruption left behind."""
        for frame in await self._unless_stopped(self._driver.recovered()):
            self._sink.event("frame_recovered", file=frame.path.name, taken_at=iso_utc(frame.start))
            await self._deliver(frame)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether the work succeeded; a failure becomes a gap."""
        due = self._clock.now()
        try:
            await work
        except ExposureAbortedError:
            raise Stopped from None
        except CameraError as error:
            self._failed(due, error.code, str(error))
            return False
        except (SkycamError, OSError, ValueError, TypeError, RuntimeError, LookupError) as error:
            logger.exception("timelapse step failed")
            self._failed(due, "internal", f"{type(error).__name__}: {error}")
            await self._pause(RETRY)
            return False
        return True

    async def _reconnect(self) -> None:
        """Open the camera and take in what was left; tried for ever, at the driver's own pace."""
        while not (await self._guarded(self._recover()) and self._driver.connected):
            continue

    async def _recover(self) -> None:
        await self._unless_stopped(self._driver.recover())
        await self._take_in()

    async def _deliver(self, frame: Frame) -> None:
        """Give a frame to its session, again and again until it is safe: no new one is taken meanwhile."""
        while True:
            try:
                number = await self._sink.frame(frame)
                break
            except (SkycamError, OSError) as error:
                self._failed(
                    frame.start, getattr(error, "code", "storage"), f"the frame could not be stored: {error}"
                )
                await self._pause(RETRY)
        record = self.record
        record.frames += 1
        record.last_frame_at = max(frame.start, record.last_frame_at or frame.start)
        if gap := record.close_gap(frame.start):
            self._sink.event("gap", **gap.as_dict())
        for warning in frame.warnings:
            self._sink.log(logging.WARNING, warning, frame=number)
        self._on_frame(frame, number)
        self._on_change()
        try:
            await self._driver.acknowledge(frame)
        except CameraError as error:  # the frame is safe; its copy on the card goes later
            self._sink.log(logging.WARNING, str(error), frame=number)

    async def _ask_status(self) -> None:
        self._status_due = self._clock.monotonic() + STATUS_EVERY
        due = self._clock.now()
        try:
            await self._unless_stopped(self._driver.refresh())
        except CameraError as error:
            self._failed(due, error.code, str(error))

    def _failed(self, since: Any, code: str, text: str) -> None:
        self._on_error(code)
        if self.record.open_gap(since, text):
            self._sink.event("capture_failed", code=code, text=text)
        self._sink.log(logging.ERROR, text, code=code)
        self._on_change()

    # ---- waiting that a stop ends

    async def _wait_until(self, moment: Seconds) -> None:
        await self._pause(moment - self._clock.monotonic())

    async def _pause(self, duration: Seconds) -> None:
        await self._unless_stopped(self._clock.sleep(duration))

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`. Raises `Stopped` at once when the run is stopped, aborting an exposure."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set() and not task.done():
                await self._driver.abort()
                raise Stopped
            return task.result()
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
