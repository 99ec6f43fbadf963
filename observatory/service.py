"""The observatory of this machine, hosted by the processing worker."""

from datetime import UTC, datetime

from django.conf import settings

from lighting.engine.twilight import sun_altitude
from observatory.host import ObservatoryHost
from observatory.night import NightScenes
from skycam_project.common.fence import FileFences
from skycam_project.common.link import Host, Mirror
from skycam_project.common.units import Degrees
from skycam_project.config.places import images_folder


async def run() -> None:
    """Host the link `observatory` until cancelled. Raises `OwnedElsewhere` at once when another process does."""
    config = settings.CONFIG
    links = {f"camera/{camera.id}": f"camera-{camera.id}" for camera in config.all_cameras()}
    links |= {"telescope/0": "telescope-0"} if config.telescope_host else {}
    mirrors = {name: Mirror(settings.RUN, link) for name, link in (links | {"lighting": "lighting"}).items()}
    observatory = ObservatoryHost(
        mirrors,
        images_folder(settings.DATA),
        config.dmx_flat_pwm_hz,
        NightScenes(settings.DATA / "state" / "night-scenes.json"),
        lambda state: link.publish(state),
        _sun,
        config.dmx_beacons,
    )
    # The worker's numbers come over its own link.
    link = Host(
        settings.RUN, "observatory", observatory.calls, metrics=lambda: "", fences=FileFences(settings.RUN)
    )
    link.publish(observatory.state())
    async with link:
        await observatory.run()


def _sun() -> Degrees | None:
    config = settings.CONFIG
    if config.latitude is None or config.longitude is None:
        return None
    return sun_altitude(datetime.now(UTC), config.latitude, config.longitude)
