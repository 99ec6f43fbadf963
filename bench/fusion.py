"""Brackets and focus runs against enfuse, same frames, same run: `./skycam bench fusion [--runs 5]`.

The scene's light is known. Fusing three exposures has no single right answer, so each tone range is scored as in
MEF-SSIM (Ma, Zeng, Wang 2015): against that noise-free exposure which shows the place with most contrast. The focus
stack is scored by SSIM to the sharp picture. Times hold reading and writing TIFF files on both sides; ours also
without.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench._timelapse_metrics import limit, psnr, ssim_map
from bench._timelapse_scene import MARGIN, Errors, World, tone
from timelapse.fusion import files
from timelapse.fusion.exposure import fuse
from timelapse.fusion.focus import focus_stack

SIZE = (1920, 1080)
EVS = (-2.0, 0.0, 2.0)
PLANES = 8
FASTER, BEHIND = 4.0, 0.005
RANGES = ("shadows", "middle", "lights")
_FOCUS = ["--exposure-weight=0", "--saturation-weight=0", "--contrast-weight=1", "--hard-mask", "--contrast-window-size=9"]  # fmt: skip

Picture = NDArray[Any]


def main(arguments: list[str]) -> int:
    """Run the bench; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog="skycam bench fusion", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="the median of so many runs counts")
    runs = parser.parse_args(arguments).runs
    world = World(Errors(count=1, size=SIZE, seed=11))
    light = world.light(0)[MARGIN:-MARGIN, MARGIN:-MARGIN, ::-1].copy()
    ground = world.ground[MARGIN:-MARGIN, MARGIN:-MARGIN]
    good = [bracket(light, ground, runs), focus(light, runs)]
    return 0 if all(good) else 1


