"""From what a session or a file holds to a `NightFrame`: raw counts where there are any, calibrated; else the picture."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sessions.calibration.library import Correction
from sessions.calibration.lookup import Corrections
from sessions.exchange.decoding import UndecodableError
from sessions.store.errors import DamagedFileError
from sky.detection import Kind
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.units import Arcseconds, Degrees
from timelapse.night.frames import NightFrame
from timelapse.night.optics import scale_of_cards, scale_of_exif
from timelapse.pipeline.decode import DECODERS, FITS, RAW
from timelapse.pipeline.decoders import Decoders
from timelapse.pipeline.develop import Counts, File
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.frames import Said, suffix
from timelapse.pipeline.planes import to_rgb

_MOSAIC_STEP = 0.012
_PEDESTAL = 128.0
"""Value of a dark pixel of a calibrated frame: its noise must not end at 0."""
_CUTS = {"RGGB": (0, 0), "GRBG": (0, 1), "GBRG": (1, 0), "BGGR": (1, 1)}
"""Rows and columns before the first red pixel."""


class Reader:
    """Makes frames of one camera; remembers what its arrays are, and what its calibration lacks.

    RAW and FITS files are decoded in a child process with limits (security: hostile files).

    Args:
        kind: mosaic, mono, or None: found out from the first array.
        offset: value of a dark pixel of raw frames; None: what the file says, else 0.
        corrections: finds the masters of each frame; None: frames stay as they are.

    Attributes:
        corrections: knows which masters were used and which were missing.
    """

    def __init__(
        self, kind: Kind | None = None, offset: float | None = None, corrections: Corrections | None = None
    ) -> None:
        self._kind: Kind | None = kind
        self._offset = offset
        self._top = 0.0
        self._scale: tuple[Arcseconds] | None = None  # of the first file; 0: it does not say
        self._decoders = Decoders()
        self.corrections = corrections

    def found(self) -> dict[str, Any]:
        """For the product's record: the masters that changed pixels, and what was missing for how many frames."""
        return {"masters": self.corrections.used, "gaps": self.corrections.gaps} if self.corrections else {}

    def files(self) -> list[Path]:
        """Of the masters that changed pixels."""
        return self.corrections.files() if self.corrections else []

    def close(self) -> None:
        """End the child; it starts again when it is needed."""
        self._decoders.close()

    def frame(
        self,
        content: File | Counts,
        said: Said | None,
        digest: str,
        name: str,
        start: datetime,
        exposure_s: float | None,
    ) -> NightFrame:
        """A frame.

        Args:
            content: its bytes or counts.
            said: what its session says of it.
            digest: names its pixels.
            name: for people.
            start: when the shutter opened, aware.
            exposure_s: None: what the file says, else 1.

        Raises:
            FrameError: it cannot be read, or is no picture.
        """
        if isinstance(content, File) and suffix(content.name) in DECODERS:
            return _picture(
                to_rgb(DECODERS[suffix(content.name)](content.data)), digest, name, start, exposure_s
            )
        if isinstance(content, File):
            pixels, pattern, levels, cards = self._decoded(content)
        else:
            pixels, pattern, levels, cards = content.pixels, content.pattern, [], {}
        pixels = _whole(pixels)
        kind = self._kind_of(pixels, pattern)
        top = levels[1] if levels else self._top_of(pixels)
        offset = self._offset if self._offset is not None else levels[0] if levels else 0.0
        known = self._offset is not None or bool(levels)
        if pixels.dtype == np.uint16 and self.corrections and said:
            found = self._correction(said, pixels.shape, kind == "mosaic")
            if found is not None:
                pixels, top = _corrected(found, pixels, offset, top)
                offset, known = _PEDESTAL, known or found.offset is not None
        if kind == "mosaic":
            pixels = _as_rggb(pixels, pattern or "RGGB")
        exposure_s = exposure_s or _number(cards.get("EXPTIME", cards.get("EXPOSURE"))) or 1.0
        return NightFrame(
            digest=digest, start=start, exposure_s=exposure_s, image=pixels, kind=kind, top=top, offset=offset,
            dark_known=known,
            linear=pixels.dtype == np.uint16 or pixels.ndim == 2, name=name, hint=_hint(said, cards),
            scale_arcsec=self._scale[0] or None if self._scale else None,
        )  # fmt: skip

    def _decoded(self, file: File) -> tuple[NDArray[Any], str, list[float], dict[str, Any]]:
        if suffix(file.name) not in (*RAW, *FITS):
            raise FrameError(f"no decoder for .{suffix(file.name)} files")
        try:
            with self._decoders.one() as decoder:
                found = decoder.decode(file.data, file.name)
        except UndecodableError as error:
            raise FrameError(str(error)) from error
        pattern = found.pattern or str(found.cards.get("BAYERPAT", "")).strip().upper()
        if self._scale is None:
            self._scale = (scale_of_cards(found.cards) or self._by_exif(file, found.pixels.shape) or 0.0,)
        return found.pixels, pattern if found.pixels.ndim == 2 else "", found.levels, found.cards

    def _by_exif(self, file: File, shape: tuple[int, ...]) -> Arcseconds | None:
        """Of a raw file."""
        if suffix(file.name) not in RAW:
            return None
        try:
            with self._decoders.one() as decoder:
                return scale_of_exif(decoder.facts(file.data, file.name).get("exif", {}), shape)
        except UndecodableError:
            return None

    def _kind_of(self, pixels: NDArray[Any], pattern: str) -> Kind:
        if pixels.ndim == 3:
            return "rgb"
        if self._kind is None:
            colours = pixels.dtype == np.uint16 and (bool(pattern) or looks_like_mosaic(pixels))
            self._kind = "mosaic" if colours else "mono"
        return self._kind

    def _top_of(self, array: NDArray[Any]) -> float:
        """Of 8, 12, 14 or 16 bit; the widest seen so far, since a dark frame need not reach its top."""
        most = float(array.max())
        tops = (255.0,) if array.dtype == np.uint8 else (4095.0, 16383.0, 65535.0)
        self._top = max(self._top, next(top for top in tops if most <= top))
        return self._top

    def _correction(self, said: Said, shape: tuple[int, ...], mosaic: bool) -> Correction | None:
        """What corrects a frame; None: nothing does. A master that does not fit is a gap."""
        assert self.corrections is not None  # noqa: S101 - for the type checker
        try:
            found = self.corrections.of_frame(said.camera, said.info, said.settings, said.row, shape, mosaic)
        except (DamagedFileError, OSError) as error:
            self.corrections.gaps[str(error)] = self.corrections.gaps.get(str(error), 0) + 1
            return None
        return found if found.used else None


