"""The whole program as a person starts it, in a data folder of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from skycam_project.common.link import NotConnected, ask, read
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "sky" / "__pycache__" / "kernels"  # as the tests themselves: compiled once for all
PASSWORD = "a clear night in march"


class Skycam:
    """One running `./skycam up`."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data, self.run, self.port = data, data / "run", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(data.parent),
            "PYTHONPATH": str(ROOT),
            "NUMBA_CACHE_DIR": str(KERNELS),
            **environment,
        }
        self.lines: list[str] = []

    def start(self) -> "Skycam":
        command = [
            sys.executable,
            "-m",
            "skycam_project.cli",
            "up",
            "--port",
            str(self.port),
            "--data",
            str(self.data),
        ]
        self.process = subprocess.Popen(
            command,
            cwd=self.data.parent,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.until(lambda: any(line.startswith("Skycam is ready") for line in self.lines), 60, "ready")
        return self

    def _read(self) -> None:
        with contextlib.suppress(ValueError):
            for line in self.process.stdout or ():
                self.lines.append(line)

    def until(self, condition, seconds: float = 30.0, what: str = "") -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if result := condition():
                return result
            if self.process.poll() is not None and what == "ready":
                break
            time.sleep(0.05)
        raise AssertionError(
            f"{what or condition} did not come within {seconds} s\n" + "".join(self.lines[-40:])
        )

    def state(self, link: str) -> dict[str, Any]:
        return read(self.run, link)

    def camera(self) -> dict[str, Any] | None:
        try:
            return read(self.run, "camera-default")
        except NotConnected:
            return None

    def ask(self, link: str, call: str, **arguments: Any) -> dict[str, Any]:
        return ask(self.run, link, call, **arguments).state

    def frames(self) -> int:
        """Number of the newest frame that the camera's host has acknowledged."""
        camera = self.camera()
        return camera["frame"]["number"] if camera and camera["frame"] else -1

    def pid(self, child: str) -> int | None:
        try:
            processes = read(self.run, "up")["processes"]
        except NotConnected:
            return None
        return next((row["pid"] for row in processes if row["name"] == child), None)

    def family(self) -> list[psutil.Process]:
        """Every process that belongs to this data folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = " ".join(process.cmdline())
                if process.pid != os.getpid() and (
                    str(self.data) in words or process.environ().get("SKYCAM_DATA") == str(self.data)
                ):
                    found.append(process)
        return found

    @contextlib.contextmanager
    def own(self) -> Iterator[httpx.Client]:
        """Finish the first run and give a client that is logged in."""
        with httpx.Client(base_url=self.url, timeout=20) as client:
            self._claim(client)
            yield client

    def _claim(self, client: httpx.Client) -> None:
        token = (self.data / "setup-token").read_text()
        answer = client.post(
            "/control/v1/welcome/", json={"token": token, "username": "stella", "password": PASSWORD}
        )
        assert answer.status_code == 201, answer.text

    def stop(self, number: int = signal.SIGINT, seconds: float = 40) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join(10)
            if self.process.stdout:
                self.process.stdout.close()


@pytest.fixture
def skycam(tmp_path):
    """Makes `Skycam`s; whatever is left of them is ended."""
    with skycams(tmp_path / "var") as make:
        yield make


@contextlib.contextmanager
def skycams(data: Path) -> Iterator[Callable[..., Skycam]]:
    """The same for a fixture of another scope."""
    made: list[Skycam] = []

    def make(**environment: str) -> Skycam:
        made.append(Skycam(data, **environment))
        return made[-1]

    yield make
    for one in made:
        with contextlib.suppress(AttributeError):
            one.stop()
        for process in one.family():
            with contextlib.suppress(psutil.Error):
                process.kill()
