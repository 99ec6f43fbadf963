"""Engines in this process and in processes of their own."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from lighting.engine.commands import Command, own_command
from lighting.engine.engine import Engine
from lighting.engine.state import RgbState
from skycam_project.common.link import NotConnected, ask, read
from skycam_project.config import Configuration, load

ROOT = Path(__file__).resolve().parents[2]


def configuration(data: Path, **variables: str) -> Configuration:
    """Settings as a process with these DMX_ variables would read them."""
    return load(environ={"SKYCAM_DATA": str(data), **variables})[0]


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def make_engine(folder: Path, **variables: str) -> Engine:
    return Engine(
        configuration(folder, **variables), folder / "rig", folder / "state.json", folder / "seen.json"
    )


@contextlib.asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Engine]:
    """The engine's writer as a task."""
    task = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        await settle(engine)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        engine.close()


async def settle(engine: Engine) -> None:
    """Return when everything that was submitted has been applied."""
    await engine.control(lambda: None)


def write_state(path: Path, state: RgbState) -> None:
    path.write_text(json.dumps(state.body()))


def red(value: int, src: str = "test") -> Command:
    return own_command(src, value, 0, 0)


class EngineProcess:
    """`python -m lighting.engine` on a data folder, with its link."""

    def __init__(self, data: Path, **variables: str) -> None:
        self.data, self.run = data, data / "run"
        keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environment = keep | {"PYTHONPATH": str(ROOT), "SKYCAM_DATA": str(data), **variables}
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> "EngineProcess":
        self.output = (self.data / "engine.log").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lighting.engine"],
            cwd=self.data, env=self.environment, stdout=self.output, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        wait_for(lambda: self.process.poll() is not None or self.state())
        return self

    def log(self) -> str:
        return (self.data / "engine.log").read_text()

    def state(self) -> dict[str, Any] | None:
        try:
            return read(self.run, "lighting")
        except NotConnected:
            return None

    @property
    def rgb(self) -> dict[str, Any]:
        return read(self.run, "lighting")["rgb"]

    def ask(self, name: str, **arguments: Any) -> Any:
        return ask(self.run, "lighting", name, **arguments).result

    def set(self, r: int, g: int = 0, b: int = 0, src: str = "test", **more: Any) -> dict[str, Any]:
        from lighting.engine.ulid import new_ulid

        command = {"cmdId": new_ulid(), "src": src, "r": r, "g": g, "b": b} | more
        self.ask("submit", command=command)
        return command

    def end(self, *, kill: bool = False) -> int:
        assert self.process
        self.process.kill() if kill else self.process.terminate()
        code = self.process.wait(20)
        self.output.close()
        return code
