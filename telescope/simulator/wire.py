"""Packets, and the table that says which function answers which command."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Module, module_of
from telescope.dwarf.proto.messages import reply_type
from telescope.dwarf.proto.packet_pb2 import WsPacket
from telescope.dwarf.values import DEVICE_ID_DWARF3, MAJOR_VERSION, MINOR_VERSION_DEVICE, PacketType

if TYPE_CHECKING:
    from telescope.simulator.clients import Client
    from telescope.simulator.device import Dwarf


class RefusedError(Exception):
    """Raised in a handler: the device answers with this code and does nothing.

    Attributes:
        code: what goes into the reply.
        details: further fields of the reply.
    """

    def __init__(self, code: Code, **details: Any) -> None:
        super().__init__(code.name)
        self.code, self.details = code, details


@dataclass(frozen=True)
class Call:
    """One request of one client.

    Attributes:
        request: decoded by `telescope.dwarf.proto.messages.request_type(cmd)`.
    """

    device: "Dwarf"
    client: "Client"
    cmd: int
    request: Any


Answer = Message | Code | None
"""A whole reply, a bare code, or nothing at all (the device stays silent)."""
Function = Callable[[Call], Awaitable[Answer] | Answer]


@dataclass(frozen=True)
class Handler:
    """A function with its properties.

    Attributes:
        control: a client that is not host is silently ignored.
        dialects: in which the device knows the command (2 and 3); in the other one it is silent.
        drops: in the V3 dialect this command makes the device drop the socket.
    """

    function: Function
    control: bool
    dialects: tuple[int, ...]
    drops: bool


HANDLERS: dict[int, Handler] = {}


def on(
    *commands: int, control: bool = True, dialects: tuple[int, ...] = (2, 3), drops: bool = False
) -> Callable[[Function], Function]:
    """Register a function for these commands; the arguments are those of `Handler`."""

    def register(function: Function) -> Function:
        for command in commands:
            if command in HANDLERS:
                raise ValueError(f"two functions for command {command}")
            HANDLERS[int(command)] = Handler(function, control, dialects, drops)
        return function

    return register


def reply_for(cmd: int, answer: Message | Code, **details: Any) -> Message:
    """The reply message for an answer."""
    if isinstance(answer, Code):
        return reply_type(cmd)(code=int(answer), **details)
    return answer


def reply_packet(cmd: int, message: Message, v2: bool) -> bytes:
    """A reply as the device sends it: type 3 (V3) or 1 (V2), no client id."""
    kind = PacketType.RESPONSE if v2 else PacketType.REPLY
    return _packet(module_of(cmd) or 0, cmd, kind, message)


def notification_packet(cmd: int, message: Message, module: Module = Module.NOTIFY) -> bytes:
    """A notification as the device sends it."""
    return _packet(module, cmd, PacketType.NOTIFICATION, message)


def _packet(module: int, cmd: int, kind: PacketType, message: Message) -> bytes:
    return WsPacket(
        major_version=MAJOR_VERSION,
        minor_version=MINOR_VERSION_DEVICE,
        device_id=DEVICE_ID_DWARF3,
        module_id=module,
        cmd=cmd,
        type=kind,
        data=message.SerializeToString(),
    ).SerializeToString()
