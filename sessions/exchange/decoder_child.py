"""The process that decodes files of unknown origin: limited in memory and rights, killed when it hangs.

Runs as `python -m sessions.exchange.decoder_child`; `decoding.Decoder` starts it and speaks with it. A request
is a line of JSON `{"name", "size"}` (and `facts` or `develop`) and `size` bytes, and those of a mosaic; an answer is 4 bytes of length, JSON, and the pixels.
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


def facts(data: bytes, name: str) -> dict[str, Any]:
    """What a file says of itself, without its pixels: `cards` of a FITS header, or `exif`.

    `data` may be cut behind the header where the header comes first: FITS and JPEG. Raises as `decode`.
    """
    if data[:6] == b"SIMPLE":
        cards = _header(data)
        compressed = "ZNAXIS" in cards
        axes = int(cards.get("ZNAXIS" if compressed else "NAXIS", 0))
        if not 2 <= axes <= 4:
            raise RefusedError("it holds no image")
        _check(*(int(cards.get(f"{'Z' if compressed else ''}NAXIS{n}", 0)) for n in range(1, axes + 1)))
        return {"cards": cards}
    if name.rpartition(".")[2].lower() in RAW:
        return _raw_facts(data)
    with _picture(data) as image:
        _check(image.height, image.width, 3)
        return {"exif": _exif(tags_of(image))}


def tags_of(image: Any) -> Any:
    """EXIF of an open picture; Pillow's own way reads all pixels of a PNG first."""
    from PIL import Image

    if image.format != "PNG":
        return image.getexif()
    tags = Image.Exif()
    if "exif" in image.info:
        tags.load(image.info["exif"])
    return tags


def _header(data: bytes) -> dict[str, Any]:
    """The first header that describes an image: the primary one, or that of a compressed image behind it."""
    from astropy.io import fits

    end, cards = 0, {}
    for _ in range(2):
        start = end
        while data[end : end + 2880] and not _ends(data[end : end + 2880]):
            end += 2880
        end += 2880
        header = fits.Header.fromstring(data[start:end].decode("ascii", "replace"))
        cards: dict[str, Any] = {card.keyword: card.value for card in header.cards if _plain(card)}
        if cards.get("NAXIS", 0) or end >= len(data):
            break
    return cards


def _ends(block: bytes) -> bool:
    return any(block[at : at + 8] == b"END     " for at in range(0, 2880, 80))


_EXIF = {
    0x9003: "time", 0x9291: "subsec", 0x9011: "offset", 0x829A: "exposure_s", 0x8827: "iso", 0x829D: "aperture_f",
    0x920A: "focal_length_mm", 0xA434: "lens", 0xA431: "serial",
}  # fmt: skip


def _exif(found: Any) -> dict[str, Any]:
    """The tags that matter, as plain values."""
    inner, place = found.get_ifd(0x8769), found.get_ifd(0x8825)
    tags = {"make": found.get(0x010F), "model": found.get(0x0110), "time": found.get(0x0132)}
    tags |= {name: inner[tag] for tag, name in _EXIF.items() if tag in inner}
    if 2 in place and 4 in place:
        tags["lat"] = _degrees(place[2]) * (-1 if str(place.get(1)).upper().startswith("S") else 1)
        tags["lon"] = _degrees(place[4]) * (-1 if str(place.get(3)).upper().startswith("W") else 1)
    return {name: _value(value) for name, value in tags.items() if value is not None}


def _degrees(parts: Any) -> float:
    return sum(float(part) / 60**power for power, part in enumerate(parts))


def _value(value: Any) -> str | float:
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return value.strip(" \0") if isinstance(value, str) else float(value)


def _raw_facts(data: bytes) -> dict[str, Any]:
    """By LibRaw, which knows every maker's files; by their TIFF tags where they are such files."""
    import rawpy
    from PIL import Image

    tags: dict[str, Any] = {}
    if data[:4] in (b"II*\0", b"MM\0*"):
        found = Image.Exif()
        found.load(b"Exif\0\0" + data)
        tags = _exif(found)
    with rawpy.imread(io.BytesIO(data)) as raw:
        size, flip = [raw.sizes.width, raw.sizes.height], raw.sizes.flip
        other = raw.other
        known = {
            "exposure_s": other.shutter_speed, "iso": other.iso_speed, "aperture_f": other.aperture,
            "focal_length_mm": other.focal_length,
        }  # fmt: skip
        tags |= {name: float(value) for name, value in known.items() if value and name not in tags}
        if "time" not in tags and other.timestamp:
            tags["time"] = other.timestamp.strftime("%Y:%m:%d %H:%M:%S")
    return {"exif": tags, "size": size, "flip": flip}


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
        levels = [sum(raw.black_level_per_channel) / len(raw.black_level_per_channel), raw.white_level]
        blacks = [float(raw.black_level_per_channel[int(n)]) for n in raw.raw_pattern.ravel()]
        found = {"pattern": pattern, "levels": levels, "blacks": blacks}
        return np.ascontiguousarray(raw.raw_image_visible), found


def develop(data: bytes, name: str, wish: dict[str, Any], mosaic: bytes = b"") -> tuple[Any, dict[str, Any]]:
    """As `decode`, but a RAW file becomes linear colours `[h, w, 3]` uint16, with the camera's `balance`.

    `wish` has `balance`, four factors or None for the camera's, and `daylight` for the maker's instead. `mosaic`,
    uint16, takes the place of the file's counts.
    """
    import numpy as np
    import rawpy

    if data[:6] == b"SIMPLE" or name.rpartition(".")[2].lower() not in RAW:
        return decode(data, name)
    with rawpy.imread(io.BytesIO(data)) as raw:
        _check(raw.sizes.height, raw.sizes.width, 3)
        as_shot = [float(factor) for factor in raw.camera_whitebalance]
        balance = wish.get("balance")
        more: dict[str, Any] = {}
        if mosaic:
            counts = raw.raw_image_visible
            if len(mosaic) != counts.nbytes:
                raise RefusedError(f"a mosaic of {len(mosaic)} bytes does not fit {counts.nbytes}")
            counts[:] = np.frombuffer(mosaic, counts.dtype).reshape(counts.shape)
            more = {"adjust_maximum_thr": 0.0}  # white is the camera's, not each frame's own
        pixels = raw.postprocess(
            output_bps=16, gamma=(1, 1), no_auto_bright=True, user_flip=0,
            use_camera_wb=balance is None and not wish.get("daylight"), user_wb=balance, **more,
        )  # fmt: skip
        return pixels, {"balance": as_shot} if as_shot[0] > 0 else {}


def _picture(data: bytes) -> Any:
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = LARGEST // 3
    try:
        return Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "TIFF", "BMP", "WEBP"))
    except UnidentifiedImageError:
        raise RefusedError("it is damaged, or no JPEG, PNG, TIFF, BMP or WebP file") from None


def _image(data: bytes) -> tuple[Any, dict[str, Any]]:
    import numpy as np

    with _picture(data) as image:
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
        wish = request.get("develop")
        mosaic = requests.read(wish["mosaic"]) if wish else b""
        try:
            if request.get("facts"):
                head, body = facts(data, request["name"]), b""
            else:
                name = request["name"]
                pixels, found = decode(data, name) if wish is None else develop(data, name, wish, mosaic)
                head, body = (
                    {"dtype": pixels.dtype.name, "shape": pixels.shape, **found},
                    pixels.data.cast("B"),
                )
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
