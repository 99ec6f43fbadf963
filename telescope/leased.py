"""A telescope's exposures as the lights know them, the time between the frames of a run included."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from skycam_project.common.leases import Kind, Lease, Leases
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

START: Seconds = 60.0
"""A telescope may need so long until its shutter opens; the lease ends with the frame anyway."""
BETWEEN: Seconds = 30.0
"""While it tracks, its run goes on so long without anybody asking, and the next exposure takes a frame that began meanwhile."""


class FrameLeases:
    """One lease per exposure, and one between them while the telescope goes on exposing.

    Args:
        leases: the lights' end.
        name: what people call the telescope, shown while the lights wait.
    """

    def __init__(self, leases: Leases, name: str) -> None:
        self._leases, self._name, self._count = leases, name, 0
        self._between: Lease | None = None
        self._leaving: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def exposure(self, kind: Kind, duration: Seconds) -> AsyncIterator[Lease]:
        """Around one exposure; what shone, also shortly before it, is logged with it and stands in `warnings` then."""
        self._count += 1
        lease = await self._leases.begin(f"{self._name} {self._count}", kind, 2 * duration + START)
        before = await self._end_between()
        try:
            yield lease
        finally:
            await self._leases.end(lease)
            lease.warnings[:0] = before
            for warning in lease.warnings:
                logger.warning("%s", warning)

    async def keep(self, kind: Kind) -> None:
        """The telescope goes on exposing: to be called before an exposure's lease ends."""
        await self._end_between()
        self._between = await self._leases.begin(f"{self._name}, between frames", kind, BETWEEN)
        self._leaving = asyncio.create_task(self._leave())

    async def _leave(self) -> None:
        await asyncio.sleep(BETWEEN)
        self._leaving = None
        await self._end_between()

    async def _end_between(self) -> list[str]:
        """What shone between the frames."""
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        between, self._between = self._between, None
        if between is None:
            return []
        await self._leases.end(between)
        return between.warnings

    async def release(self) -> None:
        """The telescope exposes no longer."""
        await self._end_between()

    async def close(self) -> None:
        """Release, and follow the lights no longer."""
        await self._end_between()
        await self._leases.close()
