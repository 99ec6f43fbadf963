"""What the beginning of a file says of the frame in it: size, time, settings of the camera."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from sessions.exchange.decoder_child import tags_of
from sessions.exchange.decoding import Decoder, UndecodableError
from skycam_project.common.units import Seconds
from timelapse.pipeline.decoders import Decoders
from timelapse.pipeline.errors import FrameError


@dataclass(frozen=True, slots=True)
class Head:
    """What is known without decoding; None where nothing says so.

    Attributes:
        width, height: pixels.
        time: UTC.
        exposure_s: seconds, > 0.
        iso: ISO, or gain in the camera's units.
        aperture_f: f-number.
        camera: model.
        turn: degrees clockwise, 0 to 270, that make it upright; as the camera felt itself held.
    """

    width: int
    height: int
    time: datetime | None = None
    exposure_s: Seconds | None = None
    iso: float | None = None
    aperture_f: float | None = None
    camera: str | None = None
    turn: int = 0


_UPRIGHT = {3: 180, 6: 90, 8: 270}
"""EXIF's orientation to degrees clockwise; mirrored ones come from no camera."""
_FLIP = {3: 180, 5: 270, 6: 90}
"""The same of LibRaw."""


def of_picture(file: BinaryIO) -> Head:
    """Of a JPEG, PNG, TIFF, WebP or BMP; reads what it needs. Raises `FrameError`."""
    width, height, exif = exif_of(file)
    return Head(
        width=width,
        height=height,
        time=exif_time(exif.get(0x9003) or exif.get(0x0132), exif.get(0x9011), exif.get(0x9291)),
        exposure_s=_positive(exif.get(0x829A)),
        iso=_positive(exif.get(0x8827)),
        aperture_f=_positive(exif.get(0x829D)),
        camera=_text(exif.get(0x0110)),
        turn=_UPRIGHT.get(exif.get(0x0112, 1), 0),
    )


def exif_of(file: BinaryIO) -> tuple[int, int, dict[int, Any]]:
    """Width, height and EXIF values by tag number of a picture. Raises `FrameError`, `OSError` of the disk."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            exif = tags_of(image)
            return *image.size, {**exif, **exif.get_ifd(0x8769)}
    except Exception as error:  # a made-up header brings the library to raise almost anything
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's, not the picture's
        raise FrameError("not a picture, or its header is damaged") from error


_TAGS = {0x010F: "make", 0x0110: "model", 0xA434: "lens", 0x920A: "focal_length_mm", 0x829D: "aperture_f"}


def optics(data: bytes, name: str, raw: bool) -> dict[str, Any]:
    """Camera and lens of a file: some of `make model lens focal_length_mm aperture_f`. Raises `FrameError`."""
    if not raw:
        exif = exif_of(io.BytesIO(data))[2]
        return {word: exif[tag] for tag, word in _TAGS.items() if exif.get(tag)}
    with Decoder() as decoder:
        exif = _facts(decoder, data, name).get("exif", {})
    return {word: exif[word] for word in _TAGS.values() if exif.get(word)}


def _facts(decoder: Decoder, data: bytes, name: str) -> dict[str, Any]:
    try:
        return decoder.facts(data, name)
    except UndecodableError as error:
        raise FrameError(str(error)) from error


def of_sensor(data: bytes, name: str, decoders: Decoders) -> Head:
    """Of a RAW or FITS file, by a child process. Raises `FrameError`."""
    with decoders.one() as decoder:
        found = _facts(decoder, data, name)
    if "cards" in found:
        return _of_cards(found["cards"])
    exif = found.get("exif", {})
    width, height = found.get("size", (0, 0))
    return Head(
        width=int(width),
        height=int(height),
        time=exif_time(exif.get("time"), exif.get("offset"), exif.get("subsec")),
        exposure_s=_positive(exif.get("exposure_s")),
        iso=_positive(exif.get("iso")),
        aperture_f=_positive(exif.get("aperture_f")),
        camera=_text(exif.get("model")),
        turn=_FLIP.get(found.get("flip", 0), 0),
    )


def _of_cards(cards: dict[str, Any]) -> Head:
    width, height = (cards.get(f"Z{name}", cards.get(name)) for name in ("NAXIS1", "NAXIS2"))
    if not isinstance(width, int) or not isinstance(height, int) or min(width, height) < 1:
        raise FrameError("its header has no image")
    return Head(
        width=width,
        height=height,
        time=_fits_time(cards.get("DATE-OBS")),
        exposure_s=_positive(cards.get("EXPTIME", cards.get("EXPOSURE"))),
        iso=_positive(cards.get("GAIN", cards.get("ISOSPEED"))),
        camera=_text(cards.get("INSTRUME")),
    )


def _fits_time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text).rstrip("Z")).replace(tzinfo=UTC)
    except ValueError:
        return None


def exif_time(text: Any, zone: Any, part: Any) -> datetime | None:
    """When a picture was taken; a camera that names no zone is taken to run on UTC."""
    try:
        taken = datetime.strptime(f"{text} {zone or '+00:00'}", "%Y:%m:%d %H:%M:%S %z").astimezone(UTC)
        digits = str(part or "0").strip("\0 ").partition(".")[0]
        return taken.replace(microsecond=int(float(f"0.{digits}") * 1e6))
    except (ValueError, TypeError):
        return None


def _text(value: Any) -> str | None:
    return str(value).strip("\0 ") or None if value else None


def _positive(value: Any) -> float | None:
    try:
        number = float(value[0] if isinstance(value, tuple) else value)
    except (TypeError, ValueError, ZeroDivisionError, IndexError):
        return None
    return number if 0 < number < float("inf") else None
