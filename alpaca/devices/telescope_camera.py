"""The main camera of a smart telescope."""

from typing import Any

from alpaca.devices.base import MirrorLike
from alpaca.devices.camera import BAYER_OFFSETS, PHASES, CameraDevice, Limits, Progress, Sensor
from alpaca.devices.facts import Optics
from alpaca.protocol.types import SensorType
from skycam_project.common.units import Celsius, Micrometres, Seconds


class TelescopeCamera(CameraDevice):
    """The main camera of a smart telescope."""

    description = "Skycam smart telescope camera"

    def __init__(self, mirror: MirrorLike, *, optics: Optics, **facts: Any) -> None:
        super().__init__(mirror, **facts)
        self.optics = optics

    @property
    def camera(self) -> dict[str, Any]:
        """Settings and progress, as the host publishes it."""
        return self.state["camera"]

    def sensor(self) -> Sensor:
        camera, optics = self.camera, self.optics
        offset = BAYER_OFFSETS.get(optics.bayer)
        return Sensor(
            camera["width_px"],
            camera["height_px"],
            optics.sensor,
            SensorType.RGGB if offset else SensorType.MONOCHROME,
            offset,
            optics.highest_adu,
        )

    def get_pixel_size_x(self) -> Micrometres:
        return self.optics.pixel_um

    get_pixel_size_y = get_pixel_size_x

    def limits(self) -> Limits:
        camera = self.camera
        return Limits(
            camera["exposure_min_s"], camera["exposure_max_s"], camera["gain_min"], camera["gain_max"]
        )

    def progress(self) -> Progress:
        camera = self.camera
        return Progress(
            PHASES[camera["phase"]],
            camera["percent_completed"],
            camera["image"] if camera["image_ready"] else None,
            camera["started_at"],
            camera["exposure_s"] or 0.0,
            camera["problem"],
        )

    def current_gain(self) -> int:
        camera = self.camera
        return camera["gain_min"] if camera["gain"] is None else camera["gain"]

    def get_ccd_temperature(self) -> Celsius:
        temperature = self.camera["sensor_temperature_c"]
        if temperature is None:
            raise self._not_offered("CCDTemperature")
        return temperature

    async def start(self, duration: Seconds, light: bool, gain: int) -> None:
        await self.call("expose", exposure_s=duration, gain=gain, light=light)

    async def abort(self) -> None:
        await self.call("abort_exposure")
