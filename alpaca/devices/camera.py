"""ICameraV4, whatever takes the pictures: `CameraDevice` knows the interface, its subclasses know a host.

What a client sets for its next exposure (gain, binning, subframe) is kept here until it is used and starts
anew with the web server; everything else is the host's.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from alpaca.devices.base import Device, MirrorLike, demand_range, refuse_value
from alpaca.protocol.errors import AlpacaError, InvalidOperationError
from alpaca.protocol.types import CameraState, SensorType
from skycam_project.common.pixels import PixelFile
from skycam_project.common.units import Seconds


@dataclass(frozen=True, slots=True)
class Sensor:
    """What does not change while a camera is connected."""

    width: int
    height: int
    name: str
    type: SensorType
    bayer_offset: tuple[int, int] | None
    """Of the red pixel, from the top left; None for a sensor without a colour mosaic."""
    max_adu: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Of exposure and gain, both ends included.

    `gains` names the steps of a camera that has some (Gain is then an index into it); empty: Gain is a value.
    """

    exposure_min: Seconds
    exposure_max: Seconds
    gain_min: int
    gain_max: int
    gains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Of the running or last exposure."""

    state: CameraState
    percent: int
    image: PixelFile | None
    started_at: str | None
    """ISO 8601 UTC with `Z`; None before the first exposure."""
    duration: Seconds
    error: str
    """Why the last exposure gave no image; empty otherwise."""


PHASES = {
    "idle": CameraState.IDLE,
    "waiting": CameraState.WAITING,
    "exposing": CameraState.EXPOSING,
    "downloading": CameraState.DOWNLOAD,
}
"""The hosts' words."""


@dataclass(frozen=True, slots=True)
class Subframe:
    """In pixels, from the top left."""

    start_x: int
    start_y: int
    num_x: int
    num_y: int


class Image(NamedTuple):
    """What `ImageArray` answers with."""

    file: PixelFile
    """Of the whole sensor."""
    subframe: Subframe | None
    """The part that was in force when the exposure started; None when it was not started here."""


BAYER_OFFSETS = {"RGGB": (0, 0), "GRBG": (1, 0), "GBRG": (0, 1), "BGGR": (1, 1)}
"""Column and row of the first red pixel by the pattern of the top left 2 × 2 pixels, row by row."""


