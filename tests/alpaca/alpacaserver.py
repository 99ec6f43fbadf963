# ruff: noqa: E402 - Django has to be set up first
"""A server for other programs: the direct route on a real link to a fake telescope.

Run by `daphne` or `uvicorn` in a process of its own: `alpacaserver:application`. ALPACA_FOLDER is its folder.
"""

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")

import asyncio

import django

django.setup()  # before anything that reads settings

from alpacafakes import FakeTelescope, table_of

from alpaca import services
from alpaca.devices.build import build_devices
from alpaca.devices.registry import BindingsFile
from alpaca.devices.table import DeviceTable
from skycam_project.alpaca_route import AlpacaRoute
from skycam_project.common.access import Access
from skycam_project.common.link import Host, Mirror
from skycam_project.config.keys import LOCAL_NETWORKS
from skycam_project.config.places import runtime_folder

FOLDER = Path(os.environ["ALPACA_FOLDER"])
CALLS = (
    "connect", "disconnect", "heard", "slew", "abort_slew", "track", "move_axis", "park", "unpark",
    "expose", "abort_exposure", "focus_move", "focus_halt", "set_filter",
)  # fmt: skip

telescope = FakeTelescope(FOLDER)
telescope.exposure_time_s = float(os.environ.get("ALPACA_EXPOSURE_S", "1.0"))
if size := os.environ.get("ALPACA_SIZE"):
    width, height = map(int, size.split("x"))
    telescope.state["camera"].update(width_px=width, height_px=height)
mirror = Mirror(FOLDER, "telescope")
lights = Mirror(runtime_folder(FOLDER), "lighting") if os.environ.get("ALPACA_LIGHTS") else None
table = table_of(mirror, FOLDER)
if lights:  # their engine is a process of its own, which the test starts
    table = DeviceTable(
        [*table, *build_devices(BindingsFile(FOLDER / "bindings.json"), lights=lights)], FOLDER
    )
services.install(table)
route = AlpacaRoute(Access(LOCAL_NETWORKS.split(","), ["localhost"]))
hosting: list[asyncio.Task] = []


async def host_telescope() -> None:
    """The fake telescope as a host; every change becomes a snapshot within 20 ms."""

    def published(name):
        async def call(**args):
            try:
                return await getattr(telescope, name)(**args)
            finally:
                host.publish(telescope.state)

        return call

    host = Host(FOLDER, "telescope", {name: published(name) for name in CALLS})
    host.publish(telescope.state)
    async with host:
        while True:
            await asyncio.sleep(0.02)
            host.publish(telescope.state)


async def application(scope, receive, send):
    """The ASGI application."""
    if scope["type"] != "http":
        return
    if not hosting:
        hosting.append(asyncio.create_task(host_telescope()))
        while not (FOLDER / "telescope.sock").exists():
            await asyncio.sleep(0.01)
    await mirror.start()
    if lights:
        await lights.start()
    await route(scope, receive, send)
