"""Which processes a night needs, and how each is started and probed."""

import asyncio
import socket
import sys
from pathlib import Path

from skycam_project.config import Configuration
from skycam_project.config.broker import broker_socket
from skycam_project.supervisor import broker
from skycam_project.supervisor.children import Plan


def _module(name: str, module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "skycam_project.child", name, module, *arguments]


def broker_plan(config: Configuration, run: Path) -> Plan | None:
    """The broker, unless REDIS_URL names one."""
    if config.redis_url:
        return None
    path = broker_socket(run)
    return Plan(
        name="broker",
        command=broker.command(broker.find_server(), path, config.data / "broker"),
        probe=lambda: broker.answers(path),
    )


def web_plan(config: Configuration, listeners: list[socket.socket]) -> Plan:
    """The server, on sockets that `up` holds: while it starts again, callers wait instead of being refused."""
    descriptors = tuple(listener.fileno() for listener in listeners)

    async def probe() -> bool:
        return (await http_get(listeners[0].getsockname(), "/healthz"))[0] == 200

    return Plan(
        name="web",
        command=_module("web", "skycam_project.serve", config.server, *map(str, descriptors)),
        descriptors=descriptors,
        probe=probe,
    )


def worker_plan(name: str, run: Path, links: tuple[str, ...]) -> Plan:
    """A Celery worker that hosts devices; it lives while one of its links answers."""

    async def probe() -> bool:
        return any([await link_answers(run / f"{link}.sock") for link in links])

    return Plan(name=name, command=_module(name, "skycam_project.work", name), probe=probe)


def lighting_plan(run: Path) -> Plan:
    """The lights' engine: plain asyncio, no Django."""
    return Plan(
        name="lighting",
        command=_module("lighting", "lighting.engine"),
        probe=lambda: link_answers(run / "lighting.sock"),
    )


async def http_get(address: tuple, path: str) -> tuple[int, bytes]:
    """Status and body of a GET to this machine; status 0 when there is no answer within 5 s."""
    host = "127.0.0.1" if address[0] in ("0.0.0.0", "::") else address[0]  # noqa: S104 - compared, not bound
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, address[1])
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                status = int((await reader.readline()).split()[1])
                return status, (await reader.read(1 << 20)).partition(b"\r\n\r\n")[2]
            finally:
                writer.close()
    except (OSError, TimeoutError, IndexError, ValueError):
        return 0, b""


async def link_answers(path: Path) -> bool:
    """Whether a host says its state on its link within 3 s."""
    try:
        async with asyncio.timeout(3):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
            try:
                return bool(await reader.readline())
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False
