"""Flats and scenes of the night on the page of the lights, with a scripted observatory."""

import asyncio
import threading
from concurrent.futures import Future

import pytest
from site_process import Site, quiet_scene

from skycam_project.common.link import Host, ask

pytestmark = pytest.mark.full

PATCH = [
    {"name": "main", "role": "main"},
    {"name": "panel", "role": "flat-panel", "start": 10, "profile": "dimmer", "bits": 16},
]
SCENES = [{"id": "work", "name": "Work <i>light</i>", "channelValues": {}, "rgb": {"r": 0, "g": 0, "b": 90}}]
STEP = {"brightness": 32767, "exposure_s": 0.5, "level": 0.731}
FLATS = {
    "camera": "camera/default", "mode": "panel", "target": 0.5, "frames": 10, "frames_taken": 0, "phase": "searching",
    "problem": "", "steps": [STEP], "running": True,
}  # fmt: skip


class Observatory:
    """A link in a thread of its own; what was asked stands in `asked`."""

    def __init__(self, run) -> None:
        self.asked: list[tuple[str, dict]] = []
        self.state = {"flats": None, "moment": "night", "scenes": {}, "waits": "", "beacons": ""}
        self._run, self._started = run, Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))
        self._thread.start()
        self._started.result(10)

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()

        async def start_flats(**order) -> None:
            self.asked.append(("start", order))

        async def stop_flats() -> None:
            self.asked.append(("stop", {}))

        async def set_scenes(scenes) -> None:
            self.asked.append(("scenes", scenes))
            self.state["scenes"] = {name: scene for name, scene in scenes.items() if scene}
            self._host.publish(self.state)

        calls = {call.__name__: call for call in (start_flats, stop_flats, set_scenes)}
        async with Host(self._run, "observatory", calls) as self._host:
            self._host.publish(self.state)
            self._started.set_result(None)
            await self._end.wait()

    def say(self, **facts) -> None:
        self.state |= facts
        self._loop.call_soon_threadsafe(self._host.publish, dict(self.state))

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()


@pytest.fixture(scope="module")
def lit():
    with Site.running(quiet_scene(), lights={"DMX_MQTT_ENABLED": "false"}) as site:
        ask(site.data / "run", "lighting", "put_scenes", scenes=SCENES)
        yield site


@pytest.fixture
def observatory(lit):
    scripted = Observatory(lit.data / "run")
    yield scripted
    scripted.close()


def open_lights(visit, site, **options):
    opened = visit(site, **options)
    opened.page.goto(f"{site.url}/lights/")
    opened.page.locator("#headline[data-s=ok], #headline[data-s=busy]").wait_for()
    return opened


def test_flats_are_started_followed_and_stopped(visit, lit, observatory):
    opened = open_lights(visit, lit)
    panel = opened.page.locator("#flats")
    panel.get_by_text("None yet").wait_for()
    panel.get_by_text("No fixture has the role flat-panel").wait_for()
    ask(lit.data / "run", "lighting", "patch", fixtures=PATCH)
    panel.get_by_text("No fixture has the role flat-panel").wait_for(state="detached")
    panel.get_by_label("Flats").fill("12")
    panel.get_by_role("button", name="Take flats").click()
    assert wait(lambda: observatory.asked) == [
        ("start", {"camera": "camera/default", "mode": "panel", "frames": 12})
    ]
    observatory.say(flats=FLATS)
    panel.get_by_text("Searching").wait_for()
    panel.get_by_role("row", name="32767 0.5 s 73.1 %").wait_for()
    assert panel.get_by_role("button", name="Take flats").is_disabled()
    observatory.say(flats=FLATS | {"phase": "taking", "frames_taken": 4})
    panel.get_by_text("4 of 10").wait_for()
    panel.get_by_role("button", name="Stop").click()
    assert wait(lambda: observatory.asked[1:]) == [("stop", {})]
    observatory.say(
        flats=FLATS | {"phase": "failed", "running": False, "problem": "the camera <b>does not</b> see it"}
    )
    panel.get_by_text("the camera <b>does not</b> see it").wait_for()
    assert panel.get_by_role("button", name="Take flats").is_enabled()
    assert opened.errors == []


def test_scenes_of_the_night_are_chosen(visit, lit, observatory):
    opened = open_lights(visit, lit)
    panel = opened.page.locator("#night")
    panel.get_by_text("It is night").wait_for()
    panel.get_by_label("Capturing").select_option(label="Work <i>light</i>")
    assert wait(lambda: observatory.asked)[0] == (
        "scenes", {"day": None, "twilight": None, "night": None, "capturing": "work", "parked": None},
    )  # fmt: skip
    observatory.say(scenes={"capturing": "gone"}, moment="capturing", waits="frame 9 is exposing")
    panel.get_by_text("The scene waits: frame 9 is exposing").wait_for()
    panel.get_by_text("Capturing now").wait_for()
    assert panel.get_by_label("Capturing").locator("option:checked").inner_text() == "gone (missing)"
    assert opened.errors == []


def test_a_viewer_starts_no_flats(visit, lit, observatory):
    page = open_lights(visit, lit, who="vera").page
    page.locator("#flats").get_by_text("None yet").wait_for()
    page.get_by_role("button", name="Take flats").click()
    page.locator("#error").get_by_text("Needs the operator role").wait_for()
    assert page.locator("#night").get_by_label("Capturing").is_disabled()
    assert observatory.asked == []


def wait(condition):
    import time

    end = time.monotonic() + 10
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found
