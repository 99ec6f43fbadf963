"""Night products in numbers: `./skycam bench night`.

The live stack against Siril on the same frames, meteors on simulated nights, and what one frame costs.
"""

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import _night_memory, _night_meteors
from sky.detection import detect
from timelapse.following import MEGAPIXELS_PER_GB
from timelapse.night.frames import Look, NightFrame
from timelapse.night.keogram import Keogram
from timelapse.night.stack import LiveStack

Image = NDArray[Any]
SIZE, FRAMES, EDGE = 2048, 30, 150
START = datetime(2026, 11, 10, 20, tzinfo=UTC)


def star_field(size: int, frames: int, seed: int) -> tuple[Image, list[Image]]:
    """Truth and frames: drift, turn, breathing seeing, a nebula, hot pixels, a satellite in every sixth frame."""
    random = np.random.default_rng(seed)
    count = int(1500 * (size / 2048) ** 2)
    x, y = random.uniform(-60, size + 60, (2, count))
    flux = 10 ** random.uniform(2.3, 5.0, count) * 0.7
    row, column = np.mgrid[0:size, 0:size].astype(np.float32)
    nebula = 60 * np.exp(-(((column - size / 2) / 250) ** 2 + ((row - size * 0.45) / 140) ** 2))
    hot = random.integers(0, size, (2, 400))
    glow = random.uniform(2000, 30000, 400)

    def stars(px: Image, py: Image, fwhm: float) -> Image:
        image, sigma, grid = np.zeros((size, size), np.float32), fwhm / 2.3548, np.arange(-9, 10)
        for a, b, light in zip(px, py, flux, strict=True):
            i, j = round(float(a)), round(float(b))
            if 9 <= i < size - 9 and 9 <= j < size - 9:
                ex = np.exp(-((grid - (a - i)) ** 2) / (2 * sigma**2))
                ey = np.exp(-((grid - (b - j)) ** 2) / (2 * sigma**2))
                image[j - 9 : j + 10, i - 9 : i + 10] += light / (2 * np.pi * sigma**2) * ey[:, None] * ex
        return image

    made = []
    for k in range(frames):
        a = np.radians(0.02 * k)
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        shift = np.array([1.3 * k, -0.7 * k]) + random.normal(0, 1.5, 2) * (k > 0)
        matrix = np.c_[turn, np.full(2, size / 2) - turn @ np.full(2, size / 2) + shift]
        px, py = matrix[:, :2] @ [x, y] + matrix[:, 2:]
        light = (
            400 + cv2.warpAffine(nebula, matrix, (size, size)) + stars(px, py, 3.0 + 0.15 * random.normal())
        )
        if k % 6 == 2:
            ends = [(int(random.uniform(0, size)), edge) for edge in (0, size)]
            cv2.line(light, ends[0], ends[1], 4000, 2, cv2.LINE_AA)
        noisy = light + np.sqrt(light + 64) * random.standard_normal((size, size), np.float32)
        noisy[hot[0], hot[1]] += glow
        made.append(np.clip(np.rint(noisy), 0, 65535).astype(np.uint16))
    return 400 + nebula + stars(x, y, 3.0), made


def fwhm(image: Image) -> float:
    """Median of the bright stars."""
    found = detect(np.ascontiguousarray(image, np.float32), "mono")
    return float(np.median(found.fwhm[~found.saturated & (found.snr > 50)]))


def blurred_to(image: Image, wanted: float) -> Image:
    """The picture at another picture's FWHM."""
    low, high = 0.2, 2.0
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if fwhm(cv2.GaussianBlur(image, (0, 0), middle)) < wanted else (low, middle)
        )
    return cv2.GaussianBlur(image, (0, 0), (low + high) / 2)


def errors(image: Image, truth: Image) -> tuple[float, float]:
    """RMS to the truth and noise of the background, after fitting scale and level."""
    part = slice(EDGE, -EDGE)
    t, o = truth[part, part], image[part, part].astype(np.float64)
    fit = t.ravel()[::7] < 3000
    scale, level = np.polyfit(t.ravel()[::7][fit], o.ravel()[::7][fit], 1)
    away = (o - level) / scale - t
    dark = away[t < 470]
    return float(np.sqrt(np.mean(away**2))), float(1.4826 * np.median(np.abs(dark - np.median(dark))))


