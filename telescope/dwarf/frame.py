"""One exposure of a telescope, in the file that the telescope made."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np

from skycam_project.common.units import Celsius, Seconds
from telescope.dwarf.fits import read_header, read_pixels
from telescope.errors import DeviceDataError

MEDIA_TYPE = "image/fits"


class WrongExposureError(DeviceDataError):
    """A frame was taken with other settings than asked for."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is asked of the camera.

    Attributes:
        duration_s: seconds, of the telescope's table.
        gain: gain setting, 0 … 240.
        light: False for a dark or bias; the telescope has no shutter, so this only labels the frame.
        flat: of the flat panel or the twilight; a label too.
    """

    duration_s: Seconds
    gain: int
    light: bool = True
    flat: bool = False

    @property
    def kind(self) -> Literal["light", "dark", "flat"]:
        """What it is taken for."""
        return "flat" if self.flat else "light" if self.light else "dark"


@dataclass(frozen=True, slots=True)
class Frame:
    """A complete file in the spool folder, byte for byte what the telescope made, not yet acknowledged.

    Attributes:
        path: the FITS file.
        exposure: what was asked for.
        start, end: first and last light, aware, UTC.
        temperature_c: of the sensor.
        cards: the telescope's FITS cards.
        rejected: the telescope left this frame out of its own stack.
        warnings: sentences worth showing.
        recovered: an earlier process fetched it and ended before it was acknowledged.
    """

    path: Path
    exposure: Exposure
    start: datetime
    end: datetime
    temperature_c: Celsius | None = None
    cards: Mapping[str, Any] = field(default_factory=dict)
    rejected: bool = False
    warnings: tuple[str, ...] = ()
    recovered: bool = False

    @property
    def middle(self) -> datetime:
        """Mid-exposure, UTC."""
        return self.start + (self.end - self.start) / 2

    @property
    def media_type(self) -> str:
        """IANA type of the file."""
        return MEDIA_TYPE


def frame_from(
    path: Path, exposure: Exposure, end: datetime, *, rejected: bool, warnings: tuple[str, ...] = ()
) -> Frame:
    """Read what a file says of itself.

    Args:
        path: the FITS file.
        exposure: what was asked for.
        end: last light, UTC.
        rejected: the telescope left it out of its stack.
        warnings: to be shown with it.

    Raises:
        WrongExposureError: it was taken with another exposure or gain than asked for.
        DeviceDataError: it is not a frame.
    """
    header = read_header(path)
    if len(header.shape) != 2:
        raise DeviceDataError(f"{path.name} has {len(header.shape)} axes; a raw frame has two")
    cards = header.cards
    duration = _number(cards.get("EXPTIME"), exposure.duration_s)
    if abs(duration - exposure.duration_s) > 0.05 * exposure.duration_s:
        raise WrongExposureError(
            f"{path.name} was exposed {duration:g} s instead of {exposure.duration_s:g} s"
        )
    if (gain := int(_number(cards.get("GAIN"), exposure.gain))) != exposure.gain:
        raise WrongExposureError(f"{path.name} was taken at gain {gain} instead of {exposure.gain}")
    temperature = cards.get("DET-TEMP")
    return Frame(
        path,
        exposure,
        start=end - timedelta(seconds=duration),
        end=end,
        temperature_c=None if temperature is None else _number(temperature, 0.0),
        cards=dict(cards),
        rejected=rejected,
        warnings=warnings,
    )


def recovered_frame(path: Path) -> Frame:
    """Read a frame that an earlier process left; its stamp is taken for UTC.

    Raises:
        DeviceDataError: it is not a complete frame.
    """
    cards = read_header(path).cards
    exposure = Exposure(_number(cards.get("EXPTIME"), 0.0), int(_number(cards.get("GAIN"), 0)))
    try:
        end = datetime.fromisoformat(str(cards.get("DATE-OBS"))).replace(tzinfo=UTC)
    except ValueError as error:
        raise DeviceDataError(f"{path.name} does not say when it was taken") from error
    frame = frame_from(path, exposure, end, rejected=path.name.startswith("failed_"))
    return replace(frame, recovered=True)


def mosaic(frame: Frame, width: int, height: int) -> tuple[np.ndarray[Any, np.dtype[Any]], bool]:
    """Pixels of a frame in the size that the camera promises.

    Args:
        frame: a raw frame, its pattern RGGB.
        width: pixels; a larger frame is cropped about its centre.
        height: likewise; offsets are even, so that the pattern stays.

    Returns:
        uint16, shape (height, width), and whether it was cropped.

    Raises:
        DeviceDataError: unreadable, or smaller than promised.
    """
    pixels = read_pixels(frame.path)
    rows, columns = pixels.shape
    if rows < height or columns < width:
        raise DeviceDataError(
            f"{frame.path.name} has {columns}×{rows} pixels, the camera has {width}×{height}"
        )
    top, left = (rows - height) // 4 * 2, (columns - width) // 4 * 2
    cropped = pixels[top : top + height, left : left + width]
    return np.ascontiguousarray(cropped, dtype=np.uint16), (rows, columns) != (height, width)


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
