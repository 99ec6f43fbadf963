"""A session's frames as FITS files: one a frame, one frame in memory, every keyword of sessions.md §10."""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sessions.exchange.contents import CameraPart, Contents, FrameEntry
from sessions.exchange.decoding import Decoder
from sessions.exchange.keywords import OPEN, Card, Disclosure, image_cards
from sessions.exchange.readings import Readings
from sessions.store.disk import write_all, write_file
from skycam_project.common.errors import SkycamError

FOLDERS = {
    "Light Frame": "lights",
    "Dark Frame": "darks",
    "Flat Frame": "flats",
    "Bias Frame": "biases",
}
"""Folders that Siril's scripts expect, by kind of frame."""
REJECTED = "rejected"
"""Folder of frames that the device itself left out."""


@dataclass(frozen=True, slots=True)
class Options:
    """How frames are written.

    Attributes:
        compress: Rice-compressed `.fits.fz` (lossless; floats by GZIP).
        disclosure: how much of the place the headers tell.
    """

    compress: bool = False
    disclosure: Disclosure = OPEN


def encode(pixels: np.ndarray, cards: Iterable[Card], compress: bool = False) -> bytes:
    """A FITS file in memory, with checksums.

    Args:
        pixels: `[h, w]`, or `[h, w, 3]`, which becomes three planes; rows are written as they are in memory.
        cards: as of `image_cards`.
        compress: Rice (integers) or GZIP (floats), lossless.
    """
    from astropy.io import fits

    planes = np.moveaxis(pixels, 2, 0) if pixels.ndim == 3 else pixels
    data = np.ascontiguousarray(planes, planes.dtype.newbyteorder("="))
    if compress:
        kind = "RICE_1" if data.dtype.kind in "iu" else "GZIP_2"
        unit: Any = fits.CompImageHDU(data, compression_type=kind, quantize_level=0.0)
    else:
        unit = fits.PrimaryHDU(data)
    for name, value, comment in cards:
        # An old name of more than 47 characters leaves no room for a comment: the value goes first.
        short = comment if not isinstance(value, str) or len(value) + len(comment) < 60 else ""
        unit.header[name] = (value, short)
    buffer = io.BytesIO()
    whole = fits.HDUList([fits.PrimaryHDU(), unit] if compress else [unit])
    whole.writeto(buffer, checksum=True, output_verify="silentfix")
    return buffer.getvalue()


class FitsExport:
    """Turns frames of an open session into FITS files; use it as a context manager.

    Args:
        contents: the session.
        options: how.
    """

    def __init__(self, contents: Contents, options: Options | None = None) -> None:
        self._contents = contents
        self._options = options or Options()
        self._readings = Readings(contents.telemetry)
        self._decoder = Decoder()

    def __enter__(self) -> "FitsExport":
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.__exit__(None, None, None)

    def file(self, frame: FrameEntry) -> bytes:
        """One frame as a FITS file.

        Raises `UndecodableError` for an original that is no image here, `DamagedFileError`, `OSError`.
        """
        pattern, device = "", dict(frame.details.get("cards") or {})
        if frame.original:
            found = self._decoder.decode(b"".join(self._contents.original(frame)), frame.file_name)
            pixels, pattern, device = found.pixels, found.pattern, found.cards | device
        else:
            pixels = self._contents.pixels(frame)
        if pixels.ndim == 3:
            device = {name: value for name, value in device.items() if "BAY" not in name}
        camera = self._contents.cameras.get(frame.camera) or CameraPart({}, {})
        if pixels.ndim == 3:
            camera = CameraPart({**camera.info, "bayer_pattern": None}, camera.settings)
        cards = image_cards(
            self._contents.meta, camera, frame, self._readings, pattern, device, self._options.disclosure
        )
        return encode(pixels, cards, self._options.compress)

    def name(self, frame: FrameEntry) -> str:
        """Where a frame goes: `<camera>/lights/<session_id>_<camera>_<NNNNN>.fits`; Siril works in `<camera>`."""
        folder = FOLDERS.get(frame.kind, "lights")
        if frame.details.get("rejected"):
            folder = REJECTED
        camera = frame.camera or self._owner(frame)
        ending = ".fits.fz" if self._options.compress else ".fits"
        label = f"{camera}" if frame.camera else f"{camera}_{folder}"
        return f"{camera}/{folder}/{self._contents.meta['session_id']}_{label}_{frame.index:05d}{ending}"

    def _owner(self, frame: FrameEntry) -> str:
        """Whose a calibration frame is, that does not say it: the only camera's."""
        named = str(frame.details.get("camera") or "")
        if named in self._contents.cameras:
            return named
        return next(iter(self._contents.cameras)) if len(self._contents.cameras) == 1 else "calibration"


