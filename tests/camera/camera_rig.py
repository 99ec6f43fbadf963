"""Cameras for tests: simulator processes, the virtual Nikon of the gphoto2 wheel, drivers with short
deadlines.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from camera.drivers.gphoto2.connection import Limits
from camera.drivers.gphoto2.driver import GPhoto2Driver

SHORT = Limits(
    open_s=10.0,
    list_s=10.0,
    command_s=5.0,
    grace_s=2.5,
    leave_s=2.0,
    drain_s=0.02,
    busy=(0.05, 0.1, 0.1, 0.1),
    back_off=(0.05, 0.1, 0.1),
)
"""Deadlines short enough for tests and long enough for a busy machine."""


@dataclass
class Simulator:
    """A running simulator process and its control port."""

    process: subprocess.Popen[bytes]
    ports: dict[str, Any]

    @classmethod
    def start(cls, *options: str, size: str = "600x400", scale: float = 0.0) -> "Simulator":
        """With further command line options; small pictures and instant exposures by default."""
        process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-m",
                    "camera.simulator",
                    "--port",
                    "0",
                    "--control-port",
                    "0",
                    "--parent-pipe",
                ),
                *("--size", size, "--exposure-scale", str(scale), *options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        return cls(process, json.loads(process.stdout.readline()))

    @property
    def address(self) -> str:
        return self.ports["address"]

    async def control(self, **wanted: Any) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["control_port"])
        writer.write(json.dumps(wanted).encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()
        if not answer["ok"]:
            raise ValueError(answer["error"])
        return answer

    async def files(self) -> list[str]:
        return (await self.control())["files"]

    async def faults(self, **faults: float) -> None:
        await self.control(faults=faults)

    def end(self) -> None:
        """Stop the process."""
        self.process.terminate()
        self.process.communicate()


async def until(condition: Callable[[], Any], patience: float = 20.0) -> None:
    """Return when the condition (which may be a coroutine function) is true."""
    async with asyncio.timeout(patience):
        while True:
            met = condition()
            if await met if asyncio.iscoroutine(met) else met:
                return
            await asyncio.sleep(0.01)


StartSimulator = Callable[..., Simulator]


@pytest.fixture
def start_simulator() -> Iterator[StartSimulator]:
    """Start simulators of one's own; see `Simulator.start`."""
    running: list[Simulator] = []

    def start(*options: str, **more: Any) -> Simulator:
        running.append(Simulator.start(*options, **more))
        return running[-1]

    yield start
    for simulator in running:
        simulator.end()


@pytest.fixture(scope="session")
def simulators() -> Iterator[dict[str, Simulator]]:
    """One camera of each kind for all tests that need nothing special; libgphoto2's two code paths."""
    running = {kind: Simulator.start("--vendor", kind) for kind in ("generic", "nikon")}
    yield running
    for simulator in running.values():
        simulator.end()


@pytest.fixture
async def simulator(simulators: dict[str, Simulator]) -> Simulator:
    """A camera with libgphoto2's generic code path, which is the one with the worst manners."""
    await simulators["generic"].control(reset=True)
    return simulators["generic"]


@pytest.fixture
async def nikon(simulators: dict[str, Simulator]) -> Simulator:
    """A camera with the Nikon code path: live view, bulb, other reactions to faults."""
    await simulators["nikon"].control(reset=True)
    return simulators["nikon"]


StartDriver = Callable[..., Awaitable[GPhoto2Driver]]


@pytest.fixture
async def start_driver(tmp_path: Path) -> AsyncIterator[StartDriver]:
    """Make and open drivers; they are closed at the end of the test."""
    drivers: list[GPhoto2Driver] = []

    async def start(
        address: str,
        *,
        limits: Limits = SHORT,
        spool: str = "spool",
        opened: bool = True,
        environment: dict[str, str] | None = None,
        **options: Any,
    ) -> GPhoto2Driver:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        driver = GPhoto2Driver(
            tmp_path / spool,
            address=address,
            limits=limits,
            environment={"HOME": str(home), **(environment or {})},
            **options,
        )
        drivers.append(driver)
        if opened:
            await driver.open()
        return driver

    yield start
    for driver in drivers:
        await driver.close()


@pytest.fixture
def vusb(tmp_path: Path) -> dict[str, str]:
    """Environment of a child that sees the wheel's virtual Nikon D750 at usb:001,001.

    Its traps: every picture is a copy of the one JPEG of the folder, whose size is remembered when the
    camera opens (replace it by a file of the same length only); exposure times are ignored; the card is
    full after 26 pictures; ISO is listed and fails. The variable must be set before gphoto2 is imported,
    hence the environment.
    """
    folder = tmp_path / "vcamera"
    folder.mkdir()
    picture = Image.effect_mandelbrot((600, 400), (-2, -1.2, 1, 1.2), 40).convert("RGB")
    picture.save(folder / "PICTURE.JPG", quality=90)
    return {"VCAMERADIR": str(folder)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """libgphoto2 writes its settings below HOME."""
    monkeypatch.setenv("HOME", str(tmp_path))
    yield
