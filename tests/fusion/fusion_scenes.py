"""Scenes with known light, photographed as brackets and focus runs."""

import cv2
import numpy as np
from numpy.typing import NDArray

EVS = (-2.0, 0.0, 2.0)


def texture(height: int, width: int, seed: int) -> NDArray[np.float32]:
    """Detail of every size, mean 0, scatter 1."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    for octave in range(1, 7):
        grid = rng.standard_normal((height * 2**octave // 64 + 2, width * 2**octave // 64 + 2))
        total += (
            cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC) * 0.7**octave
        )
    return (total - total.mean()) / total.std()


def light(height: int = 270, width: int = 480, seed: int = 1) -> NDArray[np.float32]:
    """Linear light `[h, w, 3]` over about nine EV: a dark land, a bright sky with a glow."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    ev = -3.5 + 5.0 * (y < 0.55 * height) + 0.5 * texture(height, width, seed)
    ev += 2.2 * np.exp(-(((x / width - 0.7) / 0.12) ** 2) - ((y / height - 0.3) / 0.2) ** 2)
    tint = np.stack([np.ones_like(ev), 0.9 + 0.1 * (y / height), 0.75 + 0.2 * (x / width)], axis=2)
    return (0.12 * 2.0 ** ev[..., None] * tint).astype(np.float32)


def encoded(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """SRGB values 0 to 1, clipped."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def photograph(linear: NDArray[np.float32], ev: float, seed: int, dtype: type = np.uint8) -> NDArray:
    """A frame with photon and read noise."""
    exposed = linear * 2.0**ev
    noise = np.random.default_rng(seed).standard_normal(exposed.shape, dtype=np.float32)
    exposed = exposed + noise * np.sqrt(4e-4 * exposed + 1e-6)
    return np.rint(encoded(exposed) * np.iinfo(dtype).max).astype(dtype)


def bracket(linear: NDArray[np.float32], dtype: type = np.uint8) -> list[NDArray]:
    return [photograph(linear, ev, index, dtype) for index, ev in enumerate(EVS)]


def tone_ranges(linear: NDArray[np.float32]) -> list[NDArray[np.bool_]]:
    """Shadows, middle and lights of the scene: a third of the pixels each."""
    ev = np.log2(np.maximum(linear.mean(axis=2), 1e-5))
    first, second = np.quantile(ev, (1 / 3, 2 / 3))
    return [ev <= first, (ev > first) & (ev <= second), ev > second]


def detail(linear: NDArray[np.float32], picture: NDArray) -> list[float]:
    """Correlation of local contrast with the scene's, in each tone range."""

    def local(values: NDArray) -> NDArray:
        values = cv2.GaussianBlur(values.astype(np.float32), (0, 0), 1.0)
        return values - cv2.GaussianBlur(values, (0, 0), 6.0)

    truth = local(np.log2(np.maximum(linear.mean(axis=2), 1e-5)))
    shown = local(np.log2(picture.astype(np.float32).mean(axis=2) / np.iinfo(picture.dtype).max + 1 / 255))
    return [float(np.corrcoef(truth[where], shown[where])[0, 1]) for where in tone_ranges(linear)]


def focus_run(height: int = 270, width: int = 480, planes: int = 5) -> tuple[NDArray, list[NDArray]]:
    """A sharp picture, and frames of it focused from the top to the bottom."""
    grey = 0.5 + 0.13 * texture(height, width, 4)
    picture = np.clip(np.stack([grey, 0.9 * grey, 0.8 * grey], axis=2), 0, 1).astype(np.float32)
    sharp = np.rint(picture * 255).astype(np.uint8)
    depth = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    blurred = [picture] + [cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (1, 2, 4, 8)]
    rng = np.random.default_rng(6)
    frames = []
    for index in range(planes):
        amount = np.clip(np.abs(depth - index / (planes - 1)) * 10 - 0.9, 0, 3.999)
        low = amount.astype(int)
        part = amount - low
        frame = sum(
            (low == n) * ((1 - part) * blurred[n] + part * blurred[n + 1]) for n in range(4)
        ) + 0.006 * rng.standard_normal(picture.shape)
        frames.append(np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8))
    return sharp, frames


def psnr(picture: NDArray, truth: NDArray) -> float:
    error = (picture.astype(np.float64) - truth) ** 2
    return float(10 * np.log10(np.iinfo(truth.dtype).max ** 2 / error.mean()))
