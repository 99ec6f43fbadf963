"""Pixel files: a host lays an image out once, in the order in which Alpaca sends it, and web sends the file.

A file is bare pixels; its shape and type travel in the host's state. It is written under a temporary name,
renamed and never changed afterwards: whoever has it open or mapped keeps a valid image when the host removes
the name. The files are a cache of the newest image, not data: they are not synced.
"""

import os
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import under

if TYPE_CHECKING:
    import numpy as np

LARGEST_PIXELS = 1 << 30
"""Bytes; a file that claims more is not read."""
DTYPES = {"uint8": 1, "int16": 2, "uint16": 2, "int32": 4}
"""Types that may be laid out, and bytes per element; little-endian."""


class PixelFile(TypedDict):
    """What a host publishes about a pixel file."""

    file: str
    """Name below the images folder."""
    dtype: str
    shape: list[int]
    """[x, y] or [x, y, 3]: first index from left to right, second from the top, third red, green, blue."""


def write_pixels(folder: Path, name: str, frame: "np.ndarray[Any, Any]") -> PixelFile:
    """Lay `frame`, indexed [y, x] or [y, x, colour], out as [x, y(, colour)] in `folder`/`name`.

    Raises `InvalidValueError` for another rank or type, `OutsideRootError` for a name that leaves the folder.
    """
    import numpy as np  # hosts that take no pictures don't pay for it

    if (
        frame.dtype.name not in DTYPES
        or frame.ndim not in (2, 3)
        or (frame.ndim == 3 and frame.shape[2] != 3)
    ):
        raise InvalidValueError(
            "frame", f"{frame.dtype} {frame.shape}", f"[y, x] or [y, x, 3] of {', '.join(DTYPES)}"
        )
    swapped = frame.swapaxes(0, 1)
    data = np.ascontiguousarray(swapped, dtype=swapped.dtype.newbyteorder("<"))
    path = under(folder, name)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data.data)
    temporary.replace(path)
    return {"file": name, "dtype": frame.dtype.name, "shape": list(data.shape)}


def open_pixels(folder: Path, image: PixelFile) -> tuple[FileIO, int]:
    """A pixel file, unbuffered, checked against its shape, and its size in bytes.

    Raises `OSError` when it is gone, `InvalidValueError` when it is not what the state says.
    """
    expected = DTYPES.get(image["dtype"], 0)
    for size in image["shape"]:
        expected *= size
    path = under(folder, image["file"])
    file = path.open("rb", buffering=0)
    actual = os.fstat(file.fileno()).st_size
    if actual != expected or not 0 < expected <= LARGEST_PIXELS:
        file.close()
        raise InvalidValueError(path.name, f"{actual} bytes", f"{image['dtype']} {image['shape']}")
    return file, expected


def read_pixels(folder: Path, image: PixelFile) -> bytes:
    """The bytes of a pixel file; raises what `open_pixels` raises."""
    file, _ = open_pixels(folder, image)
    with file:
        return file.readall()


def crop_pixels(
    pixels: bytes, image: PixelFile, start_x: int, start_y: int, num_x: int, num_y: int
) -> tuple[bytes, list[int]]:
    """The part of `num_x` × `num_y` pixels that begins at (`start_x`, `start_y`), and its shape.

    Raises `InvalidValueError` when the image does not hold all of it.
    """
    import numpy as np

    part = np.frombuffer(pixels, image["dtype"]).reshape(image["shape"])[
        start_x : start_x + num_x, start_y : start_y + num_y
    ]
    if part.shape[:2] != (num_x, num_y):
        raise InvalidValueError(image["file"], image["shape"], f"one that holds {num_x} × {num_y} from there")
    return part.tobytes(), list(part.shape)
