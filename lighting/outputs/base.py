"""What all outputs share: the newest frame at the allowed rate, nothing twice, and the last one for certain."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lighting.engine import metrics
from lighting.engine.quick import ago_utc
from lighting.engine.slot import Slot
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

SAY_EVERY: Seconds = 60.0
"""Between two log lines about the same trouble."""

Frames = dict[int, bytes]


class Output(ABC):
    """One output. `slot` takes frames; `run` sends them until cancelled.

    A frame that comes too early is kept and sent when the interval is over; one equal to the last that was
    *successfully* sent is suppressed; after a failure the newest is tried again until it succeeds.

    Attributes:
        driver: its name in metrics, logs and on the page.
        refresh: seconds after which an unchanged frame is sent again; `None`: never.
        problem: why it takes no frames now; empty when it does.
    """

    driver = ""
    refresh: Seconds | None = None

    def __init__(self, fps: float) -> None:
        self.slot: Slot[Frames] = Slot()
        self.problem = "not tried yet"
        self.sent_at: Seconds | None = None
        self._interval: Seconds = 1 / fps
        self._newest: Frames = {}
        self._sent: Any = None
        self._failures = 0
        self._said: Seconds = -SAY_EVERY
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=self.driver)

    # ---- what a driver says

    def select(self, frames: Frames) -> Any:
        """The part of the frames that this output sends."""
        return frames.get(0, bytes(512))

    def carries(self, universe: int) -> bool:
        """Whether it sends a universe of ours."""
        return universe == 0

    @abstractmethod
    def send(self, data: Any) -> None:
        """Send it, in this driver's own thread; may block for a second. Raises `OSError` or a `SkycamError`."""

    def close(self) -> None:  # noqa: B027 - not every output holds something
        """Let the device go; in the same thread."""

    def pause(self, failures: int) -> Seconds:
        """How long to wait after so many failures in a row."""
        return 1.0

    def facts(self) -> dict[str, Any]:
        """What the page shows of it."""
        return {}

    # ---- the loop

    async def run(self) -> None:
        """Send until cancelled."""
        metrics.output_up.labels(self.driver).set(0)
        try:
            while True:
                await self._once()
        finally:
            await self.in_thread(self.close)
            self._thread.shutdown(wait=False)

    async def _once(self) -> None:
        again = await self._wait()
        if self.sent_at is not None and (early := self.sent_at + self._interval - time.monotonic()) > 0:
            await asyncio.sleep(early)
        if self.slot.is_filled:
            self._newest = await self.slot.take()
        data = self.select(self._newest)
        if data == self._sent and not again:
            metrics.output_frames.labels(self.driver, "duplicate").inc()
            return
        await self.try_now(data)

    async def _wait(self) -> bool:
        """Until there is something to send; whether it is the same again (a repeat after a failure, a refresh)."""
        limit = self.pause(self._failures) if self._failures else self.refresh
        try:
            async with asyncio.timeout(limit):
                self._newest = await self.slot.take()
        except TimeoutError:
            return True
        if self._failures:  # newer frames do not shorten the pause of a device that fails
            await asyncio.sleep(limit or 0)
            return True
        return False

    async def try_now(self, data: Any) -> None:
        """Send once and note how it went."""
        try:
            await self.in_thread(self.send, data)
        except Exception as error:  # whatever a library raises: the lights go on
            self._failed(error)
            return
        self.sent_at, self._sent = time.monotonic(), data
        if self._failures or self.problem:
            log.info("%s: output works", self.driver, extra={"driver": self.driver})
        self._failures, self.problem = 0, ""
        metrics.output_frames.labels(self.driver, "sent").inc()
        metrics.output_up.labels(self.driver).set(1)

    def _failed(self, error: Exception) -> None:
        first = not self._failures
        self._failures += 1
        self._sent = None
        self.problem = str(error) or type(error).__name__
        metrics.output_frames.labels(self.driver, "error").inc()
        metrics.output_up.labels(self.driver).set(0)
        if first or time.monotonic() - self._said > SAY_EVERY:
            self._said = time.monotonic()
            log.warning("%s_error", self.driver, extra={"driver": self.driver, "reason": self.problem})

    async def in_thread(self, function: Any, *args: Any) -> Any:
        """Run something in this driver's thread, one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    @property
    def is_settled(self) -> bool:
        """Whether the newest frame that was put has been sent."""
        return not self.problem and not self.slot.is_filled and self.select(self._newest) == self._sent

    async def settled(self) -> None:
        """Return when the newest frame that was put has been sent; at once while the output fails."""
        while not self.is_settled and not self._failures:  # noqa: ASYNC110 - three things may end it
            await asyncio.sleep(0.005)

    def state(self) -> dict[str, Any]:
        """For the page."""
        last = None if self.sent_at is None else ago_utc(time.monotonic() - self.sent_at)
        return {
            "driver": self.driver,
            "ok": not self.problem,
            "reason": self.problem,
            "last_at": last,
        } | self.facts()
