"""Memory of a live night: `python -m bench._night_memory FOLDER MEGAPIXELS` feeds the frames in FOLDER and says what it took.

MB of proportional memory (PSS) of the whole process, Python and libraries included, as the night's child has them.
"""

import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from skycam_project.common import allocator

WIDTH, HEIGHT, FRAMES = 3840, 2160, 12
START = datetime(2026, 11, 10, 20, tzinfo=UTC)


def frames(folder: Path) -> None:
    """Write raw 4K mosaics of a drifting star field."""
    random = np.random.default_rng(1)
    light = np.full((HEIGHT, WIDTH), 420, np.float32)
    grid = np.arange(-4, 5)
    star = np.exp(-(grid[:, None] ** 2 + grid**2) / (2 * 1.4**2)) / 12.3
    for x, y, flux in zip(
        random.integers(60, WIDTH - 60, 1500),
        random.integers(60, HEIGHT - 60, 1500),
        10 ** random.uniform(2.6, 4.6, 1500),
        strict=True,
    ):
        light[y - 4 : y + 5, x - 4 : x + 5] += flux * star
    noise = random.normal(0, 12, (HEIGHT, WIDTH)).astype(np.float32)
    for n in range(FRAMES):
        image = np.roll(light, 2 * n, axis=1) + np.roll(noise, 977 * n)
        np.save(folder / f"{n:02d}.npy", np.clip(image, 0, 65535).astype(np.uint16))


def measured(folder: Path, megapixels: float | None) -> dict[str, Any]:
    """What a night of the frames in `folder` took: `resting` and `peak` MB, `frame_cpu_s`, `width`."""
    arguments = [sys.executable, "-m", "bench._night_memory", str(folder), str(megapixels or 0)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _pss_mb() -> float:
    with Path("/proc/self/smaps_rollup").open() as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def _night(folder: Path, megapixels: float | None) -> dict[str, Any]:
    from sky.coordinates import Site
    from timelapse.night.engine import NightProducts, Wishes
    from timelapse.night.frames import Camera, NightFrame

    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], _pss_mb())

    threading.Thread(target=watch, daemon=True).start()
    camera = Camera(Site(46, 7.5), lens="perspective", pointed=True)
    products = NightProducts(folder / "products", camera, Wishes(megapixels=megapixels))
    took = []
    for n, path in enumerate(sorted(folder.glob("*.npy"))):
        start = START + timedelta(seconds=32 * n)
        begin = time.process_time()
        products.append(NightFrame(path.stem, start, 30.0, np.load(path), "mosaic", 65535.0, 0.0))
        took.append(time.process_time() - begin)
    products.snapshot()
    resting = _pss_mb()
    products.finish()
    done.set()
    width = products.trails.raw(clean=True).shape[1]
    return {
        "resting": resting,
        "peak": peak[0],
        "frame_cpu_s": float(np.median(took)),
        "width": width,
        "stacked": products.stack.used,
    }


if __name__ == "__main__":
    allocator.prepare(allocator.SMALL)
    print(json.dumps(_night(Path(sys.argv[1]), float(sys.argv[2]) or None)))
