"""Longer runs: the throughput of continuous capture, the real sky, a host that is killed."""

import asyncio
import hashlib
import json
import random
import re
import subprocess
import sys
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from dwarfclient_harness import (
    ENVIRONMENT,
    HERE,
    SERVICES,
    Device,
    high_place,
    session,
    simulator,
    truth_solver,
)

from telescope.dwarf.fits import read_header
from telescope.dwarf.frame import mosaic
from telescope.dwarf.session import Exposure
from telescope.dwarf.session.settings import Optics

pytestmark = [pytest.mark.full, pytest.mark.alone, pytest.mark.timeout(180)]


async def slewed(one):
    await one.motion.slew(high_place(one.clock), "M 31")
    await one.motion.settled()
    assert one.board.mount.problem == ""


async def test_a_hundred_frames_take_hardly_more_than_their_exposures(tmp_path):
    """100 × 15 s within 1.1 × 1500 s of simulated time, at speed 40, by the telescope's own stamps."""
    with simulator("--darks", speed=40.0) as device:
        async with session(device, tmp_path, solver=truth_solver) as one:
            await slewed(one)
            begin = one.clock.now()
            frames = []
            for _ in range(100):
                frames.append(await one.expose(Exposure(15.0, 60)))
                frames[-1].path.unlink()
            assert len({frame.path.name for frame in frames}) == 100
            for before, after in pairwise(frames):
                assert after.start >= before.end
            assert (frames[-1].end - begin).total_seconds() <= 1.1 * 1500


@contextmanager
def real_simulator(card):
    """The simulator as people start it, with its own renderer."""
    ports = [f"--{name}-port=0" for name in [*SERVICES.values(), "control"]]
    options = ["--time=2026-11-20T22:00:00", "--speed=10", "--darks", f"--card={card}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "telescope.simulator", *ports, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        text=True,
    )
    try:
        line = process.stdout.readline()
        found = {SERVICES[n]: int(port) for n, port in re.findall(r"(\w+) (\d+)", line) if n in SERVICES}
        yield Device({**found, "control": int(line.rsplit(":", 1)[1])}, process, 10.0)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_a_frame_of_the_real_sky_arrives_bit_by_bit(tmp_path):
    with real_simulator(tmp_path / "card") as device:
        async with session(device, tmp_path / "spool", optics=Optics()) as one:
            await slewed(one)
            frame = await one.expose(Exposure(15.0, 60))
            [original] = (tmp_path / "card").glob(f"Astronomy/*/{frame.path.name}")
            assert frame.path.read_bytes() == original.read_bytes()
            pixels, cropped = mosaic(frame, 3840, 2160)
            assert (pixels.shape, pixels.dtype, cropped) == ((2160, 3840), np.uint16, False)
            assert 100 < np.median(pixels) < 2000
            assert pixels.max() <= 4095


def run_host(folder, device):
    clock = device.clock()
    arguments = [str(folder), json.dumps(device.ports), clock.now().isoformat(), str(device.speed)]
    return subprocess.Popen(
        [sys.executable, str(HERE / "dwarfclient_process.py"), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT, text=True,
    )  # fmt: skip


def lines_until(process, stored):
    """Read what a host says until it has stored so many frames."""
    lines = []
    while sum(line.startswith("stored") for line in lines) < stored:
        if not (line := process.stdout.readline()):
            break
        lines.append(line.strip())
    return lines


async def test_a_host_that_is_killed_loses_no_acknowledged_frame_and_goes_on(tmp_path):
    moments = random.Random(3)
    said = []
    with simulator("--darks", speed=20.0) as device:
        for _ in range(4):
            host = await asyncio.to_thread(run_host, tmp_path, device)
            said.append(await asyncio.to_thread(lines_until, host, 2))
            await asyncio.sleep(moments.uniform(0.0, 0.8))
            host.kill()
            rest, _ = await asyncio.to_thread(host.communicate)
            said[-1] += rest.splitlines()
    stored = [line.split(" ", 1)[1] for lines in said for line in lines if line.startswith("stored")]
    assert len(stored) >= 8
    assert len(stored) == len(set(stored))
    for name in stored:
        assert read_header(tmp_path / "frames" / name).cards["EXPTIME"] == 10
    digests = {hashlib.sha256((tmp_path / "frames" / name).read_bytes()).digest() for name in stored}
    assert len(digests) == len(stored)
    assert all("connected True True" in lines[0] for lines in said[1:]), said  # run and tracking go on
