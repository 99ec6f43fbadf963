"""The host: wishes, calls, the published state; with a jumping clock, and once with everything real."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from camera_fakes import FakeCamera, FakeSession, JumpingClock, MemoryWishes
from camera_rig import Simulator, StartDriver, until
from prometheus_client import CollectorRegistry

from camera.drivers.base import CameraDriver, DriverState, Settings
from camera.errors import CameraAbsentError, CameraBusyError, CameraHungError, NotConnectedError
from camera.host import CameraHost
from camera.metrics import CameraMetrics
from camera.plan import Plan, Wish
from camera.preview import PreviewFolder
from skycam_project.common.clock import Clock, SystemClock
from skycam_project.common.errors import InvalidValueError


class Rig:
    """A host and everything around it; `restart` makes a new one over the same files, as a supervisor
    does.
    """

    def __init__(self, folder: Path, wish: Wish | None = None) -> None:
        self.folder, self.wishes = folder, MemoryWishes(wish)
        self.clock = JumpingClock()
        self.camera = FakeCamera(self.clock, folder)
        self.session = FakeSession()
        self.previews = PreviewFolder(folder / "previews")
        self.start(self.camera, self.clock)

    def start(self, driver: CameraDriver, clock: Clock) -> None:
        self.states: list[dict[str, Any]] = []
        self.registry = CollectorRegistry()
        self.host = CameraHost(
            camera="0",
            name="Allsky",
            driver=driver,
            driver_name="gphoto2",
            sink=self.session,
            wishes=self.wishes,
            previews=self.previews,
            run_file=self.folder / "run.json",
            publish=self._publish,
            metrics=CameraMetrics(self.registry),
            clock=clock,
        )
        self.task = asyncio.create_task(self.host.run())

    def _publish(self, state: Mapping[str, Any]) -> None:
        self.states.append(json.loads(json.dumps(state)))

    async def die(self) -> None:
        """Cancel the host, as the end of its process does."""
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def pass_time(self, until: float) -> None:
        await self.clock.run(until)

    @property
    def state(self) -> dict[str, Any]:
        return self.states[-1]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"camera": "0", **labels})


async def at_once(work: Callable[..., Any], *arguments: Any) -> Any:
    """`asyncio.to_thread` without a thread, whose work the jumping clock could not see."""
    return work(*arguments)


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(asyncio, "to_thread", at_once)
    rig = Rig(tmp_path)
    await rig.pass_time(0)
    yield rig
    await rig.die()


async def test_a_new_host_does_nothing_and_says_so(rig: Rig) -> None:
    assert rig.state["state"] == "absent"
    assert (rig.state["connected"], rig.state["capturing"], rig.state["run"], rig.state["frame"]) == (
        False,
        False,
        None,
        None,
    )
    assert rig.camera.exposed == []


async def test_connect_opens_and_keeps_the_camera(rig: Rig) -> None:
    answer = await rig.host.calls["connect"]()
    assert answer == {"model": "Fake", "address": "auto"}
    await rig.pass_time(25)
    assert rig.state["connected"]
    assert rig.state["battery_percent"] == 70
    assert rig.camera.refreshed >= 2
    assert rig.wishes.wish.connected
    await rig.host.calls["disconnect"]()
    await rig.pass_time(26)
    assert not rig.state["connected"]
    assert not rig.wishes.wish.connected


async def test_connect_without_camera_says_why_and_goes_on_trying(rig: Rig) -> None:
    rig.camera.open_failures = [CameraAbsentError("Allsky: no camera found: is it switched on?")]
    with pytest.raises(NotConnectedError, match="switched on"):
        await rig.host.connect()
    assert rig.state["reason"] == "Allsky: no camera found: is it switched on?"
    await rig.pass_time(5)
    assert rig.state["connected"]
    assert rig.metric("skycam_capture_errors_total", error_type="camera_absent") == 1


async def test_start_takes_pictures_and_shows_them(rig: Rig) -> None:
    await rig.host.calls["start"](interval_s=10, exposure_s=4, gain=800, aperture_f=2.8)
    await rig.pass_time(2)
    assert rig.state["state"] == "exposing"
    assert rig.state["exposure"]["duration_s"] == 4
    assert rig.state["run"]["next_frame_at"] is None
    await rig.pass_time(27)
    state = rig.state
    assert state["capturing"]
    assert state["settings"] == {
        "exposure_s": 4.0,
        "gain": 800.0,
        "gain_unit": "ISO",
        "aperture_f": 2.8,
        "format": None,
    }
    assert state["run"]["frames"] == 3
    assert state["run"]["started_at"] == "2026-11-20T20:00:00.000Z"
    assert state["run"]["next_frame_at"] == "2026-11-20T20:00:30.000Z"
    frame = state["frame"]
    assert (frame["id"], frame["number"], frame["session_id"]) == ("000002", 3, "observation_20261120_200000")
    assert (frame["exposure_s"], frame["gain"], frame["width"], frame["height"]) == (4, 800, 64, 48)
    assert frame["taken_at"] == "2026-11-20T20:00:20.000Z"
    assert frame["bytes"] == rig.camera.picture.stat().st_size
    assert (rig.previews.folder / frame["preview"]).exists()
    assert (rig.previews.folder / frame["thumbnail"]).exists()
    assert frame["stats"]["mean"] == pytest.approx(54, abs=3)  # luma of (30, 60, 90)
    assert sum(frame["stats"]["histogram"]["red"]) == 64 * 48
    assert rig.metric("skycam_images_captured_total") == 3
    assert rig.metric("skycam_active_captures") == 1
    assert rig.metric("skycam_capture_duration_seconds_count") == 3
    assert rig.metric("skycam_last_frame_age_seconds") == pytest.approx(7)
    assert rig.metric("skycam_camera_state", state="idle") == 1
    assert (rig.metric("skycam_disk_free_bytes") or 0) > 0


async def test_the_state_stays_small(rig: Rig) -> None:
    rig.camera.failures = {n: CameraBusyError("x" * 5000) for n in range(1, 120, 2)}
    await rig.host.start(interval_s=10, exposure_s=1)
    await rig.pass_time(1000)
    assert len(rig.state["run"]["gaps"]) == 20
    assert max(len(json.dumps(state)) for state in rig.states) < 64 * 1024


async def test_stop_is_at_once_and_the_camera_stays(rig: Rig) -> None:
    await rig.host.start(interval_s=100, exposure_s=90)
    await rig.pass_time(20)
    await rig.host.calls["stop"]()
    await rig.pass_time(20)
    assert not rig.state["capturing"]
    assert rig.state["run"] is None
    assert rig.state["connected"]
    assert rig.session.frames == []
    assert rig.metric("skycam_active_captures") == 0


async def test_single_takes_one(rig: Rig) -> None:
    await rig.host.connect()
    await rig.host.calls["single"](exposure_s=3)
    await rig.pass_time(30)
    assert len(rig.session.frames) == 1
    assert rig.state["frame"]["exposure_s"] == 3
    assert rig.state["run"] is None
    assert rig.wishes.wish.plan.settings.exposure_s is None  # a single frame changes no wish


async def test_single_during_a_run_is_refused(rig: Rig) -> None:
    await rig.host.start(interval_s=10, exposure_s=4)
    await rig.pass_time(15)
    with pytest.raises(CameraBusyError, match="stop that first"):
        await rig.host.single()


async def test_start_during_a_single_frame_waits_for_it(rig: Rig) -> None:
    await rig.host.connect()
    await rig.host.single(exposure_s=8)
    await rig.pass_time(4)
    await rig.host.start(interval_s=10, exposure_s=1)
    await rig.pass_time(35)
    assert [frame.applied.exposure_s for _, _, frame in rig.session.frames] == [8, 1, 1, 1]
    assert rig.state["run"]["frames"] == 3


async def test_stop_ends_a_single_frame(rig: Rig) -> None:
    await rig.host.connect()
    await rig.host.single(exposure_s=60)
    await rig.pass_time(4)
    await rig.host.stop()
    await rig.pass_time(5)
    assert rig.camera.standing.state is DriverState.IDLE
    assert rig.session.frames == []


async def test_apply_answers_what_the_camera_made_of_it(rig: Rig) -> None:
    await rig.host.connect()
    answer = await rig.host.calls["apply"](gain=1600)
    assert answer is not None
    assert answer["gain"] == 1600
    await rig.host.start(interval_s=10, exposure_s=1)
    await rig.pass_time(5)
    assert await rig.host.apply(gain=3200) is None  # of a run: the next frame
    await rig.pass_time(15)
    assert [each.gain for each in rig.camera.settings] == [1600, 3200]


async def test_wrong_values_change_nothing(rig: Rig) -> None:
    before = rig.wishes.wish
    with pytest.raises(InvalidValueError, match="exposure_s"):
        await rig.host.start(exposure_s=-1)
    await rig.pass_time(10)
    assert rig.wishes.wish == before
    assert rig.camera.exposed == []


async def test_a_wish_that_cannot_be_saved_is_not_carried_out(rig: Rig) -> None:
    rig.wishes.broken = True
    with pytest.raises(OSError, match="full"):
        await rig.host.start(interval_s=10)
    await rig.pass_time(20)
    assert rig.camera.exposed == []
    assert not rig.state["capturing"]


async def test_preview_is_a_file_and_refused_during_an_exposure(rig: Rig) -> None:
    await rig.host.connect()
    answer = await rig.host.calls["preview"]()
    assert (rig.previews.folder / answer["file"]).read_bytes() == rig.camera.picture.read_bytes()
    await rig.host.start(interval_s=10, exposure_s=9)
    await rig.pass_time(3)
    with pytest.raises(CameraBusyError, match="exposing"):
        await rig.host.preview()


async def test_a_restarted_host_continues_the_run_and_shows_the_gap(rig: Rig) -> None:
    await rig.host.start(interval_s=10, exposure_s=4)
    await rig.pass_time(26)
    await rig.die()
    rig.clock._now = 40.0
    rig.start(rig.camera, rig.clock)
    await rig.pass_time(56)
    run = rig.state["run"]
    assert (run["frames"], run["started_at"]) == (5, "2026-11-20T20:00:00.000Z")
    (gap,) = run["gaps"]
    assert gap["reason"] == "the camera's host process was restarted"
    assert gap["from"] == "2026-11-20T20:00:20.000Z"
    assert gap["to"] >= "2026-11-20T20:00:40.000Z"


async def test_stop_and_start_is_a_new_run_without_a_gap(rig: Rig) -> None:
    await rig.host.start(interval_s=10, exposure_s=4)
    await rig.pass_time(26)
    await rig.host.stop()
    await rig.host.start()
    await rig.pass_time(50)
    assert rig.state["run"]["gaps"] == []
    assert rig.state["run"]["started_at"] > "2026-11-20T20:00:20.000Z"


async def test_leftovers_are_taken_in_when_a_camera_is_merely_connected(rig: Rig) -> None:
    rig.camera.leftovers = [rig.camera.frame(7, Settings(exposure_s=2.0), -60.0, recovered=True)]
    await rig.host.connect()
    await rig.pass_time(5)
    assert [frame.token for _, _, frame in rig.session.frames] == [7]
    assert rig.state["frame"]["recovered"]


async def test_a_frame_that_was_moved_before_its_session_failed_is_offered_again(rig: Rig) -> None:
    rig.session.moves = True
    rig.session.failures = [OSError(28, "No space left on device")] * 2
    await rig.host.start(interval_s=10, exposure_s=1)
    await rig.pass_time(25)
    assert [frame.token for _, _, frame in rig.session.frames] == [0, 1, 2]
    assert all(data == rig.camera.picture.read_bytes() for _, data, _ in rig.session.frames)


async def test_faults_are_counted(rig: Rig) -> None:
    rig.camera.failures = {1: CameraHungError("no answer")}
    rig.camera.overhead = 25.0
    await rig.host.start(interval_s=10, exposure_s=0.5)
    await rig.pass_time(100)
    assert rig.metric("skycam_capture_errors_total", error_type="camera_hung") == 1
    assert rig.metric("skycam_camera_restarts_total") == rig.camera.counters.restarts
    assert rig.camera.exposed == [1.0, 26.5, 53.0, 78.5]
    assert rig.metric("skycam_missed_slots_total") == 4  # eight pictures were due by then


async def test_the_metrics_have_the_promised_names(rig: Rig) -> None:
    names = {metric.name for metric in rig.registry.collect()}
    assert names >= {
        "skycam_images_captured",
        "skycam_capture_errors",
        "skycam_camera_temperature_celsius",
        "skycam_capture_duration_seconds",
        "skycam_sensor_temperature_celsius",
        "skycam_active_captures",
        "skycam_capture_latency_seconds",
        "skycam_watchdog_kills",
        "skycam_missed_slots",
        "skycam_last_frame_age_seconds",
        "skycam_disk_free_bytes",
    }


async def test_everything_real_runs_through_a_fault_and_a_restart(
    simulator: Simulator, start_driver: StartDriver, tmp_path: Path
) -> None:
    """Real libgphoto2, real time: the run goes on, nothing is lost, nothing is left on the card."""
    rig = Rig(tmp_path, Wish(True, True, Plan(0.05, Settings(exposure_s=0.002, gain=800))))
    await rig.die()
    rig.start(await start_driver(simulator.address, opened=False), SystemClock())
    await until(lambda: len(rig.session.frames) >= 3)
    await simulator.faults(lose_event=1, cut_transfer=1)
    await until(lambda: len(rig.session.frames) >= 8)
    await rig.die()
    rig.start(await start_driver(simulator.address, opened=False), SystemClock())
    await until(lambda: len(rig.session.frames) >= 12)
    await rig.host.stop()
    await until(lambda: rig.state["state"] == "idle" and rig.state["run"] is None)

    sources = [frame.metadata["camera_file"] for _, _, frame in rig.session.frames]
    assert sorted(sources) == sorted(set(sources))  # none twice
    assert all(data.endswith(b"\xff\xd9") for _, data, _ in rig.session.frames)
    await until(lambda: _empty(simulator))
    await rig.die()


async def _empty(simulator: Simulator) -> bool:
    return await simulator.files() == []
