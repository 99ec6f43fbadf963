"""One supervised process: started again at once, then after 1, 2, 4 … 30 s, stopped with SIGTERM, then SIGKILL."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from skycam_project.common.clock import iso_utc
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

LONGEST_PAUSE: Seconds = 30.0
HEALTHY_AFTER: Seconds = 10.0
"""A process that lived this long starts again without a pause; the pauses grow after shorter lives."""
GRACE: Seconds = 10.0
PROBE_EVERY: Seconds = 5.0
HUNG_AFTER = 6
"""Probes in a row without an answer, after which a process counts as hung."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to start and how to know that it lives.

    Attributes:
        command: argument list.
        descriptors: file descriptors that the process inherits beside the parent pipe.
        probe: answers whether the process still does its work; `None`: only its end is noticed.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    probe: Callable[[], Awaitable[bool]] | None = None


class Child:
    """Runs a plan until stopped; `changed` is called after every change of `state()`."""

    def __init__(
        self, plan: Plan, parent_fd: int, output: Callable[[str, bytes], None], changed: Callable[[], None]
    ) -> None:
        self.plan, self._parent_fd, self._output, self._changed = plan, parent_fd, output, changed
        self.process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._next: Callable[[], Plan] | None = None
        self._lines: deque[str] = deque(maxlen=3)
        self._facts: dict[str, Any] = {"state": "starting", "restarts": 0, "last_exit": None, "reason": None}
        self._say("starting")

    def state(self) -> dict[str, Any]:
        """For the status page: name, state, pid, restarts, since, last_exit, reason."""
        process = self.process
        pid = process.pid if process and process.returncode is None else None
        return {"name": self.plan.name, "pid": pid, **self._facts}

    def _say(self, state: str, **facts: Any) -> None:
        self._facts |= {"state": state, "since": iso_utc(datetime.now(UTC)), **facts}
        self._changed()

    async def run(self) -> None:
        """Keep the process running until `stop`."""
        pause = 0.0
        while not self._stopping.is_set():
            started = time.monotonic()
            reason = await self._once()
            if self._stopping.is_set():
                break
            if self._next:
                self.plan, self._next = await asyncio.to_thread(self._next), None
                continue
            pause = 0.0 if time.monotonic() - started > HEALTHY_AFTER else pause
            self._say(
                "waiting",
                last_exit=iso_utc(datetime.now(UTC)),
                reason=reason,
                restarts=self._facts["restarts"] + 1,
            )
            log.warning("%s ended (%s); starting again in %g s", self.plan.name, reason, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(max(1.0, pause * 2), LONGEST_PAUSE)
        self._say("stopped")

    async def _once(self) -> str:
        """One life of the process; returns why it ended."""
        # A pipe of our own: asyncio's would make `wait` last until the last grandchild has closed its end.
        read_end, write_end = os.pipe()
        try:
            self.process = process = await asyncio.create_subprocess_exec(
                *self.plan.command,
                env={**os.environ, **self.plan.environment, "SKYCAM_PARENT_FD": str(self._parent_fd)},
                pass_fds=(self._parent_fd, *self.plan.descriptors),
                start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            os.close(read_end)
            return f"could not be started: {error}"
        finally:
            os.close(write_end)
        self._say("running")
        self._lines.clear()
        reading = asyncio.create_task(self._read(read_end))
        watching = asyncio.create_task(self._watch(process))
        code = await process.wait()
        watching.cancel()
        hung = (await asyncio.gather(watching, return_exceptions=True))[0]
        self._end_group(
            process
        )  # grandchildren too: one that lives on would hold a device, a lock or a socket
        await asyncio.wait([reading], timeout=1)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        return hung if isinstance(hung, str) else self._why(code)

    def _why(self, code: int) -> str:
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(-code).name}"
        last = next((line for line in reversed(self._lines) if line.strip()), "")
        return f"exit code {code}" + (f": {last[:200]}" if code and last else "")

    async def _read(self, descriptor: int) -> None:
        reader = asyncio.StreamReader(limit=1 << 20)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
        )
        try:
            while True:
                try:
                    line = await reader.readline()
                except ValueError:  # a line longer than the limit: its rest follows as lines of its own
                    continue
                if not line:
                    return
                if not line.startswith(b"{"):
                    self._lines.append(line.decode(errors="replace").strip())
                self._output(self.plan.name, line)
        finally:
            transport.close()

    async def _watch(self, process: asyncio.subprocess.Process) -> str:
        """Kill a process that lives but no longer works; returns the reason."""
        silent = 0
        alive = False
        while True:
            await asyncio.sleep(PROBE_EVERY)
            if self.plan.probe is None:
                continue
            if await self.plan.probe():
                silent, alive = 0, True
            elif alive:
                silent += 1
            if silent >= HUNG_AFTER:
                process.kill()
                return f"gave no answer for {HUNG_AFTER * PROBE_EVERY:g} s"

    @staticmethod
    def _end_group(process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End it: SIGTERM, ten seconds, SIGKILL; grandchildren too."""
        self._stopping.set()
        await self._terminate()

    async def restart(self, plan: Callable[[], Plan]) -> None:
        """End it and start it again at once with the plan that `plan()` makes once it is gone."""
        self._next = plan
        await self._terminate()

    async def _terminate(self) -> None:
        process = self.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            log.warning("%s did not end within %g s and was killed", self.plan.name, GRACE)
            self._end_group(process)
