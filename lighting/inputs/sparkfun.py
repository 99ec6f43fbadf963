"""SparkFun DMX shield over a serial port: lines such as `DMX: read value from channel 1: 123`."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any

from lighting.engine.commands import Command, own_command
from lighting.engine.quick import ago_utc
from lighting.errors import DeviceError, InterlockedError, QueueFullError
from skycam_project.common.units import Seconds
from skycam_project.config.lights import LightsConfiguration

log = logging.getLogger(__name__)

LINE = re.compile(rb"DMX:\s*read value from channel\s+(\d+)\s*:\s*(\d+)", re.IGNORECASE)
LONGEST_LINE = 256
BURST: Seconds = 0.02
"""Channels that arrive within this time make one command."""
RECONNECT: Seconds = 5.0


class LineReader:
    """Cuts bytes into lines of at most 256 bytes; longer ones are thrown away whole."""

    def __init__(self) -> None:
        self._rest, self._skipping = b"", False

    def feed(self, data: bytes) -> list[tuple[int, int]]:
        """The (channel, value) pairs of the lines that are complete now: channels 1..512, values 0..255."""
        *lines, rest = (self._rest + data).split(b"\n")
        found = []
        for line in lines:
            if self._skipping or len(line) > LONGEST_LINE:
                self._skipping = False
                continue
            if match := LINE.search(line):
                digits = [
                    part.lstrip(b"0")[:4] or b"0" for part in match.groups()
                ]  # four digits: too large already
                channel, value = map(int, digits)
                if 1 <= channel <= 512 and value <= 255:
                    found.append((channel, value))
        if len(rest) > LONGEST_LINE:
            rest, self._skipping = b"", True
        self._rest = rest
        return found


class SparkFun:
    """Reads the shield and gives its first three channels as colours.

    Args:
        submit: takes a command; may refuse it.
        colour: the present colour, from which the channels start and which they follow while nothing arrives.
    """

    def __init__(
        self, config: LightsConfiguration, submit: Callable[[Command], None],
        colour: Callable[[], tuple[int, int, int]],
    ) -> None:  # fmt: skip
        self._port, self._baudrate = config.dmx_input_port, config.dmx_input_baudrate
        self._count = min(3, config.dmx_input_channels)
        self._src, self._universe = config.dmx_input_src, config.dmx_input_universe
        self._submit, self._colour = submit, colour
        self._pending: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at: Seconds | None = None
        self.problem = "not tried yet"

    async def run(self) -> None:
        """Read until cancelled; a lost port is opened again every 5 s."""
        if not self._port:
            self.problem = "DMX_INPUT_PORT is not set"
            log.warning("dmx_input_no_port", extra={"reason": self.problem})
            return
        said = ""
        while True:
            try:
                await self._read()
            except DeviceError as error:
                self.problem = str(error)
                if said != self.problem:
                    said = self.problem
                    log.warning("dmx_input_error", extra={"reason": said, "universe": self._universe})
            await asyncio.sleep(RECONNECT)

    async def _read(self) -> None:
        import serial

        loop, lost = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        try:
            port = await asyncio.to_thread(
                serial.Serial, self._port, self._baudrate, timeout=0, exclusive=True
            )
        except (OSError, ValueError, serial.SerialException) as error:
            raise DeviceError(f"{self._port} cannot be opened: {error}") from None
        reader = LineReader()

        def readable() -> None:
            try:
                data = port.read(4096)
            except (OSError, serial.SerialException) as error:
                data, why = b"", str(error)
            else:
                why = "it has been unplugged"
            if data:
                self._take(reader.feed(data))
            elif not lost.done():
                lost.set_exception(DeviceError(f"{self._port} cannot be read: {why}"))

        log.info("dmx_input_open", extra={"port": self._port, "universe": self._universe})
        self.problem = ""
        loop.add_reader(port.fileno(), readable)
        try:
            await lost
        finally:
            loop.remove_reader(port.fileno())
            port.close()

    def _take(self, pairs: list[tuple[int, int]]) -> None:
        fresh = {channel: value for channel, value in pairs if channel <= self._count}
        if not fresh:
            return
        self._heard_at = time.monotonic()
        self._pending |= fresh
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BURST, self._give)

    def _give(self) -> None:
        self._timer = None
        pending, self._pending = self._pending, {}
        before = self._colour()
        r, g, b = (pending.get(channel, value) for channel, value in zip((1, 2, 3), before, strict=True))
        if (r, g, b) == before:
            return
        try:
            self._submit(own_command(self._src, r, g, b))
        except (QueueFullError, InterlockedError) as error:
            log.info("cmd_dropped", extra={"src": self._src, "reason": error.code})

    def state(self) -> dict[str, Any]:
        """For the page."""
        last = None if self._heard_at is None else ago_utc(time.monotonic() - self._heard_at)
        return {"driver": "dmx-input", "name": "DMX input", "detail": self._port or "", "ok": not self.problem,
                "reason": self.problem, "last_at": last}  # fmt: skip
