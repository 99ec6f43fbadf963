"""A telescope's host as a process of its own, to be killed: takes frames for ever and says which are stored.

python dwarfclient_process.py FOLDER PORTS-AS-JSON CLOCK-START SPEED
"""

import asyncio
import json
import os
import sys
from datetime import datetime
from pathlib import Path

from dwarfclient_harness import HEAVENS, OPTICS, SITE, high_place, holders, truth_solver

from skycam_project.common.clock import FastClock
from skycam_project.common.leases import Leases
from telescope.dwarf.session import DwarfSession, DwarfSettings
from telescope.dwarf.session.settings import Patience
from telescope.host import TelescopeHost
from telescope.leased import FrameLeases


class Disk:
    """A sink that acknowledges after fsync and says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def frame(self, frame):
        name = frame.path.name
        with (self.folder / name).open("xb") as file:
            file.write(frame.path.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        print("stored", name, flush=True)
        return name

    async def image(self, frame, number):
        return {}

    async def begin_calibration(self, purpose):
        print("calibration", purpose, flush=True)

    async def end_calibration(self):
        print("calibration ended", flush=True)

    def event(self, name, **details):
        print("event", name, details, flush=True)


async def main() -> None:
    """Connect, slew when nothing is tracked, expose again and again."""
    folder, ports, clock = Path(sys.argv[1]), json.loads(sys.argv[2]), None
    clock = FastClock(datetime.fromisoformat(sys.argv[3]), float(sys.argv[4]))
    settings = DwarfSettings(
        host="127.0.0.1", client_id="killed", site=SITE, spool=folder / "spool", ws_port=ports["ws"],
        http_port=ports["http"], files_port=ports["files"], ftp_port=ports["ftp"], optics=OPTICS,
        patience=Patience(lock=2.0, file=20.0, start=15.0, stop=5.0),
    )  # fmt: skip
    session = DwarfSession(settings, HEAVENS, changed=lambda: None, clock=clock, solver=truth_solver)
    changed = asyncio.Event()
    (folder / "frames").mkdir(exist_ok=True)
    host = TelescopeHost(
        telescope="0", name="DWARF 3", session=session, sink=Disk(folder / "frames"),
        holders=holders(folder / "holders.json", clock), publish=lambda state: changed.set(), clock=clock,
        leases=FrameLeases(Leases(folder / "no-lights"), "DWARF 3"),
    )  # fmt: skip
    running = asyncio.create_task(host.run())
    await host.connect("camera", "7")
    print("connected", session.board.camera.run_active, session.board.mount.tracking_active, flush=True)
    if not session.board.mount.tracking_active:
        place = high_place(clock)
        await host.slew(place.ra_hours, place.dec_deg, "M 31")
        await session.motion.settled()
    while not running.done():
        await host.expose(10.0, 60)
        while session.board.camera.phase != "idle":
            changed.clear()
            await changed.wait()


if __name__ == "__main__":
    asyncio.run(main())
