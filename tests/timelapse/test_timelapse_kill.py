"""SIGKILL at any moment: the job goes on and ends with the pictures it would have had."""

import json
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
FRAMES, CHUNK = 96, 24
ARGUMENTS = ["--preset", "ultrafast", "--also", "preview"]


def begin(source, out, work):
    command = [sys.executable, "-m", "skycam_project.cli", "timelapse", "make", str(source), "-o", str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    recipe = source.parent / "recipe.json"
    recipe.write_text(json.dumps({"chunk": CHUNK}))
    command += ["--work", str(work), "--output", "json", "--recipe", str(recipe), *ARGUMENTS]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process):
    out, error = process.communicate(timeout=100)
    assert process.returncode == 0, error.decode()
    return out


def pictures(path):
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray() for frame in file.decode(video=0)])


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    write_frames(folder / "in", FRAMES)
    finish(begin(folder / "in", folder / "whole.mp4", folder / "whole"))
    return folder


POINTS = {
    "in the analysis": ("analysis/*.parquet", 1),
    "in the first chunk": ("chunks/*.tmp", 1),
    "after the first chunk": ("chunks/*.part", 1),
    "in a later chunk": ("chunks/*.part", 4),
    "at the end": ("chunks/*.part", 2 * FRAMES // CHUNK),
}


def kill_when(there, source, out, work):
    """Start the job, kill it when so many files are there; what was finished then, and when."""
    pattern, count = there
    process = begin(source, out, work)
    deadline = time.monotonic() + 50
    while len(list(work.glob(pattern))) < count and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    finished = [path for path in work.glob("*/*") if path.suffix in (".part", ".parquet")]
    return {path: path.stat().st_mtime_ns for path in finished}


def finish_alike(sequence, folder, kept):
    """The job ends with the same pictures, and nothing was made twice."""
    finish(begin(sequence / "in", folder / "o.mp4", folder / "w"))
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())
    for name in ("{}.mp4", "{}-preview.mp4"):
        one, two = pictures(folder / name.format("o")), pictures(sequence / name.format("whole"))
        np.testing.assert_array_equal(one, two)


@pytest.mark.timeout(150)  # six starts, on a machine that may have to compile the kernels first
def test_job_killed_again_and_again_ends_with_the_same_pictures(sequence, tmp_path):
    kept = {}
    for there in POINTS.values():
        kept |= kill_when(there, sequence / "in", tmp_path / "o.mp4", tmp_path / "w")
    assert len(kept) >= 2 * FRAMES // CHUNK
    finish_alike(sequence, tmp_path, kept)


@pytest.mark.nightly
@pytest.mark.parametrize("point", POINTS)
def test_job_killed_once_ends_with_the_same_pictures(sequence, tmp_path, point):
    kept = kill_when(POINTS[point], sequence / "in", tmp_path / "o.mp4", tmp_path / "w")
    finish_alike(sequence, tmp_path, kept)


@pytest.mark.nightly
@pytest.mark.timeout(150)
def test_job_killed_at_any_moment_ends_with_the_same_pictures(sequence, tmp_path):
    """After whatever time; a job of these frames takes some seconds."""
    random = np.random.default_rng(8)
    for _ in range(8):
        process = begin(sequence / "in", tmp_path / "o.mp4", tmp_path / "w")
        time.sleep(random.uniform(1.0, 4.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finish_alike(sequence, tmp_path, {})


def test_two_workers_share_a_job(sequence, tmp_path):
    workers = [begin(sequence / "in", tmp_path / f"{name}.mp4", tmp_path / "w") for name in "ab"]
    for worker in workers:
        finish(worker)
    assert len(list((tmp_path / "w" / "chunks").glob("*.part"))) == 2 * FRAMES // CHUNK
    whole = pictures(sequence / "whole.mp4")
    for name in "ab":
        np.testing.assert_array_equal(pictures(tmp_path / f"{name}.mp4"), whole)
