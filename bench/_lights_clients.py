"""WebSocket clients and the plain server that `bench/lights.py` measures with."""

import asyncio
import base64
import os
import time

import orjson

from lighting.engine.ulid import new_ulid

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
