"""An exposure says that it exposes, so that the lights can stay dark: the cameras' end of the lights' interlock.

    leases = Leases(run)
    async with leases.exposure(frame_id, "light", 30.0) as lease:
        ...                                   # open the shutter
    record(lease.warnings, lease.hits)

An exposure never waits longer than half a second for the lights, and never fails because of them.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from skycam_project.common.errors import SkycamError
from skycam_project.common.link import Mirror, NotConnected
from skycam_project.common.units import Seconds

PATIENCE: Seconds = 0.5
Kind = Literal["light", "dark", "bias", "flat"]


@dataclass(slots=True)
class Lease:
    """One exposure as the lights know it.

    Attributes:
        dark: whether every output has confirmed that nothing shines that should not.
        warnings: sentences for the record of the frame.
        hits: what shone meanwhile, known after the end: `fixture`, `colour`, `from`, `to`, `override`.
    """

    id: str
    dark: bool = False
    warnings: list[str] = field(default_factory=list)
    hits: list[dict[str, Any]] = field(default_factory=list)


class Leases:
    """Asks the lights of this machine; without lights every exposure goes on at once.

    Args:
        run: folder of sockets.
    """

    def __init__(self, run: Path) -> None:
        self._lights = Mirror(run, "lighting")

    async def begin(self, exposure: str, kind: Kind, duration: Seconds) -> Lease:
        """Open a lease before the shutter; it ends by itself 10 s after `duration`. Never raises for the lights' sake."""
        lease = Lease(exposure)
        try:
            await self._lights.start()
            answer = await self._lights.call(
                "exposure_begin", timeout=PATIENCE, id=exposure, kind=kind, duration_s=duration
            )
        except NotConnected:
            return lease  # nobody makes light through us
        except SkycamError as error:
            lease.warnings.append(f"the lights did not confirm darkness: {error}")
            return lease
        lease.dark = answer["confirmed"]
        for output, why in answer["unconfirmed"].items():
            lease.warnings.append(f"the lights at {output} have not confirmed that they are dark: {why}")
        if answer["lit"]:
            lease.warnings.append(f"lit at the start of the exposure: {', '.join(answer['lit'])}")
        return lease

    async def end(self, lease: Lease) -> None:
        """Close it after the shutter; fills `hits`."""
        try:
            lease.hits = await self._lights.call("exposure_end", timeout=PATIENCE, id=lease.id)
        except NotConnected:
            return
        except SkycamError as error:
            lease.warnings.append(f"the lights did not say what shone: {error}")
            return
        for hit in lease.hits:
            why = f", overridden: {hit['override']}" if hit["override"] else ""
            lease.warnings.append(f"{hit['fixture']} was lit from {hit['from']} to {hit['to']}{why}")

    @contextlib.asynccontextmanager
    async def exposure(self, exposure: str, kind: Kind, duration: Seconds) -> AsyncIterator[Lease]:
        """`begin` and `end` around an exposure, however it ends."""
        lease = await self.begin(exposure, kind, duration)
        try:
            yield lease
        finally:
            await self.end(lease)

    async def close(self) -> None:
        """Follow the lights no longer."""
        await self._lights.stop()
