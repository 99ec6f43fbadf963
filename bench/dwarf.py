"""The DWARF client: command round trips and downloads, against bare peers in the same run.

    ./skycam bench dwarf [--rounds 7] [--commands 2000]

The telescope is the simulator in a process of its own. Commands (14011, "where is the motor") are compared
with a bare WebSocket client of the same library that sends the same bytes; downloads of a frame's size with a
bare socket that writes to the same disk. Medians of alternating rounds.
"""

import argparse
import asyncio
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import connect

from telescope.dwarf.commands import Module, Motor
from telescope.dwarf.fits import read_pixels
from telescope.dwarf.ftp import DwarfFtpClient
from telescope.dwarf.http import DwarfHttpClient
from telescope.dwarf.http11 import Address
from telescope.dwarf.proto.motor_pb2 import ReqMotorGetPosition
from telescope.dwarf.proto.packet_pb2 import WsPacket
from telescope.dwarf.ws import DwarfWsClient

ROOT = Path(__file__).parents[1]
FRAME_BYTES = 2880 + 3840 * 2160 * 2 // 2880 * 2880 + 2880
NAME = "M 31_15s60_Astro_20261120-220000000_10C.fits"
SERVICES = {
    "WebSocket": "ws",
    "HTTP": "http",
    "files": "files",
    "MJPEG": "mjpeg",
    "FTP": "ftp",
    "UDP": "udp",
    "RTSP": "rtsp",
}


@contextmanager
def simulator(card: Path) -> Any:
    """Start the simulator; gives its ports by name."""
    ports = [f"--{name}-port=0" for name in SERVICES.values()]
    process = subprocess.Popen(
        [sys.executable, "-m", "telescope.simulator", *ports, f"--card={card}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield {
            SERVICES[name]: int(port) for name, port in re.findall(r"(\w+) (\d+)", line) if name in SERVICES
        }
    finally:
        process.kill()
        process.wait()


def frame_file(card: Path) -> str:
    """A file as large as a frame on the simulator's card; its path there."""
    folder = card / "Astronomy" / "DWARF_RAW_TELE_M 31_EXP_15_GAIN_60_2026-11-20-22-00-00-000"
    folder.mkdir(parents=True)
    values = {
        "SIMPLE": "T",
        "BITPIX": 16,
        "NAXIS": 2,
        "NAXIS1": 3840,
        "NAXIS2": 2160,
        "BZERO": 32768,
        "BSCALE": 1,
    }
    lines = [*(f"{key:<8}= {value:>20}" for key, value in values.items()), "END"]
    header = "".join(f"{line:<80}" for line in lines).encode().ljust(2880)
    (folder / NAME).write_bytes((header + os.urandom(3840 * 2160 * 2)).ljust(FRAME_BYTES, b"\0"))
    return f"/Astronomy/{folder.name}/{NAME}"


async def bare_commands(port: int, count: int) -> list[float]:
    """The same request by a client that does nothing else; seconds each."""
    data = ReqMotorGetPosition(id=1).SerializeToString()
    packet = WsPacket(
        major_version=1, minor_version=20, module_id=Module.MOTOR, cmd=Motor.GET_POSITION, data=data
    )
    raw, times = packet.SerializeToString(), []
    async with connect(f"ws://127.0.0.1:{port}/", ping_interval=None, compression=None, proxy=None) as client:
        for _ in range(count):
            begin = time.perf_counter()
            await client.send(raw)
            while WsPacket.FromString(await client.recv()).cmd != Motor.GET_POSITION:  # type: ignore[arg-type]
                pass
            times.append(time.perf_counter() - begin)
    return times


async def client_commands(port: int, count: int) -> list[float]:
    """The request through `DwarfWsClient`; seconds each."""
    client = DwarfWsClient(Address("127.0.0.1", port), client_id="bench", on_notification=lambda *_: None)
    await client.connect()
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        await client.request(Motor.GET_POSITION, ReqMotorGetPosition(id=1))
        times.append(time.perf_counter() - begin)
    await client.close()
    return times


def bare_download(port: int, path: str, target: Path) -> None:
    """HTTP by hand over a blocking socket, to the same disk."""
    with socket.create_connection(("127.0.0.1", port)) as link, target.open("wb") as file:
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        buffer = memoryview(bytearray(1 << 20))
        rest = b""
        while b"\r\n\r\n" not in rest:
            rest += link.recv(65536)
        file.write(rest.split(b"\r\n\r\n", 1)[1])
        while size := link.recv_into(buffer):
            file.write(buffer[:size])


async def rate(work: Callable[[], Awaitable[Any]]) -> float:
    """MB/s of one download."""
    begin = time.perf_counter()
    await work()
    return FRAME_BYTES / 1e6 / (time.perf_counter() - begin)


async def measure(rounds: int, commands: int) -> None:
    """All figures, printed."""
    with tempfile.TemporaryDirectory(prefix="bench-dwarf-") as name:
        folder = Path(name)
        path = frame_file(folder / "card")
        with simulator(folder / "card") as ports:
            await commands_figures(ports, rounds, commands)
            await download_figures(ports, path, folder, rounds)


async def commands_figures(ports: dict[str, int], rounds: int, count: int) -> None:
    """Round trips of a command."""
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(rounds):
        ours += await client_commands(ports["ws"], count // rounds)
        bare += await bare_commands(ports["ws"], count // rounds)
    for label, times in (("DwarfWsClient", ours), ("bare WebSocket", bare)):
        times.sort()
        print(
            f"command round trip, {label:14}: median {statistics.median(times) * 1e3:.3f} ms, "
            f"p99 {times[int(len(times) * 0.99)] * 1e3:.3f} ms"
        )
    print(f"  ratio of the medians {statistics.median(ours) / statistics.median(bare):.2f}")


async def download_figures(ports: dict[str, int], path: str, folder: Path, rounds: int) -> None:
    """Downloads of one frame, and its decoding."""
    address = Address("127.0.0.1", ports["files"])
    http, ftp = DwarfHttpClient(address, address), DwarfFtpClient(Address("127.0.0.1", ports["ftp"]))
    target, public = folder / "frame.fits", f"/DWARF3{path}"
    limit = 64 << 20
    works: dict[str, Callable[[], Awaitable[Any]]] = {
        "bare socket": lambda: asyncio.to_thread(bare_download, ports["files"], quote(public), target),
        "HTTP client": lambda: http.download(public, target, limit=limit),
        "FTP client": lambda: ftp.download(path, target, limit=limit),
    }
    rates: dict[str, list[float]] = {label: [] for label in works}
    for _ in range(rounds):
        for label, work in works.items():
            rates[label].append(await rate(work))
    await ftp.close()
    bare = statistics.median(rates["bare socket"])
    for label, values in rates.items():
        middle = statistics.median(values)
        share = f"{middle / bare:.2f} of the bare socket"
        print(f"frame of {FRAME_BYTES / 1e6:.1f} MB, {label:11}: {middle:6.0f} MB/s, {share}")
    decode = []
    for _ in range(rounds):
        begin = time.perf_counter()
        read_pixels(target)
        decode.append(time.perf_counter() - begin)
    print(f"decoding a frame to uint16: median {statistics.median(decode) * 1e3:.1f} ms")


def main(argv: list[str]) -> int:
    """Entry point of `./skycam bench dwarf`."""
    parser = argparse.ArgumentParser(prog="./skycam bench dwarf", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--commands", type=int, default=2000)
    options = parser.parse_args(argv)
    asyncio.run(measure(options.rounds, options.commands))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
