"""The lights' engine in this process, looking like a mirror to an adapter."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from lighting.engine.service import Service
from lighting.outputs.base import Output
from skycam_project.common.errors import SkycamError
from skycam_project.common.link import CallError, NotConnected
from skycam_project.config import load

PATCH = [
    {"name": "main", "role": "main"},
    {"name": "panel", "role": "flat-panel", "start": 10, "profile": "dimmer", "bits": 16},
    {"name": "desk", "role": "room-white", "start": 20},
]


class Wire(Output):
    """An output whose frames a test reads; `broken` is what it fails with."""

    driver = "wire"

    def __init__(self) -> None:
        super().__init__(fps=1000)
        self.sent: list[bytes] = []
        self.broken = ""

    def pause(self, failures: int) -> float:
        return 0.02

    def send(self, data: Any) -> None:
        if self.broken:
            raise OSError(self.broken)
        self.sent.append(bytes(data))


class Lights:
    """In the place of a mirror: the real service, without its socket."""

    def __init__(self, folder: Path, **variables: str) -> None:
        settings = {"SKYCAM_DATA": str(folder), "DMX_MQTT_ENABLED": "false", **variables}
        self.service = Service(load(environ=settings)[0], folder / "run")
        self.service.open()
        self.wire = Wire()
        self.service.outputs.append(self.wire)
        self.service.engine.frame_slots.append(self.wire.slot)
        self.problem = ""

    @property
    def state(self) -> dict[str, Any]:
        if self.problem:
            raise NotConnected(self.problem)
        return self.service.state()

    async def call(self, name: str, /, timeout: float = 10.0, **args: Any) -> Any:
        if self.problem:
            raise NotConnected(self.problem)
        try:
            return await getattr(self.service, f"call_{name}")(**args)
        except SkycamError as error:  # what a link makes of it
            raise CallError(str(error), code=error.code) from error

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Lights"]:
        tasks = [asyncio.ensure_future(part.run()) for part in (self.service.engine, self.wire)]
        await self.call("patch", fixtures=PATCH)
        try:
            yield self
        finally:
            self.service.panel.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.service.engine.close()
