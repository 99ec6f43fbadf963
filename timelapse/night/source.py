"""From a folder or a session to frames of a night: raw counts where the file has them, else its picture."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sky.coordinates import Site
from sky.detection import Kind
from skycam_project.common.units import Degrees
from timelapse.night.frames import Camera, NightFrame
from timelapse.pipeline.decode import DECODERS
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.frames import FrameInfo, FrameSource, suffix
from timelapse.pipeline.planes import to_rgb

_FITS = ("fits", "fit", "fts")
_RAW = ("cr2", "cr3", "nef", "arw", "raf", "rw2", "orf", "dng")
_MOSAIC_STEP = 0.012
_UNDATED_STEP_S = 30.0
_UNDATED = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Counts:
    """Pixels as a sensor gave them, or a picture.

    Attributes:
        image, kind, top, offset, linear: as `NightFrame` has them.
        exposure_s: said by the file; None: it does not.
        hint: where it looks, ICRS degrees.
    """

    image: NDArray[Any]
    kind: Kind
    top: float
    offset: float = 0.0
    linear: bool = True
    exposure_s: float | None = None
    hint: tuple[Degrees, Degrees] | None = None


class NightSource:
    """Frames of a `FrameSource` for night products.

    Args:
        source: where they come from.
        camera: what is known of the camera.
        kind: mosaic, mono, or None: found out from the first array.
        offset: value of a dark pixel of arrays; None: what the file says, else 0.
    """

    def __init__(
        self, source: FrameSource, camera: Camera, kind: Kind | None = None, offset: float | None = None
    ) -> None:
        self.source, self.camera, self._reader = source, camera, Reader(kind, offset)
        self.left_out: dict[str, str] = {problem.name: problem.reason for problem in source.problems}

    def __len__(self) -> int:
        return len(self.source)

    def frames(self, wanted: Callable[[str], bool] = lambda digest: True) -> Iterator[NightFrame]:
        """The frames whose digest is wanted, in the order of time; damaged ones are noted in `left_out`."""
        for info in self.source.frames:
            if not wanted(info.digest):
                continue
            try:
                yield self.read(info)
            except FrameError as error:
                self.left_out[info.name] = str(error)

    def read(self, info: FrameInfo) -> NightFrame:
        """One frame. Raises `FrameError`."""
        array = self.source.read_counts(info.index)
        if array is not None:
            counts = self._reader.array(array)
        elif suffix(info.name) in (*_FITS, *_RAW):
            counts = self._reader.file(info.name, self.source.read_original(info.index)[1])
        else:
            counts = _picture(self.source.read_rgb(info.index))
        start = info.time or _UNDATED + timedelta(seconds=info.index * _UNDATED_STEP_S)
        return self._reader.frame(counts, info.digest, info.name, start, info.exposure_s)


class Reader:
    """From bytes and arrays to frames; remembers what the arrays of this camera are.

    Args:
        kind: as `NightSource`.
        offset: as `NightSource`.
    """

    def __init__(self, kind: Kind | None = None, offset: float | None = None) -> None:
        self._kind: Kind | None = kind
        self._offset = offset
        self._top: float | None = None

    def frame(
        self, counts: Counts, digest: str, name: str, start: datetime, exposure_s: float | None
    ) -> NightFrame:
        """A frame of pixels that were read."""
        return NightFrame(
            digest=digest, start=start, exposure_s=exposure_s or counts.exposure_s or 1.0, image=counts.image,
            kind=counts.kind, top=counts.top, offset=counts.offset if self._offset is None else self._offset,
            linear=counts.linear, name=name, hint=counts.hint,
        )  # fmt: skip

    def file(self, name: str, data: bytes) -> Counts:
        """Pixels of a file by its name's ending. Raises `FrameError`."""
        ending = suffix(name)
        if ending in _FITS:
            return self._fits(data)
        if ending in _RAW:
            return _raw(data)
        if ending not in DECODERS:
            raise FrameError(f"no decoder for .{ending} files")
        return _picture(to_rgb(DECODERS[ending](data)))

    def array(self, pixels: NDArray[Any]) -> Counts:
        """Counts of an array as a session keeps it. Raises `FrameError`."""
        return self._array(pixels)

    def _array(self, array: NDArray[Any], pattern: str | None = None) -> Counts:
        if array.dtype.kind == "f":
            top = max(float(np.nanmax(array)), 1e-9)
            array = (np.nan_to_num(np.clip(array / (1.0 if top <= 1 else top), 0, 1)) * 65535).astype(
                np.uint16
            )
        elif array.dtype not in (np.uint8, np.uint16):
            array = np.clip(array, 0, 65535).astype(np.uint16)
        array = np.ascontiguousarray(array)
        if array.ndim == 3:
            return Counts(array, "rgb", self._top_of(array), linear=array.dtype == np.uint16)
        kind: Kind | None = self._kind
        if kind is None and pattern:
            kind = "mosaic"
        if kind is None:
            kind = "mosaic" if array.dtype == np.uint16 and looks_like_mosaic(array) else "mono"
        if pattern and pattern != "RGGB":
            array = _as_rggb(array, pattern)
        self._kind = kind
        return Counts(array, kind, self._top_of(array))

    def _top_of(self, array: NDArray[Any]) -> float:
        """Of 8, 12, 14 or 16 bit; the widest seen so far, since a dark frame need not reach its top."""
        most = float(array.max())
        tops = (255.0,) if array.dtype == np.uint8 else (4095.0, 16383.0, 65535.0)
        found = next(top for top in tops if most <= top)
        self._top = max(self._top or 0.0, found)
        return self._top

    def _fits(self, data: bytes) -> Counts:
        from astropy.io import fits

        try:
            with fits.open(BytesIO(data), memmap=False) as file:
                hdu: Any = file[0]
                pixels, header = np.asarray(hdu.data), hdu.header
        except (OSError, ValueError, TypeError, IndexError) as error:
            raise FrameError(f"not a FITS picture ({error})") from error
        if pixels.ndim == 3 and pixels.shape[0] == 3:
            pixels = np.moveaxis(pixels, 0, 2)
        if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
            raise FrameError(f"a FITS array of shape {pixels.shape} is no picture")
        pattern = str(header.get("BAYERPAT", "")).strip().upper() or None
        counts = self._array(pixels, pattern if pixels.ndim == 2 else None)
        exposure = header.get("EXPTIME") or header.get("EXPOSURE")
        place = header.get("RA"), header.get("DEC")
        hint = (float(place[0]), float(place[1])) if all(isinstance(p, int | float) for p in place) else None
        return Counts(
            counts.image, counts.kind, counts.top, exposure_s=float(exposure) if exposure else None, hint=hint
        )