def _corrected(
    found: Correction, pixels: NDArray[np.uint16], offset: float, top: float
) -> tuple[NDArray[np.uint16], float]:
    """Dark, flat and bad pixels applied; what saturated stays so. Pixels and top afterwards. Raises `FrameError`."""
    try:
        # A flat alone divides what is above the sensor's own level.
        own = np.float32(offset if found.offset is None else 0)
        light = found.apply(pixels.astype(np.float32) - own).pixels
    except InvalidValueError as error:
        raise FrameError(str(error)) from error
    most = min(top + _PEDESTAL, 65535.0)
    fitted = np.clip(light + np.float32(_PEDESTAL + 0.5), 0, most).astype(np.uint16)
    full = pixels >= top
    if found.hot is not None:
        full &= ~found.hot if pixels.ndim == 2 else ~found.hot[..., None]
    fitted[full] = most
    return fitted, most


def _picture(
    image: NDArray[Any], digest: str, name: str, start: datetime, exposure_s: float | None
) -> NightFrame:
    top = float(np.iinfo(image.dtype).max)
    return NightFrame(digest, start, exposure_s or 1.0, image, "rgb", top, linear=False, name=name)


def _whole(array: NDArray[Any]) -> NDArray[Any]:
    """Counts as uint8 or uint16; fractions of 0 to 1 over the whole range."""
    if array.dtype.kind == "f":
        top = max(float(np.nanmax(array)), 1e-9)
        array = np.nan_to_num(np.clip(array * (65535.0 if top <= 1 else 1.0), 0, 65535)).astype(np.uint16)
    elif array.dtype not in (np.uint8, np.uint16):
        array = np.clip(array, 0, 65535).astype(np.uint16)
    return np.ascontiguousarray(array)


def _as_rggb(mosaic: NDArray[Any], pattern: str) -> NDArray[Any]:
    """Cut a row and a column off so that red comes first. Raises `FrameError` for other patterns."""
    if pattern not in _CUTS:
        raise FrameError(f"the colour pattern {pattern} is not known")
    y, x = _CUTS[pattern]
    part = mosaic[y:, x:]
    return np.ascontiguousarray(part[: part.shape[0] // 2 * 2, : part.shape[1] // 2 * 2])


def looks_like_mosaic(image: NDArray[Any]) -> bool:
    """Whether the four pixels of 2 × 2 have different levels, the two greens the same."""
    means = [float(image[y::2, x::2][::4, ::4].mean()) for y in (0, 1) for x in (0, 1)]
    middle = max(float(np.mean(means)), 1e-9)
    greens = abs(means[1] - means[2]) / middle
    others = max(abs(means[0] - means[1]), abs(means[3] - means[1])) / middle
    return others > max(_MOSAIC_STEP, 3 * greens)


def _hint(said: Said | None, cards: dict[str, Any]) -> tuple[Degrees, Degrees] | None:
    """Where the frame looks: by its session, else by its own header."""
    for where, names in ((said.row if said else {}, ("ra_deg", "dec_deg")), (cards, ("RA", "DEC"))):
        place = [where.get(name) for name in names]
        if all(isinstance(angle, int | float) for angle in place):
            return float(place[0] or 0.0), float(place[1] or 0.0)
    return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None
