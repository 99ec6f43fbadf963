"""`/ws`: document 004's socket, as a plain ASGI application."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.conf import settings
from prometheus_client import Counter

from lighting.engine.commands import LARGEST, parse_command
from lighting.errors import BadCommandError
from lighting.guards import hidden_peer, listed, may_operate, own, readable, valid_key
from lighting.hub import Client, hub
from lighting.services import ask
from skycam_project.common.errors import SkycamError
from skycam_project.common.outbox import ClientGoneError, Outbox, SlowClientError
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

dropped = Counter("dmx_ws_dropped", "Sockets that were closed because they did not read")
PATIENCE: Seconds = 0.2
MOST_ERRORS, ERROR_WINDOW = 20, 10.0
MOST_COMMANDS = 200
"""Commands that a client may send in a second."""
BINARY, RUDE, TOO_LONG, SLOW, NO_KEY, FAILED = 1003, 1008, 1009, 1013, 4401, 1011
CODES = {"queue_full", "interlocked", "bad_message", "bad_ulid"}
NOBODYS_FAULT = {"queue_full", "interlocked", "not_ready"}
"""Errors that a client in good order meets: a drag during an exposure, a restarted engine."""


class Goodbye(Exception):  # noqa: N818 - not an error
    """The socket ends with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def lights_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """One connection from handshake to end."""
    await receive()
    headers = dict(scope["headers"])
    peer = (scope.get("client") or ("", 0))[0]
    origin, host = headers.get(b"origin", b"").decode("latin-1"), headers.get(b"host", b"").decode("latin-1")
    if hidden_peer(headers, peer) or (origin and not own(origin, host) and not readable(origin)):
        await send({"type": "websocket.close", "code": 4403})  # before accept: the handshake gets 403
        return
    await send({"type": "websocket.accept"})
    token = (parse_qs(scope["query_string"].decode("latin-1")).get("token") or [None])[0]
    if not valid_key(token) and not may_operate(scope.get("user")):
        await send({"type": "websocket.close", "code": NO_KEY})
        return
    foreign = bool(origin) and not own(origin, host) and not listed(origin)
    await Conversation(receive, send, read_only=foreign).run()


class Conversation:
    """One client: what it says, and what it is told.

    Args:
        read_only: its page belongs to an origin that may look and not touch.
    """

    def __init__(self, receive: Any, send: Any, *, read_only: bool) -> None:
        self._receive, self._send, self._read_only = receive, send, read_only
        self._outbox = Outbox(send, PATIENCE)
        self._client = Client(self._outbox.post)
        self._errors: deque[float] = deque(maxlen=MOST_ERRORS)
        self._commands: deque[float] = deque(maxlen=MOST_COMMANDS)

    async def run(self) -> None:
        """Until the client leaves, is dropped or is thrown out."""
        hub().add(self._client)
        telling = asyncio.create_task(self._tell())
        listening = asyncio.create_task(self._listen())
        try:
            done, _ = await asyncio.wait({telling, listening}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except ClientGoneError:
            pass  # it left in the middle of a message
        except SlowClientError as error:
            dropped.inc()
            log.warning("ws_slow_dropped", extra={"reason": str(error)})
            self._outbox.abort()
            await self._close(SLOW)
        except Goodbye as goodbye:
            await self._close(goodbye.code)
        except Exception:
            log.exception("ws_error")
            await self._close(FAILED)
        finally:
            hub().discard(self._client)
            for task in (telling, listening):
                task.cancel()
            await asyncio.gather(telling, listening, return_exceptions=True)

    async def _close(self, code: int) -> None:
        with contextlib.suppress(Exception):  # it may be gone, or not take it
            async with asyncio.timeout(PATIENCE):
                await self._send({"type": "websocket.close", "code": code})

    # ---- out

    async def _tell(self) -> None:
        client = self._client
        while True:
            await client.wanted()
            await self._outbox.room()
            while client.notes:
                await self._outbox.send(client.notes.popleft())
            if newest := client.take():
                text, round_ = newest
                try:
                    await self._outbox.send(text)
                finally:
                    if round_:
                        round_.done()

    # ---- in

    async def _listen(self) -> None:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            if (text := event.get("text")) is None:
                raise Goodbye(BINARY)
            if len(text) > LARGEST or len(text.encode()) > LARGEST:
                raise Goodbye(TOO_LONG)
            await self._heard(text)

    async def _heard(self, text: str) -> None:
        try:
            message = orjson.loads(text)
        except ValueError as error:
            self._refuse("bad_json", str(error))
            return
        if not isinstance(message, dict):
            self._refuse("bad_message", "a message is an object")
            return
        cmd_id = message.get("cmdId") if isinstance(message.get("cmdId"), str) else None
        if message.pop("type", None) != "set":
            self._refuse("unknown_type", "the type is set", cmd_id)
        elif self._read_only:
            self._refuse(
                "bad_message", "pages of this origin may only look; DMX_ALLOW_ORIGINS can name it", cmd_id
            )
        elif not self._in_time():
            self._refuse("rate_limited", f"at most {MOST_COMMANDS} commands a second", cmd_id)
        else:
            await self._set(message, cmd_id)

    async def _set(self, message: dict[str, Any], cmd_id: str | None) -> None:
        try:
            parse_command(message)
            await ask("submit", command=message)
        except BadCommandError as error:
            self._refuse(error.code, str(error), cmd_id)
        except SkycamError as error:
            self._refuse(error.code if error.code in CODES else "not_ready", str(error), cmd_id)

    def _in_time(self) -> bool:
        now = time.monotonic()
        if len(self._commands) == MOST_COMMANDS and now - self._commands[0] < 1:
            return False
        self._commands.append(now)
        return True

    def _refuse(self, code: str, detail: str, cmd_id: str | None = None) -> None:
        """Answer with an error; the connection stays, unless the client makes too many mistakes."""
        log.info("ws_error", extra={"reason": code, "cmdId": cmd_id and cmd_id[:40]})
        self._client.note(
            {"type": "error", "code": code, "detail": detail[:500], "cmdId": cmd_id and cmd_id[:40]}
        )
        if code in NOBODYS_FAULT:
            return
        now = time.monotonic()
        if len(self._errors) == MOST_ERRORS and now - self._errors[0] < ERROR_WINDOW:
            raise Goodbye(RUDE)
        self._errors.append(now)


def application() -> Any:
    """The socket, with the browser's login where keys are asked for."""
    if not settings.CONFIG.dmx_api_keys:
        return lights_socket
    from channels.auth import AuthMiddlewareStack

    return AuthMiddlewareStack(lights_socket)
