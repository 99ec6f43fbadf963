"""Star fields with a known sky, for tests of night products."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from timelapse.night.frames import NightFrame

EVENING = datetime(2026, 11, 10, 20, tzinfo=UTC)


def save_jpeg(folder: Path, n: int, grey: np.ndarray) -> None:
    """The evening's picture number `n`, `[h, w]` uint8, that says when it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = f"{EVENING + timedelta(seconds=32 * n):%Y:%m:%d %H:%M:%S}"
    exif.get_ifd(0x8769)[0x829A] = 30.0
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save(folder / f"{n}.jpg", quality=95, exif=exif)


class Field:
    """Stars on a flat sky; `frame` shows them turned and shifted, with noise."""

    def __init__(
        self, size: int = 400, stars: int = 140, seed: int = 1, sky: float = 400.0, fwhm: float = 3.0
    ):
        random = np.random.default_rng(seed)
        self.size, self.sky, self.sigma = size, sky, fwhm / 2.3548
        self.x, self.y = random.uniform(-20, size + 20, stars), random.uniform(-20, size + 20, stars)
        self.flux = 10 ** random.uniform(3.2, 4.9, stars)

    def places(
        self, turn_deg: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[np.ndarray, np.ndarray]:
        a, c = np.radians(turn_deg), (self.size - 1) / 2
        x = c + np.cos(a) * (self.x - c) - np.sin(a) * (self.y - c) + shift[0]
        return x, c + np.sin(a) * (self.x - c) + np.cos(a) * (self.y - c) + shift[1]

    def light(self, turn_deg: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
        """(size, size) without noise."""
        image = np.full((self.size, self.size), self.sky)
        grid = np.arange(-9, 10)
        for x, y, flux in zip(*self.places(turn_deg, shift), self.flux, strict=True):
            i, j = round(float(x)), round(float(y))
            if not (9 <= i < self.size - 9 and 9 <= j < self.size - 9):
                continue
            ex = np.exp(-((grid - (x - i)) ** 2) / (2 * self.sigma**2))
            ey = np.exp(-((grid - (y - j)) ** 2) / (2 * self.sigma**2))
            image[j - 9 : j + 10, i - 9 : i + 10] += flux / (2 * np.pi * self.sigma**2) * ey[:, None] * ex
        return image

    def pixels(self, light: np.ndarray, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        noisy = light + np.sqrt(light + 64) * random.standard_normal(light.shape)
        return np.clip(np.rint(noisy), 0, 65535).astype(np.uint16)


def frame_of(image: np.ndarray, n: int, **more) -> NightFrame:
    """Frame `n`, one every 32 s, 30 s exposed."""
    values = {"kind": "mono", "top": 65535.0, "name": f"{n:06d}", "exposure_s": 30.0} | more
    start = values.pop("start", EVENING + timedelta(seconds=32 * n))
    return NightFrame(f"digest-{n}", start, image=image, **values)


def streaked(image: np.ndarray, a: tuple[float, float], b: tuple[float, float], peak: float) -> np.ndarray:
    """The picture with a line from a to b (x, y)."""
    import cv2

    over = np.zeros(image.shape, np.float32)
    ends = [tuple(int(v * 16) for v in p) for p in (a, b)]
    cv2.line(over, ends[0], ends[1], float(peak), 2, cv2.LINE_AA, shift=4)
    over = cv2.GaussianBlur(over, (0, 0), 1.0)
    return np.clip(image + over, 0, 65535).astype(image.dtype)
