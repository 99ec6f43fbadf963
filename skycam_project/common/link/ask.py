"""Calls from ordinary code: a task, the command line, a thread."""

import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from skycam_project.common.link import wire
from skycam_project.common.link.errors import NotConnected, OutcomeUnknown, from_wire
from skycam_project.common.units import Seconds


class Answer(NamedTuple):
    """What a call returned, and the complete state after it."""

    result: Any
    state: dict[str, Any]


def ask(folder: Path, host: str, name: str, /, timeout: Seconds = 10.0, **args: Any) -> Answer:
    """Have `host` carry out one call: one connection, then gone. Blocks; raises as `Mirror.call` does."""
    with _Line(folder, host) as line:
        state = line.hello()
        end = time.monotonic() + timeout
        line.send(wire.call_line(1, name, args, min(end, time.monotonic() + wire.SILENCE)))
        while True:
            message = line.receive(end)
            state = message.get("state", state)
            if error := message.get("error"):
                raise from_wire(error)
            if "id" in message:
                return Answer(message["result"], state)


def read(folder: Path, host: str) -> dict[str, Any]:
    """The complete state of `host`. Blocks up to 3 s; raises `NotConnected` with the reason."""
    with _Line(folder, host) as line:
        return line.hello()


class _Line:
    """A blocking connection to a host, with its deadlines."""

    def __init__(self, folder: Path, host: str) -> None:
        self._name, self._path = host, wire.socket_path(folder, host)
        self._socket = socket.socket(socket.AF_UNIX)
        self._rest = b""

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def hello(self) -> dict[str, Any]:
        """Connect and return the first state; every failure means that nothing was carried out."""
        try:
            self._socket.settimeout(wire.SILENCE)
            self._socket.connect(str(self._path))
            return self._message(time.monotonic() + wire.SILENCE)["state"]
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotConnected(f"{self._name}: its host process is not running") from None
        except TimeoutError:
            raise NotConnected(f"{self._name}: the host has been silent for {wire.SILENCE:g} s") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotConnected(f"{self._name}: the host cannot be reached ({error})") from None

    def send(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise OutcomeUnknown(f"{self._name}: the host is gone ({error})") from None

    def receive(self, end: float) -> dict[str, Any]:
        """The next message; a living host says something every second."""
        silent = time.monotonic() + wire.SILENCE
        try:
            return self._message(min(end, silent))
        except TimeoutError:
            why = "no answer in time" if end < silent else f"the host has been silent for {wire.SILENCE:g} s"
        except (OSError, ValueError, TypeError) as error:
            why = f"the host is gone ({error})"
        raise OutcomeUnknown(f"{self._name}: {why}") from None

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._rest:
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionResetError("connection closed")
            self._rest += data
            if len(self._rest) > 2 * wire.LONGEST_LINE:
                raise ValueError("a line without an end")
        line, self._rest = self._rest.split(b"\n", 1)
        message = orjson.loads(line)
        if not isinstance(message, dict):
            raise TypeError("not an object")
        return message
