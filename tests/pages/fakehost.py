"""A camera host for tests of pages: real links in a process of its own, states as told, no camera.

`python fakehost.py RUN DATA SCENE.json` publishes the links `camera-<id>`, `up`, `processing` and, where the scene has
one, `telescope-0` (faketelescope.py), and accepts the calls
of the control API. It is a test fixture: nothing of Skycam imports it. The scene file says what each camera does; it is
read again whenever it changes, so that a test can tell a running host to fail.
"""

import asyncio
import contextlib
import json
import math
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from faketelescope import FakeTelescope, hosted
from PIL import Image, ImageDraw, ImageFilter

from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.link import CallError, Host

SHUTTER = [
    30,
    25,
    20,
    15,
    13,
    10,
    8,
    6,
    5,
    4,
    3.2,
    2.5,
    2,
    1.6,
    1.3,
    1,
    0.8,
    0.6,
    0.5,
    0.4,
    0.3,
    1 / 4,
    1 / 8,
    1 / 15,
]
SHUTTER += [1 / 30, 1 / 60, 1 / 125, 1 / 250, 1 / 500, 1 / 1000, 1 / 2000, 1 / 4000]
ISO = [100, 200, 400, 800, 1600, 3200, 6400, 12800]
APERTURE = [1.4, 1.8, 2, 2.8, 4, 5.6, 8, 11, 16]


def now() -> datetime:
    return datetime.now(UTC)


def sky(size: tuple[int, int], seed: int) -> Image.Image:
    """A night sky over a hill: many dark and few bright pixels, all colours, like a real preview."""
    chance, (width, height) = Random(seed), size
    picture = Image.new("RGB", size, (6, 9, 20))
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        x = chance.gauss(width * 0.55, width * 0.05)
        y = chance.uniform(-0.1, 1.0) * height
        shade = chance.randint(6, 16)
        draw.ellipse(
            [x + y * 0.25 - 60, y - 60, x + y * 0.25 + 60, y + 60], fill=(10 + shade, 12 + shade, 22 + shade)
        )
    picture = picture.filter(ImageFilter.GaussianBlur(width / 40))
    draw = ImageDraw.Draw(picture)
    for _ in range(700):
        x, y, b = chance.uniform(0, width), chance.uniform(0, height), int(255 * chance.random() ** 4)
        tint = chance.choice([(1, 1, 1), (1, 0.9, 0.75), (0.8, 0.9, 1)])
        r = 0.4 + b / 170
        draw.ellipse([x - r, y - r, x + r, y + r], fill=tuple(int(max(40, b) * t) for t in tint))
    ridge = [
        (x, height * (0.9 - 0.05 * math.sin(x / width * 9) - 0.02 * math.sin(x / width * 31)))
        for x in range(0, width + 8, 8)
    ]
    draw.polygon([*ridge, (width, height), (0, height)], fill=(3, 4, 6))
    return picture


