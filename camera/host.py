"""The host of one camera: its driver, its timelapse, its state, and the calls that others may make."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from camera.drivers.base import CameraDriver, DriverState, Frame
from camera.errors import CameraBusyError, CameraError, NotConnectedError
from camera.latest import LatestFrame
from camera.loop import STATUS_EVERY, FrameSink, TimelapseLoop
from camera.metrics import CameraMetrics, CameraSeries
from camera.plan import Plan, RunRecord, Wish, WishStore
from camera.preview import PreviewFolder
from camera.runfile import RunFile
from camera.state import FreeSpace, driver_state, file_size, run_state, settings_state
from camera.stills import PART, Stills
from skycam_project.common.clock import Clock, SystemClock, iso_utc
from skycam_project.common.leases import Kind
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

CONNECT_PATIENCE: Seconds = 8.0
"""How long `connect` waits for the camera before it answers; the link gives up after 10 s."""
CLIENT_PATIENCE: Seconds = 3.5
"""The same for outside clients, which give up after 5 s."""


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
        run_file: counts of the run, over restarts; in the state folder. The holders' file stands beside it.
        publish: called with each new state, e.g. the link host's `publish`; may be replaced.
        metrics: shared by the cameras of a process.
        clock: for times and pauses.
        images: where pixel files for outside clients go; beside the previews by default.
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
        images: Path | None = None,
    ) -> None:
        self.camera, self.name, self.driver_name, self.publish = camera, name, driver_name, publish
        self._driver, self._sink, self._wishes = driver, sink, wishes
        self._run_file, self._clock = RunFile(run_file), clock or SystemClock()
        self._series = CameraSeries(metrics or CameraMetrics(), camera, self._clock, previews.folder)
        self._latest = LatestFrame(camera, sink, previews, self._changed)
        holders_file = run_file.with_name(f"holders-{camera}.json")
        self._stills = Stills(
            camera, images or previews.folder / "pixels", holders_file, self._clock, self._changed
        )
        self._disk = FreeSpace(previews.folder, self._clock)
        self._wish = Wish()
        self._loop: TimelapseLoop | None = None
        self._single: Plan | None = None
        self._new_run = False
        self._impatient = False
        self._wake, self._attempted, self._publishing = asyncio.Event(), asyncio.Event(), False
        driver.on_change = self._changed
        driver.on_event = lambda name, details: sink.event(name, **details)

    @property
    def calls(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        """What others may ask for, by name."""
        calls = (
            self.connect, self.disconnect, self.heard, self.start, self.stop, self.single, self.expose,
            self.abort_exposure, self._sink.begin_calibration, self._sink.end_calibration, self.apply, self.preview,
        )  # fmt: skip
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
                    record = RunRecord(self._clock.now())
                    await self._run_loop(plan, record)
                    if self._single is None:  # else what is pending is the next exposure
                        self._stills.ended(record.gaps[-1].reason if record.gaps else "")
                elif self._wanted:
                    await self._stay_connected()
                else:
                    await self._driver.close()
                    await self._wake.wait()
        finally:
            await self._latest.close()
            await self._driver.close()

    async def _run_timelapse(self) -> None:
        record = None if self._new_run else self._run_file.resume()
        self._new_run = False
        await self._sink.begin_run()
        await self._run_loop(self._wish.plan, record or RunRecord(self._clock.now()))
        if not self._wish.running:
            await self._sink.end_run()

    async def _run_loop(self, plan: Plan, record: RunRecord) -> None:
        self._loop = TimelapseLoop(
            self._driver, self._latest, plan, record, self._clock, self._on_frame, self._on_error, self._changed
        )  # fmt: skip
        self._changed()
        try:
            await self._loop.run()
        finally:
            self._loop = None
            self._changed()

    async def _stay_connected(self) -> None:
        """Hold the camera open, look after it now and then, until something else is wished."""
        if self._stills.holders.expire():
            self._changed()
            return
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

    async def connect(
        self, device: str = PART, client: str | None = None, patient: bool = True
    ) -> dict[str, Any]:
        """Open the camera and keep it open. Raises `NotConnectedError` when it does not answer yet.

        An outside `client` holds the camera (`device` is the only one); None is the user's wish, which
        lasts. `patient`: keep trying, and holding, all the same.
        """
        if client is not None:
            self._stills.holders.hold(device, client)
            self._changed()
        if not self._driver.connected:
            self._impatient = True
            self._attempted.clear()
            await (self._want(connected=True) if client is None else self._look_again())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_PATIENCE if client is None else CLIENT_PATIENCE):
                    await self._attempted.wait()
        if not self._driver.connected:
            if client is not None and not patient:
                await self.disconnect(device, client)
            raise NotConnectedError(
                f"{self.name}: {self._driver.standing.reason or 'it does not answer yet'}"
            )
        if client is None:
            await self._want(connected=True)
        return {"model": self._driver.model, "address": self._driver.address}

    async def disconnect(self, device: str = PART, client: str | None = None) -> None:
        """End everything and let go of the camera; of an outside client: give back its own hold."""
        if client is None:
            await self._want(connected=False, running=False)
            return
        self._stills.holders.release(device, client)
        if not self._wanted:
            await self.abort_exposure()
        await self._look_again()

    async def heard(self, clients: Mapping[str, list[str]]) -> None:
        """Outside clients that spoke since the last call, by device: they are alive."""
        self._stills.holders.heard(clients)

    @property
    def _wanted(self) -> bool:
        """Somebody wants the camera open."""
        return self._wish.connected or self._stills.holders.any

    async def _look_again(self) -> None:
        """The wish stands, but who holds the camera has changed."""
        if not self._wanted and self._loop and self._loop.plan.frames == 0:
            self._loop.stop()
        self._wake.set()
        self._changed()

    async def start(self, **changes: Any) -> None:
        """Start the timelapse, or change the running one from its next frame on (`Plan.changed`)."""
        await self._want(connected=True, running=True, plan=self._wish.plan.changed(**changes))

    async def stop(self) -> None:
        """End the timelapse or the single frame at once; the camera stays connected."""
        await self._want(running=False)

    async def single(self, **changes: Any) -> None:
        """Take one frame; it appears in the state. Raises `CameraBusyError` while pictures are taken."""
        self._check_free()
        self._single = replace(self._wish.plan.changed(**changes), frames=1, interval_s=0.0)
        await self._want(connected=True)

    async def expose(
        self, exposure_s: Seconds, gain: float | None = None, light: bool = True, flat: bool = False
    ) -> None:
        """Take one frame for an outside client; `still` in the state tells its progress and the pixels.

        `gain` is in the camera's unit; a dark (`light` false) needs a cap, the client's business; a `flat` may see the
        flat panel. Raises `CameraBusyError` while pictures are taken, `InvalidValueError`, `NotConnectedError`.
        """
        if self._stills.pending:
            raise CameraBusyError(f"{self.name} still prepares the picture before")
        self._check_free()
        if not self._driver.connected:
            raise NotConnectedError(f"{self.name}: {self._driver.standing.reason or 'it is not open'}")
        plan = self._wish.plan.changed(exposure_s=exposure_s, gain=gain)
        self._single = replace(plan, frames=1, interval_s=0.0)
        self._stills.begin(exposure_s, "flat" if flat else "light" if light else "dark")
        self._wake.set()

    @property
    def kind(self) -> Kind:
        """What the exposure that runs or comes next is for."""
        return self._stills.kind if self._stills.pending else "light"

    async def abort_exposure(self) -> None:
        """Give up an outside client's exposure; nothing happens when there is none."""
        if self._stills.pending:
            self._stills.give_up("the exposure was aborted")
            self._drop_single()
            if self._loop and self._loop.plan.frames:
                self._loop.stop()

    def _drop_single(self) -> None:
        """Forget a frame that has not begun."""
        if self._single:
            self._single = None
            self._stills.ended()

    def _check_free(self) -> None:
        if self._wish.running:
            raise CameraBusyError(f"{self.name} runs a timelapse; stop it first")
        loop = self._loop  # one whose frame is in is as good as over
        if self._single or (loop and loop.plan.frames and loop.record.frames < loop.plan.frames):
            raise CameraBusyError(f"{self.name} is taking a picture already; wait for it or stop it")

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
            self._run_file.forget()
        self._wish = wish
        if changes.get("running") is False:
            self._drop_single()
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
        loop, size = self._loop, sum(file_size(frame, index) for index in range(len(frame.originals)))
        duration = latency = None
        if frame.start_monotonic is not None and frame.end_monotonic is not None:
            duration = self._clock.monotonic() - frame.start_monotonic
            latency = frame.end_monotonic - frame.start_monotonic + (frame.download_s or 0.0)
        self._series.frame(frame.start, duration, latency, frame.applied.exposure_s, size, frame.download_s)
        timelapse = loop is not None and loop.plan.frames is None
        if loop and timelapse and self._wish.running and not self._new_run:
            self._run_file.save(loop.record)
        lay_out = None
        if self._stills.pending and not frame.recovered:
            self._stills.taken(frame.start, frame.applied.exposure_s)
            lay_out = partial(self._stills.lay_out, media_type=frame.media_type, started=frame.start)
        run = loop.record.frames if loop and timelapse else None
        self._latest.show(frame, number, run, file_size(frame, 0), lay_out)

    def _on_error(self, code: str) -> None:
        self._series.error(code)
        self._attempted.set()
        if self._stills.pending and (loop := self._loop):
            loop.stop()  # not tried again: the client decides

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
        loop, driver = self._loop, driver_state(self._driver)
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
            "clients": self._stills.holders.as_dict(),
            "connection": {
                "connected": self._driver.connected,
                "connecting": self._wanted and not self._driver.connected,
                "problem": "" if self._driver.connected else driver["reason"] or "",
            },
            "still": self._stills.state(self._driver.standing.state),
            "session": self._sink.session(),
            "disk_free_bytes": self._disk.bytes(),
            "updated_at": iso_utc(self._clock.now()),
        }

    def _run_state(self, loop: TimelapseLoop) -> dict[str, Any]:
        wait = max(0.0, loop.next_at - self._clock.monotonic())
        taking = self._driver.standing.state in (DriverState.EXPOSING, DriverState.DOWNLOADING)
        next_at = None if taking else self._clock.now() + timedelta(seconds=wait)
        return run_state(loop.record, loop.plan.interval_s, next_at)
