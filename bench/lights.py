"""The lights' promises, measured: `./skycam bench lights [--seconds 60] [--only PART]`.

A command goes in over one socket; what counts is when the *last* of N clients has the state that it caused. A plain
`websockets` server that only passes messages on runs before and after, as the measure of what this machine can do.
Each figure of the lights' promises stands on a line with its limit; the exit code is 1 when one is missed.
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
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
import psutil
import websockets

from bench._lights_clients import PLAIN, RATE, fan_out
from bench._lights_flood import FLOOD, QUEUE, broker, flats, offer
from lighting.engine.ulid import new_ulid
from skycam_project.common.link import CallError, Mirror, ask, read
from skycam_project.config.places import runtime_folder
from skycam_project.supervisor.up import free_port

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = {"daphne": 100, "uvicorn": 300}
KILL_EVERY = 14.0
missed: list[str] = []


def verdict(what: str, value: str, limit: str, *, holds: bool) -> None:
    """One promise, as it was found."""
    print(f"  {'pass' if holds else 'MISS'}  {what:46} {value:>20}   limit {limit}", flush=True)
    if not holds:
        missed.append(what)


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
        child.terminate()
        child.wait()


@contextlib.contextmanager
def engine(**variables: str) -> Iterator[tuple[Path, dict[str, str], psutil.Process]]:
    """An engine on a data folder of its own."""
    data = Path(tempfile.mkdtemp(prefix="sky-"))
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = keep | {
        "PYTHONPATH": str(ROOT),
        "SKYCAM_DATA": str(data),
        "SKYCAM_DEMO": "off",
        "SKYCAM_METRICS_NETWORKS": "127.0.0.1",
        **variables,
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


def histogram(port: int, name: str, limit: str) -> float:
    """Share (percent) of a histogram's observations up to `limit`, from the merged metrics."""
    text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    below = sum(
        float(v) for v in re.findall(rf'^{name}_bucket{{[^}}]*le="{limit}"[^}}]*}} (\S+)', text, re.M)
    )
    return 100 * below / sum(float(v) for v in re.findall(rf"^{name}_count{{[^}}]*}} (\S+)", text, re.M))


def served(server: str, clients: int, seconds: float) -> tuple[list[float], float, float]:
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
    verdict("apply below 100 ms", f"{applied:.2f} %", "99.9 %", holds=applied >= 99.9)
    verdict("broadcasts below 50 ms", f"{broadcast:.2f} %", "99 %", holds=broadcast >= 99)
    verdict("p99 to the last client / plain websockets", f"{ratio:.2f}", "1.5", holds=ratio <= 1.5)


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
    print(f"link: 10 000 commands/s offered for {seconds:g} s, {applied / passed:.0f} a second applied")
    lost = offered - accepted - refused + accepted - applied
    verdict("neither applied nor refused", f"{lost} of {offered}", "0", holds=lost == 0)
    verdict("refused (queue full), counted", f"{refused}", "any", holds=True)
    verdict("answered after the end", f"{passed - seconds:.1f} s", "2 s", holds=passed - seconds < 2)
    verdict("memory of the engine grew by", f"{grown:.1f} MB", "20 MB", holds=grown < 20)


def mqtt() -> None:
    """What it does with a flood from the broker, through a queue that is too short for it."""
    folder = Path(tempfile.mkdtemp(prefix="sky-"))
    try:
        with (
            broker(folder) as port,
            engine(DMX_MQTT_PORT=str(port), DMX_QUEUE_SIZE=str(QUEUE)) as (data, _, _),
        ):
            run = data / "run"
            while not read(run, "lighting")["mqttConnected"]:
                time.sleep(0.1)
            before = read(run, "lighting")["rgb"]["seq"]
            offer(port)
            for _ in range(300):
                text = ask(run, "lighting", "metrics").result
                dropped = sum(
                    float(v) for v in re.findall(r"^dmx_engine_dropped_total{[^}]*} (\S+)", text, re.M)
                )
                applied = read(run, "lighting")["rgb"]["seq"] - before
                if applied + dropped == FLOOD:
                    break
                time.sleep(0.1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"mqtt: {FLOOD} commands at once for a queue of {QUEUE}: {applied} applied, {dropped:.0f} dropped")
    lost = FLOOD - applied - dropped
    verdict("neither applied nor counted as dropped", f"{lost:.0f}", "0", holds=lost == 0)


def panels() -> None:
    """Random panels before a camera."""
    count = 5000
    share_found, usual = flats(count)
    print(f"flats: {count} random panels of gamma 1.0 to 2.8 with 2 % flicker, usually {usual} pictures")
    text = f"{100 * share_found:.2f} %"
    verdict("within 5 % after at most 8 pictures", text, "100 %", holds=share_found == 1)


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


async def under_fire(port: int, run: Path, kills: int) -> tuple[list[float], bool, int]:
    """Kill the engine again and again while a client sends 100 commands a second.

    Returns the longest silence at the client around each kill, s; whether `seq` strictly grew; how many of the last
    second's commands were applied again when they were repeated at the end.
    """
    heard: list[tuple[float, int]] = []
    gaps: list[float] = []
    sent: deque[dict[str, Any]] = deque(maxlen=100)
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
                sent.append(command)
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
        await asyncio.sleep(0.5)
        before = read(run, "lighting")["rgb"]["seq"]
        for command in sent:
            await client.send(orjson.dumps(command).decode())
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        again = read(run, "lighting")["rgb"]["seq"] - before
    numbers = [seq for _, seq in heard]
    return gaps, all(later > earlier for earlier, later in itertools.pairwise(numbers)), again


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
        gaps, grew, again = asyncio.run(under_fire(port, runtime_folder(data), 3))
    finally:
        running.terminate()
        running.wait(20)
        shutil.rmtree(data, ignore_errors=True)
    words = ", ".join(f"{gap:.2f}" for gap in gaps)
    print(f"kill: kill -9 of the engine every {KILL_EVERY:g} s under 100 commands/s")
    verdict("silence at the client", f"{words} s", "2 s", holds=max(gaps) < 2)
    verdict("seq strictly increases", str(grew), "True", holds=grew)
    verdict("commands applied again that were seen before", str(again), "0", holds=again == 0)


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="./skycam bench lights")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run (%(default)s)")
    parts: dict[str, Callable[[float], None]] = {
        "size": lambda _: size(),
        "flats": lambda _: panels(),
        "link": lambda seconds: link(min(10.0, seconds)),
        "mqtt": lambda _: mqtt(),
        "kill": lambda _: kill(),
        **{server: partial(compare, server) for server in CLIENTS},
    }
    parser.add_argument("--only", choices=list(parts), help="one part")
    options = parser.parse_args(argv)
    for name, part in parts.items():
        if options.only in (None, name):
            part(options.seconds)
    print(f"missed: {', '.join(missed)}" if missed else "all promises hold")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
