"""The lights' promises, measured: `./skycam bench lights [--seconds 60] [--only daphne|uvicorn|link|size|kill]`.

A command goes in over one socket; what counts is when the *last* of N clients has the state that it caused. A plain
`websockets` server that only passes messages on runs before and after, as the measure of what this machine can do.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import re
import shutil
import signal
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
import websockets

from bench._lights_clients import PLAIN, RATE, fan_out
from lighting.engine.ulid import new_ulid
from skycam_project.common.link import CallError, Mirror, read
from skycam_project.config.places import runtime_folder
from skycam_project.supervisor.up import free_port

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = {"daphne": 100, "uvicorn": 300}
KILL_EVERY = 14.0


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
    base = plain(clients, seconds / 2)
    delays, applied, broadcast = served(server, clients, seconds)
    base += plain(clients, seconds / 2)
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


async def under_fire(port: int, run: Path, kills: int) -> tuple[list[float], bool]:
    """Longest silence at a client that sends 100 a second around each kill of the engine, s; whether seq only grew."""
    heard: list[tuple[float, int]] = []
    gaps: list[float] = []
    async with websockets.connect(f"ws://127.0.0.1:{port}/ws") as client:

        async def listen() -> None:
            async for text in client:
                message = orjson.loads(text)
                if message["type"] == "state":
                    heard.append((time.perf_counter(), message["seq"]))

        async def fire() -> None:
            while True:
                command = {
                    "type": "set",
                    "cmdId": new_ulid(),
                    "src": "bench",
                    "r": len(heard) & 255,
                    "g": 0,
                    "b": 0,
                }
                await client.send(orjson.dumps(command).decode())
                await asyncio.sleep(0.01)

        tasks = [asyncio.create_task(listen()), asyncio.create_task(fire())]
        for _ in range(kills):
            await asyncio.sleep(KILL_EVERY / 2)
            (engine,) = [row for row in read(run, "up")["processes"] if row["name"] == "lighting"]
            os.kill(engine["pid"], signal.SIGKILL)
            killed = time.perf_counter()
            await asyncio.sleep(KILL_EVERY / 2)
            times = [moment for moment, _ in heard if moment > killed - 0.5]
            if any(task.done() for task in tasks) or times[-1] < killed + 1:
                raise SystemExit("the client was thrown out, or never heard of the engine again")
            gaps.append(max(later - earlier for earlier, later in itertools.pairwise(times)))
        for task in tasks:
            task.cancel()
    numbers = [seq for _, seq in heard]
    return gaps, numbers == sorted(numbers)


def kill() -> None:
    """What a killed engine costs its clients, under the supervisor."""
    data, port = Path(tempfile.mkdtemp(prefix="sky-")), free_port()
    environment = dict(os.environ) | {
        "SKYCAM_DATA": str(data),
        "SKYCAM_DEMO": "off",
        "SKYCAM_PORT": str(port),
    }
    running = subprocess.Popen(
        [sys.executable, "-m", "skycam_project.cli", "up"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        while True:
            time.sleep(0.2)
            with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/rgb", timeout=5) as answer:
                if answer.status == 200:
                    break
        gaps, grew = asyncio.run(under_fire(port, runtime_folder(data), 3))
    finally:
        running.terminate()
        running.wait(20)
        shutil.rmtree(data, ignore_errors=True)
    words = ", ".join(f"{gap:.2f}" for gap in gaps)
    print(
        f"kill: {words} s of silence at a client under 100 commands/s, a kill -9 every {KILL_EVERY:g} s; seq only grew: {grew}"
    )


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="./skycam bench lights")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run (%(default)s)")
    parser.add_argument("--only", choices=["daphne", "uvicorn", "link", "size", "kill"])
    options = parser.parse_args(argv)
    if options.only in (None, "size"):
        size()
    if options.only in (None, "link"):
        link(min(10.0, options.seconds))
    if options.only in (None, "kill"):
        kill()
    for server in CLIENTS:
        if options.only in (None, server):
            compare(server, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
