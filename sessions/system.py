"""The processing worker's link: the program's own session, the disk, and how the jobs stand."""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from prometheus_client import Gauge, generate_latest

from sessions import retention
from sessions.mirror import Mirror
from sessions.services import open_sessions, sessions_root, summary
from sessions.store.manager import SessionManager
from skycam_project.common.clock import iso_utc
from skycam_project.common.fence import FileFences
from skycam_project.common.link import Host
from skycam_project.common.units import Seconds
from skycam_project.common.uptime import Uptime

INSTRUMENT = "system"
LOOK: Seconds = 5.0
"""Between two looks at disk and session."""
FOLLOW: Seconds = 10.0
"""Between two looks for finished sessions."""
PATIENCE: Seconds = 60.0
"""The same after a failure."""
THOROUGH: Seconds = 3600.0
"""Between two comparisons of everything, with some time for checksums of large files."""
HASHING: Seconds = 120.0
RELIEF: Seconds = 300.0
"""Between two attempts to make room on a disk that is nearly full."""

log = logging.getLogger(__name__)

utilization = Gauge("storage_utilization_pct", "Used share of the disk that holds the data folder, percent")
uptime_pct = Gauge("system_uptime_pct", "Share of the last 30 days in which the program ran, percent")


async def run() -> None:
    """Host the link `processing` until cancelled. Raises `OwnedElsewhere` at once when another worker does."""
    host = Host(settings.RUN, "processing", {}, metrics=generate_latest, fences=FileFences(settings.RUN))
    async with host:
        manager = await asyncio.to_thread(open_sessions, INSTRUMENT)
        mirror = Mirror(sessions_root())
        uptime = Uptime(settings.DATA / "state" / "uptime.json", datetime.now(UTC))
        ran = time.monotonic()
        follower = asyncio.create_task(follow(mirror), name="catalogue")
        try:
            while True:
                host.publish(await asyncio.to_thread(state, manager))
                before, ran = ran, time.monotonic()
                await asyncio.to_thread(_count, uptime, ran - before)
                await asyncio.sleep(LOOK)
        finally:
            follower.cancel()
            mirror.stop()
            await asyncio.to_thread(manager.shutdown)


async def follow(mirror: Mirror) -> None:
    """Catalogue finished sessions of all hosts, delete what people ask for, keep the disk usable; until cancelled."""
    thorough, relief = time.monotonic() + THOROUGH, 0.0
    while True:
        hash_s = 0.0
        if time.monotonic() >= thorough:
            thorough, hash_s = time.monotonic() + THOROUGH, HASHING
        fine = await asyncio.to_thread(_keep, "catalogue", mirror.follow, hash_s)
        if time.monotonic() >= relief and retention.wanted_bytes():
            relief = time.monotonic() + RELIEF
            await asyncio.to_thread(_keep, "room", retention.relieve)
        await asyncio.sleep(FOLLOW if fine else PATIENCE)


def _keep(what: str, work: Callable[..., Any], *arguments: Any) -> bool:
    """One piece of upkeep; a failure is logged, and tried again later."""
    try:
        work(*arguments)
        return True
    except Exception as error:  # whatever fails here, the files are there and capturing goes on
        log.error("upkeep of sessions failed, tried again: part=%s reason=%s", what, error)
        return False
    finally:
        connection.close()


def _count(uptime: Uptime, elapsed: Seconds) -> None:
    try:
        uptime_pct.set(uptime.ran(elapsed, datetime.now(UTC)))
    except OSError as error:
        log.warning("how long the program ran cannot be kept: %s", error)


def state(manager: SessionManager) -> dict[str, Any]:
    """What pages show of it."""
    usage = shutil.disk_usage(settings.DATA)
    utilization.set(100 * usage.used / usage.total)
    return {
        "session": summary(manager.status()),
        "disk_free_bytes": usage.free,
        "disk_total_bytes": usage.total,
        "updated_at": iso_utc(datetime.now(UTC)),
    }
