"""Very many frames outside one session (10,000 every night): memory does not grow with their number."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sessions.store import frames, reading
from sessions.store.blocks import Codec
from sessions.store.framesource import FrameSource
from sessions.store.manager import SessionManager

READ = """
import sys
from pathlib import Path
import numpy as np
from sessions.store import reading
from sessions.store.framesource import FrameSource
path = Path(sys.argv[1])
# not ru_maxrss, which begins with the parent's
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
with FrameSource(path) as source:
    assert source.count("main") == int(sys.argv[2])
    first = source.array("main", 0)
    before = peak()
    total = sum(int(frame[0, 0]) for frame in source.arrays("main"))
grown = peak() - before
with reading.open_session(path) as session:
    table = session["cameras"]["main"]["frame_table"]
    assert len(table) == int(sys.argv[2]) and table[-1]["position"] == int(sys.argv[2]) - 1
print(total, grown)
"""


@pytest.fixture(params=[1_500, pytest.param(10_000, marks=pytest.mark.nightly)])
def big_session(request, tmp_path):
    """Its frames are written without waiting for the disk each time; all else is the store's own way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda handle: None)
        patch.setattr("os.fdatasync", lambda handle: None)
        with SessionManager(tmp_path, storage="external") as sessions:
            session = sessions.start_session("observation", "many")
            pixels = np.zeros((64, 64), np.uint16)
            for number in range(request.param):
                pixels[0, 0] = number
                session.add_frame("main", pixels, exposure_us=number)
            path = sessions.end_session()
    yield path, request.param
    shutil.rmtree(tmp_path)


@pytest.mark.timeout(180)
def test_very_many_frames_are_listed_opened_and_read_with_flat_memory(big_session):
    path, count = big_session
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(count)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    total, grown = done.stdout.split()
    assert int(total) == sum(range(count))
    assert float(grown) < 8, f"{grown} MB more after reading all frames"


def test_single_frames_of_a_session_by_camera_and_place(tmp_path):
    arrays = [np.full((5, 4), n, np.uint16) for n in range(3)] + [np.ones((4, 4, 3), np.uint8)]
    for storage in ("embedded", "external"):
        with SessionManager(tmp_path / storage, storage=storage) as sessions:
            session = sessions.start_session("observation", "few")
            for array in arrays:
                session.add_frame("main", array)
            session.add_original("dslr", b"raw", file_name="a.nef")
            session.add_calibration("dark", arrays[2])
            path = sessions.end_session()
        with FrameSource(path) as source:
            assert source.cameras == ["main", "dslr"]
            assert (source.count("main"), source.count("dslr", "originals")) == (4, 1)
            assert all(np.array_equal(*pair) for pair in zip(source.arrays("main"), arrays, strict=True))
            assert source.original("dslr", 0) == b"raw"
            assert np.array_equal(source.read(source.tree["calibration"]["dark_frames"][0]), arrays[2])
            with pytest.raises(LookupError):
                source.array("main", 4)
        with reading.open_session(path) as session:
            assert sum(1 for _ in session.frames("main")) == 4


def test_a_frame_file_opens_by_itself(tmp_path):
    encoded = frames.encode(np.arange(12, dtype=np.uint16).reshape(3, 4), {"gain": 3}, Codec.PORTABLE)
    frames.write(tmp_path / "000000.frame", encoded)
    import asdf

    with asdf.open(tmp_path / "000000.frame") as af:
        assert af["meta"]["gain"] == 3 and int(np.array(af["data"]).sum()) == 66
