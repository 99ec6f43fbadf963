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


class SlowClientError(SkycamError):
    """The client has not taken what was sent to it."""

    code = "slow_client"


class Outbox:
    """Sends to one client, and gives it up when it does not read.

    Args:
        send: the ASGI `send` of the connection, wrapped by Channels' middleware or not.
        patience: seconds for which more than `LARGEST` bytes may wait.
    """

    def __init__(self, send: Send, patience: Seconds = PATIENCE) -> None:
        self._send, self._patience = send, patience
        self._transport = _transport_of(send)

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
        """Send one text message. Raises `SlowClientError`."""
        try:
            async with asyncio.timeout(self._patience):
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise self._given_up() from None

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


def _plain_transport(send: Any) -> Any:
    """The asyncio transport behind uvicorn's `send`, a method of its protocol; `None` with another server."""
    while (owner := getattr(send, "__self__", None)) is not None and hasattr(owner, "real_send"):
        send = owner.real_send
    transport = getattr(owner, "transport", None)
    return transport if hasattr(transport, "abort") else None


def _transport_of(send: Any) -> Any:
    """Daphne's transport behind a `send`; `None` with another server.

    Daphne gives `functools.partial(handle_reply, protocol)`; the session middleware of Channels wraps it in a method
    whose object keeps it as `real_send`.
    """
    while (wrapper := getattr(send, "__self__", None)) is not None and hasattr(wrapper, "real_send"):
        send = wrapper.real_send
    protocol = next(iter(getattr(send, "args", ())), None)
    transport = getattr(protocol, "transport", None)
    known = all(
        hasattr(transport, name) for name in ("dataBuffer", "offset", "_tempDataLen", "abortConnection")
    )
    return transport if known else None
