"""SIGKILL of every process in turn during a fast timelapse: each is back without help, and nothing acknowledged is lost."""

import os
import signal
import time
from datetime import datetime
from pathlib import Path

import pytest

from sessions.store.reading import open_session
from skycam_project.common.clock import microseconds_utc
from tests.house.conftest import Skycam

FAST = {"SKYCAM_DELAY": "1", "SKYCAM_EXPOSURE": "0.2"}
CHILDREN = ["web", "camera", "processing", "broker", "dslr", "camera child"]

pytestmark = [pytest.mark.full, pytest.mark.alone, pytest.mark.timeout(240)]


class Acknowledged:
    """Frames that the camera's host has said are safe: id to time."""

    def __init__(self) -> None:
        self.frames: dict[str, str] = {}

    def look(self, one: Skycam) -> None:
        camera = one.camera()
        if camera and camera["frame"]:
            self.frames[camera["frame"]["id"]] = camera["frame"]["taken_at"]


def pid_of(one: Skycam, child: str) -> int | None:
    if child != "camera child":
        return one.pid(child)
    for process in one.family():
        if "camera.drivers.gphoto2.child" in " ".join(process.cmdline()):
            return process.pid
    return None


def more_frames(one: Skycam, seen: Acknowledged, count: int = 2, seconds: float = 40) -> None:
    """Wait for new frames, remembering each that was acknowledged."""
    before = len(seen.frames)

    def enough() -> bool:
        seen.look(one)
        return len(seen.frames) >= before + count

    one.until(enough, seconds, f"{count} more frames")


def finished(one: Skycam) -> list[Path]:
    """End the run and return its finished sessions."""
    one.ask("camera-default", "stop")
    sessions = one.data / "sessions"
    one.until(lambda: not list(sessions.glob(".live/observation*")), 60, "the finished session")
    return sorted(sessions.glob("2*/**/observation*.asdf"))


def kept(files: list[Path]) -> tuple[set[str], list[dict]]:
    """Frame times and events of finished sessions, checksums verified."""
    times: set[str] = set()
    events: list[dict] = []
    for path in files:
        with open_session(path, validate_checksums=True, lazy_load=False) as file:
            times |= {microseconds_utc(row["time"]) for row in file["cameras"]["default"]["frame_table"]}
            events += list(file["observability"]["events"])
    return times, events


def microseconds(text: str) -> int:
    return microseconds_utc(datetime.fromisoformat(text))


def assert_nothing_lost(seen: Acknowledged, files: list[Path]) -> list[dict]:
    times, events = kept(files)
    # Interfaces show milliseconds, the file microseconds.
    milliseconds = {time // 1000 for time in times}
    lost = [name for name, taken in seen.frames.items() if microseconds(taken) // 1000 not in milliseconds]
    assert not lost, f"acknowledged and lost: {lost} of {len(seen.frames)}"
    return events


def test_every_child_comes_back_and_nothing_is_lost(skycam):
    one = skycam(**FAST).start()
    seen = Acknowledged()
    more_frames(one, seen, 3)
    for child in CHILDREN:
        pid = one.until(lambda child=child: pid_of(one, child), 20, child)
        os.kill(pid, signal.SIGKILL)
        one.until(lambda child=child, pid=pid: pid_of(one, child) not in (None, pid), 30, f"a new {child}")
        more_frames(one, seen, 2)
    reasons = {row["name"]: row["reason"] for row in one.state("up")["processes"]}
    for child in CHILDREN[:-1]:
        assert reasons[child] == "killed by SIGKILL", child
    events = assert_nothing_lost(seen, finished(one))
    gaps = [event for event in events if event["event"] == "gap"]
    assert gaps and all(event["details"]["reason"] for event in gaps), "each gap says why"
    assert one.stop() == 0


def test_kill_of_up_itself(skycam):
    one = skycam(**FAST).start()
    seen = Acknowledged()
    more_frames(one, seen, 3)
    one.process.kill()
    one.process.wait()
    time.sleep(3)
    assert one.family() == [], "children leave within 2 s"
    two = skycam(**FAST).start()
    more_frames(two, seen, 3)
    assert two.camera()["run"]["gaps"][-1]["reason"]
    assert_nothing_lost(seen, finished(two))
    assert two.stop() == 0


def test_frames_reach_the_disk_without_a_broker(skycam):
    one = skycam(**FAST).start()
    seen = Acknowledged()
    more_frames(one, seen, 2)
    server = one.until(lambda: pid_of(one, "broker"), 10)
    os.kill(one.pid("broker"), signal.SIGSTOP)  # kept dead: it neither answers nor ends
    for process in one.family():
        if process.name().startswith(("valkey", "redis")):
            process.suspend()
    more_frames(one, seen, 3)
    os.kill(server, signal.SIGCONT)
    for process in one.family():
        if process.name().startswith(("valkey", "redis")):
            process.resume()
    assert_nothing_lost(seen, finished(one))
    assert one.stop() == 0
