"""A camera of its own, such as a DSLR: finished colour pictures."""

from typing import Any

from alpaca.devices.base import refuse_value
from alpaca.devices.camera import PHASES, CameraDevice, Limits, Progress, Sensor
from alpaca.protocol.errors import InvalidOperationError
from alpaca.protocol.types import SensorType
from skycam_project.common.units import Celsius, Seconds

TOLERANCE = 0.02
"""A duration is taken for one that the camera offers when it differs by no more than this share."""


class StillCamera(CameraDevice):
    """Red, green and blue planes of the picture as the sensor lies, 8 bits; pixel sizes are not known."""

    description = "Skycam camera"

    def sensor(self) -> Sensor:
        state = self.state
        picture = state["still"]["image"]
        width, height = picture["shape"][:2] if picture else self._size_of(state["frame"])
        return Sensor(width, height, state["model"] or "", SensorType.COLOR, None, 255)

    def _size_of(self, frame: dict[str, Any] | None) -> tuple[int, int]:
        if frame is None or frame["width"] is None:
            raise InvalidOperationError(f"The size of {self.name} is known once it has taken a picture.")
        return frame["width"], frame["height"]

    def limits(self) -> Limits:
        capabilities = self.state["capabilities"]
        exposure, gain = capabilities["exposure"], capabilities["gain"]
        if exposure is None:
            raise InvalidOperationError(f"{self.name} does not let its exposure time be set.")
        longest = exposure["bulb_max"] if exposure["bulb"] else exposure["maximum"]
        gains = tuple(f"{value:g}" for value in gain["values"]) if gain else ()
        if gains:
            return Limits(exposure["minimum"], longest, 0, len(gains) - 1, gains)
        least, most = (gain["minimum"], gain["maximum"]) if gain else (0, 0)
        return Limits(exposure["minimum"], longest, int(least), int(most))

    def progress(self) -> Progress:
        still = self.state["still"]
        return Progress(
            PHASES[still["phase"]],
            100 if still["phase"] == "idle" else 0,
            still["image"] if still["image_ready"] else None,
            still["started_at"],
            still["exposure_s"],
            still["problem"],
        )

    def current_gain(self) -> int:
        wanted, limits = self.state["settings"]["gain"], self.limits()
        if not limits.gains:
            return int(wanted or limits.gain_min)
        values = [float(gain) for gain in limits.gains]
        return 0 if wanted is None else min(range(len(values)), key=lambda index: abs(values[index] - wanted))

    def get_ccd_temperature(self) -> Celsius:
        temperature = self.state["temperature_c"]
        if temperature is None:
            raise self._not_offered("CCDTemperature")
        return temperature

    async def start(self, duration: Seconds, light: bool, gain: int) -> None:
        limits = self.limits()
        value = float(limits.gains[gain]) if limits.gains else float(gain) or None
        await self.call("expose", exposure_s=self._offered(duration), gain=value, light=light)

    def _offered(self, duration: Seconds) -> Seconds:
        """What the camera will really take: a time of its own, or any when its shutter can be held."""
        exposure = self.state["capabilities"]["exposure"]
        if not exposure["values"]:
            return duration
        nearest = min(exposure["values"], key=lambda offered: abs(offered - duration))
        if abs(nearest - duration) <= TOLERANCE * duration:
            return nearest
        if exposure["bulb"] and duration > exposure["maximum"]:
            return duration
        refuse_value("Duration", duration, f"the camera's own exposure times, such as {nearest:g} s")

    async def abort(self) -> None:
        await self.call("abort_exposure")
