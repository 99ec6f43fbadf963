"""Alpaca on the real telescope host, its session, and the simulated DWARF 3 on the wire."""

import asyncio
import contextlib
import sys
from pathlib import Path

import numpy as np
import pytest
from alpacafakes import ACCEPT_BYTES, NETWORKS, Client, client_array, until

sys.path.append(str(Path(__file__).parents[1] / "dwarfclient"))

from dwarfclient_harness import SITE, high_place, session, simulator, truth_solver

from alpaca import services
from alpaca.devices.build import TelescopeInstrument, build_devices
from alpaca.devices.facts import Site
from alpaca.devices.registry import BindingsFile
from alpaca.devices.table import DeviceTable
from skycam_project.alpaca_route import AlpacaRoute
from skycam_project.common.access import Access
from skycam_project.common.holders import Holders
from skycam_project.common.leases import Leases
from skycam_project.common.link import Host, Mirror
from skycam_project.common.pixels import write_pixels
from telescope.dwarf.fits import read_pixels
from telescope.host import TelescopeHost
from telescope.leased import FrameLeases

DEVICES = ("telescope", "camera", "focuser", "filterwheel")


class Sink:
    """Sessions that keep nothing but the pixels of the newest file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count, self.pixels = folder, 0, np.empty(0)

    async def frame(self, frame) -> str:
        self.count += 1
        return f"night/{self.count:06d}"

    async def image(self, frame, number: str):
        self.pixels = read_pixels(frame.path)
        return write_pixels(self.folder, f"tele-{self.count}", self.pixels)

    async def begin_calibration(self, purpose: str) -> None: ...

    async def end_calibration(self) -> None: ...

    def event(self, name: str, **details) -> None: ...


@contextlib.asynccontextmanager
async def hosted(device, folder: Path, sink: Sink):
    """The mirror of a telescope host that runs."""
    async with session(device, folder / "spool", connect=False, solver=truth_solver) as one:
        host = TelescopeHost(
            telescope="0", name="DWARF 3", session=one, sink=sink, holders=Holders(folder / "holders.json", one.clock, DEVICES),
            publish=lambda state: None, leases=FrameLeases(Leases(folder / "no-lights"), "DWARF 3"), clock=one.clock,
        )  # fmt: skip
        link = Host(folder, "telescope", host.calls)
        host.publish = link.publish
        link.publish(host.state())
        async with link:
            running = asyncio.create_task(host.run())
            mirror = Mirror(folder, "telescope")
            await mirror.start()
            try:
                yield mirror, one.clock
            finally:
                await mirror.stop()
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


@pytest.mark.timeout(180)
async def test_a_night_from_connect_to_park(tmp_path):
    sink = Sink(tmp_path)
    with simulator(speed=60.0) as device:
        async with hosted(device, tmp_path, sink) as (mirror, clock):
            site = Site(SITE.latitude_deg, SITE.longitude_deg, SITE.elevation_m)
            dwarf = TelescopeInstrument("dwarf3/1", "DWARF 3", mirror, site)
            services.install(
                DeviceTable(build_devices(BindingsFile(tmp_path / "bound.json"), [dwarf]), tmp_path)
            )
            await night(Client(AlpacaRoute(Access(NETWORKS, ["localhost"]))), sink, clock)


async def night(client: Client, sink: Sink, clock) -> None:
    for name in DEVICES:
        await client.do(f"{name}/0/connected", Connected=True)
        assert await client.value(f"{name}/0/connected") is True
    await until(lambda: reachable(client), True)

    place = high_place(clock)
    await client.do("telescope/0/tracking", Tracking=True)
    await client.do(
        "telescope/0/slewtocoordinatesasync", RightAscension=place.ra_hours, Declination=place.dec_deg
    )
    assert await client.value("telescope/0/slewing") is True
    await until(lambda: client.value("telescope/0/slewing"), False)
    assert await client.value("telescope/0/rightascension") == pytest.approx(
        place.ra_hours, abs=3 / 3600 / 15
    )
    assert await client.value("telescope/0/declination") == pytest.approx(place.dec_deg, abs=10 / 3600)
    refused = await client.put("telescope/0/slewtocoordinatesasync", RightAscension=0, Declination=-80)
    assert refused.json["ErrorNumber"] == 0x401
    assert "below the limit" in refused.json["ErrorMessage"]

    await client.do("camera/0/gain", Gain=60)
    await client.do("camera/0/startexposure", Duration=5, Light=True)
    assert await client.value("camera/0/camerastate") in (1, 2)
    await until(lambda: client.value("camera/0/imageready"), True)
    delivered = client_array((await client.get("camera/0/imagearray", headers=ACCEPT_BYTES)).body)
    assert np.array_equal(delivered, sink.pixels.T)
    assert await client.value("camera/0/lastexposureduration") == 5
    await client.do("camera/0/startexposure", Duration=5, Light=True)
    await client.do("camera/0/abortexposure")
    await until(lambda: client.value("camera/0/camerastate"), 0)
    assert await client.value("camera/0/imageready") is False

    start = await client.value("focuser/0/position")
    await client.do("focuser/0/move", Position=start + 100)
    assert await client.value("focuser/0/ismoving") is True
    await until(lambda: client.value("focuser/0/ismoving"), False)
    assert await client.value("focuser/0/position") == start + 100
    await client.do("filterwheel/0/position", Position=2)
    await until(lambda: client.value("filterwheel/0/position"), 2)

    await client.do("telescope/0/park")
    assert await client.value("telescope/0/slewing") is True
    await until(lambda: client.value("telescope/0/atpark"), True)
    assert await client.value("telescope/0/tracking") is False
    assert await client.error("put", "telescope/0/abortslew") == 0x408
    for name in DEVICES:
        await client.do(f"{name}/0/connected", Connected=False)
        assert await client.value(f"{name}/0/connected") is False


async def reachable(client: Client) -> bool:
    return (await client.get("filterwheel/0/position")).json["ErrorNumber"] == 0