def bracket(light: Picture, ground: Picture, runs: int) -> bool:
    """Three exposures of a land against the light."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(np.float32)
    glow = np.exp(-(((x / SIZE[0] - 0.7) / 0.12) ** 2) - ((y / SIZE[1] - 0.33) / 0.2) ** 2)
    light = light * 2 ** (2.2 * glow - 2.0 * ground)[..., None]
    clean = [tone(light * 2.0**ev, 0.35) for ev in EVS]
    frames = [_photographed(light * 2.0**ev, number) for number, ev in enumerate(EVS)]
    print(f"{len(EVS)} exposures of {SIZE[0]}x{SIZE[1]}")
    ours, theirs = _both(frames, fuse, [], runs)
    where = _tone_ranges(light)
    return _scored("MEF-SSIM", *(_by_range(fusion_map(clean, made), where) for made in (ours, theirs)))


def focus(light: Picture, runs: int) -> bool:
    """A picture focused at eight distances."""
    sharp = tone(light, 0.35)
    frames = _focus_run(sharp)
    print(f"{PLANES} focus planes of {SIZE[0]}x{SIZE[1]}")
    ours, theirs = _both(frames, focus_stack, _FOCUS, runs)
    for what, made in (("ours", ours), ("enfuse", theirs)):
        print(f"  {what:<8} PSNR {psnr(made, sharp):.2f} dB")
    where = _tone_ranges(light)
    return _scored("SSIM", *(_by_range(ssim_map(made, sharp), where) for made in (ours, theirs)))


def _both(
    frames: Sequence[Picture], work: Callable[[Sequence[Picture]], Picture], flags: Sequence[str], runs: int
) -> tuple[Picture, Picture]:
    """What both make of the frames; prints their times, one after the other in each run."""
    memory, whole, other = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = [folder / f"{number}.tif" for number in range(len(frames))]
        for path, frame in zip(names, frames, strict=True):
            files.write(frame, path)
        command = ["enfuse", "-o", str(folder / "theirs.tif"), *flags, *map(str, names)]
        for _ in range(runs):
            memory.append(_seconds(lambda: work(frames)))
            whole.append(
                _seconds(lambda: files.write(work([files.read(path) for path in names]), folder / "ours.tif"))
            )
            other.append(_seconds(lambda: subprocess.run(command, check=True, capture_output=True)))
        ours, theirs = (files.read(folder / f"{who}.tif") for who in ("ours", "theirs"))
    ours_s, theirs_s = statistics.median(whole), statistics.median(other)
    print(f"  ours {ours_s:.3f} s ({statistics.median(memory):.3f} s in memory), enfuse {theirs_s:.3f} s")
    limit("  times as fast as enfuse", theirs_s / ours_s, FASTER, at_least=True)
    return ours, theirs


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _scored(measure: str, ours: Sequence[float], theirs: Sequence[float]) -> bool:
    good = True
    for name, one, two in zip(RANGES, ours, theirs, strict=True):
        print(f"  {measure} {name:<8} ours {one:.4f}, enfuse {two:.4f}")
        good &= limit(f"  behind enfuse in {name}", two - one, BEHIND)
    return good


def _photographed(light: Picture, seed: int) -> Picture:
    noise = np.random.default_rng(seed).standard_normal(light.shape, dtype=np.float32)
    return tone(np.maximum(light + noise * np.sqrt(4e-4 * light + 1e-6), 0), 0.35)


def _focus_run(sharp: Picture) -> list[Picture]:
    """Frames focused from the bottom to the top, with some noise."""
    random = np.random.default_rng(5)
    height, width = sharp.shape[:2]
    uneven = cv2.resize(
        random.standard_normal((4, 6)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    depth = np.clip(
        (np.arange(height, dtype=np.float32)[:, None] / height - 0.35) / 0.6 + 0.06 * uneven, 0, 1
    )
    blurred = [sharp.astype(np.float32)]
    blurred += [cv2.GaussianBlur(blurred[0], (0, 0), sigma) for sigma in (1, 2, 4, 8)]
    frames = []
    for number in range(PLANES):
        blur = np.abs(depth - number / (PLANES - 1)) * 22
        blur = np.where(blur < 0.8, 0, blur)
        step = np.clip(np.where(blur < 1, blur, 1 + np.log2(np.maximum(blur, 1))), 0, 3.999)
        low, part = step.astype(int), (step % 1)[..., None]
        frame = 1.5 * random.standard_normal(sharp.shape, dtype=np.float32)
        for level in range(4):
            mixed = blurred[level] * (1 - part) + blurred[level + 1] * part
            frame += mixed * (low == level)[..., None]
        frames.append(np.clip(frame + 0.5, 0, 255).astype(np.uint8))
    return frames


def fusion_map(clean: Sequence[Picture], made: Picture) -> Picture:
    """Per pixel, 0 to 1: likeness of structure and contrast with the exposure that shows most of the place.

    Args:
        clean: noise-free exposures.
        made: of their noisy ones.
    """
    grey = cv2.cvtColor(made, cv2.COLOR_RGB2GRAY).astype(np.float32)

    def mean(values: Picture) -> Picture:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    own_mean = mean(grey)
    own = mean(grey * grey) - own_mean**2
    contrasts, shared = [], []
    for frame in clean:
        other = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
        other_mean = mean(other)
        contrasts.append(mean(other * other) - other_mean**2)
        shared.append(mean(grey * other) - own_mean * other_mean)
    best = np.argmax(contrasts, axis=0)[None]
    contrast, together = (np.take_along_axis(np.stack(part), best, 0)[0] for part in (contrasts, shared))
    return (2 * together + 58.5225) / (contrast + own + 58.5225)


def _tone_ranges(light: Picture) -> list[Picture]:
    """Shadows, middle and lights of the scene, a third of the pixels each."""
    grey = light.mean(axis=2)
    first, second = np.quantile(grey, (1 / 3, 2 / 3))
    return [grey <= first, (grey > first) & (grey <= second), grey > second]


def _by_range(scores: Picture, where: Sequence[Picture]) -> list[float]:
    return [float(scores[part].mean()) for part in where]
