"""The same addresses under real servers: slow sockets, many sockets, a restart, the metrics and the readiness."""

import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
import websockets
from lightsrig import ROOT, EngineProcess, wait_for

from lighting.engine.ulid import new_ulid

pytestmark = pytest.mark.full


class Web:
    """The real ASGI application under one server, on a listener with a small send buffer."""

    def __init__(self, server: str, data: Path, **variables: str) -> None:
        listener = socket.socket()
        listener.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, 4096
        )  # inherited by every accepted connection
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self.url, self.ws = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}/ws"
        keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = keep | {
            "PYTHONPATH": str(ROOT),
            "SKYCAM_DATA": str(data),
            "SKYCAM_DEMO": "off",
            **variables,
        }
        self.log = (data / f"{server}.log").open("w")
        subprocess.run(
            [sys.executable, "-m", "skycam_project.prepare"],
            env=environment,
            cwd=ROOT,
            check=True,
            stdout=self.log,
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "skycam_project.serve", server, str(listener.fileno())],
            env=environment, cwd=ROOT, pass_fds=[listener.fileno()], stdout=self.log, stderr=self.log,
        )  # fmt: skip
        listener.close()
        wait_for(self.answers, 40)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/rgb", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def metric(self, name: str) -> float:
        lines = httpx.get(f"{self.url}/metrics", timeout=10).text.splitlines()
        (found,) = [
            line for line in lines if line.startswith(name)
        ]  # once: the engine's figures are the engine's
        return float(found.split()[-1])

    def end(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()


@pytest.fixture(params=["daphne", "uvicorn"])
def web(request, folder):
    engine = EngineProcess(folder, DMX_MQTT_ENABLED="false").start()
    server = Web(request.param, folder)
    server.engine = engine
    yield server
    server.end()
    engine.end(kill=True)


def deaf_socket(port: int) -> socket.socket:
    """A client that shakes hands and never reads again."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /ws HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
    ]
    client.sendall(("\r\n".join([*lines, "Sec-WebSocket-Version: 13"]) + "\r\n\r\n").encode())
    assert b"101" in client.recv(100)
    return client


async def test_a_client_that_does_not_read_is_gone_and_nobody_else_notices(web):
    deaf = deaf_socket(web.port)
    wait_for(lambda: web.metric("dmx_ws_clients{") == 1)
    memory = psutil.Process(web.process.pid)
    before = memory.memory_info().rss
    seen, stop = [], asyncio.Event()

    async def watch() -> None:
        async with websockets.connect(web.ws) as client:
            while not stop.is_set():
                seen.append(json.loads(await client.recv())["seq"])

    async def drive() -> None:
        async with websockets.connect(web.ws) as client:
            number, began = 0, time.monotonic()
            while not stop.is_set() and time.monotonic() - began < 40:
                number += 1
                await client.send(
                    json.dumps(
                        {"type": "set", "cmdId": new_ulid(), "src": "ui", "r": number % 256, "g": 0, "b": 0}
                    )
                )
                await asyncio.sleep(0.006)
                if number % 100 == 0 and await asyncio.to_thread(web.metric, "dmx_ws_dropped_total") == 1:
                    stop.set()
            while True:
                await client.recv()

    # The kernel's buffers and 64 KiB of the server's have to fill first: many small frames, quickly.
    noise = asyncio.gather(*(flood(web, stop) for _ in range(3)))
    watching, driving = asyncio.create_task(watch()), asyncio.create_task(drive())
    await asyncio.wait_for(stop.wait(), 45)
    await noise
    driving.cancel()
    watching.cancel()
    await asyncio.gather(watching, driving, return_exceptions=True)
    deaf.close()
    assert seen == sorted(seen) and len(seen) > 50
    assert memory.memory_info().rss - before < 30_000_000


async def flood(web, stop: asyncio.Event) -> None:
    """More changes, over the engine's own link."""
    number = 0
    from skycam_project.common.link import Mirror

    mirror = Mirror(web.engine.run, "lighting")
    await mirror.start()
    while not stop.is_set():
        number += 1
        command = {"cmdId": new_ulid(), "src": "noise", "r": 0, "g": number % 256, "b": 0}
        await mirror.call("submit", command=command)
        await asyncio.sleep(0.002)
    await mirror.stop()


async def test_clients_come_back_to_a_restarted_engine(web):
    async with websockets.connect(web.ws) as client:
        first = json.loads(await client.recv())
        web.engine.end(kill=True)
        answer = await asyncio.to_thread(httpx.get, f"{web.url}/readyz")
        assert answer.status_code == 503
        began = time.monotonic()
        web.engine.environment |= {
            "DMX_MQTT_ENABLED": "true",
            "DMX_MQTT_HOST": "127.0.0.1",
            "DMX_MQTT_PORT": "1",
        }
        web.engine.start()
        after = json.loads(await asyncio.wait_for(client.recv(), 20))
        assert after["seq"] > first["seq"]
        assert time.monotonic() - began < 20
    answer = await asyncio.to_thread(httpx.get, f"{web.url}/readyz")
    assert answer.status_code == 503 and answer.json()["mqttConnected"] is False
    assert answer.json()["parts"]["lighting"]["reason"] == "the MQTT broker is not connected"


def test_readiness_and_metrics(web):
    body = httpx.get(f"{web.url}/readyz").json()
    assert body["engine"] is True and body["queueDepth"] == 0 and body["mqttConnected"] is False
    assert body["parts"]["lighting"] == {"ok": True, "reason": None}
    answer = httpx.post(f"{web.url}/rgb", json={"cmdId": new_ulid(), "src": "x", "r": 1, "g": 2, "b": 3})
    assert answer.status_code == 202
    wait_for(lambda: web.metric("dmx_engine_processed_total") >= 1)
    for name in (
        "dmx_engine_deduped_total",
        "dmx_engine_queue_depth",
        "dmx_engine_last_latency_ms",
        "dmx_ws_clients",
        "dmx_mqtt_connected",
    ):
        assert web.metric(name + "{") >= 0
