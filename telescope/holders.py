"""Who holds a telescope: a set of client ids per logical device, never a count.

One telescope is several Alpaca devices (telescope, camera, focuser, filter wheel), each connected and
disconnected by each client. The hardware is wanted as long as anybody holds any of them. The page is a client
like others, but its hold does not expire.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from skycam_project.common.clock import Clock
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import write_atomic
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

DEVICES = ("telescope", "camera", "focuser", "filterwheel", "switch")
PAGE = "page"
"""Client id of our own pages."""
SILENCE: Seconds = 600.0
"""A client that has not been heard of for so long holds nothing any more."""


class Holders:
    """Keeps the sets, over restarts.

    Args:
        path: file for what outlives the process.
        clock: for the time of silence.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._holding: dict[str, set[str]] = {device: set() for device in DEVICES}
        self._heard: dict[str, dict[str, Seconds]] = {device: {} for device in DEVICES}
        self._load()

    @property
    def any(self) -> bool:
        """Somebody holds something."""
        return any(self._holding.values())

    def hold(self, device: str, client: str) -> None:
        """A client connects a device; twice is once."""
        self._check(device)
        self._heard[device][client] = self._clock.monotonic()
        self._holding[device].add(client)
        self._save()

    def release(self, device: str, client: str) -> None:
        """A client disconnects a device: its own hold only."""
        self._check(device)
        self._heard[device][client] = self._clock.monotonic()
        self._holding[device].discard(client)
        self._save()

    def heard(self, device: str, client: str) -> None:
        """A client that has connected before spoke to a device."""
        self._check(device)
        if client in self._heard[device]:
            self._heard[device][client] = self._clock.monotonic()

    def expire(self) -> bool:
        """Forget the silent ones; whether that changed anything."""
        limit = self._clock.monotonic() - SILENCE
        silent = [
            (device, client)
            for device, clients in self._heard.items()
            for client, heard in clients.items()
            if heard < limit and client != PAGE
        ]
        for device, client in silent:
            logger.info("client silent device=%s client=%s", device, client)
            del self._heard[device][client]
            self._holding[device].discard(client)
        if silent:
            self._save()
        return bool(silent)

    def as_dict(self) -> dict[str, dict[str, list[str]]]:
        """For the state: who holds each device, and who has connected it within the time of silence."""
        return {
            device: {"holding": sorted(self._holding[device]), "known": sorted(self._heard[device])}
            for device in DEVICES
        }

    def _check(self, device: str) -> None:
        if device not in DEVICES:
            raise InvalidValueError("device", device, ", ".join(DEVICES))

    def _save(self) -> None:
        holding = {device: sorted(clients) for device, clients in self._holding.items() if clients}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._path, orjson.dumps(holding))
        except OSError as error:  # only a restart within ten minutes depends on it
            logger.warning("holders not written: %s", error)

    def _load(self) -> None:
        """Holders of the process before this one; they expire as if they had just spoken."""
        try:
            record = orjson.loads(self._path.read_bytes())
            held = [(device, str(client)) for device in DEVICES for client in record.get(device, [])]
        except (OSError, ValueError, AttributeError, TypeError):
            return
        for device, client in held:
            self._holding[device].add(client)
            self._heard[device][client] = self._clock.monotonic()


def connected_for(clients: Mapping[str, Any], device: str, client: str) -> bool:
    """Whether a client sees a device as held, from the published `clients`.

    A client that has connected it before sees its own state; one never seen (or the id 0) whether anybody
    holds it.
    """
    entry = clients[device]
    if client in entry["known"] and client != "0":
        return client in entry["holding"]
    return bool(entry["holding"])
