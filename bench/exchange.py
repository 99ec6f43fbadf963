"""Sessions to and from other programs, each beside plain Python doing the same to the same bytes.

`./skycam bench exchange`: figures of one run, as ratios; a missed limit is said and gives exit code 1.
"""

import argparse
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np

from bench._memory import peak_mb

SHAPE = (2160, 3840)
ROUNDS = 3
_missed: list[str] = []


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median time of `work()`."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)


def say(what: str, rate: float, unit: str, peer: str, peer_rate: float, least: float) -> None:
    """One row: our rate, the peer's, and the share of it that we must reach."""
    ratio = rate / peer_rate
    good = ratio >= least
    if not good:
        _missed.append(what)
    print(
        f"{what:34}{rate:9.1f} {unit:9} {peer:44}{peer_rate:9.1f}   {ratio:5.2f} × (at least {least:g}) {'pass' if good else 'MISS'}",
        flush=True,
    )


def synced(path: Path, data: bytes) -> None:
    """Write a file and wait for the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def night(root: Path, count: int, storage: str = "embedded", shape: tuple[int, int] = SHAPE) -> Path:
    """A session of frames with noise as a sensor's."""
    from sessions.store.manager import SessionManager

    random = np.random.default_rng(1)
    with SessionManager(root, storage=storage) as sessions:
        session = sessions.start_session("observation", target="M 31")
        for number in range(count):
            pixels = (random.normal(300, 12, shape) + number).astype(np.uint16)
            info = {"model": "Bench", "bayer_pattern": "RGGB"}
            session.add_frame("main", pixels, info=info, exposure_us=15_000_000, gain=60, sensor_temp_c=-5.0)
        return sessions.end_session()


def fits_files(folder: Path, count: int) -> None:
    """FITS export beside astropy writing the same frames from memory, uncompressed, with the same header."""
    from astropy.io import fits

    from sessions.exchange import fits as exchange
    from sessions.exchange.contents import Contents

    path = night(folder / "fits", count)
    with Contents(path) as contents:
        frames = [contents.pixels(frame) for frame in contents.frames()]
    ours, theirs = folder / "ours", folder / "theirs"

    def export() -> None:
        shutil.rmtree(ours, ignore_errors=True)
        exchange.export(path, ours)

    def plain() -> None:
        shutil.rmtree(theirs, ignore_errors=True)
        theirs.mkdir()
        for number, pixels in enumerate(frames):
            unit = fits.PrimaryHDU(pixels, header)
            buffer = io.BytesIO()
            unit.writeto(buffer, checksum=True)
            synced(theirs / f"{number}.fits", buffer.getvalue())

    export()
    header = fits.getheader(next(ours.rglob("*.fits")))
    say("FITS export, 4K, checksums, fsync", count / seconds(export), "frames/s", "astropy from memory, checksums, fsync", count / seconds(plain), 0.6)  # fmt: skip


def zips(folder: Path, count: int) -> None:
    """The streamed zip beside `zipfile` writing the same files, both into memory that is thrown away."""
    from sessions.exchange import zips as exchange
    from sessions.exchange.fits import Options

    path = night(folder / "zip", count, "external")
    files = [path, *sorted(one for one in path.with_suffix(".frames").rglob("*") if one.is_file())]
    size = sum(one.stat().st_size for one in files) / 1e6

    def plain() -> None:
        with (
            Path(os.devnull).open("wb") as nowhere,
            zipfile.ZipFile(nowhere, "w", zipfile.ZIP_STORED) as whole,
        ):
            for one in files:
                whole.write(one)

    ours = seconds(lambda: sum(map(len, exchange.stream(path, exchange.What.ASDF, Options()))))
    say("zip stream", size / ours, "MB/s", "zipfile, stored", size / seconds(plain), 0.7)


