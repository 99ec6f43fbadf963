"""Beacons and scenes: what happens to the lights when telescope, cameras and Sun do something."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory import beacons, host
from observatory.beacons import signal
from observatory.host import ObservatoryHost
from observatory.night import NightScenes, moment, phase
from observatory.standing import Standing
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.link import Host, Mirror, NotConnected, ask, read

ROOT = Path(__file__).resolve().parents[2]
PATCH = [
    {"name": "main", "role": "main"},
    {"name": "tower", "role": "beacon", "start": 10},
]
SCENES = [
    {"id": "work", "name": "Work", "channelValues": {}, "rgb": {"r": 0, "g": 0, "b": 90}},
    {"id": "sleep", "name": "Sleep", "channelValues": {}, "rgb": {"r": 7, "g": 0, "b": 0}},
]


def telescope(**mount) -> dict:
    moves = {"slewing": False, "parked": False, "tracking_active": True} | mount
    return {
        "mount": moves, "connection": {"connected": True, "problem": ""}, "camera": {"phase": "idle"},
        "clients": {"telescope": {"holding": ["1"]}},
    }  # fmt: skip


def camera(state="ready", capturing=False) -> dict:
    return {"state": state, "capturing": capturing}


class Observatory:
    """The host, an engine process and two devices that are what a test says."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.run, self.sun = folder, folder / "run", 20.0

    @contextlib.asynccontextmanager
    async def running(self, **variables: str):
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SKYCAM_DATA": str(self.folder)}
        environment |= {"DMX_MQTT_ENABLED": "false", **variables}
        engine = await asyncio.to_thread(self._engine, environment)
        try:
            while True:
                with contextlib.suppress(NotConnected):
                    ask(self.run, "lighting", "patch", fixtures=PATCH)
                    break
            ask(self.run, "lighting", "put_scenes", scenes=SCENES)
            async with (
                Host(self.run, "telescope-0", {}) as self.telescope,
                Host(self.run, "camera-0", {}) as self.camera,
            ):
                self.telescope.publish(telescope())
                self.camera.publish(camera())
                async with self.observatory():
                    yield self
        finally:
            engine.kill()
            engine.wait()

    def _engine(self, environment: dict[str, str]) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-m", "lighting.engine"], env=environment, cwd=self.folder)

    @contextlib.asynccontextmanager
    async def observatory(self):
        links = {"telescope/0": "telescope-0", "camera/0": "camera-0", "lighting": "lighting"}
        mirrors = {name: Mirror(self.run, link) for name, link in links.items()}
        scenes = NightScenes(self.folder / "scenes.json")
        self.host = ObservatoryHost(mirrors, self.folder, 100, scenes, lambda state: None, lambda: self.sun)
        task = asyncio.create_task(self.host.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def lights(self) -> dict:
        return read(self.run, "lighting")

    def beacon(self) -> tuple[int, ...]:
        return tuple(ask(self.run, "lighting", "channels", universe=0).result[9:12])

    def main(self) -> tuple[int, ...]:
        rgb = self.lights()["rgb"]
        return rgb["r"], rgb["g"], rgb["b"]

    async def until(self, condition, seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(host, "LOOK", 0.03)
    folder = Path(tempfile.mkdtemp(prefix="sky-"))
    yield Observatory(folder)
    shutil.rmtree(folder)


async def test_the_beacon_follows_the_telescope_and_stays_dim_during_an_exposure(site):
    async with site.running(DMX_INTERLOCK="enforce"):
        await site.until(lambda: site.beacon() == beacons.TRACKING.colour)
        site.telescope.publish(telescope(slewing=True))
        await site.until(lambda: site.beacon() == (255, 120, 0))
        seq = site.lights()["rgb"]["seq"]
        ask(site.run, "lighting", "exposure_begin", id="sky", kind="light", duration_s=30)
        await site.until(lambda: site.beacon() == (8, 3, 0))
        ask(site.run, "lighting", "exposure_begin", id="dark", kind="dark", duration_s=30)
        await site.until(lambda: site.beacon() == (0, 0, 0))
        assert site.lights()["interlock"]["leases"] and not site.lights()["events"], (
            "a beacon never spoils a frame"
        )
        ask(site.run, "lighting", "exposure_end", id="dark")
        ask(site.run, "lighting", "exposure_end", id="sky")
        await site.until(lambda: site.beacon() == (255, 120, 0))
        site.telescope.publish(telescope(parked=True, tracking_active=False))
        await site.until(lambda: site.beacon() == (0, 0, 0))
        site.camera.publish(camera("fault"))
        await site.until(lambda: site.beacon() == (255, 0, 0))
        await site.until(lambda: site.beacon() == (0, 0, 0))
        await site.until(lambda: site.beacon() == (255, 0, 0))
        ask(site.run, "lighting", "mode", mode="dark", by="test")
        await site.until(lambda: site.beacon() == (64, 0, 0))
        assert site.lights()["rgb"]["seq"] <= seq + 2, "a beacon is no state of document 004"


@pytest.mark.parametrize("period", [0.1, -1, 61, True, "x"])
async def test_nothing_blinks_faster_than_5_a_second(site, period):
    from skycam_project.common.link import CallError

    async with site.running():
        with pytest.raises(CallError, match="period_s"):
            ask(site.run, "lighting", "beacons", colour={"r": 1, "g": 1, "b": 1}, period_s=period, why="x")


async def test_scenes_begin_with_their_moment_once(site):
    async with site.running():
        await site.host.set_scenes({"night": "work", "capturing": "sleep", "parked": None})
        site.sun = -20.0
        await site.until(lambda: site.main() == (0, 0, 90))
        ask(site.run, "lighting", "fixture", name="main", by="otto", colour={"r": 1, "g": 2, "b": 3})
        await asyncio.sleep(0.3)
        assert site.main() == (1, 2, 3), "a person may choose otherwise"
        site.camera.publish(camera(capturing=True))
        await site.until(lambda: site.main() == (7, 0, 0))
        assert site.host.state()["moment"] == "capturing"
        with pytest.raises(InvalidValueError, match="scenes"):
            await site.host.set_scenes({"noon": "work"})


async def test_a_restart_does_not_bring_the_scene_again_and_a_missing_scene_is_told(site):
    async with site.running():
        await site.host.set_scenes({"night": "work", "twilight": "gone"})
        site.sun = -6.0
        await site.until(lambda: "gone" in site.host.state()["waits"])
        site.sun = -20.0
        await site.until(lambda: site.main() == (0, 0, 90))
        await site.until(lambda: NightScenes(site.folder / "scenes.json").begun == "night")
        ask(site.run, "lighting", "fixture", name="main", by="otto", colour={"r": 1, "g": 2, "b": 3})
        async with site.observatory():
            await site.until(lambda: site.host.state()["moment"] == "night")
            await asyncio.sleep(0.3)
            assert site.main() == (1, 2, 3)


async def test_a_scene_that_an_exposure_forbids_begins_after_it(site):
    async with site.running(DMX_INTERLOCK="enforce"):
        await site.host.set_scenes({"night": "work"})
        ask(site.run, "lighting", "exposure_begin", id="frame 9", kind="light", duration_s=30)
        site.sun = -20.0
        await site.until(lambda: "frame 9" in site.host.state()["waits"])
        ask(site.run, "lighting", "exposure_end", id="frame 9")
        await site.until(lambda: site.main() == (0, 0, 90))
        assert site.host.state()["waits"] == ""


def test_the_most_urgent_signal_wins():
    on = Standing(connected=True, tracking=True)
    assert signal(on) == beacons.TRACKING
    assert signal(Standing(connected=True)) == beacons.NOT_TRACKING
    assert signal(Standing(connected=True, parked=True)) == beacons.PARKED
    assert signal(Standing(connected=True, slewing=True, parked=True)) == beacons.SLEWING
    assert signal(Standing(connected=True, slewing=True, fault="camera/0")) == beacons.FAULT
    assert signal(Standing()) == beacons.IDLE
    shown = [value for value in vars(beacons).values() if isinstance(value, beacons.Signal)]
    assert len({one.why for one in shown}) == len(shown)


@given(st.lists(st.floats(-90, 90), min_size=1, max_size=30))
def test_a_phase_changes_only_where_the_sun_says(altitudes):
    before = ""
    for altitude in altitudes:
        before = phase(altitude, before)
        if altitude > -0.4:
            assert before == "day"
        elif -11.6 < altitude < -1.2:
            assert before == "twilight"
        elif altitude < -12.4:
            assert before == "night"


def test_a_sun_that_trembles_at_the_limit_changes_nothing():
    for limit in (-0.8, -12.0):
        first = phase(limit - 0.1, "")
        assert {phase(limit + tremble, first) for tremble in (-0.2, -0.1, 0.1, 0.2)} == {first}


def test_without_a_place_the_sun_says_nothing():
    assert moment(None, Standing()) == ""
    assert moment(None, Standing(parked=True)) == "parked"


def test_a_choice_and_a_new_moment_at_once_lose_nothing(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    scenes = NightScenes(tmp_path / "scenes.json")
    with ThreadPoolExecutor(4) as threads:
        jobs = [threads.submit(scenes.replace, {"night": f"s{number}"}) for number in range(50)]
        jobs += [threads.submit(scenes.note, "night") for _ in range(50)]
        for job in jobs:
            job.result()
    kept = NightScenes(tmp_path / "scenes.json")
    assert (kept.begun, kept.scenes) == ("night", scenes.scenes)
