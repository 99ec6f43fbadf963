"""Downloads that are made while they are sent: each by a process of its own, which ends with the browser's patience."""

import asyncio
import subprocess
import sys
import weakref
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from sessions.finding import Found, find
from sessions.history.contents import NoSessionError
from sessions.history.giving import FRAME, WHATS

MOST = 3
"""Downloads of this kind at one time; each takes a core and some hundred megabytes."""
PIECE = 1 << 20
_TYPES = {"portable": "application/x-asdf", FRAME: "application/fits"}
_running: set[int] = set()


@login_required
async def session(request: HttpRequest, session: str, what: str) -> HttpResponseBase:
    """A finished session: `portable` (one ASDF file for every reader), or a zip of `fits`, `originals`, `asdf`."""
    if what not in WHATS:
        raise Http404
    found = await sync_to_async(_finished)(session)
    ending = ".asdf" if what == "portable" else f"-{what}.zip"
    return await _given(found, what, f"{found.id}{ending}")


@login_required
async def frame(request: HttpRequest, session: str, camera: str, index: int) -> HttpResponseBase:
    """One frame as FITS, with everything that is known of it."""
    found = await sync_to_async(_finished)(session)
    return await _given(found, FRAME, f"{found.id}_{camera}_{index:05d}.fits", camera, str(index))


def _finished(name: str) -> Found:
    try:
        found = find(name)
    except NoSessionError as error:
        raise Http404(str(error)) from None
    if found.running or not found.path.is_file():
        raise Http404
    return found


async def _given(found: Found, what: str, name: str, *more: str) -> HttpResponseBase:
    if len(_running) >= MOST:
        text = f"{MOST} downloads are being made already. Try again when one of them is through."
        return HttpResponse(text, status=503, content_type="text/plain", headers={"Retry-After": "60"})
    process = _start(what, str(found.path), *more)
    try:
        first = await asyncio.to_thread(_read, process)
        if not first and await asyncio.to_thread(process.wait):
            words = process.stderr.read().decode(errors="replace") if process.stderr else ""
            _end(process)
            return HttpResponse(words.strip().rpartition("\n")[2], status=409, content_type="text/plain")
    except BaseException:
        _end(process)
        raise
    response = StreamingHttpResponse(_rest(process, first), content_type=_TYPES.get(what, "application/zip"))
    response["Content-Disposition"] = content_disposition_header(True, name)
    weakref.finalize(
        response, _end, process
    )  # a client that left before the first part never started `_rest`
    return response


def _start(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sessions.history.giving", *words]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=settings.ROOT, stdout=pipe, stderr=pipe)
    _running.add(process.pid)
    return process


def _read(process: subprocess.Popen[bytes]) -> bytes:
    return process.stdout.read(PIECE) if process.stdout else b""


async def _rest(process: subprocess.Popen[bytes], piece: bytes) -> AsyncIterator[bytes]:
    """Everything; when it breaks off in the middle the connection does too, so that no browser takes it for whole."""
    try:
        while piece:
            yield piece
            piece = await asyncio.to_thread(_read, process)
        if await asyncio.to_thread(process.wait):
            raise ConnectionAbortedError("the download broke off")
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    _running.discard(process.pid)
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
