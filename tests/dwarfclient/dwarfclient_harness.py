"""A simulated DWARF 3 in a process of its own and sessions that talk to it."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dwarfclient_pixels import HEIGHT, WIDTH, decode

from skycam_project.common.clock import FastClock
from skycam_project.common.errors import SkycamError
from skycam_project.common.holders import Holders
from telescope.dwarf.fits import read_pixels
from telescope.dwarf.frame import Frame
from telescope.dwarf.heavens import Equatorial, Horizontal, Site
from telescope.dwarf.session import DwarfSession, DwarfSettings
from telescope.dwarf.session.settings import Optics, Patience
from telescope.heavens import SiteHeavens
from telescope.host import DEVICES

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SITE = Site(46.5, 8.0, 500.0)
NIGHT = "2026-11-20T22:00:00"
DAY = "2026-11-20T11:00:00"
HEAVENS = SiteHeavens(SITE)
OPTICS = Optics(width_px=WIDTH, height_px=HEIGHT)


@dataclass
class Device:
    """A running simulator."""

    ports: dict[str, int]
    process: subprocess.Popen
    speed: float

    async def control(self, path: str, **body):
        """POST to the control port; the true state afterwards."""
        return await asyncio.to_thread(self.ask, path, body)

    async def truth(self):
        """The true state."""
        return await asyncio.to_thread(self.ask, "/state", None)

    def ask(self, path, body):
        """One request to the control port."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['control']}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def clock(self) -> FastClock:
        """A clock that shows the simulator's time and runs as fast."""
        before = time.monotonic()
        shown = datetime.fromisoformat(self.ask("/state", None)["time"])
        return FastClock(shown + timedelta(seconds=self.speed * (time.monotonic() - before) / 2), self.speed)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()


SERVICES = {
    "WebSocket": "ws",
    "HTTP": "http",
    "files": "files",
    "MJPEG": "mjpeg",
    "FTP": "ftp",
    "UDP": "udp",
    "RTSP": "rtsp",
}


@contextmanager
def simulator(*options: str, speed: float = 100.0, begin: str = NIGHT, ports: dict[str, int] | None = None):
    """Start a simulator, end it afterwards.

    Args:
        options: of its command line.
        speed: simulated seconds per second.
        begin: moment at which it begins.
        ports: the same ports as one before.
    """
    arguments = [
        *(f"--{name}-port={(ports or {}).get(name, 0)}" for name in [*SERVICES.values(), "control"]),
        f"--time={begin}",
        f"--speed={speed:g}",
        f"--lat={SITE.latitude_deg}",
        f"--lon={SITE.longitude_deg}",
        *options,
    ]
    process = subprocess.Popen(
        [sys.executable, str(HERE / "dwarfclient_device.py"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if os.environ.get("DWARF_LOG") else subprocess.DEVNULL,
        env=ENVIRONMENT,
        text=True,
    )
    try:
        line = process.stdout.readline()
        found = {
            SERVICES[name]: int(port) for name, port in re.findall(r"(\w+) (\d+)", line) if name in SERVICES
        }
        found["control"] = int(line.rsplit(":", 1)[1])
        yield Device(found, process, speed)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


async def truth_solver(frame: Frame, hint: Equatorial, radius_deg: float) -> Equatorial:
    """Read where the frame was taken out of its pixels."""
    pixels = read_pixels(frame.path)
    if pixels[0, 0] == 200:
        raise SkycamError("the picture is dark")
    ra, dec = decode(pixels)
    return Equatorial(ra / 15, dec)


@asynccontextmanager
async def session(device: Device, spool: Path, *, solver=None, connect: bool = True, **changes):
    """A session with the simulator; its states are collected in `session.states`."""
    clock = await asyncio.to_thread(device.clock)
    patience = changes.pop("patience", Patience(lock=2.0, file=20.0, start=15.0, stop=5.0, ping=0.5))
    settings = DwarfSettings(
        host="127.0.0.1",
        client_id="skycam-test",
        site=SITE,
        spool=spool,
        ws_port=device.ports["ws"],
        http_port=device.ports["http"],
        files_port=device.ports["files"],
        ftp_port=device.ports["ftp"],
        optics=OPTICS,
        patience=patience,
    )
    states: list[dict] = []
    one = DwarfSession(
        replace(settings, **changes),
        HEAVENS,
        changed=lambda: states.append(one.board.as_dict()),
        clock=clock,
        solver=solver,
    )
    one.states = states
    one.clock = clock
    one.device = device
    try:
        if connect:
            one.connection.start()
            await one.connection.ready(20)
        yield one
    finally:
        await one.close()


def holders(path: Path, clock: FastClock) -> Holders:
    """The clients of a host."""
    return Holders(path, clock, DEVICES)


def high_place(clock: FastClock, azimuth: float = 150.0, altitude: float = 50.0) -> Equatorial:
    """A place of the sky that is well up now."""
    return HEAVENS.equatorial(Horizontal(altitude, azimuth), clock.now().astimezone(UTC))
