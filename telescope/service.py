"""The telescope of this machine, hosted by the telescope worker."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from prometheus_client import generate_latest

from sessions.services import open_sessions
from sessions.store.logs import instrument
from sky.clouds import DARK_DEG
from skycam_project.common.clock import SystemClock
from skycam_project.common.fence import FileFences
from skycam_project.common.files import write_atomic
from skycam_project.common.holders import Holders
from skycam_project.common.leases import Leases
from skycam_project.common.link import Host
from skycam_project.config.places import images_folder
from telescope.dwarf.heavens import Site
from telescope.dwarf.session import DwarfSession, DwarfSettings
from telescope.heavens import SiteHeavens
from telescope.host import DEVICES, TelescopeHost
from telescope.leased import FrameLeases
from telescope.readings import TelescopeReadings
from telescope.sink import TelescopeSink
from telescope.solving import FrameSolver

NUMBER = "0"
INSTRUMENT = f"telescope-{NUMBER}"


async def run() -> None:
    """Host telescope 0 until cancelled. Raises `OwnedElsewhere` at once when another process does."""
    with instrument(INSTRUMENT):  # what is logged here stands in the telescope's session
        await _host()


async def _host() -> None:
    config = settings.CONFIG
    sessions = await asyncio.to_thread(partial(open_sessions, INSTRUMENT, resume=True))
    leases = FrameLeases(Leases(settings.RUN), config.telescope_name)
    try:
        clock = SystemClock()
        heavens = SiteHeavens(site())
        session = DwarfSession(
            dwarf_settings(),
            heavens,
            changed=lambda: None,
            clock=clock,
            solver=FrameSolver(lambda row: sessions.add_calibration("plate_solve", row)),
        )
        previews = settings.DATA / "previews" / INSTRUMENT
        sink = TelescopeSink(
            sessions,
            session.board,
            images_folder(settings.DATA),
            previews,
            dark=lambda moment: heavens.sun(moment).altitude_deg < DARK_DEG,
        )
        readings = TelescopeReadings(
            sessions, session.board, clock, lambda place: astuple(heavens.horizontal(place, clock.now()))
        )

        def publish(state: Mapping[str, Any]) -> None:
            sink.watch(state)
            link.publish({**state, "frame": sink.newest, "session": sink.session()})

        device = TelescopeHost(
            telescope=NUMBER,
            name=config.telescope_name,
            session=session,
            sink=sink,
            holders=Holders(settings.DATA / "state" / f"clients-{INSTRUMENT}.json", clock, DEVICES),
            publish=publish,
            leases=leases,
            clock=clock,
        )
        fences = FileFences(settings.RUN)
        link = Host(settings.RUN, INSTRUMENT, device.calls, metrics=generate_latest, fences=fences)
        publish(device.state())
        async with link, asyncio.TaskGroup() as tasks:
            tasks.create_task(sink.end_idle_observations())
            tasks.create_task(readings.run())
            tasks.create_task(device.run())
    finally:
        await leases.close()
        await asyncio.to_thread(sessions.suspend)


def site() -> Site:
    """Where the telescope stands; on the equator at Greenwich when nobody has said."""
    config = settings.CONFIG
    return Site(config.latitude or 0.0, config.longitude or 0.0, config.elevation)


def dwarf_settings() -> DwarfSettings:
    """The settings of this installation in the words of the session."""
    config = settings.CONFIG
    return DwarfSettings(
        host=config.telescope_host,
        client_id=client_id(settings.DATA / "state" / "dwarf-client-id"),
        site=site(),
        spool=settings.DATA / "spool" / INSTRUMENT,
        name=config.telescope_name,
        ws_port=config.telescope_ws_port,
        http_port=config.telescope_http_port,
        files_port=config.telescope_files_port,
        ftp_port=config.telescope_ftp_port,
        horizon_deg=config.telescope_horizon,
        require_darks=config.telescope_require_darks,
    )


def client_id(path: Path) -> str:
    """The name under which the telescope knows this installation; made once."""
    if not path.exists():
        write_atomic(path, str(uuid.uuid4()).encode())
    return path.read_text()