@dataclass(slots=True)
class Exported:
    """What an export did.

    Attributes:
        files: written, in order.
        bytes: of them.
        skipped: frames that could not be written, with the reason.
    """

    files: list[Path]
    bytes: int
    skipped: dict[str, str]


Progress = Callable[[int, int], None]
"""Called with frames done and frames in all."""


def export(
    path: Path, folder: Path, options: Options | None = None, progress: Progress | None = None,
    chosen: Callable[[FrameEntry], bool] | None = None,
) -> Exported:  # fmt: skip
    """Write every frame of a finished session below `folder`.

    A frame that cannot be decoded is skipped and named; files appear complete or not at all. Files of the same name are
    replaced.

    Args:
        path: the session's file.
        folder: made when it is missing.
        options: how.
        progress: told after each frame.
        chosen: which frames; all by default.

    Raises `DamagedFileError` when it is no session, `OSError` when the folder cannot be written.
    """
    result = Exported([], 0, {})
    with Contents(path) as contents, FitsExport(contents, options) as writer:
        frames = [frame for frame in contents.frames() if chosen is None or chosen(frame)]
        for number, frame in enumerate(frames, 1):
            target = folder / writer.name(frame)
            try:
                data = writer.file(frame)
            except SkycamError as error:
                result.skipped[target.name] = str(error)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                write_file(target, lambda handle, content=data: write_all(handle, content))
                result.files.append(target)
                result.bytes += len(data)
            if progress:
                progress(number, len(frames))
    return result


def export_original(contents: Contents, frame: FrameEntry, folder: Path) -> Path:
    """Write an original byte for byte, under its number and the camera's name for it.

    Raises `DamagedFileError`, `OSError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / original_name(frame)

    def fill(handle: int) -> None:
        for piece in contents.original(frame):
            write_all(handle, piece)

    write_file(target, fill)
    os.utime(target, (frame.row["time"].timestamp(),) * 2)
    return target


def original_name(frame: FrameEntry) -> str:
    """A file name of its own for each original: cameras count from 0001 again and again."""
    name = (
        "".join(c if c.isalnum() or c in "._- " else "_" for c in frame.file_name).lstrip(".") or "original"
    )
    return f"{frame.index:06d}_{name}"


def product_parameters(options: Options) -> dict[str, Any]:
    """Options as the parameters of a provenance record."""
    return {
        "compress": options.compress,
        "location_precision": options.disclosure.location_precision,
        "public": options.disclosure.public,
    }


def from_parameters(parameters: Mapping[str, Any]) -> Options:
    """The inverse of `product_parameters`."""
    disclosure = Disclosure(parameters["location_precision"], parameters["public"])
    return Options(parameters["compress"], disclosure)


def make_again(inputs: Any, parameters: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """The maker of the provenance kind `fits`."""
    for source in inputs:
        wanted = None if source.frames is None else frozenset(source.frames)
        chosen = None if wanted is None else lambda frame, among=wanted: frame.index in among
        yield from export(source.path, folder, from_parameters(parameters), chosen=chosen).files