class FakeCamera:
    """One camera's state, and what calls do to it."""

    def __init__(self, camera: str, folder: Path, scene: dict) -> None:
        self.id, self.scene, self.previews = camera, scene, folder / "previews" / camera
        self.previews.mkdir(parents=True, exist_ok=True)
        self.host: Host | None = None
        self.number, self.wake = scene.get("first", 667), asyncio.Event()
        self.begun = now()
        self.state = {
            "camera": camera, "name": scene.get("name", "All-sky"), "model": "Canon EOS 6D", "driver": "gphoto2",
            "address": "usb:001,004", "state": "absent", "state_since": iso_utc(now()), "reason": "",
            "connected": False, "capturing": False, "run": None, "exposure": None,
            "settings": {"exposure_s": 8.0, "gain": 1600, "gain_unit": "ISO", "aperture_f": 1.8},
            "capabilities": {
                "exposure": {"kind": "enum", "minimum": 1 / 4000, "maximum": 30, "values": SHUTTER[::-1], "step": None, "bulb": True,
                             "bulb_max": 600},
                "gain": {"kind": "enum", "unit": "ISO", "minimum": 100, "maximum": 12800, "base": 100, "values": ISO},
                "aperture": {"values": APERTURE}, "bracket": True, "events": "push",
            },
            "frame": None, "session": None, "temperature_c": 4.5, "battery_percent": 100, "card_free_images": 1200,
            "watchdog_kills": 0, "restarts": 0, "disk_free_bytes": 412_000_000_000, "updated_at": iso_utc(now()),
        }  # fmt: skip
        self.log("info", "camera", f"{self.state['name']} found on usb:001,004")
        if scene.get("connected", True):
            self.change(state="idle", connected=True)
            self.open_session()
        if scene.get("frames"):
            self.take()
        if interval := scene.get("interval_s"):
            self.begin(interval, scene.get("exposure_s", 8.0))

    def log(self, level: str, source: str, message: str) -> None:
        self.lines = [
            *getattr(self, "lines", [])[-11:],
            {"time": iso_utc(now()), "level": level, "source": source, "message": message},
        ]

    def open_session(self) -> None:
        self.log("info", "sessions", "session opened")
        self.state["session"] = {
            "id": f"20261119_1702_allsky_{self.id}", "type": "timelapse" if self.state["capturing"] else "idle", "target": "",
            "started_at": iso_utc(self.begun - timedelta(hours=2)), "frames": self.number, "bytes": self.number * 24_300_000,
            "warnings": 1, "errors": 0, "log": self.lines,
        }  # fmt: skip

    def change(self, **facts) -> None:
        if "state" in facts and facts["state"] != self.state["state"]:
            facts["state_since"] = iso_utc(now())
        self.state |= {**facts, **self.scene.get("force", {}), "updated_at": iso_utc(now())}
        if self.state["session"]:
            self.state["session"]["log"] = self.lines
        if self.host:
            self.host.publish(self.state)

    def take(self) -> None:
        """A frame: its pictures first, then the state that names them."""
        self.number += 1
        for name, size in (("preview", (1200, 800)), ("thumbnail", (240, 160))):
            path = self.previews / f"{self.number:06}-{name}.jpg"
            sky(size, len(self.id) + self.number % 2).save(path, quality=88)
        settings = self.state["settings"]
        frame = {
            "id": f"20261119_1702_allsky/{self.number:06}", "number": self.number if self.state["run"] else None, "session_id": "s", "taken_at": iso_utc(now()), **settings,
            "width": 5472, "height": 3648, "bytes": 24_312_345, "preview": f"{self.number:06}-preview.jpg",
            "thumbnail": f"{self.number:06}-thumbnail.jpg", "stats": {},
        }  # fmt: skip
        self.log("info", "camera", f"frame {self.number} stored, 24.3 MB")
        if session := self.state["session"]:
            session["frames"] = self.number
        run = self.state["run"]
        self.change(frame=frame, run=run and run | {"frames": run["frames"] + 1})

    def begin(self, interval_s: float, exposure_s: float | None = None) -> None:
        self.begun = now()
        if exposure_s:
            self.state["settings"] |= {"exposure_s": exposure_s}
        gaps = self.scene.get("gaps", [])
        run = {"started_at": iso_utc(now()), "frames": self.scene.get("frames", 0), "missed_slots": len(gaps), "interval_s": interval_s,
               "next_frame_at": iso_utc(now() + timedelta(seconds=interval_s)), "gaps": gaps}  # fmt: skip
        self.log("info", "timelapse", f"run started, every {interval_s:g} s")
        self.change(capturing=True, run=run, reason="")
        self.wake.set()

    async def run(self) -> None:
        """Frames while capturing. The first is taken at once."""
        while True:
            self.wake.clear()
            if not self.state["capturing"]:
                await self.wake.wait()
                continue
            run, started = self.state["run"], now()
            exposure = min(self.state["settings"]["exposure_s"], run["interval_s"] * 0.8)
            self.change(state="exposing", exposure={"started_at": iso_utc(started), "duration_s": exposure},
                        run=run | {"next_frame_at": None})  # fmt: skip
            if await self.interrupted(exposure):
                continue
            self.change(state="downloading", exposure=None)
            self.take()
            slot = iso_utc(started + timedelta(seconds=run["interval_s"]))
            self.change(state="idle", run=self.state["run"] and self.state["run"] | {"next_frame_at": slot})
            await self.interrupted((started - now()).total_seconds() + run["interval_s"])

    async def interrupted(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wake.wait(), max(0, seconds))
        return self.wake.is_set()

    # ---- calls of the control API

    async def connect(self) -> None:
        self.change(state="idle", connected=True, reason="")
        self.open_session()
        self.change()

    async def disconnect(self) -> None:
        await self.stop()
        self.change(state="absent", connected=False, session=None)

    async def start(self, interval_s=60.0, exposure_s=None, gain=None, aperture_f=None) -> None:
        if not self.state["connected"]:
            raise CallError("The camera is not connected. Connect it first.", code="not_ready")
        if exposure_s and exposure_s > interval_s:
            raise InvalidValueError("interval_s", interval_s, f"{exposure_s:g} s or more, the exposure")
        for name, value in (("gain", gain), ("aperture_f", aperture_f)):
            if value:
                self.state["settings"][name] = value
        self.begin(interval_s, exposure_s)

    async def stop(self) -> None:
        self.log("info", "timelapse", "run stopped")
        self.change(
            state="idle" if self.state["connected"] else "absent", capturing=False, run=None, exposure=None
        )
        self.wake.set()

    async def single(self, **settings) -> None:
        self.take()


