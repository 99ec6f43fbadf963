"""What the camera's software costs per frame, beside a program started for every frame.

    ./skycam bench camera [--frames 20] [--megabytes 12]

A simulated camera in a process of its own serves one JPEG with an exposure time of nothing, so all that is
measured is
software: command, download over TCP, fsync, rename, and the deletion on the card. The peer is the `gphoto2`
program, where it is installed, against the same camera in the same run.
"""

import argparse
import asyncio
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from bench._memory import peak_mb
from camera.drivers.base import Settings
from camera.drivers.gphoto2.driver import GPhoto2Driver
from camera.preview import PreviewFolder
from camera.simulator.camera import Shot
from camera.simulator.scene import NightScene
from camera.sink import SessionSink
from sessions.store.manager import SessionManager

LIMIT_MS = 40.0
"""Demanded of the whole way of a 12 MB frame, session included."""
SHOT = Shot(datetime(2026, 11, 20, 22, tzinfo=UTC), 15.0, 6400, 1.4)


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        prog="bench camera", description="Cost of a frame between camera and session."
    )
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--megabytes", type=float, default=12.0)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="skycam-bench-") as folder:
        asyncio.run(measure(Path(folder), options.frames, options.megabytes))
    return 0


async def measure(folder: Path, frames: int, megabytes: float) -> None:
    """All figures, in a folder of its own."""
    picture = folder / "picture.jpg"
    size = make_picture(picture, megabytes)
    os.environ["HOME"] = str(folder)  # libgphoto2 writes its settings there
    simulator = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "camera.simulator", "--port", "0", "--vendor", "generic", "--parent-pipe"),
        *("--picture", str(picture), "--exposure-scale", "0"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if simulator.stdout is None:
            return
        address = json.loads(await simulator.stdout.readline())["address"]
        load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        print(f"{frames} frames of {size / 1e6:.1f} MB, medians; {load}")
        ours = await measure_driver(folder, address, frames)
        measure_program(folder, address, min(frames, 10), ours)
    finally:
        simulator.terminate()
        await simulator.wait()
    measure_pictures(folder, picture)


def make_picture(path: Path, megabytes: float) -> int:
    """A noisy night of 24 megapixels, padded to the wanted size behind the picture's end."""
    ((_, data),) = NightScene((6000, 4000)).files(SHOT, jpeg=True, raw=False)
    with Image.open(io.BytesIO(data)) as image:
        image.convert("RGB").save(path, "JPEG", quality=98)
    missing = int(megabytes * 1e6) - path.stat().st_size
    with path.open("ab") as file:
        file.write(bytes(max(0, missing)))
    return path.stat().st_size


async def measure_driver(folder: Path, address: str, frames: int) -> float:
    """The driver: open, per frame, memory. Returns milliseconds per frame."""
    driver = GPhoto2Driver(folder / "spool", address=address)
    opened = await timed(driver.open)
    settings = Settings(exposure_s=0.0002)
    exposures, downloads, keepings, acknowledgements = [], [], [], []
    sessions = SessionManager(folder / "sessions", instrument="bench")
    sink = SessionSink(sessions, "bench", "bench")
    await sink.begin_run()
    before = cpu(driver.child_pid), time.process_time()
    for _ in range(frames):
        begin = time.perf_counter()
        frame = await driver.expose(settings)
        exposures.append(time.perf_counter() - begin)
        downloads.append(frame.download_s or 0.0)
        keepings.append(await timed(sink.frame, frame))
        acknowledgements.append(await timed(driver.acknowledge, frame))
    child = 1000 * (cpu(driver.child_pid) - before[0]) / frames
    host = 1000 * (time.process_time() - before[1]) / frames
    total = [sum(parts) for parts in zip(exposures, keepings, acknowledgements, strict=True)]
    safe = [sum(parts) for parts in zip(exposures, keepings, strict=True)]
    print(f"  open the camera in a new process       {1000 * opened:8.1f} ms")
    print(f"  shutter to file on disk (fsync)        {ms(exposures):8.1f} ms")
    print(f"    of that the download                 {ms(downloads):8.1f} ms")
    print(f"  into the session (sha256, fsync)       {ms(keepings):8.1f} ms")
    print(f"  shutter to safe in the session         {ms(safe):8.1f} ms   (at most {LIMIT_MS:.0f} ms)")
    print(f"  deletion on the card, beside the next  {ms(acknowledgements):8.1f} ms")
    print(f"  everything                             {ms(total):8.1f} ms")
    print(f"    processor time of child and host     {child:8.1f} ms + {host:.1f} ms")
    print(f"  memory of the child, highest           {peak_mb(driver.child_pid):8.1f} MB   (at most 50 MB)")
    await driver.close()
    await asyncio.to_thread(sessions.shutdown)
    return ms(total)


def measure_program(folder: Path, address: str, frames: int, ours: float) -> None:
    """The gphoto2 program, started for every frame."""
    program = shutil.which("gphoto2")
    if program is None:
        print("  gphoto2 program                             not installed, no ratio")
        return
    command = [program, "--port", address, "--camera", "PTP/IP Camera", "--capture-image-and-download"]
    command += ["--force-overwrite", "--filename", str(folder / "program.jpg")]
    times = []
    for _ in range(frames):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        times.append(time.perf_counter() - begin)
    ratio = f"({ms(times) / ours:.1f} times as long)"
    print(f"  gphoto2 program per frame              {ms(times):8.1f} ms   {ratio}")


def measure_pictures(folder: Path, picture: Path) -> None:
    """Previews, and the simulated night."""
    previews = PreviewFolder(folder / "previews")
    scene = NightScene()
    ((_, night),) = scene.files(SHOT, jpeg=True, raw=False)
    without = repeat(lambda: preview(previews, picture.read_bytes()))
    inside = repeat(lambda: preview(previews, night))
    print(f"  preview of that frame, no copy inside  {ms(without):8.1f} ms")
    print(f"  preview of a frame with a copy inside  {ms(inside):8.1f} ms")
    rendering = repeat(lambda: scene.files(SHOT, jpeg=True, raw=False))
    print(f"  simulated night 3000 x 2000, encoded   {ms(rendering):8.1f} ms   (at most 250 ms)")


def preview(previews: PreviewFolder, data: bytes) -> None:
    """One preview."""
    previews.make(io.BytesIO(data), "image/jpeg", "bench")


def repeat(work: Callable[[], Any], times: int = 7) -> list[float]:
    """Seconds of each of several goes."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return found


async def timed(work: Callable[..., Awaitable[Any]], *arguments: Any) -> float:
    """Seconds that a coroutine takes."""
    begin = time.perf_counter()
    await work(*arguments)
    return time.perf_counter() - begin


def ms(seconds: list[float]) -> float:
    """The median in milliseconds."""
    return 1000 * statistics.median(seconds)


def cpu(pid: int | None) -> float:
    """Processor seconds of a process so far; nan where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
