"""The devices that this server offers, and what it says about itself."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from alpaca.devices.base import Device
from alpaca.protocol.envelope import ServerTransactions
from alpaca.protocol.errors import BadRequestError
from alpaca.protocol.members import INTERFACES, Member
from skycam_project.common.units import Seconds

HEARD_INTERVAL: Seconds = 60.0
MOST_CLIENTS = 10_000


@dataclass(frozen=True, slots=True)
class ServerDescription:
    """Answer of `/management/v1/description`."""

    name: str = "Skycam"
    manufacturer: str = "Skycam"
    version: str = "0.1.0"
    location: str = ""

    def as_value(self) -> dict[str, str]:
        """In the words of the protocol."""
        return {
            "ServerName": self.name,
            "Manufacturer": self.manufacturer,
            "ManufacturerVersion": self.version,
            "Location": self.location,
        }


class DeviceTable:
    """All devices of one server.

    Args:
        devices: in the order in which they are listed.
        images: the folder in which hosts put pixel files.
        description: of the server.
    """

    def __init__(
        self, devices: Iterable[Device], images: Path, description: ServerDescription | None = None
    ) -> None:
        self.images = images
        self.description = description or ServerDescription()
        self.transactions = ServerTransactions()
        self._heard: dict[tuple[Device, int], Seconds] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._devices = {
            (device.interface.device_type.lower(), str(device.number)): device for device in devices
        }

    def find(self, device_type: str, number: str, member: str) -> tuple[Device, Member]:
        """The device and member of a URL, its parts as written. Raises `BadRequestError`."""
        interface = INTERFACES.get(device_type)
        if interface is None:
            raise BadRequestError(f"There is no device type {device_type!r:.40}; types are lower case.")
        entry = interface.members.get(member)
        if entry is None:
            raise BadRequestError(
                f"{interface.device_type} has no member {member!r:.40}; members are lower case."
            )
        device = self._devices.get((device_type, number))
        if device is None:
            raise BadRequestError(f"There is no {interface.device_type} {number!r:.20} here.")
        return device, entry

    def configured(self) -> list[dict[str, Any]]:
        """Answer of `/management/v1/configureddevices`."""
        return [
            {
                "DeviceName": device.name,
                "DeviceType": device.interface.device_type,
                "DeviceNumber": device.number,
                "UniqueID": device.unique_id,
            }
            for device in self
        ]

    def __iter__(self) -> Iterator[Device]:
        return iter(self._devices.values())

    def note_activity(self, device: Device, client: int | None) -> None:
        """Tell the host about once a minute that a client speaks to the device.

        A connection whose client has fallen silent ends by itself; the host can't know who is silent.
        """
        if not client:
            return
        now = monotonic()
        if now - self._heard.get((device, client), -HEARD_INTERVAL) < HEARD_INTERVAL:
            return
        if len(self._heard) >= MOST_CLIENTS:  # IDs come from outside
            self._heard.clear()
        self._heard[device, client] = now
        task = asyncio.get_running_loop().create_task(device.tell_heard(client))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