def siril(images: list[Image], folder: Path) -> tuple[Image, float] | None:
    """Siril's `register` and `stack rej 3 3` of the same frames, and its seconds per frame; None: not installed."""
    from astropy.io import fits

    if shutil.which("siril-cli") is None:
        return None
    (folder / "fits").mkdir()
    for n, image in enumerate(images):
        fits.PrimaryHDU(image).writeto(folder / "fits" / f"l_{n:05d}.fit")
    script = folder / "stack.ssf"
    lines = [
        "requires 1.0.0",
        "setext fit",
        f"cd {folder}/fits",
        "register l_",
        "stack r_l_ rej 3 3 -nonorm -out=../siril",
    ]
    script.write_text("\n".join([*lines, "close", ""]))
    begin = time.perf_counter()
    subprocess.run(["siril-cli", "-s", str(script)], capture_output=True, check=True)
    took = time.perf_counter() - begin
    with fits.open(folder / "siril.fit") as file:
        hdu: Any = file[0]
        data = np.asarray(hdu.data, np.float32)
    return data * (65535 if float(data.max()) <= 1.5 else 1), took / len(images)


_missed: list[str] = []


def judged(what: str, value: float, limit: float, *, least: bool = False) -> None:
    """One figure beside its limit; `least`: it must not be below."""
    good = value >= limit if least else value <= limit
    print(
        f"  {'pass' if good else 'MISS'}    {what}: {value:.3f} ({'at least' if least else 'at most'} {limit:.3f})"
    )
    if not good:
        _missed.append(what)


def frame(image: Image, n: int, kind: Any = "mono") -> NightFrame:
    """Frame `n` of a night."""
    return NightFrame(f"{n}", START + timedelta(seconds=32 * n), 30.0, image, kind, 65535.0)


def stacking(size: int, frames: int) -> None:
    """Both stacks."""
    print(f"live stack, {frames} frames of {size} x {size}: drift, turn, satellites, 400 hot pixels")
    truth, images = star_field(size, frames, 3)
    LiveStack().append(frame(images[0], 0))  # compiles
    stack, wall, cpu = LiveStack(), [], []
    for n, image in enumerate(images):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        stack.append(frame(image, n))
        wall.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - begin_cpu)
    own = stack.image()[..., 0].copy()
    rms, noise = errors(own, truth)
    took = statistics.median(wall)
    print(f"  ours    {took:.3f} s per frame (cpu {statistics.median(cpu):.3f}), {stack.used} used;"
          f" rms {rms:.2f}, noise {noise:.2f}, FWHM {fwhm(own):.3f}")  # fmt: skip
    judged("seconds per frame", took, 0.15)
    with tempfile.TemporaryDirectory() as folder:
        other = siril(images, Path(folder))
    if other is None:
        print("  siril   not installed (apt install siril)")
        return
    peer, peer_took = other
    peer_rms, peer_noise = errors(peer, truth)
    print(f"  siril   {peer_took:.3f} s per frame ({peer_took / took:.1f} times ours); rms {peer_rms:.2f},"
          f" noise {peer_noise:.2f}, FWHM {fwhm(peer):.3f}")  # fmt: skip
    judged("rms to the truth, limit siril's", rms, peer_rms)
    if fwhm(peer) > fwhm(own):
        own = blurred_to(own, fwhm(peer))
    else:
        peer_noise = errors(blurred_to(peer, fwhm(own)), truth)[1]
    judged("noise at equal FWHM, limit siril's", errors(own, truth)[1], peer_noise)


def parts(size: int) -> None:
    """What one frame costs the cheap products."""
    print(f"per frame of {size} x {size}")
    random = np.random.default_rng(1)
    pictures = [random.integers(0, 255, (size, size), np.uint8) for _ in range(2)]
    most = pictures[0].copy()

    def timed(work: Any, rounds: int = 40) -> float:
        work()
        took = []
        for _ in range(rounds):
            begin = time.perf_counter()
            work()
            took.append(time.perf_counter() - begin)
        return statistics.median(took) * 1e3

    judged("star trails, running maximum, 8 bit, ms", timed(lambda: cv2.max(most, pictures[1], most)), 0.45)
    mosaic = random.integers(0, 65535, (size, size), np.uint16)
    look = Look(frame(mosaic, 0, "mosaic"))
    judged("keogram column, ms", timed(lambda: Keogram().append(look)), 1.0)


