"""A driver whose exposures the lights know of, so that they stay dark meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from camera.drivers.base import CameraDriver, Frame, Settings
from skycam_project.common.leases import Kind, Leases
from skycam_project.common.units import Seconds

UNKNOWN: Seconds = 30.0
"""Taken for an exposure that the camera chooses itself; the lease ends with the frame anyway."""


class LeasedDriver:
    """Passes everything on; `expose` opens a lease before the shutter and puts what shone into the frame's warnings.

    The frame also learns what it was taken for.

    Args:
        driver: the camera.
        name: what people call it, shown while the lights wait.
        kind: asked before each exposure: what it is for.
    """

    def __init__(
        self, driver: CameraDriver, leases: Leases, name: str, kind: Callable[[], Kind] = lambda: "light"
    ) -> None:
        self._driver, self._leases, self._name, self._count = driver, leases, name, 0
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def expose(self, settings: Settings) -> Frame:
        """Take one frame. Raises what the driver raises."""
        self._count += 1
        seconds = settings.exposure_s or UNKNOWN
        kind = self._kind()
        async with self._leases.exposure(f"{self._name} {self._count}", kind, seconds) as lease:
            frame = await self._driver.expose(settings)
        return replace(frame, kind=kind, warnings=(*frame.warnings, *lease.warnings))
