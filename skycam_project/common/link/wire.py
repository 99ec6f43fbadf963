"""JSON lines over a Unix socket: the numbers, the paths and the line reader that both ends share.

    host -> mirror   {"host":"telescope","epoch":"5f0c9a1e77b2","v":7,"state":{…}}   at once on connecting
                     {"v":8,"state":{…}}                    after a change: complete, never a difference
                     {"v":8}                                every second: alive
                     {"id":1,"v":9,"result":null}           the answer, after the snapshot with "v":9
                     {"id":2,"v":9,"error":{"code":"invalid_value","text":"…"}}
    mirror -> host   {"id":1,"call":"slew","args":{"ra":5.5},"until":8123.4}

`until` is a time of the monotonic clock, which all processes of a machine share: the last moment at which the
host may begin the call.
"""

import asyncio
import logging
import os
import re
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import orjson

from skycam_project.common.link.errors import LinkSetupError, MessageTooLongError
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

BEAT: Seconds = 1.0
"""After this long a host that has nothing new says that it is alive."""
SILENCE: Seconds = 3.0
"""Without a line for this long, a mirror calls its device not connected."""
RETRY: Seconds = 0.2
"""Between attempts to reach a host. A failed attempt costs 0.1 ms, so the pause needs not grow."""
SLOW: Seconds = 10.0
"""A mirror may leave its socket unread for this long before the host drops it."""
FAREWELL: Seconds = 2.0
"""A host that ends gives its running calls this long to clean up."""
LONGEST_LINE = 1 << 20
"""Bytes, without the newline."""
LARGEST_STATE = LONGEST_LINE // 2
"""Bytes of JSON."""
LONGEST_PATH = 103 if sys.platform == "darwin" else 107
"""Bytes of a socket's path (`sun_path` without its final NUL)."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def socket_path(folder: Path, name: str) -> Path:
    """Where the host `name` listens.

    Raises `LinkSetupError` when the name is not made of `a-z 0-9 _ -` or the path is too long for a socket.
    """
    if not _NAME.fullmatch(name):
        raise LinkSetupError(f"{name!r} cannot name a link; allowed: lower-case letters, digits, _ and -")
    path = folder.absolute() / f"{name}.sock"
    if (size := len(os.fsencode(path))) > LONGEST_PATH:
        raise LinkSetupError(
            f"{path}: the path of a socket has at most {LONGEST_PATH} bytes, this one has {size}; "
            "choose a shorter runtime or data folder"
        )
    return path


def private_folder(folder: Path) -> None:
    """Make `folder` if it is missing, and nobody else's business (0700).

    Raises `LinkSetupError` when it belongs to another user or everybody may write in it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise LinkSetupError(f"{folder} belongs to another user (uid {found.st_uid}); choose another folder")
    if found.st_mode & 0o002:  # /tmp itself, say: as root the next line would close it to everybody
        raise LinkSetupError(f"{folder} is open to everybody; choose a folder of its own")
    if found.st_mode & 0o077:
        folder.chmod(0o700)


class LineBuffer:
    """Cuts a byte stream into lines, however it was chopped up on its way."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield every line that `data` completes, without its newline.

        To be exhausted before the next `feed`. Raises `MessageTooLongError` after the lines before it.
        """
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            line = bytes(self._rest) + data[start:end]
            self._rest.clear()
            self._check(len(line))
            yield line
            start = end + 1
        self._rest += data[start:]
        self._check(len(self._rest))

    @staticmethod
    def _check(size: int) -> None:
        if size > LONGEST_LINE:
            raise MessageTooLongError(f"a line of more than {LONGEST_LINE} bytes")


class Lines(asyncio.Protocol, ABC):
    """One end of a connection. Lines are parsed where they arrive: they take effect in order of arrival.

    Attributes:
        blocked_since: monotonic time since when the other end has not read; None if it reads.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.blocked_since: float | None = None
        self._buffer = LineBuffer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's does not derive from asyncio's

    def data_received(self, data: bytes) -> None:
        try:
            for line in self._buffer.feed(data):
                message = orjson.loads(line)
                if not isinstance(message, dict):
                    raise TypeError("not an object")
                self.received(line, message)
        except (ValueError, KeyError, TypeError) as error:
            self.broken(f"{type(error).__name__}: {error}")
            self.transport.abort()

    @abstractmethod
    def received(self, line: bytes, message: dict[str, Any]) -> None:
        """Take one message; `ValueError`, `KeyError`, `TypeError` mean nonsense and end the connection."""

    @abstractmethod
    def broken(self, why: str) -> None:
        """The other end speaks nonsense; the connection is about to be given up."""

    def pause_writing(self) -> None:
        self.blocked_since = time.monotonic()

    def resume_writing(self) -> None:
        self.blocked_since = None


def call_line(number: int, name: str, args: dict[str, Any], until: float) -> bytes:
    """A call as it is sent.

    Raises `MessageTooLongError`, or `TypeError` for arguments that JSON cannot express.
    """
    line = orjson.dumps({"id": number, "call": name, "args": args, "until": until})
    if len(line) > LONGEST_LINE:
        raise MessageTooLongError(f"{name}: arguments of {len(line)} bytes; at most {LONGEST_LINE} fit")
    return line + b"\n"
