"""The process that decodes files of unknown origin: limited in memory and rights, killed when it hangs.

Runs as `python -m sessions.exchange.decoder_child`; `decoding.Decoder` starts it and speaks with it. A request
is a line of JSON `{"name", "size"}` and `size` bytes; an answer is 4 bytes of length, JSON, and the pixels.
"""

import io
import json
import os
import resource
import sys
from typing import Any

MEMORY = 4 << 30
"""Bytes of address space; a 60-megapixel RAW file needs under one."""
LARGEST = 400_000_000
"""Samples of an image that are decoded at most."""
RAW = frozenset({"cr2", "cr3", "nef", "arw", "dng", "raf", "orf", "rw2", "pef", "srw", "nrw"})


class RefusedError(Exception):
    """The file is not decoded; the text says why."""


def limit() -> None:
    """Take away what a decoder does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def decode(data: bytes, name: str) -> tuple[Any, dict[str, Any]]:
    """Pixels and what the file says: `pattern` (of its mosaic), `cards` (of a FITS header), `exif`.

    Raises `RefusedError`, and whatever the libraries raise.
    """
    extension = name.rpartition(".")[2].lower()
    if data[:6] == b"SIMPLE":
        return _fits(data)
    if extension in RAW:
        return _raw(data)
    return _image(data)


def _check(*shape: int) -> None:
    samples = 1
    for size in shape:
        samples *= max(int(size), 0)
    if not 0 < samples <= LARGEST:
        raise RefusedError(
            f"it claims to be {' x '.join(map(str, shape))}; at most {LARGEST} samples are decoded"
        )


def _fits(data: bytes) -> tuple[Any, dict[str, Any]]:
    import numpy as np
    from astropy.io import fits

    with fits.open(io.BytesIO(data), memmap=False) as found:
        unit: Any = next((u for u in found if _is_image(u)), None)
        if unit is None:
            raise RefusedError("it holds no image")
        shape = [int(unit.header[f"NAXIS{n}"]) for n in range(1, int(unit.header["NAXIS"]) + 1)]
        _check(*shape)
        if not isinstance(unit, fits.CompImageHDU):
            needed = abs(int(unit.header["BITPIX"])) // 8
            for size in shape:
                needed *= size
            if needed > len(data):
                raise RefusedError("it is cut: its header promises more pixels than it holds")
        array: Any = unit.data
        if array.ndim == 3 and array.shape[0] in (1, 3):
            array = np.moveaxis(array, 0, 2).squeeze()
        if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
            raise RefusedError(f"its shape {array.shape} is not an image's")
        cards = {card.keyword: card.value for card in unit.header.cards if _plain(card)}
        return np.ascontiguousarray(array, array.dtype.newbyteorder("<")), {"cards": cards}


def _is_image(unit: Any) -> bool:
    from astropy.io import fits

    kinds = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)
    axes: Any = unit.header.get("NAXIS", 0)
    return isinstance(unit, kinds) and int(axes) >= 2


def _plain(card: Any) -> bool:
    return bool(card.keyword) and isinstance(card.value, str | int | float | bool)


def _raw(data: bytes) -> tuple[Any, dict[str, Any]]:
    import numpy as np
    import rawpy

    with rawpy.imread(io.BytesIO(data)) as raw:
        sizes = raw.sizes
        _check(sizes.raw_height, sizes.raw_width)
        if raw.raw_pattern is None or raw.raw_pattern.shape != (2, 2):
            raise RefusedError("its mosaic is not one of 2 x 2 colours; take the original")
        names = raw.color_desc.decode()
        pattern = "".join(names[int(n)] for n in raw.raw_pattern.ravel())
        return np.ascontiguousarray(raw.raw_image_visible), {"pattern": pattern}


def _image(data: bytes) -> tuple[Any, dict[str, Any]]:
    import numpy as np
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = LARGEST // 3
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "TIFF", "BMP", "WEBP")) as image:
        _check(image.height, image.width, 3)
        if image.format not in ("PNG", "TIFF"):
            return np.asarray(image.convert("L" if image.mode == "L" else "RGB")), {}
    import cv2  # Pillow knows no 16-bit colour

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise RefusedError("it cannot be decoded")
    if array.ndim == 3:
        array = array[..., 0] if array.shape[2] == 1 else np.ascontiguousarray(array[..., 2::-1])
    return np.ascontiguousarray(array), {}


def main() -> None:
    """Answer until the other side closes."""
    limit()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand between the answers
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["size"])
        try:
            pixels, found = decode(data, request["name"])
            head = {"dtype": pixels.dtype.name, "shape": pixels.shape, **found}
            body = pixels.data.cast("B")
        except MemoryError:
            head, body = {"error": f"it needs more than {MEMORY >> 30} GiB"}, b""
        except Exception as error:
            head, body = {"error": str(error) or type(error).__name__}, b""
        text = json.dumps(head).encode()
        answers.write(len(text).to_bytes(4, "big") + text)
        answers.write(body)
        answers.flush()


if __name__ == "__main__":
    main()
