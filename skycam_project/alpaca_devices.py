"""Which Alpaca devices this installation offers, under which numbers, and the route that serves them."""

import orjson
from django.conf import settings

from alpaca import services
from alpaca.devices.build import CameraInstrument, TelescopeInstrument, build_devices
from alpaca.devices.facts import Site
from alpaca.devices.registry import BindingsFile
from alpaca.devices.table import DeviceTable, ServerDescription
from dashboard.mirrors import mirror
from skycam_project.alpaca_route import AlpacaRoute
from skycam_project.common.access import Access
from skycam_project.common.files import write_atomic
from skycam_project.config.places import alpaca_devices_file, images_folder


def alpaca_route() -> AlpacaRoute:
    """Install the devices in this process and return the route that serves them."""
    config = settings.CONFIG
    bindings = BindingsFile(settings.DATA / "state" / "alpaca-bindings.json")
    cameras = [
        CameraInstrument(f"camera/{camera.id}", camera.name, mirror(f"camera/{camera.id}"))
        for camera in config.all_cameras()
    ]
    table = DeviceTable(
        build_devices(
            bindings, _telescopes(), cameras, None if config.dmx_engine == "off" else mirror("lighting")
        ),
        images_folder(settings.DATA),
        ServerDescription(location=config.site_name),
    )
    services.install(table)
    # `up` answers discovery with this list: it holds no devices itself.
    write_atomic(alpaca_devices_file(settings.DATA), orjson.dumps(table.configured()))
    access = Access(config.alpaca_networks, settings.ALLOWED_HOSTS, config.trusted_proxies)
    return AlpacaRoute(access, enabled=config.alpaca, password=config.alpaca_password or "")


def _telescopes() -> list[TelescopeInstrument]:
    config = settings.CONFIG
    if config.telescope_host is None:
        return []
    known = config.latitude is not None and config.longitude is not None
    site = Site(config.latitude, config.longitude, config.elevation) if known else None
    return [TelescopeInstrument("telescope/0", config.telescope_name, mirror("telescope/0"), site)]
