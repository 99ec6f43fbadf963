"""The lights' promises, measured: `./skycam bench lights [--seconds 60] [--only daphne|uvicorn|link|size]`.

A command goes in over one socket; what counts is when the *last* of N clients has the state that it caused. A plain
`websockets` server that only passes messages on runs in the same minute as the measure of what this machine can do.
"""

import argparse
import asyncio
import base64
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import orjson
import psutil

from lighting.engine.ulid import new_ulid
from skycam_project.common.link import CallError, Mirror, read

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = {"daphne": 100, "uvicorn": 300}
RATE = 20.0
PLAIN = """
import asyncio, json, sys
from websockets.asyncio.server import broadcast, serve
clients = set()
async def handle(socket):
    clients.add(socket)
    try:
        async for text in socket:
            message = json.loads(text)
            state = {"type": "state", "r": message["r"], "g": message["g"], "b": message["b"], "seq": 1, "ts": 1}
            broadcast(clients, json.dumps(state))
    finally:
        clients.discard(socket)
async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1]), compression=None):
        await asyncio.Future()
asyncio.run(main())
"""


class Client(asyncio.Protocol):
    """A WebSocket client with as little as possible between the wire and the clock."""

    def __init__(self, heard) -> None:
        self._heard, self._data, self.ready = heard, b"", asyncio.Event()

    def connection_made(self, transport) -> None:
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /ws HTTP/1.1",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
        ]
        transport.write(("\r\n".join([*lines, "Sec-WebSocket-Version: 13"]) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._data += data
        if not self.ready.is_set():
            if b"\r\n\r\n" not in self._data:
                return
            self._data = self._data.split(b"\r\n\r\n", 1)[1]
            self.ready.set()
        while len(self._data) >= 2:
            size, start = self._data[1] & 0x7F, 2
            if size == 126:
                size, start = int.from_bytes(self._data[2:4], "big"), 4
            if len(self._data) < start + size:
                return
            kind, body, self._data = (
                self._data[0] & 15,
                self._data[start : start + size],
                self._data[start + size :],
            )
            if kind == 9:
                self._frame(10, body)
            elif kind == 1:
                message = orjson.loads(body)
                if message["type"] == "state":
                    self._heard(self, message["r"] << 16 | message["g"] << 8 | message["b"], now)

    def say(self, message: dict) -> None:
        """Send a text message."""
        self._frame(1, orjson.dumps(message))

    def _frame(self, kind: int, body: bytes) -> None:
        size = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0xFE]) + len(body).to_bytes(2, "big")
        self.transport.write(bytes([0x80 | kind]) + size + bytes(4) + body)  # masked with zeros


async def fan_out(port: int, clients: int, seconds: float) -> list[float]:
    """Milliseconds from each command to the last client that has its state or a newer one."""
    sent: dict[int, float] = {}
    left: dict[int, int] = {}
    delays: list[float] = []
    last: dict[Client, int] = {}

    def heard(client: Client, number: int, now: float) -> None:
        for done in range(last.get(client, 0) + 1, number + 1):
            if done in left:
                left[done] -= 1
                if left[done] == 0:
                    delays.append((now - sent[done]) * 1000)
        last[client] = max(number, last.get(client, 0))

    loop = asyncio.get_running_loop()
    peers = [
        (await loop.create_connection(lambda: Client(heard), "127.0.0.1", port))[1] for _ in range(clients)
    ]
    for peer in peers:
        await asyncio.wait_for(peer.ready.wait(), 30)
    await asyncio.sleep(0.5)
    last |= dict.fromkeys(peers, 0)
    begun = time.perf_counter()
    for number in range(1, int(seconds * RATE) + 1):
        await asyncio.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
        sent[number], left[number] = time.perf_counter(), clients
        colour = {"r": number >> 16, "g": number >> 8 & 255, "b": number & 255}
        peers[0].say({"type": "set", "cmdId": new_ulid(), "src": "bench", **colour})
    await asyncio.sleep(2)
    for peer in peers:
        peer.transport.abort()
    lost = sum(count > 0 for count in left.values())
    if lost:
        print(f"  {lost} of {len(sent)} states did not reach everybody")
    return delays


def share(values: list[float], part: float) -> float:
    """The value below which `part` of them lie."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


@contextlib.contextmanager
def process(*command: str, environment: dict[str, str], **options) -> Iterator[subprocess.Popen]:
    """A child that is gone at the end."""
    child = subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def engine() -> Iterator[tuple[Path, dict[str, str], psutil.Process]]:
    """An engine on a data folder of its own."""
    data = Path(tempfile.mkdtemp(prefix="sky-"))
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = keep | {
        "PYTHONPATH": str(ROOT),
        "SKYCAM_DATA": str(data),
        "SKYCAM_DEMO": "off",
        "SKYCAM_METRICS_NETWORKS": "127.0.0.1",
    }
    try:
        with process("-m", "lighting.engine", environment=environment) as child:
            for _ in range(200):
                time.sleep(0.05)
                with contextlib.suppress(CallError):
                    read(data / "run", "lighting")
                    break
            yield data, environment, psutil.Process(child.pid)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def histogram(port: int, name: str, limit: str) -> str:
    """Share of a histogram's observations up to `limit`, from the merged metrics."""
    text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    below = sum(
        float(v) for v in re.findall(rf'^{name}_bucket{{[^}}]*le="{limit}"[^}}]*}} (\S+)', text, re.M)
    )
    total = sum(float(v) for v in re.findall(rf"^{name}_count{{[^}}]*}} (\S+)", text, re.M))
    return f"{100 * below / total:.2f} % of {total:.0f}" if total else "none"


