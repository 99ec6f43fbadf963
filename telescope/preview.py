"""What pages show of a raw mosaic: half size, stretched so that a faint nebula can be seen."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from skycam_project.common.files import under

LONGEST_SIDE, THUMBNAIL_SIDE = 1600, 320
KEPT = 200
SOFTNESS = 0.02
"""Where the asinh stretch turns from linear to logarithmic, as a share of the range."""


def stretched(pixels: "np.ndarray[Any, np.dtype[np.uint16]]") -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """An RGB picture of half the size from an RGGB mosaic.

    Each 2 × 2 cell becomes one pixel. Black is each channel's median less one deviation, white its 99.9 % quantile, and
    between them the asinh curve of Lupton et al. (2004, PASP 116, 133).
    """
    cells = pixels[: pixels.shape[0] & ~1, : pixels.shape[1] & ~1].astype(np.float32)
    red, blue = cells[::2, ::2], cells[1::2, 1::2]
    green = (cells[::2, 1::2] + cells[1::2, ::2]) / 2
    planes = []
    for plane in (red, green, blue):
        sample = plane[::8, ::8]
        middle = float(np.median(sample))
        deviation = 1.4826 * float(np.median(np.abs(sample - middle)))
        white = max(float(np.quantile(sample, 0.999)), middle + 30 * deviation, middle + 1)
        black = middle - deviation
        light = np.clip((plane - black) / (white - black), 0, 1)
        planes.append(np.arcsinh(light / SOFTNESS) / np.arcsinh(1 / SOFTNESS))
    return (np.stack(planes, axis=-1) * 255).astype(np.uint8)


def make_preview(folder: Path, pixels: "np.ndarray[Any, np.dtype[np.uint16]]", name: str) -> dict[str, str]:
    """Write preview and thumbnail of a mosaic; their names as `preview` and `thumbnail`. Keeps the newest 200."""
    picture = Image.fromarray(stretched(pixels))
    names = {"preview": f"{name}-preview.jpg", "thumbnail": f"{name}-thumbnail.jpg"}
    for side, file in zip((LONGEST_SIDE, THUMBNAIL_SIDE), names.values(), strict=True):
        small = picture.copy()
        small.thumbnail((side, side))
        target = under(folder, file)
        temporary = target.with_suffix(".tmp")
        small.save(temporary, "JPEG", quality=85)
        temporary.replace(target)
    for old in sorted(folder.glob("*-preview.jpg"))[:-KEPT]:
        old.unlink(missing_ok=True)
        old.with_name(old.name.replace("-preview", "-thumbnail")).unlink(missing_ok=True)
    return names
