"""How fast Alpaca answers: requests a second, latency, CPU per request, images; peers in the same run.

    ./skycam bench alpaca [--rounds 7] [--seconds 1] [--servers daphne uvicorn] [--fastapi]

Servers are processes of their own on this machine, all running; rounds alternate between them. `--fastapi`
adds a FastAPI application that does the same checks and parsing; the package is installed into a temporary
folder for it.
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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
APPLICATION = "bench._alpaca_peers:application"
HOST = "Host: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: application/json\r\n"
GET = f"GET /api/v1/telescope/0/rightascension?ClientID=7&ClientTransactionID=123 HTTP/1.1\r\n{HOST}\r\n".encode()
FORM = "ClientID=7&ClientTransactionID=123"
PUT = (
    f"PUT /api/v1/focuser/0/halt HTTP/1.1\r\n{HOST}Content-Type: application/x-www-form-urlencoded\r\n"
    f"Content-Length: {len(FORM)}\r\n\r\n{FORM}"
).encode()
IMAGE = f"GET /api/v1/camera/0/imagearray?ClientID=7 HTTP/1.1\r\n{HOST}Accept: application/imagebytes\r\n\r\n".encode()
FRAME_BYTES = 3840 * 2160 * 2
WHAT = {
    "bare": "bare ASGI route (limit)",
    "direct": "Alpaca on the direct route",
    "handler": "same views, Django's handler",
    "fastapi": "FastAPI, same checks",
}


# ---- processes


@dataclass
class Peer:
    """A server under load."""

    server: str
    app: str
    port: int
    process: psutil.Process
    runs: dict[str, list[tuple[float, float, float, float]]] = field(default_factory=dict)
    """By kind of load, per round: requests/s, p50 ms, p99 ms, CPU µs per request."""

    def median(self, load: str, index: int) -> float:
        """Over the rounds."""
        return statistics.median(run[index] for run in self.runs[load])


@contextlib.contextmanager
def process(
    *arguments: str, descriptors: tuple[int, ...] = (), **environment: str
) -> Iterator[psutil.Process]:
    """Run Python beside this one."""
    child = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        pass_fds=descriptors,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "skycam_project.settings"}
        | environment,
    )
    try:
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait()


@contextlib.contextmanager
def peer(server: str, app: str, folder: Path, fastapi: str) -> Iterator[Peer]:
    """Run one application under one server, as `up` starts it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        descriptor, port = listener.fileno(), listener.getsockname()[1]
        script = f"from skycam_project.serve import serve; serve({server!r}, [{descriptor}], {APPLICATION!r})"
        environment = {"BENCH_APP": app, "BENCH_FOLDER": str(folder), "BENCH_FASTAPI": fastapi}
        with process("-c", script, descriptors=(descriptor,), **environment) as child:
            yield Peer(server, app, port, child)


def fastapi_folder(folder: Path) -> str:
    """FastAPI and what it needs, away from this project's packages."""
    target = folder / "fastapi"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", target, "fastapi"],
        check=True,
        cwd=folder,
    )
    return str(target)


# ---- load


class Connection(asyncio.Protocol):
    """Sends one request after the other, as soon as the answer is complete."""

    def __init__(self, request: bytes, until: float) -> None:
        self._request, self._until = request, until
        self._rest, self._sent = b"", 0.0
        self.durations: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def _next(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        head, found, body = self._rest.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self._rest.decode()))
            return
        self._rest = b""
        now = time.perf_counter()
        self.durations.append((now - self._sent) * 1e3)
        if now < self._until:
            self._next()
        elif not self.done.done():
            self.done.set_result(None)


async def load(peer: Peer, name: str, request: bytes, connections: int, seconds: float) -> None:
    """One round on one server."""
    loop, begin = asyncio.get_running_loop(), time.perf_counter()
    before = sum(peer.process.cpu_times()[:2])
    clients = [Connection(request, begin + seconds) for _ in range(connections)]
    transports = [
        (await loop.create_connection(lambda client=client: client, "127.0.0.1", peer.port))[0]
        for client in clients
    ]
    await asyncio.gather(*(client.done for client in clients))
    elapsed = time.perf_counter() - begin
    cpu = sum(peer.process.cpu_times()[:2]) - before
    for transport in transports:
        transport.close()
    durations = [duration for client in clients for duration in client.durations]
    cuts = statistics.quantiles(durations, n=100)
    run = (len(durations) / elapsed, cuts[49], cuts[98], cpu / len(durations) * 1e6)
    peer.runs.setdefault(name, []).append(run)


async def wait_until_ready(peer: Peer) -> None:
    """Until it answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                await load(peer, "ready", GET, 1, 0.3)
                return
            except (OSError, RuntimeError, statistics.StatisticsError):
                await asyncio.sleep(0.1)


# ---- images


def fetch(port: int) -> tuple[float, float]:
    """First and last byte of an image in milliseconds after the request; the connection is open already."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(IMAGE)  # one in advance: warm, and the connection is established
        receive_image(connection, time.perf_counter())
        started = time.perf_counter()
        connection.sendall(IMAGE)
        return receive_image(connection, started)


