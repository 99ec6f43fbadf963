"""What other apps use of `alpaca`: install the devices once, read them anywhere."""

from alpaca.devices.table import DeviceTable
from skycam_project.common.errors import SkycamError

_installed: DeviceTable | None = None


class NoDevicesInstalledError(SkycamError):
    """The program was put together without `install`."""

    code = "alpaca_not_installed"


def install(table: DeviceTable) -> None:
    """Make `table` the devices of this process; done once, before the first request."""
    global _installed
    _installed = table


def devices() -> DeviceTable:
    """The devices of this process. Raises `NoDevicesInstalledError`."""
    if _installed is None:
        raise NoDevicesInstalledError("alpaca.services.install() has not been called in this process")
    return _installed
