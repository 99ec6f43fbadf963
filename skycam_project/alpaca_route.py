"""The direct ASGI route: coroutine views without Django's request cycle around them.

Django's handler costs ten times what an Alpaca view does: signals with a thread hop each, a spooled body, two
tasks per request, the middleware chain. What that cycle would have done for these views is done here, once:
who may ask, how large a body may be, what is measured and logged, what happens when a client leaves. The
views touch neither database nor session, so nothing else is lost.
"""

import asyncio
import base64
import binascii
import hmac
import io
import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import lru_cache
from io import FileIO
from time import monotonic, perf_counter
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, get_resolver
from prometheus_client import Counter, Histogram

from skycam_project.common.access import Access, Refusal
from skycam_project.common.units import Seconds

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

LARGEST_BODY = 1 << 20
"""Bytes. An Alpaca form has some hundred."""
BODY_TIMEOUT: Seconds = 10.0
PART_BYTES = 2 << 20
"""Of a file that is sent: read while the part before is on its way."""
MOST_REQUESTS = 256
"""Requests answered at the same time."""
NOTE_INTERVAL: Seconds = 60.0
MOST_FAILURES = 20
FAILURE_WINDOW: Seconds = 300.0
"""After so many wrong passwords within so long an address is refused until the window ends."""

