"""The host of one camera: its driver, its timelapse, its state, and the calls that others may make."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from camera.drivers.base import CameraDriver, DriverState, Frame
from camera.errors import CameraBusyError, CameraError, NotConnectedError
from camera.latest import LatestFrame
from camera.loop import STATUS_EVERY, FrameSink, TimelapseLoop
from camera.metrics import CameraMetrics, CameraSeries
from camera.plan import Plan, RunRecord, Wish, WishStore
from camera.preview import PreviewFolder
from camera.state import driver_state, free_bytes, run_state, settings_state
from skycam_project.common.clock import Clock, SystemClock, iso_utc
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

CONNECT_PATIENCE: Seconds = 8.0
"""How long `connect` waits for the camera before it answers; the link gives up after 10 s."""
DISK_EVERY: Seconds = 5.0


class CameraHost:
    """Owns one camera. `run` it in the event loop that serves its link.

    Args:
        camera: id, stable over restarts, e.g. "0".
        name: for people.
        driver: the camera; nobody else may use it.
        driver_name: e.g. "gphoto2".
        sink: the camera's sessions.
        wishes: what the user wants, over restarts.
        previews: where previews go.
        run_file: counts of the run, over restarts; in the state folder.
        publish: called with each new state, e.g. the link host's `publish`; may be replaced.
        metrics: shared by the cameras of a process.
        clock: for times and pauses.
    """

    def __init__(
        self,
        *,
        camera: str,
        name: str,
        driver: CameraDriver,
        driver_name: str,
        sink: FrameSink,
        wishes: WishStore,
        previews: PreviewFolder,
        run_file: Path,
        publish: Callable[[Mapping[str, Any]], None],
        metrics: CameraMetrics | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.camera, self.name, self.driver_name, self.publish = camera, name, driver_name, publish
        self._driver, self._sink, self._wishes = driver, sink, wishes
        self._run_file, self._clock = run_file, clock or SystemClock()
        self._series = CameraSeries(metrics or CameraMetrics(), camera, self._clock, previews.folder)
        self._latest = LatestFrame(camera, sink, previews, self._changed)
        self._folder = previews.folder
        self._wish = Wish()
        self._loop: TimelapseLoop | None = None
        self._single: Plan | None = None
        self._new_run = False
        self._impatient = False
        self._wake, self._attempted = asyncio.Event(), asyncio.Event()
        self._disk_free: int | None = None
        self._disk_checked = -DISK_EVERY
        self._publishing = False
        driver.on_change = self._changed
        driver.on_event = lambda name, details: sink.event(name, **details)

    @property
    def calls(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        """What others may ask for, by name."""
        calls = (self.connect, self.disconnect, self.start, self.stop, self.single, self.apply, self.preview)
        return {call.__name__: call for call in calls}

    # ---- the life of the host

    async def run(self) -> None:
        """Do what is wished, first what was wished last, until cancelled; then close the camera."""
        self._wish = await asyncio.to_thread(self._wishes.load)
        self._new_run = not self._wish.running
        if not self._wish.running:
            await self._sink.end_run()  # a stop that the last host did not see through
        self._changed()
        try:
            while True:
                self._wake.clear()
                if self._wish.running:
                    await self._run_timelapse()
                elif self._single is not None:
                    plan, self._single = self._single, None
                    await self._run_loop(plan, RunRecord(self._clock.now()))
                elif self._wish.connected:
                    await self._stay_connected()
                else:
                    await self._driver.close()
                    await self._wake.wait()
        finally:
            await self._latest.close()
            await self._driver.close()

    async def _run_timelapse(self) -> None:
        record = None if self._new_run else self._resume()
        self._new_run = False
        await self._sink.begin_run()
        await self._run_loop(self._wish.plan, record or RunRecord(self._clock.now()))
        if not self._wish.running:
            await self._sink.end_run()

    async def _run_loop(self, plan: Plan, record: RunRecord) -> None:
        self._loop = TimelapseLoop(
            self._driver,
            self._latest,
            plan,
            record,
            self._clock,
            self._on_frame,
            self._on_error,
            self._changed,
        )
        self._changed()
        try:
            await self._loop.run()
        finally:
            self._loop = None
            self._changed()

    async def _stay_connected(self) -> None:
        """Hold the camera open, look after it now and then, until something else is wished."""
        try:
            if not self._driver.connected:
                at_once, self._impatient = self._impatient, False
                await self._unless_woken(self._driver.open() if at_once else self._driver.recover())
            else:
                await self._driver.refresh()
        except CameraError as error:
            self._on_error(error.code)
            self._sink.log(logging.WARNING, str(error), code=error.code)
            return
        self._attempted.set()
        if not self._wake.is_set():
            await self._run_loop(Plan(frames=0), RunRecord(self._clock.now()))  # takes in leftovers
            await self._unless_woken(self._clock.sleep(STATUS_EVERY))

    async def _unless_woken(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` until it ends or a call changes what is wanted. Raises what it raises."""
        task, wake = asyncio.ensure_future(work), asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({task, wake}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            wake.cancel()
            task.cancel()
            await asyncio.gather(task, wake, return_exceptions=True)

    # ---- calls

    async def connect(self) -> dict[str, Any]:
        """Open the camera and keep it open. Raises `NotConnectedError`; it is tried again all the same."""
        if not self._driver.connected:
            self._impatient = True
            self._attempted.clear()
            await self._want(connected=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_PATIENCE):
                    await self._attempted.wait()
        if not self._driver.connected:
            raise NotConnectedError(
                f"{self.name}: {self._driver.standing.reason or 'it does not answer yet'}"
            )
        await self._want(connected=True)
        return {"model": self._driver.model, "address": self._driver.address}

    async def disconnect(self) -> None:
        """End everything and let go of the camera."""
        await self._want(connected=False, running=False)

    async def start(self, **changes: Any) -> None:
        """Start the timelapse, or change the running one from its next frame on (`Plan.changed`)."""
        await self._want(connected=True, running=True, plan=self._wish.plan.changed(**changes))

    async def stop(self) -> None:
        """End the timelapse or the single frame at once; the camera stays connected."""
        await self._want(running=False)

    async def single(self, **changes: Any) -> None:
        """Take one frame; it appears in the state. Raises `CameraBusyError` while pictures are taken."""
        if self._wish.running or self._single or (self._loop and self._loop.plan.frames):
            raise CameraBusyError(f"{self.name} is taking pictures already; stop that first")
        self._single = replace(self._wish.plan.changed(**changes), frames=1, interval_s=0.0)
        await self._want(connected=True)

    async def apply(self, **changes: Any) -> dict[str, Any] | None:
        """Change the settings (of a running timelapse: its next frame); answers what the camera has set."""
        plan = self._wish.plan.changed(**changes)
        await self._want(plan=plan)
        if self._wish.running or not self._driver.connected:
            return None
        return {**asdict(await self._driver.apply(plan.settings))}

    async def preview(self) -> dict[str, Any]:
        """Take a live view picture. Answers the name of its file in the preview folder."""
        if self._driver.standing.state in (DriverState.EXPOSING, DriverState.DOWNLOADING):
            raise CameraBusyError(f"{self.name} is exposing; there is no live view during an exposure")
        data = await self._driver.preview()
        return {"file": await self._latest.live(data), "bytes": len(data)}

    async def _want(self, **changes: Any) -> None:
        """Change the wish: on disk first, then in deed."""
        wish = replace(self._wish, **changes)
        if wish != self._wish:
            await asyncio.to_thread(self._wishes.save, wish)
        if self._wish.running and not wish.running:
            self._new_run = True
            self._run_file.unlink(missing_ok=True)
        self._wish = wish
        if changes.get("running") is False:
            self._single = None
        if loop := self._loop:
            timelapse = loop.plan.frames is None
            if timelapse and wish.running:
                loop.plan = wish.plan
            elif timelapse or loop.plan.frames == 0 or changes.get("running") is False:
                loop.stop()
        self._wake.set()
        self._changed()

    # ---- frames

    def _on_frame(self, frame: Frame, number: str) -> None:
        """A frame was stored: count it, show it."""
        loop, size = self._loop, sum(_size(frame, index) for index in range(len(frame.originals)))
        duration = latency = None
        if frame.start_monotonic is not None and frame.end_monotonic is not None:
            duration = self._clock.monotonic() - frame.start_monotonic
            latency = frame.end_monotonic - frame.start_monotonic + (frame.download_s or 0.0)
        self._series.frame(frame.start, duration, latency, size, frame.download_s)
        timelapse = loop is not None and loop.plan.frames is None
        if loop and timelapse and self._wish.running and not self._new_run:
            self._save_run(loop.record)
        self._latest.show(frame, number, loop.record.frames if loop and timelapse else None, _size(frame, 0))

    def _on_error(self, code: str) -> None:
        self._series.error(code)
        self._attempted.set()

    def _save_run(self, record: RunRecord) -> None:
        temporary = self._run_file.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(record.as_dict()))
            temporary.replace(self._run_file)
        except OSError as error:  # only the count after a restart depends on it
            logger.warning("run file not written: %s", error)

    def _resume(self) -> RunRecord | None:
        """The run that the host before this one was in."""
        try:
            record = RunRecord.from_dict(json.loads(self._run_file.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("run file unreadable, counting begins anew: %s", error)
            return None
        record.open_gap(record.last_frame_at or record.started_at, "the camera's host process was restarted")
        return record

    # ---- state

    def _changed(self) -> None:
        """Publish the state, once per turn of the event loop."""
        if not self._publishing:
            self._publishing = True
            asyncio.get_running_loop().call_soon(self._publish)

    def _publish(self) -> None:
        self._publishing = False
        self.publish(self.state())

    def state(self) -> dict[str, Any]:
        """The camera now; docs/camera.md explains each field."""
        now, loop = self._clock.monotonic(), self._loop
        if now - self._disk_checked >= DISK_EVERY:
            self._disk_free, self._disk_checked = free_bytes(self._folder), now
        driver = driver_state(self._driver)
        timelapse = loop if loop and loop.plan.frames is None else None
        self._series.driver(self._driver.standing.state, self._driver.counters, driver["temperature_c"])
        self._series.running(self._wish.running, timelapse.record.missed_slots if timelapse else None)
        return {
            "camera": self.camera,
            "name": self.name,
            "driver": self.driver_name,
            **driver,
            "capturing": self._wish.running,
            "run": self._run_state(timelapse) if timelapse else None,
            "settings": settings_state(self._driver, asdict(self._wish.plan.settings)),
            "frame": self._latest.state,
            "session": self._sink.session(),
            "disk_free_bytes": self._disk_free,
            "updated_at": iso_utc(self._clock.now()),
        }

    def _run_state(self, loop: TimelapseLoop) -> dict[str, Any]:
        wait = max(0.0, loop.next_at - self._clock.monotonic())
        taking = self._driver.standing.state in (DriverState.EXPOSING, DriverState.DOWNLOADING)
        next_at = None if taking else self._clock.now() + timedelta(seconds=wait)
        return run_state(loop.record, loop.plan.interval_s, next_at)


def _size(frame: Frame, index: int) -> int:
    """Bytes of one of a frame's files; its session may have moved it already."""
    original = frame.originals[index]
    try:
        return original.source.size if original.source else original.path.stat().st_size
    except OSError:
        return 0
