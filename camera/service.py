"""All cameras of this machine, hosted by the camera worker."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, cast

from django.conf import settings
from prometheus_client import generate_latest

from camera.drivers.base import CameraDriver
from camera.drivers.gphoto2.driver import GPhoto2Driver
from camera.host import CameraHost
from camera.leased import LeasedDriver
from camera.metrics import CameraMetrics
from camera.plan import Plan, Settings, Wish
from camera.preview import PreviewFolder
from camera.sink import SessionSink
from camera.wishes import DatabaseFences, SavedWishes
from sessions.services import open_sessions
from sessions.store.logs import instrument
from skycam_project.common.fence import FileFences
from skycam_project.common.leases import Leases
from skycam_project.common.link import Host, keep
from skycam_project.config import CameraConfiguration
from skycam_project.config.places import images_folder

Call = Callable[..., Awaitable[Any]]


async def run() -> None:
    """Host every configured camera until cancelled; one that fails is started again without the others noticing."""
    metrics = CameraMetrics()
    async with asyncio.TaskGroup() as tasks:
        for camera in settings.CONFIG.all_cameras():
            tasks.create_task(keep(partial(host, camera, metrics), f"camera {camera.id}"))


async def host(camera: CameraConfiguration, metrics: CameraMetrics) -> None:
    """Host one camera until cancelled. Raises `OwnedElsewhere` at once when another process does."""
    with instrument(camera.id):  # what is logged from here on belongs to the camera's session
        await _host(camera, metrics)


async def _host(camera: CameraConfiguration, metrics: CameraMetrics) -> None:
    sessions = await asyncio.to_thread(partial(open_sessions, camera.id, resume=True))
    leases = Leases(settings.RUN)
    try:
        wishes = SavedWishes(camera.id, first_wish(camera))
        driver = GPhoto2Driver(
            settings.DATA / "spool" / camera.id,
            address=camera.port or "auto",
            name=camera.name,
            lock_folder=settings.RUN,
            environment={"HOME": str(settings.DATA / "state")},
        )
        device = CameraHost(
            camera=camera.id,
            name=camera.name,
            driver=cast(CameraDriver, LeasedDriver(driver, leases, camera.name, lambda: device.kind)),
            driver_name="gphoto2",
            sink=SessionSink(sessions, camera.id, camera.name, image_path(camera), dark),
            wishes=wishes,
            previews=PreviewFolder(settings.DATA / "previews" / camera.id),
            run_file=settings.DATA / "state" / f"run-{camera.id}.json",
            images=images_folder(settings.DATA),
            publish=lambda state: link.publish(state),
            metrics=metrics,
        )
        fences = FileFences(settings.RUN, DatabaseFences())
        calls = {
            name: _published(call, lambda: link.publish(device.state()))
            for name, call in device.calls.items()
        }
        link = Host(settings.RUN, f"camera-{camera.id}", calls, metrics=generate_latest, fences=fences)
        link.publish(device.state())  # the first mirror sees a camera, not an empty state
        async with link:
            wishes.fence = link.fence or 0
            await device.run()
    finally:
        await leases.close()
        await asyncio.to_thread(sessions.suspend)


def _published(call: Call, publish: Callable[[], None]) -> Call:
    """A call whose effect is published before it is answered: who has the answer has the state."""

    async def with_state(**arguments: Any) -> Any:
        try:
            return await call(**arguments)
        finally:
            publish()

    return with_state


def first_wish(camera: CameraConfiguration) -> Wish:
    """What a camera does before anybody has said anything: in the demo it runs, else it waits."""
    plan = Plan(camera.delay, Settings(camera.exposure_time, camera.iso, camera.f_number))
    demo = settings.CONFIG.is_demo and camera.id == "default"
    return Wish(connected=True, running=demo, plan=plan)


def dark(moment: datetime) -> bool:
    """Whether stars are expected over the site; by night everywhere when nobody has said where it is."""
    from sky.clouds import DARK_DEG
    from sky.coordinates import Observer, Site  # 8 MB, for cameras that see a dark sky
    from sky.ephemeris import body

    config = settings.CONFIG
    if config.latitude is None or config.longitude is None:
        return True
    site = Site(config.latitude, config.longitude, config.elevation)
    return body("sun", Observer(site, moment)).altitude_deg < DARK_DEG


def image_path(camera: CameraConfiguration):
    """Where the frames of the default camera appear too; `None`: nowhere."""
    path = settings.CONFIG.image_path
    return settings.CONFIG.resolve(path) if path and camera.id == "default" else None