REQUESTS = Counter(
    "skycam_alpaca_requests", "Alpaca requests by member and outcome.", ["endpoint", "outcome"]
)
DURATION = Histogram(
    "skycam_alpaca_request_seconds",
    "Time from an Alpaca request's headers to its answer.",
    ["endpoint"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
_count = lru_cache(4096)(REQUESTS.labels)
_clock = lru_cache(1024)(DURATION.labels)


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class AlpacaRoute:
    """Serves the URL patterns of one module; every view in it is a coroutine function.

    A view may set `endpoint` and `outcome` on its response: bounded words, the labels of the metrics. A
    response with `pieces` (a tuple of bytes) is sent as they are, and after them its `file` (an open file and
    its size in bytes); any other is sent as one message.

    Args:
        access: who may ask.
        enabled: `SKYCAM_ALPACA`; off answers 403 to everybody.
        password: for HTTP Basic, with any user name; empty: none is asked for.
        urlconf: the module with the URL patterns.
    """

    def __init__(
        self, access: Access, *, enabled: bool = True, password: str = "", urlconf: str = "alpaca.urls"
    ) -> None:
        self._access, self._enabled = access, enabled
        self._password = PasswordCheck(password) if password else None
        self._resolve = lru_cache(4096)(get_resolver(urlconf).resolve)
        self._active = 0
        self._noted: dict[str, Seconds] = {}
        self._running: set[asyncio.Task[HttpResponseBase]] = set()

    @staticmethod
    def wants(path: str) -> bool:
        """Whether a path belongs to this route: `/api/v1/…` and `/management/…`, whatever the version."""
        return path.startswith("/management/") or (path.startswith("/api/v") and path[6:7].isdigit())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        self._active += 1
        try:
            response = self._refused(scope) or await self._respond(scope, receive)
        except ClientGoneError:
            return
        except Exception:
            log.exception("alpaca: %s %s failed", scope["method"], scope["path"])
            response = plain(500, "The server failed to answer; its log says why.")
        finally:
            self._active -= 1
        endpoint = getattr(response, "endpoint", "unknown")
        _count(endpoint, getattr(response, "outcome", f"http_{response.status_code}")).inc()
        _clock(endpoint).observe(perf_counter() - started)
        await _send(response, send)

    def _refused(self, scope: Scope) -> HttpResponse | None:
        refusal = self._access.refusal(scope)
        if refusal is None and not self._enabled:
            refusal = Refusal(403, "Alpaca is switched off (SKYCAM_ALPACA).")
        if refusal is None and self._active > MOST_REQUESTS:
            refusal = Refusal(503, "Too many requests at the same time.")
        if refusal is not None:
            self._note(refusal)
            return plain(*refusal, endpoint="refused")
        return self._password.refusal(scope) if self._password else None

    def _note(self, refusal: Refusal) -> None:
        """Log a refusal, the same one at most once a minute: clients poll."""
        now = monotonic()
        if now - self._noted.get(refusal.text, -NOTE_INTERVAL) >= NOTE_INTERVAL:
            if len(self._noted) >= 1000:  # the text names addresses, which come from outside
                self._noted.clear()
            self._noted[refusal.text] = now
            log.warning("alpaca: refused: %s", refusal.text)

    async def _respond(self, scope: Scope, receive: Receive) -> HttpResponseBase:
        body = b"" if scope["method"] == "GET" else await _read_body(scope, receive)
        if body is None:
            return plain(413, f"The body is larger than {LARGEST_BODY} bytes.")
        try:
            request = ASGIRequest(scope, io.BytesIO(body))
            match: ResolverMatch = self._resolve(request.path_info)
        except (Http404, UnicodeDecodeError):
            return plain(400, "There is no such resource.")
        request.resolver_match = match
        answer = match.func(request, *match.args, **match.kwargs)
        if scope["method"] == "GET":
            return await answer
        # A command that has begun is carried out even if its client leaves: only the wait is cancelled.
        task = asyncio.ensure_future(answer)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)


async def _read_body(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body; None when it is too large. Raises `ClientGoneError`."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value[:12]) > LARGEST_BODY):
            return None
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body = message.get("body", b"")
        return body if len(body) <= LARGEST_BODY else None
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while message["type"] == "http.request":
                body += message.get("body", b"")
                if len(body) > LARGEST_BODY:
                    return None
                if not message.get("more_body"):
                    return bytes(body)
                message = await receive()
    except TimeoutError:
        log.info("alpaca: %s sent its body too slowly", scope.get("client"))
    raise ClientGoneError


async def _send(response: HttpResponseBase, send: Send) -> None:
    pieces: tuple[bytes, ...] = getattr(response, "pieces", None) or (response.content,)
    file, size = getattr(response, "file", None) or (None, 0)
    with file or nullcontext():  # closed even when the client leaves before its turn
        await _send_parts(response, pieces, file, size, send)


async def _send_parts(
    response: HttpResponseBase, pieces: tuple[bytes, ...], file: FileIO | None, size: int, send: Send
) -> None:
    headers = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    headers.append((b"content-length", b"%d" % (size + sum(map(len, pieces)))))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    for piece in pieces[:-1]:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": pieces[-1], "more_body": size > 0})
    if file is not None:
        await _send_file(file, size, send)


async def _send_file(file: FileIO, size: int, send: Send) -> None:
    """Send a file, each part on its way while a thread reads the next."""
    part = await asyncio.to_thread(file.read, PART_BYTES)
    while part:
        size -= len(part)
        await send({"type": "http.response.body", "body": part, "more_body": size > 0})
        part = await asyncio.to_thread(file.read, PART_BYTES) if size > 0 else b""
    if size:
        raise OSError(f"an image file ended {size} bytes early")


def plain(status: int, text: str, *, endpoint: str = "unknown") -> HttpResponse:
    """An answer that is a sentence."""
    response = HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    response.endpoint = endpoint
    return response


class PasswordCheck:
    """HTTP Basic with one password; the user name doesn't matter."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._failures: dict[str, tuple[int, Seconds]] = {}
        """Wrong passwords and begin of the window, by address."""

    def refusal(self, scope: Scope) -> HttpResponse | None:
        """None when the request carries the password."""
        address = scope["client"][0]
        failures, since = self._failures.get(address, (0, monotonic()))
        if monotonic() - since > FAILURE_WINDOW:
            failures, since = 0, monotonic()
        if failures >= MOST_FAILURES:
            return plain(429, "Too many wrong passwords; wait five minutes.", endpoint="refused")
        given = _basic_password(scope)
        if given is not None and hmac.compare_digest(given, self._password):
            self._failures.pop(address, None)
            return None
        if given is not None:
            if len(self._failures) >= 1024:  # addresses come from outside
                self._failures.pop(next(iter(self._failures)))
            self._failures[address] = (failures + 1, since)
        response = plain(401, "This server asks for a password (HTTP Basic).", endpoint="refused")
        response["WWW-Authenticate"] = 'Basic realm="Skycam Alpaca", charset="UTF-8"'
        return response


def _basic_password(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:6].lower() == b"basic ":
            try:
                return base64.b64decode(value[6:], validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                return b""
    return None
