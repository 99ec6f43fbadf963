"""The observatory of this machine, hosted by the processing worker."""

from django.conf import settings

from observatory.host import ObservatoryHost
from skycam_project.common.fence import FileFences
from skycam_project.common.link import Host, Mirror
from skycam_project.config.places import images_folder


async def run() -> None:
    """Host the link `observatory` until cancelled. Raises `OwnedElsewhere` at once when another process does."""
    config = settings.CONFIG
    links = {f"camera/{camera.id}": f"camera-{camera.id}" for camera in config.all_cameras()}
    links |= {"telescope/0": "telescope-0"} if config.telescope_host else {}
    mirrors = {name: Mirror(settings.RUN, link) for name, link in (links | {"lighting": "lighting"}).items()}
    observatory = ObservatoryHost(
        mirrors, images_folder(settings.DATA), config.dmx_flat_pwm_hz, lambda state: link.publish(state)
    )
    # The worker's numbers come over its own link.
    link = Host(
        settings.RUN, "observatory", observatory.calls, metrics=lambda: "", fences=FileFences(settings.RUN)
    )
    link.publish(observatory.state())
    async with link:
        await observatory.run()
