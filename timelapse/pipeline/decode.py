"""From a file's bytes, or an array, to planes. One decoder per kind of file, found by its suffix."""

from collections.abc import Callable

import numpy as np

from sessions.exchange import decoder_child
from timelapse.pipeline.errors import FrameError
from timelapse.pipeline.planes import Planes, from_grey, from_rgb

JPEG = ("jpg", "jpeg")
PICTURES = ("png", "tif", "tiff", "webp", "bmp")


def jpeg(data: bytes) -> Planes:
    """Planes of a JPEG without a detour over RGB. Raises `FrameError` when it is not whole."""
    import av
    import av.error

    if not data.startswith(b"\xff\xd8") or b"\xff\xd9" not in data[-4096:]:
        raise FrameError("the JPEG is cut off" if data.startswith(b"\xff\xd8") else "not a JPEG")
    context = av.CodecContext.create("mjpeg", "r")
    context.thread_count = 1
    context.options = {"err_detect": "explode"}
    try:
        frames = context.decode(av.Packet(data)) or context.decode(None)
    except av.error.FFmpegError as error:
        raise FrameError(f"the JPEG is damaged ({error.strerror})") from error
    if not frames or frames[0].is_corrupt:
        raise FrameError("the JPEG is damaged")
    frame = frames[0]
    if frame.format.name != "yuvj420p" or frame.width % 2 or frame.height % 2:
        if frame.format.name.startswith("gray"):
            return from_grey(frame.to_ndarray(format="gray"))
        frame = frame.reformat(
            format="yuvj420p", width=frame.width & ~1, height=frame.height & ~1, interpolation="BICUBIC"
        )
    return Planes(*(np.asarray(_plane(plane)) for plane in frame.planes[:3]))


def _plane(plane) -> np.ndarray:
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def picture(data: bytes) -> Planes:
    """Planes of what OpenCV reads (PNG, TIFF, WebP; 8 or 16 bit). Raises `FrameError`."""
    import cv2

    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise FrameError("the picture is damaged") from error
    if pixels is None:
        raise FrameError("the picture cannot be read")
    if pixels.ndim == 3:
        pixels = pixels[:, :, [2, 1, 0]] if pixels.shape[2] >= 3 else pixels[:, :, 0]
    return array(pixels)


def array(pixels: np.ndarray) -> Planes:
    """Planes of display-ready pixels: `[h, w]` or `[h, w, 3]` RGB, uint8 or uint16. Raises `FrameError`."""
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim not in (2, 3):
        raise FrameError(f"{pixels.dtype} {pixels.shape} is not an 8 or 16 bit picture")
    if min(pixels.shape[:2]) < 2:
        raise FrameError(f"a picture of {pixels.shape[1]}x{pixels.shape[0]} pixels is too small")
    return from_rgb(np.ascontiguousarray(pixels)) if pixels.ndim == 3 else from_grey(pixels)


DECODERS: dict[str, Callable[[bytes], Planes]] = {
    **dict.fromkeys(JPEG, jpeg),
    **dict.fromkeys(PICTURES, picture),
}
"""Suffix (lower case, no dot) to decoder of pictures."""


RAW = tuple(sorted(decoder_child.RAW))
FITS = ("fits", "fit", "fts", "fz")
SENSOR = frozenset({*RAW, *FITS})
"""Suffixes of files that hold what a sensor counted; see `develop`."""
FILES = frozenset({*DECODERS, *SENSOR})
"""Suffixes of files that are frames when they lie in a folder."""
