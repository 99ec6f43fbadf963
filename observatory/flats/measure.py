"""How bright a flat is: the median of the brightest colour, as a share of full scale above the offset."""

from pathlib import Path

from skycam_project.common.pixels import PixelFile, read_pixels

SAMPLES = 200_000
"""Pixels per colour that are looked at, evenly spread."""


def level_of(folder: Path, image: PixelFile, full: float, offset: float = 0.0) -> float:
    """The level of a pixel file, 0 to about 1.

    Finished colour (8 bits, three planes) is taken for sRGB and made linear (IEC 61966-2-1); a mosaic is linear and is
    looked at as four colours of 2 x 2 pixels.

    Args:
        folder: the images folder.
        image: as a host publishes it.
        full: value of a mosaic's pixel that is full.
        offset: value of a mosaic's pixel without light.

    Raises what `read_pixels` raises.
    """
    import numpy as np  # a process without flats does without

    pixels = np.frombuffer(read_pixels(folder, image), image["dtype"]).reshape(image["shape"])
    width, height = pixels.shape[:2]
    step = max(1, int((width * height / SAMPLES) ** 0.5) // 2) * 2
    if pixels.ndim == 3:
        value = max(float(np.median(pixels[::step, ::step, colour])) for colour in range(3)) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    medians = [np.median(pixels[x::step, y::step]) for x in (0, 1) for y in (0, 1)]
    return (float(max(medians)) - offset) / (full - offset)
