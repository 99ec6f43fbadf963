"""Which Alpaca devices this installation offers, under which numbers, and the route that serves them."""

import orjson
from django.conf import settings

from alpaca import services
from alpaca.devices.base import Device
from alpaca.devices.facts import Optics, Site
from alpaca.devices.filterwheel import FilterWheel
from alpaca.devices.focuser import Focuser
from alpaca.devices.registry import BindingsFile
from alpaca.devices.still_camera import StillCamera
from alpaca.devices.table import DeviceTable, ServerDescription
from alpaca.devices.telescope import Telescope
from alpaca.devices.telescope_camera import TelescopeCamera
from dashboard.mirrors import mirror
from skycam_project.alpaca_route import AlpacaRoute
from skycam_project.common.access import Access
from skycam_project.common.files import write_atomic
from skycam_project.config.places import alpaca_devices_file, images_folder

FIRST_STILL = 2
"""Camera/0 and Camera/1 are the telescope's tele and wide."""


def alpaca_route() -> AlpacaRoute:
    """Install the devices in this process and return the route that serves them."""
    config = settings.CONFIG
    table = DeviceTable(
        [*_telescope(), *_cameras()],
        images_folder(settings.DATA),
        ServerDescription(location=config.site_name),
    )
    services.install(table)
    # `up` answers discovery with this list: it holds no devices itself.
    write_atomic(alpaca_devices_file(settings.DATA), orjson.dumps(table.configured()))
    access = Access(config.alpaca_networks, settings.ALLOWED_HOSTS, config.trusted_proxies)
    return AlpacaRoute(access, enabled=config.alpaca, password=config.alpaca_password or "")


def _bindings() -> BindingsFile:
    return BindingsFile(settings.DATA / "state" / "alpaca-bindings.json")


def _telescope() -> list[Device]:
    config = settings.CONFIG
    if config.telescope_host is None:
        return []
    name, link = config.telescope_name, mirror("telescope/0")
    optics, site = Optics(), Site(config.latitude or 0.0, config.longitude or 0.0, config.elevation)
    kinds = (
        (Telescope, name, {"site": site, "optics": optics}),
        (TelescopeCamera, f"{name} tele", {"optics": optics}),
        (Focuser, f"{name} focuser", {}),
        (FilterWheel, f"{name} filters", {}),
    )
    devices = []
    for kind, called, facts in kinds:
        bound = _bindings().bind(kind.device_type, "telescope/0", 0)
        part = kind.device_type.lower()
        devices.append(
            kind(link, part=part, number=bound.number, unique_id=bound.unique_id, name=called, **facts)
        )
    return devices


def _cameras() -> list[Device]:
    devices: list[Device] = []
    for camera in settings.CONFIG.all_cameras():
        bound = _bindings().bind("Camera", f"camera/{camera.id}", FIRST_STILL)
        link = mirror(f"camera/{camera.id}")
        facts = {"part": "camera", "number": bound.number, "unique_id": bound.unique_id, "name": camera.name}
        devices.append(StillCamera(link, **facts))
    return devices
