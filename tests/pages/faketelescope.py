"""A telescope host for tests of pages: real link, states of the real contract, no telescope. See fakehost.py."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from skycam_project.common.clock import iso_utc
from skycam_project.common.holders import PAGE
from skycam_project.common.link import CallError, Host
from telescope.dwarf.session.state import Board
from telescope.host import DEVICES

CALLS = [
    "connect",
    "disconnect",
    "take_control",
    "slew",
    "abort_slew",
    "track",
    "park",
    "unpark",
    "joystick",
    "move_axis",
    "calibrate",
    "expose",
    "abort_exposure",
    "set_filter",
    "focus_move",
    "focus_halt",
    "autofocus",
]
CONNECTED = {
    "connection": {"wanted": True, "connected": True, "role": "host"},
    "mount": {
        "ra_hours": 0.712, "dec_deg": 41.27, "altitude_deg": 61.4, "azimuth_deg": 283.2, "position_known": True,
        "target_name": "M 31", "target_ra_hours": 0.712, "target_dec_deg": 41.27, "tracking": True, "tracking_active": True,
        "residual_arcsec": 14.2, "calibrated": True,
    },
    "camera": {
        "exposures_s": [0.001, 0.5, 1.0, 5.0, 15.0, 60.0], "gains": [0, 60, 120, 240], "gain_max": 240, "exposure_s": 5.0, "gain": 60,
        "sensor_temperature_c": -2.4, "width_px": 3840, "height_px": 2160,
    },
    "filters": {"names": ["VIS", "Astro", "Duo-Band"], "position": 1},
    "focus": {"position": 1184},
    "telemetry": {"battery_percent": 71, "charging": False, "storage_free_gb": 43.2, "storage_total_gb": 58.0, "temperature_c": 12.5},
}  # fmt: skip


def now() -> str:
    return iso_utc(datetime.now(UTC))


def deep_sky(size: tuple[int, int]) -> Image.Image:
    """A galaxy among stars, in colours that a night theme has to take away."""
    chance, (width, height) = Random(7), size
    picture = Image.new("RGB", size, (12, 14, 30))
    draw = ImageDraw.Draw(picture)
    for part in range(12, 0, -1):
        shade = (14 - part) * 14
        box = [width / 2 - part * width / 40, height / 2 - part * height / 80,
               width / 2 + part * width / 40, height / 2 + part * height / 80]  # fmt: skip
        draw.ellipse(box, fill=(shade, min(255, shade + 8), min(255, shade + 24)))
    picture = picture.filter(ImageFilter.GaussianBlur(width / 90))
    draw = ImageDraw.Draw(picture)
    for _ in range(300):
        x, y, b = chance.uniform(0, width), chance.uniform(0, height), 80 + int(175 * chance.random() ** 3)
        r = 0.5 + b / 120
        draw.ellipse([x - r, y - r, x + r, y + r], fill=(b, b, min(255, b + 20)))
    return picture


class FakeTelescope:
    """One telescope's state, and what calls do to it. `scene` gives changes of its pieces by name."""

    def __init__(self, folder: Path, scene: dict) -> None:
        self.folder, self.scene, self.number = folder / "previews" / "telescope-0", scene, 0
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lines: list[dict] = []
        self.pieces = Board().as_dict()
        self.holding: list[str] = []
        self.frame: dict | None = None
        self.heard: list[list] = []
        self.jobs: set[asyncio.Task] = set()
        self.host: Host | None = None
        if scene.get("connected", True):
            self.begin()
        if scene.get("frames"):
            self.take()

    def begin(self) -> None:
        self.holding = [PAGE]
        for piece, facts in CONNECTED.items():
            self.pieces[piece] |= facts
        self.pieces["mount"]["solved_at"] = now()
        self.change()

    def change(self, piece: str = "mount", **facts) -> None:
        self.pieces[piece] |= facts
        for name, forced in self.scene.get("force", {}).items():
            self.pieces[name] |= forced
        if self.host:
            self.host.publish(self.state())

    def state(self) -> dict:
        session = {"id": "20261119_1802_observation_telescope-0", "type": "observation", "target": "M 31", "started_at": now(),
                   "frames": self.number, "bytes": self.number * 16_600_000, "warnings": 0, "errors": 0, "log": self.lines}  # fmt: skip
        clients = {device: {"holding": self.holding, "known": []} for device in DEVICES}
        return {"telescope": "0", "name": "DWARF 3", "clients": clients, **self.pieces, "frame": self.frame, "session": session,
                "heard": self.heard, "updated_at": now()}  # fmt: skip

    def take(self) -> None:
        self.number += 1
        names = {}
        for name, size in (("preview", (1600, 900)), ("thumbnail", (320, 180))):
            names[name] = f"tele-{self.number:04}-{name}.jpg"
            deep_sky(size).save(self.folder / names[name], quality=85)
        camera, filters = self.pieces["camera"], self.pieces["filters"]
        self.frame = {
            "id": f"s/{self.number:06}", "taken_at": now(), "exposure_s": camera["exposure_s"], "gain": camera["gain"],
            "filter": filters["names"][filters["position"]], "width": 3840, "height": 2160,
            "target": self.pieces["mount"]["target_name"], **names,
        }  # fmt: skip
        row = {
            "time": now(),
            "level": "info",
            "source": "telescope",
            "message": f"frame {self.number} stored",
        }
        self.lines = [*self.lines[-11:], row]

    def later(self, seconds: float, then) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            then()

        task = asyncio.create_task(wait())
        self.jobs.add(task)
        task.add_done_callback(self.jobs.discard)

    @property
    def calls(self) -> dict:
        return {name: self.noted(name) for name in CALLS}

    def noted(self, name: str):
        """A call that leaves a trace in the state: tests read what reached the host, in which order."""

        async def call(**given) -> None:
            self.heard = [*self.heard[-39:], [name, given]]
            refusal = self.scene.get("refuse", {}).get(name)
            if refusal:
                raise CallError(refusal, code="refused")
            getattr(self, f"do_{name}", lambda **_: None)(**given)
            self.change()

        call.__name__ = name
        return call

    def do_connect(self, device: str, client: str) -> None:
        if device == DEVICES[-1]:
            self.begin()

    def do_disconnect(self, device: str, client: str) -> None:
        self.holding = []
        self.pieces = Board().as_dict()

    def do_slew(self, ra_hours: float, dec_deg: float, name: str = "") -> None:
        name = name or f"RA {ra_hours:.4f}h Dec {dec_deg:+.3f}"
        self.change(
            target_name=name, target_ra_hours=ra_hours, target_dec_deg=dec_deg, slewing=True, tracking=True
        )
        self.later(
            self.scene.get("slew_s", 0.5),
            lambda: self.change(slewing=False, ra_hours=ra_hours, dec_deg=dec_deg),
        )

    def do_abort_slew(self) -> None:
        self.pieces["mount"] |= {"slewing": False, "tracking": False, "tracking_active": False}

    def do_track(self, on: bool) -> None:
        self.pieces["mount"] |= {"tracking": on, "tracking_active": on}

    def do_park(self) -> None:
        self.pieces["mount"] |= {"parked": True, "tracking": False, "tracking_active": False}

    def do_unpark(self) -> None:
        self.pieces["mount"]["parked"] = False

    def do_joystick(self, angle_deg: float, length: float) -> None:
        self.pieces["mount"]["moving"] = length > 0

    def do_expose(self, exposure_s: float, gain: int) -> None:
        self.change(
            "camera",
            phase="exposing",
            exposure_s=exposure_s,
            gain=gain,
            started_at=now(),
            percent_completed=0,
        )

        def done() -> None:
            if self.pieces["camera"]["phase"] == "exposing":
                self.take()
                self.change("camera", phase="idle", percent_completed=100)

        self.later(min(exposure_s, 2.0), done)

    def do_abort_exposure(self) -> None:
        self.pieces["camera"] |= {"phase": "idle", "problem": "the exposure was aborted"}

    def do_set_filter(self, position: int) -> None:
        self.pieces["filters"]["position"] = position

    def do_focus_move(self, position: int) -> None:
        self.pieces["focus"]["position"] = position

    def do_take_control(self) -> None:
        self.scene.pop("force", None)
        self.pieces["connection"]["role"] = "host"


@contextlib.asynccontextmanager
async def hosted(run: Path, telescope: FakeTelescope):
    """Its link, while it lasts."""
    async with Host(run, "telescope-0", telescope.calls) as host:
        telescope.host = host
        telescope.change()
        yield
