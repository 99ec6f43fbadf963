"""What the small pictures of the test simulator hold: the true place of their middle."""

import numpy as np

WIDTH, HEIGHT = 96, 64
DIGITS = 4
"""Base-1000 digits of each coordinate."""


def encode(ra_deg: float, dec_deg: float) -> list[int]:
    """Right ascension and declination + 90 in steps of 10⁻⁹ of a turn, as pixel values below 1000."""
    values = []
    for angle in (ra_deg % 360, dec_deg + 90):
        number = round(angle / 360 * 1000**DIGITS)
        values += [number // 1000**power % 1000 for power in reversed(range(DIGITS))]
    return values


def decode(pixels: np.ndarray) -> tuple[float, float]:
    """The inverse of `encode`: degrees."""
    row = [int(value) for value in pixels[0, : 2 * DIGITS]]
    numbers = [
        sum(v * 1000 ** (DIGITS - 1 - i) for i, v in enumerate(row[k : k + DIGITS])) for k in (0, DIGITS)
    ]
    ra, dec = (number / 1000**DIGITS * 360 for number in numbers)
    return ra, dec - 90
