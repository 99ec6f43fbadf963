"""What a camera driver is: capabilities as data, settings in, frames out."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from skycam_project.common.units import Celsius, Seconds

# ---- what a camera can do, discovered when it is opened


class Choice(StrEnum):
    """How a quantity may be chosen."""

    ENUM = "enum"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class ExposureCapability:
    """Exposure times.

    Attributes:
        values: seconds, ascending, when `kind` is ENUM.
        minimum: shortest time, seconds.
        maximum: longest time without bulb, seconds.
        step: seconds, when `kind` is RANGE.
        bulb: the shutter can be held open for any time.
        bulb_max: longest bulb exposure offered, seconds.
    """

    kind: Choice
    minimum: Seconds
    maximum: Seconds
    values: tuple[Seconds, ...] = ()
    step: Seconds | None = None
    bulb: bool = False
    bulb_max: Seconds | None = None


@dataclass(frozen=True, slots=True)
class GainCapability:
    """Sensitivity.

    Attributes:
        unit: "ISO", "dB" or "x".
        values: ascending, when `kind` is ENUM.
        base: the value of the best dynamic range.
    """

    kind: Choice
    unit: str
    minimum: float
    maximum: float
    base: float
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ApertureCapability:
    """F-numbers of the mounted lens, ascending."""

    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FormatCapability:
    """A file format: the camera's name for it, whether it is raw, bits per sample, Bayer pattern."""

    name: str
    raw: bool
    bit_depth: int | None = None
    bayer: str | None = None


@dataclass(frozen=True, slots=True)
class RoiCapability:
    """The region of interest may be chosen within `width` x `height` pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PreviewCapability:
    """Live view: frames per second to expect, size in pixels or `None` when not known before the first."""

    fps: float
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class FocusCapability:
    """The focus motor: by steps, to a position, or both."""

    relative: bool
    absolute: bool


@dataclass(frozen=True, slots=True)
class Capabilities:
    """All a driver knows of its camera; `None` or empty where there is nothing to choose.

    Attributes:
        bracket: exposure can be set per frame, so brackets are a schedule.
        events: "push" when the camera reports new files by itself, "poll" when it must be asked, else
            `None`.
    """

    exposure: ExposureCapability | None = None
    gain: GainCapability | None = None
    aperture: ApertureCapability | None = None
    formats: tuple[FormatCapability, ...] = ()
    roi: RoiCapability | None = None
    preview: PreviewCapability | None = None
    focus: FocusCapability | None = None
    bracket: bool = False
    events: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


# ---- settings and frames


@dataclass(frozen=True, slots=True)
class Settings:
    """What is asked for; `None` leaves the camera as it is.

    Attributes:
        exposure_s: seconds, > 0.
        gain: in the unit of the camera's gain capability, > 0.
        aperture_f: f-number, > 0.
        format: name of one of the camera's formats.
    """

    exposure_s: Seconds | None = None
    gain: float | None = None
    aperture_f: float | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What the camera reports after it was set; `None` where it reports nothing."""

    exposure_s: Seconds | None = None
    gain: float | None = None
    gain_unit: str | None = None
    aperture_f: float | None = None
    format: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CameraFile:
    """A file in the camera: folder, name, size in bytes, time of the camera's clock (s since 1970)."""

    folder: str
    name: str
    size: int
    modified: int = 0

    @property
    def path(self) -> str:
        """Folder and name in one."""
        return f"{self.folder.rstrip('/')}/{self.name}"