def served(server: str, clients: int, seconds: float) -> tuple[list[float], str, str]:
    """Delays through the whole program, and the two promises from its own metrics."""
    with engine() as (_, environment, _), socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        port = listener.getsockname()[1]
        subprocess.run(
            [sys.executable, "-m", "skycam_project.prepare"],
            env=environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with process(
            "-m",
            "skycam_project.serve",
            server,
            str(listener.fileno()),
            environment=environment,
            pass_fds=[listener.fileno()],
        ):
            urlopen(f"http://127.0.0.1:{port}/rgb", timeout=60).read()
            delays = asyncio.run(fan_out(port, clients, seconds))
            applied = histogram(port, "dmx_engine_apply_seconds", "0.1")
            broadcast = histogram(port, "dmx_ws_broadcast_seconds", "0.05")
    return delays, applied, broadcast


def plain(clients: int, seconds: float) -> list[float]:
    """The same through a server that does nothing else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with process("-c", PLAIN, str(port), environment=dict(os.environ)):
        for _ in range(200):
            time.sleep(0.05)
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
        return asyncio.run(fan_out(port, clients, seconds))


def compare(server: str, seconds: float) -> None:
    """One server against the plain one."""
    clients = CLIENTS[server]
    base = plain(clients, seconds)
    delays, applied, broadcast = served(server, clients, seconds)
    ratio = share(delays, 0.99) / share(base, 0.99)
    print(
        f"{server}, {clients} clients, {RATE:g} commands/s for {seconds:g} s; command to the last client, ms"
    )
    for name, values in (("plain websockets", base), (f"lights, {server}", delays)):
        print(
            f"  {name:18} p50 {statistics.median(values):6.1f}   p99 {share(values, 0.99):6.1f}   n {len(values)}"
        )
    print(f"  p99 ratio {ratio:.2f}; apply below 100 ms: {applied}; broadcasts below 50 ms: {broadcast}")


async def flood(run: Path, seconds: float) -> tuple[int, int, int]:
    """Offer 10 000 commands a second over the link: offered, accepted, refused."""
    mirror, counts = Mirror(run, "lighting"), {"ok": 0, "no": 0}
    await mirror.start()

    async def one(number: int) -> None:
        command = {"cmdId": new_ulid(), "src": "bench", "r": number & 255, "g": number >> 8 & 255, "b": 0}
        try:
            await mirror.call("submit", timeout=30, command=command)
            counts["ok"] += 1
        except CallError:
            counts["no"] += 1

    begun, offered, tasks = time.perf_counter(), 0, set()
    while (passed := time.perf_counter() - begun) < seconds:
        while offered < passed * 10_000:
            offered += 1
            task = asyncio.ensure_future(one(offered))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            if offered % 200 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    while mirror.state["queueDepth"]:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.05)
    await mirror.stop()
    return offered, counts["ok"], counts["no"]


def link(seconds: float) -> None:
    """What the engine does with more than it can take."""
    with engine() as (data, _, running):
        before, seq = running.memory_info().rss, read(data / "run", "lighting")["rgb"]["seq"]
        begun = time.perf_counter()
        offered, accepted, refused = asyncio.run(flood(data / "run", seconds))
        passed = time.perf_counter() - begun
        applied = read(data / "run", "lighting")["rgb"]["seq"] - seq
        grown = (running.memory_info().rss - before) / 1e6
    print(
        f"link: {offered} offered in {seconds:g} s, {accepted} accepted, {refused} refused, {applied} applied, all answered after {passed:.1f} s"
    )
    print(f"  {applied / passed:.0f} commands/s applied; memory grew by {grown:.1f} MB")


def size() -> None:
    """What it costs to be there."""
    with engine() as (_, _, running):
        time.sleep(2)
        running.cpu_percent()
        time.sleep(10)
        pss = running.memory_full_info().pss / 1e6
        print(
            f"size: {pss:.1f} MB proportional, {running.memory_info().rss / 1e6:.1f} MB resident, {running.cpu_percent():.2f} % CPU idle"
        )


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="./skycam bench lights")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run (%(default)s)")
    parser.add_argument("--only", choices=["daphne", "uvicorn", "link", "size"])
    options = parser.parse_args(argv)
    if options.only in (None, "size"):
        size()
    if options.only in (None, "link"):
        link(min(10.0, options.seconds))
    for server in CLIENTS:
        if options.only in (None, server):
            compare(server, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