async def flood(camera: FakeCamera, size: int) -> None:
    """Large states, twenty times a second: what a client that does not read would pile up."""
    while True:
        camera.change(padding="x" * size)
        await asyncio.sleep(0.05)


def processes(scene: dict) -> dict:
    """The supervisor's state."""
    names = ["broker", "web", "camera", "processing", "beat"]
    rows = [{"name": name, "state": "running", "pid": 4000 + n, "restarts": 0, "since": scene.get("since", iso_utc(now())),
             "last_exit": None, "reason": None} for n, name in enumerate(names)]  # fmt: skip
    for row in rows:
        row |= scene.get("processes", {}).get(row["name"], {})
    return {"processes": rows}


async def main(run: Path, data: Path, path: Path) -> None:
    """Until killed."""
    scene = json.loads(path.read_text())
    cameras = {name: FakeCamera(name, data, facts) for name, facts in scene["cameras"].items()}

    async def nothing() -> None:
        """The set-up page tells the supervisor of the first owner."""

    async with contextlib.AsyncExitStack() as stack:
        up = Host(run, "up", {"owner_created": nothing})
        work = Host(run, "processing", {})
        up.publish(processes(scene))
        work.publish({"jobs": []})
        for camera in cameras.values():
            calls = {
                name: getattr(camera, name) for name in ("connect", "disconnect", "start", "stop", "single")
            }
            camera.host = Host(run, f"camera-{camera.id}", calls)
            camera.host.publish(camera.state)
            await stack.enter_async_context(camera.host)
        telescope = FakeTelescope(data, scene["telescope"]) if "telescope" in scene else None
        if telescope:
            await stack.enter_async_context(hosted(run, telescope))
        await stack.enter_async_context(up)
        await stack.enter_async_context(work)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        running = [asyncio.create_task(camera.run()) for camera in cameras.values()]
        if size := scene["cameras"]["default"].get("flood"):
            running.append(asyncio.create_task(flood(cameras["default"], size)))
        seen = path.stat().st_mtime_ns
        while True:
            await asyncio.sleep(0.1)
            for task in running:
                if task.done():
                    task.result()
            if path.stat().st_mtime_ns != seen:
                seen, scene = path.stat().st_mtime_ns, json.loads(path.read_text())
                up.publish(processes(scene))
                for name, camera in cameras.items():
                    camera.scene = scene["cameras"][name]
                    camera.change()
                if telescope:
                    telescope.scene = scene["telescope"]
                    telescope.change()


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:])))
