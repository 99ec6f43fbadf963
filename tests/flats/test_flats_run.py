"""Flats from end to end: a simulated camera that sees the panel over Art-Net, the lights' engine, the real hosts.

Nothing here is a double: the camera is a PTP/IP process with a panel before its lens, the lights are their process, the
camera's host keeps its frames in sessions, and the observatory's host is asked over its link.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from camera.drivers.gphoto2.driver import GPhoto2Driver
from camera.host import CameraHost
from camera.leased import LeasedDriver
from camera.metrics import CameraMetrics
from camera.plan import Wish
from camera.preview import PreviewFolder
from camera.sink import SessionSink
from observatory.flats.cameras import TelescopeFlatCamera
from observatory.flats.run import FlatRun, Order
from observatory.host import ObservatoryHost
from observatory.night import NightScenes
from sessions.store.manager import SessionManager
from sessions.store.reading import open_session
from skycam_project.common.leases import Leases
from skycam_project.common.link import CallError, Host, Mirror, NotConnected, ask, read

ROOT = Path(__file__).resolve().parents[2]
PATCH = [
    {"name": "main", "role": "main"},
    {"name": "panel", "role": "flat-panel", "start": 10, "profile": "dimmer", "bits": 16},
]


class Wishes:
    def load(self) -> Wish:
        return Wish()

    def save(self, wish: Wish) -> None: ...


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="sky-"))
    yield path
    shutil.rmtree(path)


@contextlib.contextmanager
def process(folder: Path, module: str, *arguments: str, **environment: str):
    """A process of ours; its standard output is a pipe."""
    started = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    try:
        yield started
    finally:
        started.terminate()
        started.wait(10)
        started.stdin.close()
        started.stdout.close()


@contextlib.contextmanager
def devices(folder: Path, *options: str):
    """The simulated camera with its panel, and the lights that send to it; the camera's address."""
    simulated = (
        "--port",
        "0",
        "--panel-port",
        "0",
        "--panel-channel",
        "10",
        "--size",
        "600x400",
        "--exposure-scale",
        "0.05",
    )
    with process(folder, "camera.simulator", *simulated, *options) as camera:
        ports = json.loads(camera.stdout.readline())
        lights = {
            "SKYCAM_DATA": str(folder), "DMX_MQTT_ENABLED": "false", "DMX_INTERLOCK": "enforce",
            "DMX_ARTNET_ENABLED": "true", "DMX_ARTNET_HOST": f"127.0.0.1:{ports['panel_port']}",
        }  # fmt: skip
        with process(folder, "lighting.engine", **lights):
            while True:
                with contextlib.suppress(NotConnected):
                    ask(folder / "run", "lighting", "patch", fixtures=PATCH)
                    break
            yield ports["address"]


@contextlib.asynccontextmanager
async def camera_host(folder: Path, address: str):
    """The camera's host on its link, with sessions."""
    sessions = await asyncio.to_thread(SessionManager, folder / "sessions", instrument="default")
    leases = Leases(folder / "run")
    driver = GPhoto2Driver(folder / "spool", address=address, environment={"HOME": str(folder)})
    host = CameraHost(
        camera="default", name="All-sky", driver=LeasedDriver(driver, leases, "All-sky", lambda: host.kind),
        driver_name="gphoto2", sink=SessionSink(sessions, "default", "All-sky"), wishes=Wishes(),
        previews=PreviewFolder(folder / "previews"), run_file=folder / "run.json", images=folder / "images",
        publish=lambda state: link.publish(state), metrics=CameraMetrics(CollectorRegistry()),
    )  # fmt: skip

    def published(call):
        async def with_state(**arguments):
            try:
                return await call(**arguments)
            finally:
                link.publish(host.state())

        return with_state

    link = Host(
        folder / "run", "camera-default", {name: published(call) for name, call in host.calls.items()}
    )
    link.publish(host.state())
    async with link:
        running = asyncio.create_task(host.run())
        try:
            yield sessions
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await leases.close()
            await asyncio.to_thread(sessions.shutdown)


@contextlib.asynccontextmanager
async def observatory(folder: Path):
    """Its mirror, as pages and commands have it."""
    mirrors = {
        "camera/default": Mirror(folder / "run", "camera-default"),
        "lighting": Mirror(folder / "run", "lighting"),
    }
    scenes = NightScenes(folder / "scenes.json")
    host = ObservatoryHost(mirrors, folder / "images", 100, scenes, lambda state: link.publish(state))
    link = Host(folder / "run", "observatory", host.calls)
    link.publish(host.state())
    async with link:
        running = asyncio.create_task(host.run())
        mirror = Mirror(folder / "run", "observatory")
        await mirror.start()
        while any(followed.problem for followed in mirrors.values()):
            await asyncio.sleep(0.02)
        try:
            yield mirror
        finally:
            await mirror.stop()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def phase(mirror: Mirror, *wanted: str) -> dict:
    async with asyncio.timeout(50):
        async for _ in mirror.changes():
            flats = mirror.state["flats"]
            if flats and flats["phase"] in wanted and (not flats["running"] or "taking" in wanted):
                return flats


