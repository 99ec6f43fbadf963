"""The web process's copies of all devices: one mirror per device, started with the first request.

Names are those of the live interface: `camera/<id>`, `telescope/<n>`, `processing`, `up`, `observatory`, `lighting`.
"""

import asyncio
from functools import cache
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings

from lighting.services import lights
from observatory.services import observatory
from skycam_project.common.errors import SkycamError
from skycam_project.common.link import Mirror, NotConnected

_starting = asyncio.Lock()


class UnknownDeviceError(SkycamError):
    """No such device is configured here."""

    code = "not_found"


@cache
def mirrors() -> dict[str, Mirror]:
    """Device name to mirror, in the order in which pages show them."""
    cameras = {f"camera/{camera.id}": f"camera-{camera.id}" for camera in settings.CONFIG.all_cameras()}
    telescope = {"telescope/0": "telescope-0"} if settings.CONFIG.telescope_host else {}
    links = telescope | cameras | {"processing": "processing", "up": "up"}
    found = {device: Mirror(settings.RUN, link) for device, link in links.items()}
    found["observatory"] = observatory()
    return found if settings.CONFIG.dmx_engine == "off" else found | {"lighting": lights()}


def telescope_numbers() -> list[str]:
    """The telescopes of this machine, by the number in their pages' addresses."""
    return [device.removeprefix("telescope/") for device in mirrors() if device.startswith("telescope/")]


def mirror(device: str) -> Mirror:
    """One device's mirror. Raises `UnknownDeviceError`."""
    try:
        return mirrors()[device]
    except KeyError:
        raise UnknownDeviceError(f"there is no device {device!r} here") from None


def command(device: str, name: str, /, **arguments: Any) -> dict[str, Any]:
    """Have a device carry out a command, from an ordinary view; the state that it caused.

    Raises what `Mirror.call` raises, and `UnknownDeviceError`.
    """
    target = mirror(device)
    if problem := target.problem:
        raise NotConnected(problem)
    async_to_sync(target.call)(name, **arguments)  # in the server's event loop, where the mirror lives
    return target.state


async def start_mirrors() -> None:
    """Follow all hosts in the running loop; returns at once after the first time."""
    waiting = [mirror for mirror in mirrors().values() if not mirror.started]
    if waiting:
        async with _starting:
            await asyncio.gather(*(mirror.start() for mirror in waiting if not mirror.started))
