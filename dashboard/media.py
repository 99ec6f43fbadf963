"""Files of products, for people who are logged in: whole, or the byte range that a player asks for."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from skycam_project.common.errors import SkycamError
from timelapse import products

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
PIECE = 1 << 18
SHOWN = ("video/", "image/")
"""Types that a browser shows; everything else it saves."""


@login_required
@require_safe
def product_file(request: HttpRequest, uuid: object, name: str) -> HttpResponseBase:
    """One file of a product. `?download` saves it under its name."""
    try:
        path, media_type = products.file_of(products.get(uuid), name)
    except SkycamError as error:
        raise Http404 from error
    return ranged(request, path, media_type, save="download" in request.GET)


def ranged(request: HttpRequest, path: Path, media_type: str, *, save: bool = False) -> HttpResponseBase:
    """A file with ETag, `Accept-Ranges`, and one range answered by 206 (RFC 9110, section 14); 416 outside of it."""
    status = path.stat()
    tag = f'"{status.st_size:x}-{status.st_mtime_ns:x}"'
    wanted = _range(request, status.st_size, tag)
    response: HttpResponseBase
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponseNotModified()
    elif wanted and wanted[0] >= wanted[1]:
        response = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response["Content-Range"] = f"bytes */{status.st_size}"
    else:
        begin, end = wanted or (0, status.st_size)
        # An asynchronous iterator: of any other the server would hold the whole film in memory before it sends.
        response = StreamingHttpResponse(_pieces(path, begin, end), content_type=media_type)
        response["Content-Length"] = str(end - begin)
        if wanted:
            response.status_code = HTTPStatus.PARTIAL_CONTENT
            response["Content-Range"] = f"bytes {begin}-{end - 1}/{status.st_size}"
    response["ETag"], response["Cache-Control"] = tag, "private, no-cache"
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    if save or not media_type.startswith(SHOWN):
        response["Content-Disposition"] = f'attachment; filename="{path.name}"'
    return response


def _range(request: HttpRequest, size: int, tag: str) -> tuple[int, int] | None:
    """The half-open range of bytes that is asked for; empty when it lies outside, `None` for the whole file."""
    match = RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if match is None or match[0] == "bytes=-" or request.headers.get("If-Range", tag) != tag:
        return None  # none, several, or another unit: the whole file is always a right answer
    first, last = match[1], match[2]
    if not first:
        return max(0, size - int(last)), size
    begin = int(first)
    if last and int(last) < begin:
        return None
    return begin, min(size, int(last) + 1) if last else size


async def _pieces(path: Path, begin: int, end: int) -> AsyncIterator[bytes]:
    handle = await asyncio.to_thread(os.open, path, os.O_RDONLY)
    try:
        while begin < end:
            piece = await asyncio.to_thread(os.pread, handle, min(PIECE, end - begin), begin)
            if not piece:
                return  # it was cut while it was read: the client sees a short answer
            begin += len(piece)
            yield piece
    finally:
        os.close(handle)