def receive_image(connection: socket.socket, started: float) -> tuple[float, float]:
    """Read one answer with an image."""
    buffer = memoryview(bytearray(FRAME_BYTES + 4096))
    have = connection.recv_into(buffer)
    first = time.perf_counter()
    while (end := bytes(buffer[:2048]).find(b"\r\n\r\n")) < 0:
        have += connection.recv_into(buffer[have:])
    while have < end + 4 + 44 + FRAME_BYTES:
        count = connection.recv_into(buffer[have:])
        if count == 0:
            raise RuntimeError(bytes(buffer[:300]).decode("latin-1"))
        have += count
    return (first - started) * 1e3, (time.perf_counter() - started) * 1e3


def images(targets: dict[str, tuple[int, psutil.Process]], rounds: int) -> None:
    """16.6 MB from each server and from a bare socket, which is the first of `targets`, in turn."""
    times: dict[str, list[tuple[float, float]]] = {what: [] for what in targets}
    cpu = dict.fromkeys(targets, 0.0)
    for _ in range(rounds):
        for what, (port, process) in targets.items():
            before = sum(process.cpu_times()[:2])
            times[what].append(fetch(port))
            cpu[what] += sum(process.cpu_times()[:2]) - before
    limits = [last for _, last in next(iter(times.values()))]
    print(
        f"\n{'ImageBytes 16.6 MB':38} {'first ms':>9} {'last ms':>9} {'best ms':>9} {'CPU ms':>9} {'/ limit':>9}"
    )
    for what, found in times.items():
        first, last = (statistics.median(column) for column in zip(*found, strict=True))
        best = min(last for _, last in found)
        ratio = statistics.median(last / limit for (_, last), limit in zip(found, limits, strict=True))
        each = cpu[what] / rounds / 2 * 1e3  # every fetch is two images
        print(f"{what:38} {first:9.2f} {last:9.2f} {best:9.2f} {each:9.1f} {ratio:9.2f}")


# ---- the run


def report(peers: list[Peer], loads: list[str]) -> None:
    """One row per server, application and load."""
    print(f"{'':38} {'load':8} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU µs':>8} {'CPU/bare':>9}")
    for peer in peers:
        bare = next(other for other in peers if (other.server, other.app) == (peer.server, "bare"))
        for name in loads:
            if name in peer.runs:
                rate, p50, p99, cpu = (peer.median(name, index) for index in range(4))
                ratio = cpu / bare.median(name, 3)
                what = f"{peer.server}, {WHAT[peer.app]}"
                print(f"{what:38} {name:8} {rate:8.0f} {p50:8.3f} {p99:8.3f} {cpu:8.0f} {ratio:9.2f}")


def verdicts(peers: list[Peer], name: str) -> None:
    """The two ratios that the project promises."""
    by_key = {(peer.server, peer.app): peer for peer in peers}
    for server in sorted({peer.server for peer in peers}):
        direct = by_key[server, "direct"]
        if handler := by_key.get((server, "handler")):
            ratio = direct.median(name, 0) / handler.median(name, 0)
            print(f"{server}: direct route / Django's handler, requests a second: {ratio:.2f}")
        if fastapi := by_key.get((server, "fastapi")):
            pairs = zip(direct.runs[name], fastapi.runs[name], strict=True)
            ratios = sorted(ours[3] / theirs[3] for ours, theirs in pairs)
            middle = statistics.median(ratios)
            print(f"{server}: CPU per request / FastAPI: {middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


async def measure(peers: list[Peer], rounds: int, seconds: float) -> None:
    """GET from all, PUT from the route and its limit, alternating."""
    for peer in peers:
        await wait_until_ready(peer)
    for _ in range(rounds):
        for name, request, connections in (
            ("GET 1", GET, 1),
            ("GET 16", GET, 16),
            ("PUT 1", PUT, 1),
            ("PUT 16", PUT, 16),
        ):
            for peer in peers:
                if request is GET or peer.app in ("direct", "bare"):
                    await load(peer, name, request, connections, seconds)


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="skycam bench alpaca", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7, help="of each measurement, alternating (default 7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of one round (default 1)")
    parser.add_argument("--servers", nargs="+", choices=("daphne", "uvicorn"), default=["daphne", "uvicorn"])
    parser.add_argument("--fastapi", action="store_true", help="install FastAPI aside and measure it too")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="skycam-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        os.environ["SKYCAM_DATA"] = str(folder / "data")
        (folder / "image").write_bytes(os.urandom(FRAME_BYTES))
        fastapi = fastapi_folder(folder) if arguments.fastapi else ""
        stack.enter_context(process("-m", "bench._alpaca_peers", "host", BENCH_FOLDER=name))
        apps = ["bare", "direct", "handler", *(["fastapi"] if fastapi else [])]
        peers = [
            stack.enter_context(peer(server, app, folder, fastapi))
            for server in arguments.servers
            for app in apps
        ]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            limit = probe.getsockname()[1]
        bare_socket = stack.enter_context(process("-m", "bench._alpaca_peers", str(limit), BENCH_FOLDER=name))
        asyncio.run(measure(peers, arguments.rounds, arguments.seconds))
        report(peers, ["GET 1", "GET 16", "PUT 1", "PUT 16"])
        verdicts(peers, "GET 16")
        targets = {"asyncio socket (limit)": (limit, bare_socket)}
        targets |= {
            f"{peer.server}, direct route": (peer.port, peer.process)
            for peer in peers
            if peer.app == "direct"
        }
        images(targets, 5 * arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
