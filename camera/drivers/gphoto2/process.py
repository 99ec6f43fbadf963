"""The parent's handle on the child process: commands with deadlines, and the watchdog that ends it."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from camera.errors import CameraHungError, DriverDiedError
from skycam_project.common.units import Seconds

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[3]
LONGEST_LINE = 8 * 1024 * 1024
"""Bytes of an answer; the largest is a live view picture."""
LAST_WORDS = 20
"""Lines of the child's standard error that are kept for the message when it dies."""


class ChildError(Exception):
    """The child answered with an error.

    Attributes:
        code: libgphoto2's number, or a word of the child.
    """

    def __init__(self, op: str, code: int | str, text: str) -> None:
        super().__init__(text)
        self.op, self.code = op, code


class ChildProcess:
    """One running child. Commands are given one at a time (the driver's lock sees to it).

    Args:
        process: as made by `start`.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._number = 0
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self._errors: deque[str] = deque(maxlen=LAST_WORDS)
        loop = asyncio.get_running_loop()
        self._readers = [loop.create_task(self._read_answers()), loop.create_task(self._read_errors())]

    @classmethod
    async def start(cls, environment: Mapping[str, str] | None = None) -> "ChildProcess":
        """Start a child in its own process group. `environment` is added to this process's.

        Raises `OSError` when no process can be made.
        """
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "camera.drivers.gphoto2.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Process id, which is also its group's."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not ended, as far as this one knows."""
        return self._process.returncode is None

    async def call(self, op: str, deadline: Seconds, **arguments: Any) -> dict[str, Any]:
        """Have a command carried out.

        Raises `ChildError` with the child's own error, `DriverDiedError` when it ended, `CameraHungError`
        when it had to be killed because `deadline` seconds passed.
        """
        self._number += 1
        self._answer = asyncio.get_running_loop().create_future()
        self._write({"id": self._number, "op": op, "deadline_s": deadline, "args": arguments})
        try:
            async with asyncio.timeout(deadline):
                answer = await self._answer
        except TimeoutError:
            await self.kill()
            raise CameraHungError(
                f"no answer to {op} within {deadline:.0f} s; the connection was ended by force"
            ) from None
        finally:
            self._answer = None
        if error := answer.get("error"):
            raise ChildError(op, error["code"], error["text"])
        return answer["result"]

    def abort(self) -> None:
        """End a bulb exposure early; anything else goes on."""
        self._write({"op": "abort"})

    def _write(self, message: dict[str, Any]) -> None:
        if self._process.stdin is None or self._process.stdin.is_closing():
            return  # the reader reports the end of the process
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read_answers(self) -> None:
        stdout = self._process.stdout or asyncio.StreamReader()
        with contextlib.suppress(
            ValueError
        ):  # a line that is too long or no JSON: the stream is not to be trusted
            while line := await stdout.readline():
                message = json.loads(line)
                if self._answer and not self._answer.done() and message["id"] == self._number:
                    self._answer.set_result(message)
        self._kill_group()
        code = await self._process.wait()
        await self._readers[1]
        if self._answer and not self._answer.done():
            said = f": {self._errors[-1]}" if self._errors else ""
            self._answer.set_exception(
                DriverDiedError(f"the driver's process ended with {_describe(code)}{said}")
            )

    async def _read_errors(self) -> None:
        stderr = self._process.stderr or asyncio.StreamReader()
        with contextlib.suppress(ValueError):
            while line := await stderr.readline():
                text = line.decode(errors="replace").rstrip()
                self._errors.append(text)
                logger.debug("camera child pid=%s: %s", self._process.pid, text)

    async def ended(self) -> None:
        """Return when the process has ended."""
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def kill(self) -> None:
        """End the process group with SIGKILL and wait until it is gone."""
        self._kill_group()
        await self.ended()

    async def leave(self, patience: Seconds) -> None:
        """Let the child close the camera and end, at most `patience` seconds; then kill it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.ended()
                return
        await self.kill()

    def _kill_group(self) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _describe(code: int) -> str:
    try:
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
    except ValueError:
        return f"status {code}"