@pytest.mark.parametrize("gamma", ["1.0", "2.8"])
async def test_flats_reach_half_of_full_scale_and_are_kept_as_flats(folder, gamma):
    with devices(folder, "--panel-gamma", gamma, "--panel-strength", "6") as address:
        async with camera_host(folder, address), observatory(folder) as mirror:
            await mirror.call("start_flats", camera="camera/default", frames=3, exposure_s=0.5)
            with pytest.raises(CallError, match="already"):
                await mirror.call("start_flats", camera="camera/default")
            flats = await phase(mirror, "done", "failed")
            assert (flats["phase"], flats["problem"], flats["frames_taken"]) == ("done", "", 3)
            search, taken = flats["steps"][:-3], flats["steps"][-3:]
            assert len(search) <= 8
            assert abs(search[-1]["level"] - 0.5) <= 0.025
            for step in taken:
                assert abs(step["level"] - 0.5) <= 0.05, "flicker of 2 % each way included"
                assert step["exposure_s"] >= 0.1
            assert read(folder / "run", "lighting")["panel"]["standing"] == "off"
            assert (await asyncio.to_thread(read, folder / "run", "camera-default"))["clients"]["camera"][
                "holding"
            ] == []
            assert read(folder / "run", "lighting")["interlock"]["leases"] == []
    found = {}
    for path in (folder / "sessions").rglob("*.asdf"):
        with open_session(path) as file:
            if file["meta"]["session_type"] == "alignment":
                rows = list(file["cameras"]["default"]["frame_table"])
                found[file["meta"]["purpose"]] = [row["details"] for row in rows]
    assert found.keys() == {"flat search", "flats"}
    assert [row["image_type"] for row in found["flats"]] == ["Flat Frame"] * 3
    assert not any(row.get("rejected") for row in found["flats"])
    assert all(row["rejected"] for row in found["flat search"]) and len(found["flat search"]) == len(search)


async def test_the_command_takes_flats_and_says_each_picture(folder):
    with devices(folder, "--panel-strength", "6") as address:
        async with camera_host(folder, address), observatory(folder):
            done = await asyncio.to_thread(command, folder, "--frames", "2", "--exposure", "0.5")
            assert done.returncode == 0, done.stderr
            lines = done.stdout.splitlines()
            assert lines[-1] == "2 flats taken." and "brightness 32767, 0.5 s: " in lines[0]
            refused = await asyncio.to_thread(command, folder, "--camera", "camera/west")
            assert (
                refused.returncode == 2
                and "camera/default" in refused.stderr
                and "Traceback" not in refused.stderr
            )
            asked = await asyncio.to_thread(command, folder, "--stop", "--output", "json")
            assert json.loads(asked.stdout)["frames_taken"] == 2


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "skycam_project.cli", "flats", *words], cwd=folder, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SKYCAM_DATA": str(folder)}, timeout=50, check=False,
    )  # fmt: skip


async def test_a_camera_that_does_not_see_the_panel_says_so_and_a_run_can_be_stopped(folder):
    with devices(folder, "--panel-strength", "6") as address:
        async with camera_host(folder, address), observatory(folder) as mirror:
            with pytest.raises(CallError, match="allowed"):
                await mirror.call("start_flats", camera="camera/west")
            with pytest.raises(CallError, match="frames"):
                await mirror.call("start_flats", camera="camera/default", frames=0)
            elsewhere = [PATCH[0], PATCH[1] | {"start": 100}]
            ask(folder / "run", "lighting", "patch", fixtures=elsewhere)
            await mirror.call("start_flats", camera="camera/default", frames=1)
            flats = await phase(mirror, "done", "failed")
            assert flats["phase"] == "failed"
            # What the camera sees instead of the panel is up to the sky of the hour.
            reasons = ("does not see it", "too dark", "something else light the camera")
            assert any(reason in flats["problem"] for reason in reasons)
            ask(folder / "run", "lighting", "patch", fixtures=PATCH)
            await mirror.call("start_flats", camera="camera/default", frames=100)
            await phase(mirror, "taking")
            await mirror.call("stop_flats")
            flats = await phase(mirror, "stopped")
            assert flats["frames_taken"] < 100
            assert read(folder / "run", "lighting")["panel"]["standing"] == "off"
            assert (await asyncio.to_thread(read, folder / "run", "camera-default"))["still"][
                "phase"
            ] == "idle"


class Pointed:
    """A telescope's mirror with this mount; it was never asked for a picture."""

    def __init__(self, **mount) -> None:
        standing = {"parked": False, "slewing": False, "position_known": True, "tracking_active": True}
        self.state, self.asked = {"mount": standing | mount}, []

    async def call(self, name: str, **arguments) -> None:
        self.asked.append(name)


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        ({"parked": True}, "is parked"),
        ({"position_known": False}, "has not been pointed"),
        ({"slewing": True}, "is slewing"),
    ],
)
async def test_a_telescope_that_may_be_folded_refuses_before_any_exposure(tmp_path, mount, words):
    mirror = Pointed(**mount)
    camera = TelescopeFlatCamera("telescope/0", mirror, tmp_path)
    run = FlatRun(camera, mirror, Order(mode="exposure"), lambda: None)
    await run.run()
    assert run.state()["phase"] == "failed" and words in run.state()["problem"]
    assert "\n" not in run.state()["problem"]
    assert "expose" not in mirror.asked and "begin_calibration" not in mirror.asked
    assert mirror.asked[-1] == "disconnect", "given back"
    TelescopeFlatCamera("telescope/0", Pointed(), tmp_path).check()
