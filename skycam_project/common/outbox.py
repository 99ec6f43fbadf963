"""How much of what a WebSocket was sent still waits, so that a client that does not read costs no memory.

Under uvicorn `await send()` waits while the client's buffers are full; under Daphne it never does (146 800 messages of
1 kB to a client that did not read went into 199 MB of memory), so there the transport itself is asked.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Seconds

LARGEST = 64 * 1024
"""Bytes that may wait for one client before the next message is held back."""
PATIENCE: Seconds = 10.0
"""How long they may stay there."""
LOOK: Seconds = 0.05

Send = Callable[[dict[str, Any]], Awaitable[None]]
Write = Callable[[bytes], bool]


def text_frame(text: bytes) -> bytes:
    """An unmasked WebSocket frame of UTF-8 text, complete and not compressed (RFC 6455, 5.2): one for many clients."""
    size = len(text)
    if size < 126:
        return bytes((0x81, size)) + text
    return (
        b"\x81\x7e" + size.to_bytes(2, "big") + text
        if size < 1 << 16
        else b"\x81\x7f" + size.to_bytes(8, "big") + text
    )


class SlowClientError(SkycamError):
    """The client has not taken what was sent to it."""

    code = "slow_client"


class ClientGoneError(SkycamError):
    """The client has left, which a message to it noticed before the server said so. Nothing is wrong."""

    code = "client_gone"


class Outbox:
    """Sends to one client, and gives it up when it does not read.

    Args:
        send: the ASGI `send` of the connection, wrapped by Channels' middleware or not.
        patience: seconds for which more than `LARGEST` bytes may wait.
    """

    def __init__(self, send: Send, patience: Seconds = PATIENCE) -> None:
        self._send, self._patience = send, patience
        self._transport = _transport_of(send)
        self._write = _daphne_writer(send, self._transport) or _uvicorn_writer(send)

    def waiting(self) -> int:
        """Bytes that the transport has not handed to the kernel; 0 where the server itself waits for the client."""
        transport = self._transport
        if transport is None:
            return 0
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen

    async def room(self) -> None:
        """Return when the next message may be sent: at once for a client that reads. Raises `SlowClientError`."""
        end = time.monotonic() + self._patience
        while self.waiting() > LARGEST:
            if time.monotonic() > end:
                raise self._given_up()
            await asyncio.sleep(LOOK)

    async def send(self, text: str) -> None:
        """Send one text message. Raises `SlowClientError`, `ClientGoneError`."""
        try:
            async with asyncio.timeout(self._patience):
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise self._given_up() from None
        except Exception as error:
            if _is_gone(error):
                raise ClientGoneError("the client has left") from None
            raise

    def post(self, frame: bytes) -> bool:
        """Write an encoded frame at once, past the server's machinery per message (0.1 ms of it for each client).

        Returns whether it went out. It does not while bytes wait for this client, before the handshake and after the
        farewell, and with a server whose transport is not known: `send` is the way then. Not while a `send` runs.
        """
        return self._write is not None and self._write(frame)

    def abort(self) -> None:
        """Drop the connection without a farewell, which this client would not read either."""
        if self._transport is not None:
            self._transport.abortConnection()
        elif (transport := _plain_transport(self._send)) is not None:
            transport.abort()

    def _given_up(self) -> SlowClientError:
        return SlowClientError(
            f"a client has not read for {self._patience:g} s and was dropped; it may connect again"
        )


def _is_gone(error: Exception) -> bool:
    """Whether a server's `send` says that the other side has left.

    ASGI wants an `OSError` (uvicorn raises one). Daphne hands autobahn's `Disconnected` on, a `RuntimeError`; uvicorn
    has a bare one for a message after the end.
    """
    ended = isinstance(error, RuntimeError) and (
        type(error).__name__ == "Disconnected" or "after sending 'websocket.close'" in str(error)
    )
    return ended or isinstance(error, OSError)


def _bare(send: Any) -> Any:
    """The server's own `send`: the session middleware of Channels wraps it in a method whose object keeps it."""
    while (wrapper := getattr(send, "__self__", None)) is not None and hasattr(wrapper, "real_send"):
        send = wrapper.real_send
    return send


def _plain_transport(send: Any) -> Any:
    """The asyncio transport behind uvicorn's `send`, a method of its protocol; `None` with another server."""
    transport = getattr(getattr(_bare(send), "__self__", None), "transport", None)
    return transport if hasattr(transport, "abort") else None


def _uvicorn_writer(send: Any) -> Write | None:
    protocol: Any = getattr(_bare(send), "__self__", None)
    transport = _plain_transport(send)
    if transport is None or not all(
        hasattr(protocol, name) for name in ("writable", "handshake_complete", "close_sent")
    ):
        return None

    def write(frame: bytes) -> bool:
        if (
            not protocol.writable.is_set()
            or not protocol.handshake_complete
            or protocol.close_sent
            or transport.is_closing()
        ):
            return False
        transport.write(frame)
        return True

    return write


def _daphne_writer(send: Any, transport: Any) -> Write | None:
    protocol = _daphne_protocol(send)
    if transport is None or not all(hasattr(protocol, name) for name in ("state", "STATE_OPEN")):
        return None

    def write(frame: bytes) -> bool:
        if protocol.state != protocol.STATE_OPEN or transport.disconnecting or transport.dataBuffer:
            return False
        if transport._tempDataLen:  # the handshake, or a message of this turn: it goes first
            return False
        sent = transport.writeSomeData(frame)
        if not isinstance(sent, int):
            return False  # the connection is gone, as the reactor will find out
        if sent < len(frame):
            transport.write(frame[sent:])
        return True

    return write


def _daphne_protocol(send: Any) -> Any:
    """Daphne gives `functools.partial(handle_reply, protocol)`; `None` with another server."""
    return next(iter(getattr(_bare(send), "args", ())), None)


def _transport_of(send: Any) -> Any:
    """Daphne's transport behind a `send`; `None` with another server."""
    transport = getattr(_daphne_protocol(send), "transport", None)
    known = all(
        hasattr(transport, name) for name in ("dataBuffer", "offset", "_tempDataLen", "abortConnection")
    )
    return transport if known else None
