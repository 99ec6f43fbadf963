"""Very many frames outside one session (10,000 every night) are given away with flat memory."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sessions.store.manager import SessionManager

GIVE = """
import resource, sys
from pathlib import Path
from sessions.exchange import giving
from sessions.exchange.fits import Options
path, out, what = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
early = []
def tell(done, total):
    if not early:
        early.append(peak())
if "fsync" in sys.argv:  # the small form: not the disk is looked at
    import os
    os.fsync = lambda handle: None
given = giving.give(path, out, what, Options(), tell)
assert not given.skipped
print(given.files, peak() - early[0])
"""
SHAPE = (256, 384)
"""196,608 bytes a frame: 10,000 are 2 GB, 200 are 39 MB."""


@pytest.fixture(scope="module", params=[200, pytest.param(10_000, marks=pytest.mark.nightly)])
def many(request, tmp_path_factory):
    """A session with so many frames outside, and their number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda handle: None)
        patch.setattr("os.fdatasync", lambda handle: None)
        with SessionManager(tmp_path_factory.mktemp("many"), storage="external") as sessions:
            session = sessions.start_session("observation", "many")
            pixels = np.random.default_rng(1).integers(0, 4096, SHAPE).astype(np.uint16)
            for number in range(request.param):
                pixels[0, 0] = number
                session.add_frame("main", pixels, exposure_us=number)
            return sessions.end_session(), request.param


@pytest.mark.timeout(280)
@pytest.mark.parametrize("what", ["fits", "fits.zip", "portable"])
def test_memory_does_not_grow_with_the_number_of_frames(many, tmp_path, what):
    path, count = many
    out = tmp_path / (f"out-{what}" if what.endswith(".zip") else "out")
    form = what.removesuffix(".zip")
    done = subprocess.run(
        [sys.executable, "-c", GIVE, str(path), str(out), form, "fsync"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=270,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    files, grown = done.stdout.split()
    print(f"{what}: {count} frames, {grown} MB more after the first")  # what a nightly run shows
    # The names of 10,000 frames in a zip's directory, or a folder's record, take some megabytes.
    assert float(grown) < 8 + count / 500, f"{grown} MB more for {count} frames"
    if what == "fits":
        assert int(files) == count and sum(1 for _ in out.rglob("*.fits")) == count
    elif what == "fits.zip":
        with zipfile.ZipFile(out) as found:
            assert len(found.namelist()) == count
    else:
        assert next(out.glob("*.asdf")).stat().st_size > count * SHAPE[0] * SHAPE[1]
