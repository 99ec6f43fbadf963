"""Who holds a device: a set of client ids per logical device, never a count.

Alpaca clients connect twice, forget to disconnect, and vanish; a client's release gives back its own hold
only. Kept by the device's host, so that a restarted web server finds everybody still connected.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from skycam_project.common.clock import Clock
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import write_atomic
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

SILENCE: Seconds = 600.0
"""A client that has not been heard of for so long holds nothing any more."""
PAGE = "page"
"""Client id of our own pages: its hold ends when somebody ends it, not by silence."""
NOBODY = "0"
"""The id of clients that send none."""
MOST_CLIENTS = 200
"""Per device; ids come from outside and travel with every state. Who has been silent longest goes first."""


class Holders:
    """Keeps the sets, over restarts.

    Args:
        path: file for what outlives the process.
        clock: for the time of silence.
        devices: the host's logical devices.
    """

    def __init__(self, path: Path, clock: Clock, devices: Iterable[str]) -> None:
        self._path, self._clock, self._devices = path, clock, tuple(devices)
        self._holding: dict[str, set[str]] = {device: set() for device in self._devices}
        self._heard: dict[str, dict[str, Seconds]] = {device: {} for device in self._devices}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._load()

    @property
    def any(self) -> bool:
        """Somebody holds something."""
        return any(self._holding.values())

    def hold(self, device: str, client: str) -> None:
        """A client connects a device; twice is once. Raises `InvalidValueError` for an unknown device."""
        self._note(device, client)
        self._holding[device].add(client)
        self._save()

    def release(self, device: str, client: str) -> None:
        """A client disconnects a device: its own hold only. Raises `InvalidValueError`."""
        self._note(device, client)
        self._holding[device].discard(client)
        self._save()

    def heard(self, clients: Mapping[str, Iterable[str]]) -> None:
        """Clients that spoke to devices; those that never connected don't matter."""
        for device, ids in clients.items():
            for client in ids:
                if client in self._heard.get(device, ()):
                    self._note(device, client)

    def expire(self) -> bool:
        """Forget the silent ones; whether there were any."""
        limit = self._clock.monotonic() - SILENCE
        silent = [
            (device, client)
            for device, clients in self._heard.items()
            for client, heard in clients.items()
            if heard < limit and client != PAGE
        ]
        for device, client in silent:
            self._forget(device, client)
        if silent:
            self._save()
        return bool(silent)

    def as_dict(self) -> dict[str, dict[str, list[str]]]:
        """For the state: who holds each device, and who has connected it within the time of silence."""
        return {
            device: {"holding": sorted(self._holding[device]), "known": sorted(self._heard[device])}
            for device in self._devices
        }

    def _note(self, device: str, client: str) -> None:
        if device not in self._heard:
            raise InvalidValueError("device", device, ", ".join(self._devices))
        heard = self._heard[device]
        heard[client] = self._clock.monotonic()
        if len(heard) > MOST_CLIENTS:
            self._forget(device, min(heard, key=lambda known: heard[known]))

    def _forget(self, device: str, client: str) -> None:
        logger.info("client forgotten device=%s client=%s", device, client)
        del self._heard[device][client]
        self._holding[device].discard(client)

    def _save(self) -> None:
        holding = {device: sorted(clients) for device, clients in self._holding.items() if clients}
        try:
            write_atomic(self._path, orjson.dumps(holding))
        except OSError as error:  # only a restart within ten minutes depends on it
            logger.warning("holders not written: %s", error)

    def _load(self) -> None:
        """Holders of the process before this one; they expire as if they had just spoken."""
        try:
            record = orjson.loads(self._path.read_bytes())
            held = [(device, str(client)) for device in self._devices for client in record.get(device, [])]
        except (OSError, ValueError, AttributeError, TypeError):
            return
        for device, client in held:
            self._note(device, client)
            self._holding[device].add(client)


def connected_for(clients: Mapping[str, Any], device: str, client: str) -> bool:
    """Whether a client sees a device as held, from the published `clients`.

    A client that has connected it before sees its own state; one never seen, or `NOBODY`, whether anybody
    holds it.
    """
    entry = clients[device]
    if client in entry["known"] and client != NOBODY:
        return client in entry["holding"]
    return bool(entry["holding"])
