"""What a calibration frame must have in common with the frame that it corrects."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sessions.exchange.contents import CameraPart, FrameEntry
from skycam_project.common.units import Celsius, Seconds

KINDS = {"Dark Frame": "dark", "Flat Frame": "flat", "Bias Frame": "bias"}


@dataclass(frozen=True, slots=True)
class Key:
    """The settings under which a frame was taken.

    Attributes:
        camera: model, and serial number where it is known.
        width: pixels; 0: not known, fits any.
        height: pixels; 0: not known, fits any.
        binning: pixels that were added up along each side.
        gain: in the driver's units; None: not known.
        exposure_s: seconds; None: not known.
        temperature_c: of the sensor; None: not known.
        filter: name; empty: none.
    """

    camera: str
    width: int = 0
    height: int = 0
    binning: int = 1
    gain: float | None = None
    exposure_s: Seconds | None = None
    temperature_c: Celsius | None = None
    filter: str = ""

    def says(self) -> str:
        """For people: `30 s, gain 60, −5 °C`."""
        words = []
        if self.exposure_s is not None:
            words.append(f"{self.exposure_s:g} s")
        if self.gain is not None:
            words.append(f"gain {self.gain:g}")
        if self.temperature_c is not None:
            words.append(f"{self.temperature_c:.0f} °C".replace("-", "−"))
        if self.binning > 1:
            words.append(f"binning {self.binning}")
        return ", ".join(words) or "unknown settings"

    def same_sensor(self, other: "Key") -> bool:
        """Whether both are of one camera at one size, binning and gain."""
        sizes = zip((self.width, self.height), (other.width, other.height), strict=True)
        return (
            self.camera == other.camera
            and self.binning == other.binning
            and all(one == two or not one or not two for one, two in sizes)
        )

    def same_gain(self, other: "Key") -> bool:
        """Whether both have the same gain."""
        if self.gain is None or other.gain is None:
            return self.gain is other.gain
        return math.isclose(self.gain, other.gain, rel_tol=1e-3, abs_tol=1e-3)

    def same_exposure(self, other: "Key") -> bool:
        """Whether both have the same exposure to 1 % (shutters count in steps)."""
        if self.exposure_s is None or other.exposure_s is None:
            return False
        return math.isclose(self.exposure_s, other.exposure_s, rel_tol=0.01, abs_tol=1e-5)

    def as_dict(self) -> dict[str, Any]:
        """JSON."""
        return asdict(self)


def camera_name(info: Mapping[str, Any], fallback: str) -> str:
    """A camera by its model and serial number; two of one model have other hot pixels."""
    model, serial = str(info.get("model") or fallback), str(info.get("serial") or "")
    return f"{model} {serial}".strip()


def key_of(camera: CameraPart, frame: FrameEntry, shape: tuple[int, ...] = ()) -> Key:
    """The key of a finished session's frame.

    Args:
        camera: its camera.
        frame: the frame.
        shape: of its pixels, when they are decoded; else what the frame or its header says.
    """
    known = shape or (() if frame.original else frame.shape)
    return key_of_row(frame.camera, camera.info, camera.settings, frame.row, known)


def key_of_row(
    camera: str,
    info: Mapping[str, Any],
    settings: Mapping[str, Any],
    row: Mapping[str, Any],
    shape: tuple[int, ...] = (),
) -> Key:
    """The key of any frame, by what its session (finished or running) says of it.

    Args:
        camera: its camera's name in the session; stands in for a model that is not known.
        info: of the camera: `model`, `serial`.
        settings: of the camera: `binning`.
        row: of the frame table, or of the journal: `exposure_us`, `gain`, `sensor_temp_c`, `filter`, `details`.
        shape: of its pixels; else its header's size, else 0 by 0, which fits any.
    """
    details = row.get("details") or {}
    cards = details.get("cards") or {}
    size = shape[:2] or (cards.get("NAXIS2"), cards.get("NAXIS1"))
    binning = details.get("binning", settings.get("binning", cards.get("XBINNING", 1)))
    exposure = row.get("exposure_us")
    return Key(
        camera=camera_name(info, camera),
        width=int(size[1] or 0),
        height=int(size[0] or 0),
        binning=_binning(binning),
        gain=row.get("gain"),
        exposure_s=None if exposure is None else exposure / 1e6,
        temperature_c=row.get("sensor_temp_c"),
        filter=str(row.get("filter") or ""),
    )


def _binning(value: Any) -> int:
    text = str(value[0] if isinstance(value, list | tuple) and value else value)
    digits = text.split("x")[0].split("*")[0].split(".")[0]
    return int(digits) if digits.isdigit() and int(digits) > 0 else 1