def _picture(image: NDArray[Any]) -> Counts:
    return Counts(image, "rgb", float(np.iinfo(image.dtype).max), linear=False)


def _raw(data: bytes) -> Counts:
    """The mosaic of a camera's raw file."""
    import rawpy

    try:
        with rawpy.imread(BytesIO(data)) as file:
            pattern = "".join("RGBG"[int(n)] for n in np.asarray(file.raw_pattern).ravel())
            mosaic = np.array(file.raw_image_visible, np.uint16)
            black = float(np.mean(file.black_level_per_channel))
            return Counts(_as_rggb(mosaic, pattern), "mosaic", float(file.white_level), offset=black)
    except rawpy.LibRawError as error:
        raise FrameError(f"the raw file cannot be read ({error})") from error


def _as_rggb(mosaic: NDArray[Any], pattern: str) -> NDArray[Any]:
    """Cut a row and a column off so that red comes first. Raises `FrameError` for other patterns."""
    cuts = {"RGGB": (0, 0), "GRBG": (0, 1), "GBRG": (1, 0), "BGGR": (1, 1)}
    if pattern not in cuts:
        raise FrameError(f"the colour pattern {pattern} is not known")
    y, x = cuts[pattern]
    part = mosaic[y:, x:]
    return np.ascontiguousarray(part[: part.shape[0] // 2 * 2, : part.shape[1] // 2 * 2])


def looks_like_mosaic(image: NDArray[Any]) -> bool:
    """Whether the four pixels of 2 × 2 have different levels, the two greens the same."""
    means = [float(image[y::2, x::2][::4, ::4].mean()) for y in (0, 1) for x in (0, 1)]
    middle = max(float(np.mean(means)), 1e-9)
    greens = abs(means[1] - means[2]) / middle
    others = max(abs(means[0] - means[1]), abs(means[3] - means[1])) / middle
    return others > max(_MOSAIC_STEP, 3 * greens)


def site_of(location: Mapping[str, Any] | None) -> Site | None:
    """A session's `location`."""
    if not location or location.get("lat") is None or location.get("lon") is None:
        return None
    return Site(float(location["lat"]), float(location["lon"]), float(location.get("alt") or 0.0))


def session_meta(path: Path) -> Mapping[str, Any]:
    """Identity of a session (a finished file or a running folder); empty for a folder of pictures."""
    from sessions.store import layout, tree

    if path.is_dir():
        return layout.read_head(path) or {}
    try:
        return tree.read_header(path)[0].get("meta", {})
    except (OSError, ValueError, KeyError, AttributeError):
        return {}
