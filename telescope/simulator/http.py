"""A small HTTP/1.1 server for the device's ports: requests in, responses, files and streams out."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import h11

from telescope.simulator.streams import StreamServer

logger = logging.getLogger(__name__)

MAX_BODY = 1 << 20
MAX_HEAD = 1 << 14
IDLE = 30.0
"""Real seconds that a connection may wait for its next request."""
CHUNK = 1 << 18


@dataclass(frozen=True)
class Request:
    """A complete request.

    Attributes:
        path: percent-decoded, without the query.
        headers: names in lower case.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, `{}` when there is none. Raises `ValueError`."""
        return json.loads(self.body) if self.body.strip() else {}


@dataclass(frozen=True)
class FilePart:
    """Bytes `start` to `start + length` of a file.

    Attributes:
        broken: the connection breaks off in the middle (a fault).
    """

    path: Path
    start: int
    length: int
    broken: bool = False


@dataclass(frozen=True)
class Reply:
    """What a handler answers; `body` may be bytes, a part of a file, or an endless stream."""

    status: int = 200
    body: bytes | FilePart | AsyncIterator[bytes] = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Answerer = Callable[[Request], Awaitable[Reply]]


def json_reply(data: Any, status: int = 200) -> Reply:
    """A JSON response."""
    return Reply(status, json.dumps(data, ensure_ascii=False).encode())


def http_server(answerer: Answerer) -> StreamServer:
    """A server whose requests `answerer` answers; its owner opens and closes it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(h11.RemoteProtocolError):
            await _Connection(reader, writer, answerer).run()

    return StreamServer(serve)


class _Connection:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answerer: Answerer
    ) -> None:
        self._reader, self._writer, self._answerer = reader, writer, answerer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE):
                    request = await self._request()
            except h11.RemoteProtocolError as error:
                if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                    await self._respond("GET", json_reply({"code": -1}, error.error_status_hint))
                return
            if request is None:
                return
            await self._respond(request.method, await self._answer(request))
            if self._http.our_state is h11.MUST_CLOSE:
                return
            self._http.start_next_cycle()

    async def _answer(self, request: Request) -> Reply:
        if len(request.body) > MAX_BODY:
            return json_reply({"code": -1}, 413)
        try:
            return await self._answerer(request)
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return json_reply({"code": -1}, 500)

    async def _event(self) -> Any:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(1 << 16))

    async def _request(self) -> Request | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            # What is too long is read to its end and thrown away, so that the answer reaches the client.
            if len(body) <= MAX_BODY:
                body += event.data
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        path = unquote(urlsplit(head.target.decode("latin-1")).path)
        return Request(head.method.decode(), path, headers, bytes(body))

    async def _send(self, event: Any) -> None:
        if data := self._http.send(event):
            self._writer.write(data)
            await self._writer.drain()

    async def _respond(self, method: str, reply: Reply) -> None:
        headers = {"content-type": reply.content_type, "server": "nginx", **reply.headers}
        body = reply.body
        if isinstance(body, bytes):
            headers["content-length"] = str(len(body))
        elif isinstance(body, FilePart):
            headers["content-length"] = str(body.length)
        else:
            headers["connection"] = "close"
        await self._send(h11.Response(status_code=reply.status, headers=list(headers.items())))
        if method == "HEAD":
            await self._send(h11.EndOfMessage())
        elif isinstance(body, bytes):
            await self._send(h11.Data(data=body))
            await self._send(h11.EndOfMessage())
        elif isinstance(body, FilePart):
            await self._send_file(body)
        else:
            async for part in body:
                await self._send(h11.Data(data=part))
            await self._send(h11.EndOfMessage())

    async def _send_file(self, part: FilePart) -> None:
        left = part.length // 2 if part.broken else part.length
        with part.path.open("rb") as file:
            file.seek(part.start)
            while left > 0 and (data := file.read(min(CHUNK, left))):
                left -= len(data)
                await self._send(h11.Data(data=data))
        if part.broken:
            raise ConnectionAbortedError("fault: truncate")
        await self._send(h11.EndOfMessage())