def memory() -> None:
    """Of the live night, all products and a stack of 4K frames, on machines of three sizes."""
    print("memory of a live night, raw frames of 3840 x 2160, all products with the stack")
    with tempfile.TemporaryDirectory() as name:
        _night_memory.frames(Path(name))
        _night_memory.measured(Path(name), 0.6)  # compiles the kernels
        for gb in (1, 2, None):
            shutil.rmtree(Path(name) / "products", ignore_errors=True)
            found = _night_memory.measured(Path(name), gb and MEGAPIXELS_PER_GB * gb)
            print(f"  {f'{gb} GB' if gb else 'enough'}: {found['width']} wide, {found['resting']:.0f} MB resting,"
                  f" {found['peak']:.0f} MB at most; cpu {found['frame_cpu_s']:.2f} s per frame")  # fmt: skip
            if gb:
                judged(f"MB at most on {gb} GB", found["peak"], 350)


def meteors(cameras: list[str], frames: int, nights: int, quiet: int) -> None:
    """Recall on nights full of meteors, false ones on nights without."""
    for camera in cameras:
        total, calm = _night_meteors.Score(), _night_meteors.Score()
        for seed in range(nights):
            start = _night_meteors.NIGHT + timedelta(days=seed % 8)
            total = total + _night_meteors.run(camera, start, frames, 2, 1000 + seed)[0]
        for seed in range(quiet):
            start = _night_meteors.NIGHT + timedelta(days=seed % 8)
            calm = calm + _night_meteors.run(camera, start, frames, 0, 2000 + seed)[0]
        both = total + calm
        print(f"meteors, {camera}: {total.found} of {total.events} with peak V <= {_night_meteors.FAINTEST[camera]:g} and >= 60 px found,"
              f" {both.false} false in {both.frames} frames, cpu {both.cpu_s / both.frames:.2f} s per frame", flush=True)  # fmt: skip
        judged("share found", total.found / max(total.events, 1), 0.90, least=True)
        judged("false per night of 8 h", _per_night(both), 1.0)


def whole_night(cameras: list[str], frames: int, first: int) -> None:
    """A night without meteors, but with satellites, aircraft, passing clouds and a moon that sets."""
    for camera in cameras:
        score, wrong = _night_meteors.run(
            camera, _night_meteors.MOONLIT, frames, 0, 3000, clouds=True, first=first
        )
        print(f"night of moon and clouds, {camera}: {score.false} false in {score.frames} frames", flush=True)
        for n, one in wrong:
            print(f"    frame {n}: {one.streak.length:.0f} px, {one.streak.snr:.0f} sigma, {one.reason}")
        judged("false per night of 8 h", _per_night(score), 1.0)


def _per_night(score: _night_meteors.Score) -> float:
    """Mean of the nights; of less than one night all that were seen."""
    return score.false * min(1.0, 8 * 3600 / _night_meteors.INTERVAL_S / score.frames)


def main(arguments: list[str]) -> int:
    """Print all of it."""
    parser = argparse.ArgumentParser(prog="skycam bench night")
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--nights", type=int, default=1, help="simulated nights full of meteors, per camera")
    parser.add_argument("--quiet", type=int, default=1, help="nights without any")
    parser.add_argument("--night-frames", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="first frame of the night of moon and clouds")
    parser.add_argument("--only", choices=("stack", "parts", "memory", "meteors", "night"))
    parser.add_argument("--camera", choices=("dslr", "all-sky"), help="for the meteors; both by default")
    chosen = parser.parse_args(arguments)
    cameras = [
        name
        for name in _night_meteors.CAMERAS
        if name.lower().startswith(chosen.camera or ("dslr", "all-sky"))
    ]
    if chosen.only in (None, "parts"):
        parts(chosen.size)
    if chosen.only in (None, "stack"):
        stacking(chosen.size, chosen.frames)
    if chosen.only in (None, "memory"):
        memory()
    if chosen.only in (None, "meteors"):
        meteors(cameras, chosen.night_frames, chosen.nights, chosen.quiet)
    if chosen.only in (None, "night"):
        whole_night(cameras, chosen.night_frames, chosen.first)
    print(f"missed: {', '.join(_missed)}" if _missed else "all within their limits")
    return 1 if _missed else 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
