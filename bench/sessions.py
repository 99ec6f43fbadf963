"""What a frame costs: from the driver's array or file to "it is safe", and to the finished session.

`./skycam bench sessions [--frames N] [--rows N] [--data FOLDER]`. Each figure stands beside a peer of the same run,
because disks differ: the same bytes written and synced with nothing else, and the frame uncompressed. A figure that
has a limit says whether it is kept; the command ends with 1 when one is missed.
"""

import argparse
import hashlib
import itertools
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from bench._memory import peak_mb
from sessions.store import frames, reading, values
from sessions.store.blocks import Codec
from sessions.store.journal import JournalWriter
from sessions.store.logs import SessionHandler
from sessions.store.manager import SessionManager
from skycam_project.common.files import fsync_folder

SHAPE = (2160, 3840)
JPEG_BYTES = 12_000_000


def night_sky(seed: int = 1, count: int = 8) -> list[np.ndarray]:
    """14-bit raw frames of a night sky: gradient, vignette, Bayer pattern, 4000 stars, noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]].astype(np.float32)
    radius = ((x / SHAPE[1] - 0.5) ** 2 + (y / SHAPE[0] - 0.5) ** 2) * 2
    sky = 90 * (1 - 0.35 * radius) * (1 + 0.4 * y / SHAPE[0])
    star = np.exp(-np.add.outer(np.arange(-6, 7) ** 2, np.arange(-6, 7) ** 2) / 5.1).astype(np.float32)
    star /= star.sum()
    for flux in np.minimum(300 * (random.pareto(1.2, 4000) + 1), 4e5):
        top, left = random.integers(0, SHAPE[0] - 13), random.integers(0, SHAPE[1] - 13)
        sky[top : top + 13, left : left + 13] += flux * star
    sky[0::2, 0::2] *= 0.75
    sky[1::2, 1::2] *= 0.6
    noise = np.sqrt(sky + 9)
    made = (sky + noise * random.standard_normal(SHAPE, dtype=np.float32) for _ in range(count))
    return [np.clip(np.rint(frame / 0.9 + 500), 0, 16383).astype(np.uint16) for frame in made]


def milliseconds(work: Callable[[int], object], count: int) -> float:
    """Median time of `work(number)`."""
    taken = []
    for number in range(count):
        start = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - start)
    return median(taken) * 1000


def write_and_sync(path: Path, data: object) -> None:
    """The least that safety costs: write, sync the file, rename, sync the folder."""
    temporary = path.with_suffix(".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.writev(handle, list(data) if isinstance(data, tuple) else [data])
    os.fsync(handle)
    os.close(handle)
    temporary.rename(path)
    fsync_folder(path.parent)


def show(what: str, figure: str, peer: str = "") -> None:
    """One line of the report."""
    print(f"{what:<58}{figure:>16}  {peer}", flush=True)


def limit(what: str, kept: bool) -> None:
    """A line that says whether a limit is kept."""
    show(f"  limit: {what}", "kept" if kept else "MISSED")
    _missed.extend([what] * (not kept))


_missed: list[str] = []


def side_by_side(count: int, *works: Callable[[int], object]) -> list[float]:
    """Median milliseconds of several works, taken in turns so that a busy machine slows all of them alike."""
    taken: list[list[float]] = [[] for _ in works]
    for number in range(count):
        for work, times in zip(works, taken, strict=True):
            start = time.perf_counter()
            work(number)
            times.append((time.perf_counter() - start) * 1000)
    return [median(times) for times in taken]


def bench_frames(folder: Path, count: int) -> None:
    """Arrays: compressed, uncompressed, and bare."""
    sky = night_sky()
    encoded = [frames.encode(frame, {}, Codec.BLSC) for frame in sky]
    size = encoded[0].size / 1e6

    def plain(number: int) -> None:
        data = sky[number % 8]
        hashlib.sha256(data).digest()
        hashlib.md5(data, usedforsecurity=False).digest()
        write_and_sync(folder / f"plain{number}", data.data.cast("B"))

    def bare(number: int) -> None:
        write_and_sync(folder / f"bare{number}", encoded[number % 8].parts)

    with SessionManager(folder / "arrays") as sessions:
        session = sessions.start_session("observation", "bench")

        def ours(number: int) -> None:
            session.add_frame("main", sky[number % 8], gain=1, exposure_us=5)

        taken, least, uncompressed = side_by_side(count, ours, bare, plain)
    raw = sky[0].nbytes / 1e6
    show(
        f"frame {SHAPE[1]}x{SHAPE[0]} uint16, {raw:.1f} MB -> {size:.1f} MB",
        f"{taken:.1f} ms",
        "acknowledged",
    )
    show("  bare write + fsync of the compressed bytes", f"{least:.1f} ms", f"ours = {taken / least:.2f} x")
    show(
        "  uncompressed + same checksums + fsync",
        f"{uncompressed:.1f} ms",
        f"{uncompressed / taken:.2f} x ours",
    )
    limit("1.3 times the rate of the uncompressed frame", uncompressed / taken >= 1.3)


def bench_originals(folder: Path, count: int) -> None:
    """A camera file of 12 MB: taken over from the spool folder."""
    data = np.random.default_rng(2).bytes(JPEG_BYTES)
    with SessionManager(folder / "originals") as sessions:
        session = sessions.start_session("observation", "bench")

        def spool(number: int) -> None:
            write_and_sync(folder / f"IMG_{number}.JPG", data)

        def adopt(number: int) -> None:
            session.add_original("dslr", folder / f"IMG_{number}.JPG")

        def memory(_: int) -> None:
            session.add_original("dslr", data, file_name="a.jpg")

        bare, adopted, from_memory = side_by_side(count, spool, adopt, memory)
    show(
        "original 12 MB JPEG, adopted from the spool",
        f"{adopted:.1f} ms",
        "acknowledged; the spool's fsync aside",
    )
    show("  bare write + fsync of the same bytes", f"{bare:.1f} ms", f"ours adds {adopted / bare:.2f} x")
    show(
        "  from memory",
        f"{from_memory:.1f} ms",
        f"{from_memory / bare:.2f} x bare; limit of the frame path 40 ms",
    )


def bench_rows(folder: Path, count: int) -> None:
    """Log rows: the journal alone, the manager, the logging handler."""
    journal = JournalWriter(folder / "journal.jsonl", "bench")
    handle = os.open(folder / "rows", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    line = b"x" * 150 + b"\n"
    numbers = iter(range(sys.maxsize))

    def ours(_: int) -> None:
        for number in itertools.islice(numbers, count // 5):
            row = {"l": "INFO", "s": "", "m": "Frame captured", "c": {"exposure_us": 312000, "i": number}}
            journal.append("log", values.encode(row))

    def bare(_: int) -> None:
        for _ in range(count // 5):
            os.write(handle, line)

    ours(0)
    processor = time.process_time()
    ours(0)
    processor = time.process_time() - processor
    taken, least = (count // 5 / took * 1000 for took in side_by_side(5, ours, bare))
    journal.sync()
    journal.close()
    os.close(handle)
    peer = (
        f"{processor / (count // 5) * 1e6:.1f} us of processor each; bare os.write of a line {least:,.0f}/s"
    )
    show("journal, one write per row", f"{taken:,.0f} rows/s", peer)
    limit("250,000 rows/s", taken >= 250_000)
    with SessionManager(folder / "rows-manager", instrument="system") as sessions:
        start = time.perf_counter()
        for number in range(count):
            sessions.log("INFO", "Frame captured", exposure_us=312000, i=number)
        show("SessionManager.log", f"{count / (time.perf_counter() - start):,.0f} rows/s")
        logger = logging.getLogger("skycam.bench")
        logger.setLevel(logging.INFO)
        logger.propagate = False
        handler = SessionHandler(folder / "rows-manager", "bench")
        logger.addHandler(handler)
        start = time.perf_counter()
        for number in range(count // 4):
            logger.info("Frame captured", extra={"i": number})
        show("logging handler", f"{count // 4 / (time.perf_counter() - start):,.0f} rows/s")
        handler.close()


def bench_finalise(folder: Path, count: int) -> None:
    """From the folder to the file: 50 large frames."""
    sky = night_sky(count=2)
    for codec in (Codec.BLSC, Codec.NONE):
        sessions = SessionManager(folder / f"finalise-{codec}", codec=codec)
        session = sessions.start_session("observation", "bench")
        for number in range(count):
            session.add_frame("main", sky[number % 2])
        before = peak_mb(reset=True)
        start = time.perf_counter()
        path = sessions.end_session()
        taken, peak = time.perf_counter() - start, peak_mb()
        sessions.shutdown()
        size = path.stat().st_size
        start = time.perf_counter()
        shutil.copyfile(path, folder / "copy")
        with (folder / "copy").open("rb") as file:
            os.fsync(file.fileno())
        copy = time.perf_counter() - start
        peer = f"+{max(0.0, peak - before):.0f} MB memory; plain copy + fsync {copy:.2f} s"
        show(f"finalise {count} frames, {codec}, {size / 1e6:.0f} MB", f"{taken:.2f} s", peer)
        limit("3 s and 50 MB of memory for 50 frames", taken <= 0.06 * max(count, 50) and peak - before <= 50)
        shutil.rmtree(folder / f"finalise-{codec}")


def bench_table(folder: Path, count: int) -> None:
    """Many rows: finalise, then open and read two of them."""
    sessions = SessionManager(folder / "table")
    session = sessions.start_session("observation", "bench")
    for number in range(count):
        session.log("INFO", f"Frame {number} captured", exposure_us=312000)
    before = peak_mb(reset=True)
    start = time.perf_counter()
    path = sessions.end_session()
    taken, peak = time.perf_counter() - start, peak_mb()
    sessions.shutdown()
    show(f"finalise {count:,} log rows", f"{taken:.2f} s", f"+{peak - before:.0f} MB memory")

    def two_rows(_: int) -> None:
        with reading.open_session(path) as af:
            logs = af["observability"]["logs"]
            if logs[3]["message"] != "Frame 3 captured" or len(logs) != count or not logs[-1]["message"]:
                raise RuntimeError("the rows are wrong")

    two_rows(0)
    opened = milliseconds(two_rows, 9)
    show("  open it and read two rows", f"{opened:.1f} ms", f"file {path.stat().st_size / 1e6:.1f} MB")
    limit("50 ms", opened <= 50)


PARTS = {
    "arrays": bench_frames,
    "originals": bench_originals,
    "rows": bench_rows,
    "finalise": bench_finalise,
    "table": bench_table,
}


def main(argv: list[str]) -> int:
    """Print the figures; returns 1 when a limit is missed. Each part runs in a process of its own, so that its memory is its own."""
    parser = argparse.ArgumentParser(prog="skycam bench sessions", description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=50, help="frames per figure (default 50)")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="rows of the large table (default 1000000)"
    )
    parser.add_argument(
        "--data", type=Path, help="folder on the disk to measure (default: the temporary folder)"
    )
    parser.add_argument("--part", choices=PARTS, help="only this part")
    options = parser.parse_args(argv)
    if options.part is None:
        return max(
            subprocess.call([sys.executable, "-m", "bench.sessions", *argv, "--part", part]) for part in PARTS
        )
    folder = Path(tempfile.mkdtemp(prefix="skycam-bench-", dir=options.data))
    try:
        count = {"rows": min(options.rows, 200_000), "table": options.rows}.get(options.part, options.frames)
        PARTS[options.part](folder, count)
    finally:
        shutil.rmtree(folder)
    return int(bool(_missed))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
