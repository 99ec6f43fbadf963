"""The observatory's host: flats, beacons and scenes of the night. It owns no device and follows all."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from observatory.errors import BusyError
from observatory.flats.cameras import FlatCamera, StillFlatCamera, TelescopeFlatCamera
from observatory.flats.run import FlatRun, Order
from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.link import Mirror
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

PERIODS = 10
"""Of the panel's dimming, that every flat covers."""


class ObservatoryHost:
    """What spans devices. Calls come over its link.

    Args:
        mirrors: by the names of the live interface: `camera/<id>`, `telescope/<n>`, `lighting`; started by `run`.
        images: folder of pixel files.
        pwm_hz: how often the flat panel's dimming switches.
        publish: called with each new state.
    """

    def __init__(
        self,
        mirrors: Mapping[str, Mirror],
        images: Path,
        pwm_hz: float,
        publish: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.mirrors, self.images, self.publish = mirrors, images, publish
        self._shortest: Seconds = PERIODS / pwm_hz
        self._run: FlatRun | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def calls(self) -> dict[str, Any]:
        """What others may ask for, by name."""
        return {call.__name__: call for call in (self.start_flats, self.stop_flats)}

    async def run(self) -> None:
        """Follow everything until cancelled."""
        await asyncio.gather(*(mirror.start() for mirror in self.mirrors.values()))
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop_flats()
            await asyncio.gather(*(mirror.stop() for mirror in self.mirrors.values()))

    def state(self) -> dict[str, Any]:
        """`flats`: the run that goes on or the last one (None before the first)."""
        return {
            "flats": self._run.state() | {"running": self._running} if self._run else None,
            "updated_at": iso_utc(datetime.now(UTC)),
        }

    def _changed(self) -> None:
        self.publish(self.state())

    # ---- flats

    @property
    def _running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start_flats(self, camera: str, gain: float | None = None, **order: Any) -> None:
        """Begin a run; the state tells the rest. `order` as `Order`.

        Raises `BusyError`, `InvalidValueError`, `NotConnected`.
        """
        if self._running:
            raise BusyError("flats are being taken already; stop them first")
        order = {name: value for name, value in order.items() if value is not None}
        try:
            wanted = Order(shortest_s=self._shortest, **order)
        except TypeError:
            unknown = sorted(order.keys() - set(Order.__slots__))
            raise InvalidValueError("order", ", ".join(unknown), ", ".join(Order.__slots__)) from None
        self._run = FlatRun(self._camera(camera, gain), self.mirrors["lighting"], wanted, self._changed)
        self._task = asyncio.create_task(self._run.run(), name="flats")
        self._task.add_done_callback(lambda task: self._changed())
        self._changed()

    async def stop_flats(self) -> None:
        """End the run; harmless when there is none."""
        if self._running and self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _camera(self, key: str, gain: float | None) -> FlatCamera:
        kinds = {"camera": StillFlatCamera, "telescope": TelescopeFlatCamera}
        kind = kinds.get(key.partition("/")[0])
        if kind is None or key not in self.mirrors:
            names = ", ".join(name for name in self.mirrors if name.partition("/")[0] in kinds)
            raise InvalidValueError("camera", key, names)
        self.mirrors[key].state  # noqa: B018 - raises when it is not connected
        return kind(key, self.mirrors[key], self.images, gain)