@dataclass(frozen=True, slots=True)
class Original:
    """A complete file in the spool folder, on disk, byte for byte what the camera made."""

    path: Path
    media_type: str
    source: CameraFile | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One exposure, in a file, not yet acknowledged.

    Attributes:
        original: the main file (the raw one where a camera writes two).
        companions: further files of the same exposure.
        applied: the settings it was really taken with, as far as known.
        start: first light, UTC; of a recovered frame the time of its file.
        end: last light, UTC.
        start_monotonic: the same on the driver's monotonic clock, seconds; `None` for a recovered frame.
        end_monotonic: seconds, likewise.
        download_s: seconds from the end of the capture to the file on disk.
        temperature_c: of the sensor.
        warnings: sentences worth showing.
        metadata: what else the device said: model, serial number, its file name, its own texts of the
            settings.
        recovered: found on the camera after an interruption.
        kind: light, dark, bias or flat: what it was taken for.
        token: the driver's own mark; leave it alone.
    """

    original: Original
    applied: Applied
    start: datetime
    end: datetime
    start_monotonic: Seconds | None = None
    end_monotonic: Seconds | None = None
    download_s: Seconds | None = None
    companions: tuple[Original, ...] = ()
    temperature_c: Celsius | None = None
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    recovered: bool = False
    kind: str = "light"
    token: int | None = None

    @property
    def path(self) -> Path:
        """The main file."""
        return self.original.path

    @property
    def media_type(self) -> str:
        """IANA type of the main file."""
        return self.original.media_type

    @property
    def middle(self) -> datetime:
        """Mid-exposure, UTC."""
        return self.start + (self.end - self.start) / 2

    @property
    def originals(self) -> tuple[Original, ...]:
        """All files, the main one first."""
        return (self.original, *self.companions)


# ---- state


class DriverState(StrEnum):
    """Where a driver stands.

    `absent → connecting → idle → exposing → downloading → idle`; `busy` while the camera asks to wait,
    `fault` when it failed, `recovering` from there until it is open again.
    """

    ABSENT = "absent"
    CONNECTING = "connecting"
    IDLE = "idle"
    EXPOSING = "exposing"
    DOWNLOADING = "downloading"
    BUSY = "busy"
    FAULT = "fault"
    RECOVERING = "recovering"


@dataclass(frozen=True, slots=True)
class Standing:
    """The driver's state, since when (UTC), and why or what to do, if there is something to say."""

    state: DriverState
    since: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What changes by itself in a camera; `None` where it does not say."""

    temperature_c: Celsius | None = None
    battery_percent: int | None = None
    card_free_images: int | None = None


@dataclass(slots=True)
class Counters:
    """Counts since the driver was made."""

    watchdog_kills: int = 0
    restarts: int = 0


class CameraDriver(Protocol):
    """One camera, for one task at a time; `abort` and the attributes may be used beside a running call.

    Every coroutine raises `CameraError`; where `error.reopen` is set the driver has closed itself and
    `recover` opens it again.
    """

    standing: Standing
    exposing_s: Seconds | None
    """Length of the exposure that is running."""
    counters: Counters
    on_change: Callable[[], None]
    """Called after `standing` changed; replace it."""
    on_event: Callable[[str, Mapping[str, Any]], None]
    """Called with the name and details of what a person may want to know; replace it."""

    @property
    def connected(self) -> bool:
        """Whether the camera is open."""
        ...

    @property
    def model(self) -> str | None:
        """What the open camera calls itself."""
        ...

    @property
    def address(self) -> str:
        """Where the open camera is; before that, where it is looked for."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Of the open camera; empty before."""
        ...

    @property
    def status(self) -> Status:
        """The newest `refresh`."""
        ...

    async def open(self) -> Capabilities:
        """Connect; nothing happens when it is open."""
        ...

    async def recover(self) -> Capabilities:
        """Connect again after a failure, not sooner than the back-off allows."""
        ...

    async def close(self) -> None:
        """Disconnect, at once, whatever runs. Never raises."""
        ...

    async def apply(self, settings: Settings) -> Applied:
        """Set the camera and read back what it made of it."""
        ...

    async def expose(self, settings: Settings) -> Frame:
        """Take one picture. The camera keeps its copy until `acknowledge`."""
        ...

    async def acknowledge(self, frame: Frame) -> None:
        """The frame is safe elsewhere: remove it from spool and camera."""
        ...

    async def recovered(self) -> list[Frame]:
        """All frames not acknowledged, those an interruption left included, oldest first."""
        ...

    async def abort(self) -> None:
        """Give up the running exposure: `expose` raises `ExposureAbortedError` at once."""
        ...

    async def preview(self) -> bytes:
        """One live view picture, JPEG. Raises `CameraRefusedError` where there is none."""
        ...

    async def refresh(self) -> Status:
        """Ask the camera for its `status`."""
        ...


def exposure_end(start: datetime, exposure: Seconds | None, limit: datetime) -> datetime:
    """When the last light fell: `start` + `exposure`; `limit` where the exposure is unknown."""
    return limit if exposure is None else start + timedelta(seconds=exposure)
