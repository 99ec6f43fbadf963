"""A bare client, a small camera and a quick painter for the tests of the DWARF 3 simulator."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import websockets
from google.protobuf.message import Message

from sky.coordinates import Site
from telescope.dwarf.commands import module_of
from telescope.dwarf.proto.messages import notification_type, reply_type, request_type
from telescope.dwarf.proto.packet_pb2 import WsPacket
from telescope.dwarf.values import Camera, PacketType
from telescope.simulator.options import Options, Ports
from telescope.simulator.profile import TELE, WIDE, Profile
from telescope.simulator.renderer import Shot

NIGHT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
SITE = Site(46.5, 8.0, 500.0)
M31 = (0.712, 41.27)
"""Hours and degrees; 70° high in the west at `NIGHT`."""
SPEED = 500.0
ANY_PORT = Ports(0, 0, 0, 0, 0, 0, 0, None)
SMALL = Profile(
    cameras={
        Camera.TELE: replace(TELE, width=128, height=72),
        Camera.WIDE: replace(WIDE, width=64, height=36),
    }
)


def small_options(**changes: Any) -> Options:
    """Options of a quick simulator on free ports."""
    values = {"site": SITE, "ports": ANY_PORT, "start": NIGHT, "speed": SPEED, "darks": True} | changes
    return Options(**values)


class Painter:
    """Paints a pattern that tells the shot, and remembers the shots."""

    def __init__(self) -> None:
        self.shots: list[Shot] = []
        self.frames: list[np.ndarray] = []

    def __call__(self, shot: Shot) -> np.ndarray:
        height, width = shot.camera.height, shot.camera.width
        rows, columns = np.mgrid[0:height, 0:width]
        base = 200 if not shot.light else 200 + shot.gain
        frame = ((rows * 7 + columns * 3 + shot.seed) % 1000 + base).astype(np.uint16)
        self.shots.append(shot)
        self.frames.append(frame)
        return frame


class Talker:
    """A client that knows nothing but packets."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self.packets: list[WsPacket] = []
        self.texts: list[str] = []
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, port: int, path: str = "/") -> "Talker":
        return cls(await websockets.connect(f"ws://127.0.0.1:{port}{path}", ping_interval=None))

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in self._socket:
                if isinstance(message, str):
                    self.texts.append(message)
                else:
                    self.packets.append(WsPacket.FromString(message))
                async with self._news:
                    self._news.notify_all()
        async with self._news:
            self._news.notify_all()

    @property
    def is_closed(self) -> bool:
        return self._reader.done()

    async def close(self) -> None:
        await self._socket.close()
        await self._reader

    async def until(self, condition: Callable[[], bool], timeout: float = 20.0) -> None:
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(condition)

    async def text(self, text: str) -> None:
        await self._socket.send(text)

    async def raw(self, data: bytes) -> None:
        await self._socket.send(data)

    async def send(self, cmd: int, **fields: Any) -> None:
        packet = WsPacket(
            major_version=1, minor_version=20, device_id=2, module_id=module_of(cmd) or 0, cmd=cmd,
            data=request_type(cmd)(**fields).SerializeToString(), client_id="test",
        )  # fmt: skip
        await self._socket.send(packet.SerializeToString())

    async def ask(self, cmd: int, **fields: Any) -> Any:
        """Send a request and return its reply, which may come late."""
        seen = len(self.packets)
        await self.send(cmd, **fields)
        await self.until(lambda: any(_is_reply(packet, cmd) for packet in self.packets[seen:]))
        packet = next(packet for packet in self.packets[seen:] if _is_reply(packet, cmd))
        return reply_type(cmd).FromString(packet.data)

    def notes(self, number: int) -> list[Any]:
        """All notifications of a number so far, decoded."""
        kind = notification_type(number)
        assert kind is not None
        return [kind.FromString(p.data) for p in self.packets if p.cmd == number and p.type == 2]

    async def note(self, number: int, **fields: Any) -> Message:
        """Wait for a notification with these values, unless it has come already."""

        def matching() -> list[Message]:
            return [n for n in self.notes(number) if all(getattr(n, k) == v for k, v in fields.items())]

        await self.until(lambda: bool(matching()))
        return matching()[-1]

    def forget(self) -> None:
        self.packets.clear()


def _is_reply(packet: WsPacket, cmd: int) -> bool:
    return packet.cmd == cmd and packet.type in (PacketType.RESPONSE, PacketType.REPLY)
