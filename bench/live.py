"""How long a new state takes to a browser, and what open pages cost the server.

    ./skycam bench live [--clients 100] [--seconds 10] [--rate 10] [--server daphne]

A host publishes 78 fields; a mirror in this process is the peer (the link alone), the clients hold `/ws/live/` of a
server of their own. Delays are from the publication to the arrival of the parsed message.
"""

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import psutil
import websockets

from skycam_project.common.link import Host, Mirror
from skycam_project.config.places import runtime_folder

ROOT = Path(__file__).parents[1]
FIELDS = {f"part{n // 13}_field{n % 13}": n / 7 for n in range(78)}
LOG_IN = """
import django
django.setup()
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from dashboard.services import create_user
user = create_user("bench", "only for this measurement", "owner")
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session.create()
print(session.session_key)
"""


class Server:
    """A server on a fresh data folder, with one person logged in."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.data = folder / "var"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SKYCAM_")}
        self.environment = environment | {
            "PYTHONPATH": str(ROOT), "SKYCAM_DATA": str(self.data), "SKYCAM_DEMO": "off",
            "DJANGO_SETTINGS_MODULE": "skycam_project.settings", "SKYCAM_LOG_LEVEL": "error",
        }  # fmt: skip
        self._python("-m", "skycam_project.prepare")
        self.session = self._python("-c", LOG_IN).strip().splitlines()[-1]
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(512)
            self.port = listener.getsockname()[1]
            command = [sys.executable, "-m", "skycam_project.serve", kind, str(listener.fileno())]
            self.process = psutil.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                pass_fds=[listener.fileno()],
                stdout=subprocess.DEVNULL,
            )

    def _python(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def connect(self) -> websockets.connect:
        """One page's socket."""
        return websockets.connect(
            f"ws://127.0.0.1:{self.port}/ws/live/",
            additional_headers={"Cookie": f"skycam_session={self.session}"},
            origin=f"http://127.0.0.1:{self.port}",
            compression=None,
            open_timeout=60,
        )

    def memory(self) -> float:
        """Resident memory, MB."""
        return self.process.memory_info().rss / 1e6


async def follow_link(mirror: Mirror, delays: list[float]) -> None:
    """What the link alone takes."""
    async for changed in mirror.changes():
        if at := changed.state.get("at"):
            delays.append(time.monotonic() - at)


async def follow_page(messages: AsyncIterator[str | bytes], delays: list[float]) -> None:
    """What a page sees."""
    async for message in messages:
        if at := orjson.loads(message).get("data", {}).get("at"):
            delays.append(time.monotonic() - at)


def figures(name: str, delays: list[float]) -> float:
    """Print one row; the median in ms."""
    cuts = statistics.quantiles(delays, n=100)
    sys.stdout.write(
        f"{name:28} {len(delays):7} {cuts[49] * 1e3:8.2f} {cuts[98] * 1e3:8.2f} {max(delays) * 1e3:8.2f}\n"
    )
    return cuts[49] * 1e3


async def measure(server: Server, clients: int, seconds: float, rate: float) -> None:
    """One run."""
    run = runtime_folder(server.data)
    host, mirror = Host(run, "camera-default", {}), Mirror(run, "camera-default")
    host.publish(FIELDS)
    by_link: list[float] = []
    by_page: list[float] = []
    async with host, contextlib.AsyncExitStack() as stack:
        await mirror.start()
        one = await stack.enter_async_context(server.connect())  # the server is warm before it is measured
        tasks = [
            asyncio.create_task(follow_link(mirror, by_link)),
            asyncio.create_task(follow_page(one, by_page)),
        ]
        before = server.memory()
        for _ in range(clients - 1):
            page = await stack.enter_async_context(server.connect())
            tasks.append(asyncio.create_task(follow_page(page, by_page)))
        grown = server.memory() - before
        used = server.process.cpu_times()
        begin = time.monotonic()
        for number in range(int(seconds * rate)):
            await asyncio.sleep(begin + number / rate - time.monotonic())
            host.publish(FIELDS | {"at": time.monotonic()})
        spent = time.monotonic() - begin
        cpu = sum(server.process.cpu_times()[:2]) - sum(used[:2])
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await mirror.stop()
    sys.stdout.write(f"{'':28} {'n':>7} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}\n")
    link = figures("link alone (mirror)", by_link)
    page = figures(f"page, {clients} clients", by_page)
    sys.stdout.write(f"ratio of medians page / link: {page / link:.1f}\n")
    sys.stdout.write(f"messages per client and second: {len(by_page) / clients / seconds:.1f} of {rate:g}\n")
    sys.stdout.write(
        f"server: {100 * cpu / spent:.1f} % of a core, {1e3 * grown / clients:.0f} kB per client\n"
    )


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench live", description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=10, help="snapshots per second")
    parser.add_argument("--server", choices=("daphne", "uvicorn"), default="daphne")
    wanted = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="skycam-") as folder:
        server = Server(Path(folder), wanted.server)
        try:
            asyncio.run(measure(server, wanted.clients, wanted.seconds, wanted.rate))
        finally:
            server.process.kill()
            server.process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
