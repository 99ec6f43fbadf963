"""How far a video is from the truth: flicker in CIE L*a*b*, residual movement in pixels, PSNR and SSIM.

Flicker: result and truth are averaged over a grid of 16 x 9; their difference is high-passed in time; `frame`
is the RMS of L* over the whole frame, `cell` the median over cells of the RMS of the colour difference.
Movement: OpenCV's ECC on solid ground between each frame and its truth; `jitter` after a high-pass, `drift` after
taking out the mean. Both are the mean over the picture of shift and turn.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from timelapse.pipeline.smoothing import whittaker


def measure(
    frames: Iterable[np.ndarray], truth: Path, period: float = 40, every: int = 1
) -> dict[str, float]:
    """All measures of BGR frames against a folder that `_timelapse_scene.write` made.

    Returns `frame_dl`, `cell_de`, the same `_fast` at period 12, `jitter_px`, `drift_px`, `psnr`, `ssim`. Movement is
    measured on every `every`th frame.
    """
    mask = cv2.imread(str(truth / "mask.png"), cv2.IMREAD_GRAYSCALE)
    assert mask is not None  # noqa: S101
    grids, moves, psnrs, ssims, start = [], [], [], [], np.eye(2, 3, dtype=np.float32)
    for number, frame in enumerate(frames):
        wanted: Any = cv2.imread(str(truth / f"gt/{number:05d}.png"))
        grids.append(lab_grid(frame) - lab_grid(wanted))
        if number % every == 0:
            move, start = _movement(frame, wanted, mask, start)
            moves.append(move)
        if number % 10 == 5:
            psnrs.append(psnr(frame, wanted))
            ssims.append(ssim(frame, wanted))
    off = np.stack(grids).astype(float)
    slow = flicker(off, period)
    fast = flicker(off, 12)
    jitter, drift = _stillness(np.array(moves), mask.shape[1::-1], period / every)
    return {
        "frame_dl": slow[0],
        "cell_de": slow[1],
        "frame_dl_fast": fast[0],
        "cell_de_fast": fast[1],
        "jitter_px": jitter,
        "drift_px": drift,
        "psnr": float(np.mean(psnrs)),
        "ssim": float(np.mean(ssims)),
    }


def lab_grid(bgr: np.ndarray) -> np.ndarray:
    """`[9, 16, 3]` L*a*b* of a picture."""
    small = cv2.resize(bgr, (480, 270), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.resize(cv2.cvtColor(small, cv2.COLOR_BGR2LAB), (16, 9), interpolation=cv2.INTER_AREA)


def flicker(off: np.ndarray, period: float) -> tuple[float, float]:
    """RMS of L* of the frame, median over cells of the RMS colour difference, of `[n, 9, 16, 3]` differences."""
    flat = off.reshape(len(off), -1)
    fast = (flat - whittaker(flat, period)).reshape(off.shape)[3:-3]
    cells = np.sqrt((fast**2).sum(-1).mean(0))
    return float(fast[..., 0].mean((1, 2)).std()), float(np.median(cells))


def _movement(
    frame: np.ndarray, wanted: np.ndarray, mask: np.ndarray, start: np.ndarray
) -> tuple[Any, np.ndarray]:
    """Shift of the centre in pixels and turn in degrees between truth and result."""
    factor = 2 if mask.shape[1] >= 1280 else 1
    size = (mask.shape[1] // factor, mask.shape[0] // factor)
    one, two = (
        cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)
        for image in (wanted, frame)
    )
    where = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-7)
    try:
        _, found = cv2.findTransformECC(one, two, start.copy(), cv2.MOTION_EUCLIDEAN, criteria, where, 5)
    except cv2.error:  # so far off that the search does not converge
        return (np.nan, np.nan, np.nan), start
    centre = np.array(size) / 2
    shift = (found[:, :2] @ centre + found[:, 2] - centre) * factor
    return (*shift, np.degrees(np.arctan2(found[1, 0], found[0, 0]))), found


def _stillness(moves: np.ndarray, size: tuple[int, int], period: float) -> tuple[float, float]:
    good = moves[np.isfinite(moves).all(1)]
    if len(good) < 8:
        return float("nan"), float("nan")
    reach = np.hypot(*size) / 2 * np.pi / 180

    def rms(values: np.ndarray) -> float:
        return float(
            np.sqrt((values[:, 0] ** 2 + values[:, 1] ** 2 + (values[:, 2] * reach) ** 2 / 3).mean())
        )

    fast = good - whittaker(good, max(6.0, period))
    return rms(fast[2:-2]), rms(good - good.mean(0))


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    """Peak signal to noise in dB of 8 bit pictures."""
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((one.astype(np.float32) - two) ** 2))))


def ssim(one: np.ndarray, two: np.ndarray) -> float:
    """Of luma; see `ssim_map`."""
    return float(ssim_map(one, two).mean())


def ssim_map(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Per pixel, of luma (Wang et al. 2004, Gaussian window)."""
    a, b = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32) for image in (one, two))

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    ma, mb = mean(a), mean(b)
    va, vb, ab = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return (2 * ma * mb + 6.5025) * (2 * ab + 58.5225) / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225))


def limit(what: str, found: float, wanted: float, *, at_least: bool = False) -> bool:
    """Print a figure with its limit, and whether it holds."""
    good = found >= wanted if at_least else found <= wanted
    word = "at least" if at_least else "at most"
    print(f"{what:<60} {found:9.3f}   {word} {wanted:g}: {'pass' if good else 'MISS'}", flush=True)
    return good


def decoded(path: Path) -> Iterator[np.ndarray]:
    """BGR frames of a video."""
    import av

    with av.open(str(path)) as file:
        file.streams.video[0].thread_type = "AUTO"
        for frame in file.decode(video=0):
            yield frame.to_ndarray(format="bgr24")
