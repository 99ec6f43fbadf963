"""The DWARF 3 simulator: round trips, downloads, and whether frames keep up with the simulated clock.

Peers of the same run: a WebSocket echo server of the same library, and a raw asyncio socket.
"""

import argparse
import asyncio
import contextlib
import ftplib
import http.client
import os
import socket
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import websockets
from websockets.asyncio.server import ServerConnection

from bench._memory import peak_mb
from sky.coordinates import Site
from telescope.dwarf.commands import Astro, Motor, Param, module_of
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto.messages import request_type
from telescope.dwarf.proto.notify_pb2 import ResNotifyOperationState
from telescope.dwarf.proto.packet_pb2 import WsPacket
from telescope.dwarf.values import ParamId
from telescope.simulator.options import Options, Ports
from telescope.simulator.server import Simulator
from telescope.simulator.sky_renderer import SkyRenderer

NIGHT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
SITE = Site(46.5, 8.0, 500.0)
FRAME_BYTES = 16_591_680


def _packet(cmd: int, **fields: object) -> bytes:
    data = request_type(cmd)(**fields).SerializeToString()
    packet = WsPacket(major_version=1, minor_version=20, module_id=module_of(cmd) or 0, cmd=cmd, data=data)
    return packet.SerializeToString()


async def _ask(client: websockets.ClientConnection, cmd: int, **fields: object) -> WsPacket:
    await client.send(_packet(cmd, **fields))
    while True:
        message = await client.recv()
        if isinstance(message, bytes):
            packet = WsPacket.FromString(message)
            if packet.cmd == cmd and packet.type == 3:
                return packet


async def round_trips(simulator: Simulator, count: int) -> None:
    """Latency of 14011 against an echo of the same library."""

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def measure(port: int, message: bytes) -> list[float]:
        times = []
        address = f"ws://127.0.0.1:{port}/"
        async with websockets.connect(address, ping_interval=None, compression=None) as client:
            # What the device tells by itself when a client connects comes first.
            with contextlib.suppress(TimeoutError):
                while True:
                    await asyncio.wait_for(client.recv(), 0.3)
            for _ in range(count):
                start = time.perf_counter()
                await client.send(message)
                await client.recv()
                times.append(time.perf_counter() - start)
        return sorted(times)

    message = _packet(Motor.GET_POSITION, id=1)
    async with websockets.serve(echo, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        rows = {
            "simulator, 14011": await measure(simulator.ports.websocket, message),
            "echo": await measure(port, message),
        }
    for name, times in rows.items():
        p50, p99 = times[count // 2], times[count * 99 // 100]
        print(f"{name:24} p50 {p50 * 1e6:6.0f} µs   p99 {p99 * 1e6:6.0f} µs")
    medians = [times[count // 2] for times in rows.values()]
    print(f"{'ratio of medians':24} {medians[0] / medians[1]:.2f}")


async def downloads(simulator: Simulator, rounds: int) -> None:
    """16.6 MB by HTTP and FTP against a raw socket."""
    data = os.urandom(FRAME_BYTES)
    path = simulator.device.card.root / "Normal_Photos" / "bench.fits"
    simulator.device.card.write(path, data, NIGHT)

    async def raw(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(raw, "127.0.0.1", 0)

    def by_socket() -> None:
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            while client.recv(1 << 18):
                pass

    def by_http() -> None:
        client = http.client.HTTPConnection("127.0.0.1", simulator.ports.files)
        client.request("GET", "/DWARF3/Normal_Photos/bench.fits")
        response = client.getresponse()
        while response.read(1 << 18):
            pass
        client.close()

    def by_ftp() -> None:
        with ftplib.FTP(timeout=20) as ftp:  # noqa: S321
            ftp.connect("127.0.0.1", simulator.ports.ftp)
            ftp.login()
            ftp.retrbinary("RETR /Normal_Photos/bench.fits", lambda _data: None, blocksize=1 << 18)

    works = {"raw socket": by_socket, "HTTP": by_http, "FTP": by_ftp}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            await asyncio.to_thread(work)
            times[name].append(time.perf_counter() - start)
    peer = statistics.median(times["raw socket"])
    for name, found in times.items():
        seconds = statistics.median(found)
        print(f"{name + ', 16.6 MB':24} {seconds * 1e3:6.0f} ms   ratio {seconds / peer:.2f}")
    server.close()
    simulator.device.card.delete("Normal_Photos/bench.fits")


async def frames(options: Options, count: int) -> None:
    """A stacking run of 15 s frames of the real sky, measured by the simulated clock."""
    renderer = SkyRenderer(options.seed)
    start = time.perf_counter()
    await asyncio.to_thread(renderer.warm_up)
    print(f"{'warm-up of the renderer':24} {time.perf_counter() - start:6.1f} s")
    async with Simulator(options, renderer) as simulator:
        clock = simulator.device.clock
        address = f"ws://127.0.0.1:{simulator.ports.websocket}/"
        async with websockets.connect(address, ping_interval=None) as client:
            await _ask(client, Astro.START_CALIBRATION)
            await _ask(client, Astro.START_GOTO_DSO, ra=0.712, dec=41.27, target_name="M 31")
            await _ask(client, Param.SET_EXPOSURE, param_id=ParamId(2, 1, 0, 1).pack(), mode=1, value=156)
            await _ask(client, Param.SET_GENERAL_INT_PARAM, param_id=ParamId(2, 2, 0, 16).pack(), value=count)
            begin, real = clock.monotonic(), time.perf_counter()
            await _ask(client, Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=1)
            while True:
                packet = WsPacket.FromString(await client.recv(decode=False))
                state = packet.cmd == Notify.STATE_CAPTURE_RAW_LIVE_STACKING
                if state and ResNotifyOperationState.FromString(packet.data).state == 0:
                    break
            took, real = clock.monotonic() - begin, time.perf_counter() - real
    nominal = 15.0 * count
    print(
        f"{count} x 15 s at speed {options.speed:g}   simulated {took:.0f} s, ratio {took / nominal:.3f}"
        f" (limit for 100: 1.1)   real {real:.1f} s, {real / count:.2f} s a frame"
    )


async def _run(given: argparse.Namespace) -> None:
    ports = Ports(0, 0, 0, 0, 0, 0, 0, None)
    async with Simulator(Options(SITE, ports=ports, start=NIGHT), SkyRenderer(1)) as simulator:
        await round_trips(simulator, given.trips)
        await downloads(simulator, given.rounds)
    memory = peak_mb()
    print(f"{'memory before painting':24} {memory:6.0f} MB resident at most, this benchmark included")
    await frames(Options(SITE, ports=ports, start=NIGHT, speed=given.speed, darks=True), given.frames)
    memory = peak_mb()
    print(f"{'memory after painting':24} {memory:6.0f} MB")


def main(argv: list[str]) -> int:
    """Print the figures; returns the exit status."""
    parser = argparse.ArgumentParser(prog="bench dwarfsim", description=__doc__)
    parser.add_argument("--trips", type=int, default=3000, help="round trips, default 3000")
    parser.add_argument("--rounds", type=int, default=7, help="downloads of each kind, default 7")
    parser.add_argument("--frames", type=int, default=20, help="frames of the stacking run, default 20")
    parser.add_argument("--speed", type=float, default=20.0, help="simulated seconds per second, default 20")
    asyncio.run(_run(parser.parse_args(argv)))
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.exit(main(sys.argv[1:]))
