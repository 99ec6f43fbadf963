"""A short private folder for sockets, and hosts in this process and in others."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from linkdevice import FakeTelescope

from skycam_project.common.link import Mirror

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="skycam-"))
    yield path
    shutil.rmtree(path)


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition; generous, because only its absence is a failure."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def hosted(folder: Path, **options) -> AsyncIterator[tuple[FakeTelescope, Mirror]]:
    """A running fake telescope in this event loop, and a mirror of it."""
    device = FakeTelescope(folder, **options)
    running = asyncio.create_task(device.run())
    mirror = Mirror(folder, "telescope")
    try:
        await until(device.host.path.exists)
        await mirror.start()
        yield device, mirror
    finally:
        await mirror.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def spawn(folder: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start a program (`linkdevice.py` unless told) on `folder`; all are ended afterwards."""
    started: list[subprocess.Popen] = []

    def start(code: str = "") -> subprocess.Popen:
        program = ["-c", code] if code else [str(Path(__file__).with_name("linkdevice.py"))]
        process = subprocess.Popen(
            [sys.executable, *program, str(folder)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        process.stdout.close()
