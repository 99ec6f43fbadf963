"""The cameras as a flat run sees them: take one picture with this exposure time, say how bright it is."""

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from observatory.errors import FlatsError
from observatory.flats.measure import level_of
from skycam_project.common.link import Mirror
from skycam_project.common.units import Seconds

CLIENT = "flats"
"""Our name among the clients of a camera."""
START: Seconds = 60.0
"""From the command to the picture, beside the exposure itself."""


class FlatCamera:
    """One camera over its link; a subclass knows its words.

    Args:
        key: of the live interface, such as `camera/default`.
        mirror: of its host; started.
        images: folder of pixel files.
        gain: in the camera's own unit; None leaves it.
    """

    part = "camera"
    full, offset = 255.0, 0.0

    def __init__(self, key: str, mirror: Mirror, images: Path, gain: float | None = None) -> None:
        self.key, self.mirror, self.images, self.gain = key, mirror, images, gain

    # ---- what a subclass says

    def progress(self) -> Mapping[str, Any]:
        """The part of the state with `phase`, `image_ready`, `image` and `problem`."""
        raise NotImplementedError

    def times(self) -> tuple[list[Seconds], Seconds, Seconds]:
        """The exposure times it offers (empty: any), the shortest, the longest."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise `FlatsError` where it cannot see a panel now."""

    # ---- what a run does with it

    async def hold(self) -> None:
        """Connect it for the run. Raises the host's errors."""
        await self.mirror.call("connect", device=self.part, client=CLIENT, patient=False)

    async def release(self) -> None:
        """Give it back."""
        await self.mirror.call("disconnect", device=self.part, client=CLIENT)

    async def begin(self, purpose: str) -> None:
        """The frames that follow belong into a session of that purpose."""
        await self.mirror.call("begin_calibration", purpose=purpose)

    async def end(self) -> None:
        """No more flats."""
        await self.mirror.call("end_calibration")

    async def abort(self) -> None:
        """Give a running exposure up."""
        await self.mirror.call("abort_exposure")

    def snap(self, wished: Seconds) -> Seconds:
        """The offered time nearest to a wish, by ratio."""
        offered = self.times()[0]
        return min(offered, key=lambda time: abs(math.log(time / wished))) if offered else wished

    async def expose(self, exposure_s: Seconds) -> float:
        """Take one flat; its level. Raises `FlatsError` with the camera's reason."""
        arguments = {} if self.gain is None else {"gain": self.gain}
        await self.mirror.call("expose", exposure_s=exposure_s, flat=True, **arguments)
        try:
            async with asyncio.timeout(2 * exposure_s + START):
                async for _ in self.mirror.changes():
                    progress = self.progress()
                    if progress["problem"]:
                        raise FlatsError(f"{self.key}: {progress['problem']}")
                    if progress["image_ready"] and progress["phase"] == "idle":
                        break
        except TimeoutError:
            raise FlatsError(f"{self.key}: no picture within {2 * exposure_s + START:g} s") from None
        image = self.progress()["image"]
        return await asyncio.to_thread(level_of, self.images, image, self.full, self.offset)


class StillFlatCamera(FlatCamera):
    """A camera of its own: finished colour of 8 bits."""

    def progress(self) -> Mapping[str, Any]:
        return self.mirror.state["still"]

    def times(self) -> tuple[list[Seconds], Seconds, Seconds]:
        exposure = self.mirror.state["capabilities"]["exposure"]
        if exposure is None:
            raise FlatsError(f"{self.key} does not let its exposure time be set")
        return list(exposure["values"]), exposure["minimum"], exposure["maximum"]


class TelescopeFlatCamera(FlatCamera):
    """A telescope's main camera: a mosaic of 12 bits (its frames carry 16, the sensor's values as they are)."""

    full, offset = 4095.0, 200.0  # sky.instruments says where they come from
    GAIN = 60
    LONGEST_PHOTO: Seconds = 15.0
    """What the telescope takes as a single raw photo."""

    def __init__(self, key: str, mirror: Mirror, images: Path, gain: float | None = None) -> None:
        super().__init__(key, mirror, images, self.GAIN if gain is None else int(gain))

    def progress(self) -> Mapping[str, Any]:
        return self.mirror.state["camera"]

    def check(self) -> None:
        """The barrel lies in the body when the telescope is parked, and after it was switched on, which nothing tells."""
        mount = self.mirror.state["mount"]
        if mount["slewing"]:
            raise FlatsError(f"{self.key} is slewing; take flats when it points at the panel")
        if mount["parked"] or not mount["position_known"]:
            why = "is parked" if mount["parked"] else "has not been pointed since it was switched on or moved"
            raise FlatsError(
                f"{self.key} {why}: its barrel is folded, or may be, and sees no panel; slew it to where the panel is, then start again"
            )

    def times(self) -> tuple[list[Seconds], Seconds, Seconds]:
        camera = self.mirror.state["camera"]
        longest = camera["exposure_max_s"]
        if not self.mirror.state["mount"][
            "tracking_active"
        ]:  # longer ones are frames of a run that follows the sky
            longest = min(longest, self.LONGEST_PHOTO)
        return [time for time in camera["exposures_s"] if time <= longest], camera["exposure_min_s"], longest