def imports(folder: Path, count: int) -> None:
    """Import of JPEGs beside reading, hashing and copying them with fsync."""
    from PIL import Image

    from sessions.exchange.imports import taking
    from sessions.exchange.imports.plan import plan

    source = folder / "pictures"
    source.mkdir()
    random = np.random.default_rng(2)
    for number in range(count):
        picture = Image.fromarray(random.integers(0, 60, (500, 750, 3), np.uint8)).resize((3000, 2000))
        picture.save(source / f"sky_20261119-{number // 60:02d}{number % 60:02d}00.jpg", quality=90)
    rounds = iter(range(99))

    def take() -> None:
        root = folder / f"in{next(rounds)}"
        taking.take(plan(source, root, ZoneInfo("UTC")), root)

    def plain() -> None:
        target = folder / f"copy{next(rounds)}"
        target.mkdir()
        for one in sorted(source.iterdir()):
            data = one.read_bytes()
            hashlib.sha256(data).digest()
            synced(target / one.name, data)

    say("import of JPEGs (6 megapixels)", count / seconds(take), "images/s", "read, SHA-256, copy, fsync", count / seconds(plain), 0.25)  # fmt: skip


def there_and_back(folder: Path, count: int) -> None:
    """Archive to a folder and retrieve, beside copies with fsync and two hashes."""
    from sessions.exchange.archive import archive
    from sessions.exchange.retrieval import retrieve
    from skycam_project.common.files import sha256_of
    from skycam_project.common.objectstore import LocalStore

    root = folder / "there"
    path = night(root, count, "external")
    files = [path, *sorted(one for one in path.with_suffix(".frames").rglob("*") if one.is_file())]
    size = sum(one.stat().st_size for one in files) / 1e6
    rounds = iter(range(99))

    def plain() -> None:
        target = folder / f"plain{next(rounds)}"
        target.mkdir()
        for one in files:
            copy = target / one.name
            synced(copy, one.read_bytes())
            if sha256_of(copy) != sha256_of(one):
                raise ValueError(copy)

    def back() -> None:
        path.unlink(missing_ok=True)
        shutil.rmtree(path.with_suffix(".frames"), ignore_errors=True)
        retrieve(path.stem, root, kept)

    peer = size / seconds(plain)
    kept = LocalStore(folder / "archive0")
    there = seconds(lambda: archive(path, root, LocalStore(folder / f"archive{next(rounds)}")))
    archive(path, root, kept)
    say("archive to a folder", size / there, "MB/s", "copy, fsync, both sides hashed", peer, 0.3)
    say("retrieve", size / seconds(back), "MB/s", "the same", peer, 0.3)


def growth(path: Path) -> None:
    """In a process of its own: give all frames as FITS in a zip, and say what memory that took beyond the first."""
    from sessions.exchange import zips as exchange
    from sessions.exchange.fits import Options

    first, start, sent = 0.0, time.perf_counter(), 0
    for piece in exchange.stream(path, exchange.What.FITS, Options()):
        sent += len(piece)
        first = first or (peak_mb() if sent > 1e6 else 0.0)
    print(peak_mb() - first, first, sent / 1e6, time.perf_counter() - start)


def many(folder: Path, count: int) -> None:
    """Memory and speed of a session with very many frames outside."""
    with patch("os.fsync"), patch("os.fdatasync"):
        path = night(folder / "many", count, "external", (256, 384))
    command = [sys.executable, "-m", "bench.exchange", "--growth", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    grown, first, sent, taken = (float(word) for word in told.split())
    good = grown <= 24
    if not good:
        _missed.append("memory")
    print(
        f"{count:,} frames outside as FITS in a zip: {sent:.0f} MB, {count / taken:.0f} frames/s; {first:.0f} MB of memory"
        f" at the start, {grown:.1f} MB more at the end (at most 24) {'pass' if good else 'MISS'}"
    )


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="./skycam bench exchange")
    parser.add_argument("--frames", type=int, default=12, help="4K frames (%(default)s)")
    parser.add_argument("--images", type=int, default=60, help="JPEGs (%(default)s)")
    parser.add_argument("--many", type=int, default=10_000, help="frames outside one session (%(default)s)")
    parser.add_argument("--growth", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.growth:
        growth(options.growth)
        return 0
    _missed.clear()
    with tempfile.TemporaryDirectory(prefix="skycam-exchange-") as name:
        folder = Path(name)
        print(f"load {os.getloadavg()[0]:.0f}, medians of {ROUNDS}")
        for part, count in ((fits_files, options.frames), (zips, options.frames), (imports, options.images), (there_and_back, options.frames)):  # fmt: skip
            part(folder, count)
        many(folder, options.many)
    return 1 if _missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