class CameraDevice(Device, ABC):
    """A camera without cooler, shutter control, binning and guiding: what smart telescopes and DSLRs are."""

    fixed: ClassVar[Mapping[str, Any]] = {
        "BinX": 1,
        "BinY": 1,
        "CanAbortExposure": True,
        "CanAsymmetricBin": False,
        "CanFastReadout": False,
        "CanGetCoolerPower": False,
        "CanPulseGuide": False,
        "CanSetCCDTemperature": False,
        "CanStopExposure": False,
        "ExposureResolution": 0.0,
        "HasShutter": False,
        "MaxBinX": 1,
        "MaxBinY": 1,
        "ReadoutMode": 0,
        "ReadoutModes": ["Standard"],
    }
    device_type = "Camera"
    description = "Skycam camera"

    def __init__(self, mirror: MirrorLike, **facts: Any) -> None:
        super().__init__(mirror, **facts)
        self._wanted: dict[str, int] = {}
        """What a client has set of `Subframe`; any whole number can be set, `StartExposure` judges."""
        self._exposed: Subframe | None = None
        self._aborted_at: str | None = None
        """Start of the exposure that a client aborted: that it gave no image is no error."""
        self._gain: int | None = None

    # ---- what a subclass says

    @abstractmethod
    def sensor(self) -> Sensor:
        """Of the connected camera."""

    @abstractmethod
    def limits(self) -> Limits:
        """As they are now."""

    @abstractmethod
    def progress(self) -> Progress:
        """As it is now."""

    @abstractmethod
    def current_gain(self) -> int:
        """The gain, or its index, that the camera itself stands at."""

    @abstractmethod
    async def start(self, duration: Seconds, light: bool, gain: int) -> None:
        """Start an exposure of the whole sensor; returns when the state shows it."""

    @abstractmethod
    async def abort(self) -> None:
        """End the running exposure without an image; nothing happens when there is none."""

    # ---- sensor

    def get_camera_x_size(self) -> int:
        return self.sensor().width

    def get_camera_y_size(self) -> int:
        return self.sensor().height

    def get_sensor_name(self) -> str:
        return self.sensor().name

    def get_sensor_type(self) -> int:
        return self.sensor().type

    def get_max_adu(self) -> int:
        return self.sensor().max_adu

    def get_bayer_offset_x(self) -> int:
        return self._bayer_offset("BayerOffsetX")[0]

    def get_bayer_offset_y(self) -> int:
        return self._bayer_offset("BayerOffsetY")[1]

    def _bayer_offset(self, name: str) -> tuple[int, int]:
        sensor = self.sensor()
        if sensor.type is SensorType.MONOCHROME:
            raise self._not_offered(name)
        return sensor.bayer_offset or (0, 0)

    # ---- what the next exposure will be

    def get_start_x(self) -> int:
        return self._wanted.get("start_x", 0)

    def get_start_y(self) -> int:
        return self._wanted.get("start_y", 0)

    def get_num_x(self) -> int:
        return self._wanted["num_x"] if "num_x" in self._wanted else self.sensor().width

    def get_num_y(self) -> int:
        return self._wanted["num_y"] if "num_y" in self._wanted else self.sensor().height

    async def put_start_x(self, start_x: int) -> None:
        self._wanted["start_x"] = start_x

    async def put_start_y(self, start_y: int) -> None:
        self._wanted["start_y"] = start_y

    async def put_num_x(self, num_x: int) -> None:
        self._wanted["num_x"] = num_x

    async def put_num_y(self, num_y: int) -> None:
        self._wanted["num_y"] = num_y

    async def put_bin_x(self, bin_x: int) -> None:
        demand_range("BinX", bin_x, 1, 1)

    async def put_bin_y(self, bin_y: int) -> None:
        demand_range("BinY", bin_y, 1, 1)

    async def put_readout_mode(self, readout_mode: int) -> None:
        demand_range("ReadoutMode", readout_mode, 0, 0)

    def get_exposure_min(self) -> Seconds:
        return self.limits().exposure_min

    def get_exposure_max(self) -> Seconds:
        return self.limits().exposure_max

    def get_gain(self) -> int:
        return self.current_gain() if self._gain is None else self._gain

    def get_gain_min(self) -> int:
        return self._gain_values("GainMin").gain_min

    def get_gain_max(self) -> int:
        return self._gain_values("GainMax").gain_max

    def _gain_values(self, name: str) -> Limits:
        limits = self.limits()
        if limits.gains:
            raise self._not_offered(name)
        return limits

    def get_gains(self) -> list[str]:
        gains = self.limits().gains
        if not gains:
            raise self._not_offered("Gains")
        return list(gains)

    async def put_gain(self, gain: int) -> None:
        limits = self.limits()
        demand_range("Gain", gain, limits.gain_min, limits.gain_max)
        self._gain = gain

    # ---- exposures

    def get_camera_state(self) -> int:
        return self.progress().state

    def get_percent_completed(self) -> int:
        return self.progress().percent

    def get_image_ready(self) -> bool:
        progress = self.progress()
        if progress.error and progress.started_at != self._aborted_at:
            raise AlpacaError(f"{self.name}: the last exposure gave no image: {progress.error}.")
        return progress.image is not None

    def get_image_array(self) -> Image:
        progress = self.progress()
        if progress.image is None:
            raise InvalidOperationError(
                f"{self.name} has no image: {progress.error or 'none has been taken'}."
            )
        return Image(progress.image, self._exposed)

    get_image_array_variant = get_image_array

    def get_last_exposure_duration(self) -> Seconds:
        self._last_start()
        return self.progress().duration

    def get_last_exposure_start_time(self) -> str:
        # without Z, unlike UTCDate: clients convert a time with Z to their own zone
        return self._last_start().removesuffix("Z")

    def _last_start(self) -> str:
        started_at = self.progress().started_at
        if started_at is None:
            raise InvalidOperationError(f"{self.name} has not taken an exposure yet.")
        return started_at

    async def put_start_exposure(self, duration: Seconds, light: bool) -> None:
        progress, limits = self.progress(), self.limits()
        if progress.state not in (CameraState.IDLE, CameraState.ERROR):
            raise InvalidOperationError(f"{self.name} is still busy with the exposure before.")
        if duration == 0 and not light:
            duration = limits.exposure_min  # a bias frame
        demand_range("Duration", duration, limits.exposure_min, limits.exposure_max)
        subframe = self._checked_subframe()
        await self.start(duration, light, self.get_gain())
        self._exposed = subframe

    def _checked_subframe(self) -> Subframe | None:
        if not self._wanted:
            return None  # the whole sensor, whatever its size
        frame = Subframe(self.get_start_x(), self.get_start_y(), self.get_num_x(), self.get_num_y())
        sensor = self.sensor()
        for axis, start, num, size in (
            ("X", frame.start_x, frame.num_x, sensor.width),
            ("Y", frame.start_y, frame.num_y, sensor.height),
        ):
            if num < 1 or start < 0 or start + num > size:
                refuse_value(f"Start{axis}, Num{axis}", f"{start}, {num}", f"a part of 0 to {size}")
        return frame

    async def put_abort_exposure(self) -> None:
        self._aborted_at = self.progress().started_at
        await self.abort()
