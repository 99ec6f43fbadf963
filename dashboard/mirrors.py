"""The web process's copies of all devices: one mirror per device, started with the first request.

Names are those of the live interface: `camera/<id>`, `processing`, `up`.
"""

import asyncio
from functools import cache

from django.conf import settings
from skycam_project.common.link import Mirror

from skycam_project.common.errors import SkycamError

_starting = asyncio.Lock()


class UnknownDeviceError(SkycamError):
    """No such device is configured here."""

    code = "not_found"


@cache
def mirrors() -> dict[str, Mirror]:
    """Device name to mirror, in the order in which pages show them."""
    cameras = {f"camera/{camera.id}": f"camera-{camera.id}" for camera in settings.CONFIG.all_cameras()}
    links = cameras | {"processing": "processing", "up": "up"}
    return {device: Mirror(settings.RUN, link) for device, link in links.items()}


def mirror(device: str) -> Mirror:
    """One device's mirror. Raises `UnknownDeviceError`."""
    try:
        return mirrors()[device]
    except KeyError:
        raise UnknownDeviceError(f"there is no device {device!r} here") from None


async def start_mirrors() -> None:
    """Follow all hosts in the running loop; returns at once after the first time."""
    waiting = [mirror for mirror in mirrors().values() if not mirror.started]
    if waiting:
        async with _starting:
            await asyncio.gather(*(mirror.start() for mirror in waiting if not mirror.started))
