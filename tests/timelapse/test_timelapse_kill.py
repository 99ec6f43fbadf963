"""SIGKILL at any moment: the job goes on and ends with the pictures it would have had."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from test_timelapse_job import write_frames

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = ["--preset", "ultrafast", "--also", "preview"]


def begin(source, out, work):
    command = [sys.executable, "-m", "skycam_project.cli", "timelapse", "make", str(source), "-o", str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command += ["--work", str(work), "--output", "json", *ARGUMENTS]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process):
    out, error = process.communicate(timeout=50)
    assert process.returncode == 0, error.decode()
    return out


def pictures(path):
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray() for frame in file.decode(video=0)])


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    write_frames(folder / "in", 300)
    finish(begin(folder / "in", folder / "whole.mp4", folder / "whole"))
    return folder


POINTS = {
    "in the analysis": ("analysis/*.parquet", 2),
    "in the first chunk": ("chunks/*.tmp", 1),
    "after the first chunk": ("chunks/*.part", 1),
    "in a later chunk": ("chunks/*.part", 3),
    "at the end": ("chunks/*.part", 6),
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_job_ends_with_the_same_pictures(sequence, tmp_path, point):
    pattern, count = POINTS[point]
    process = begin(sequence / "in", tmp_path / "o.mp4", tmp_path / "w")
    deadline = time.monotonic() + 50
    while len(list((tmp_path / "w").glob(pattern))) < count and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = {
        path: path.stat().st_mtime_ns
        for path in tmp_path.glob("w/*/*")
        if path.suffix in (".part", ".parquet")
    }
    finish(begin(sequence / "in", tmp_path / "o.mp4", tmp_path / "w"))
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    for name in ("{}.mp4", "{}-preview.mp4"):
        one, two = pictures(tmp_path / name.format("o")), pictures(sequence / name.format("whole"))
        np.testing.assert_array_equal(one, two)


def test_two_workers_share_a_job(sequence, tmp_path):
    workers = [begin(sequence / "in", tmp_path / f"{name}.mp4", tmp_path / "w") for name in "ab"]
    for worker in workers:
        finish(worker)
    assert len(list((tmp_path / "w" / "chunks").glob("*.part"))) == 6
    whole = pictures(sequence / "whole.mp4")
    for name in "ab":
        np.testing.assert_array_equal(pictures(tmp_path / f"{name}.mp4"), whole)
