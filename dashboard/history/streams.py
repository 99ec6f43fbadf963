"""Large files to browsers piece by piece, whole or a range of them (RFC 9110, section 14)."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

PIECE = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def stream_file(
    request: HttpRequest, path: Path, media_type: str, name: str | None = None
) -> HttpResponseBase:
    """Send a file. With `name` a browser saves it under that name, else it shows it.

    One range is answered with 206, a range behind the end with 416, several ranges with the whole file.
    Raises `OSError` when it cannot be opened.
    """
    file = path.open("rb")
    size = path.stat().st_size
    wanted = _range(request.headers.get("Range", ""), size)
    if wanted is not None and wanted[0] >= wanted[1]:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, stop = wanted or (0, size)
    response = StreamingHttpResponse(pieces(file, start, stop), content_type=media_type)
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(stop - start)
    if wanted is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    if name is not None:
        response["Content-Disposition"] = content_disposition_header(True, name)
    return response


def _range(header: str, size: int) -> tuple[int, int] | None:
    """First byte, and the one behind the last; `None`: everything."""
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)


async def pieces(file: IO[bytes], start: int, stop: int) -> AsyncIterator[bytes]:
    """Bytes `start` to `stop` of an open file, which is closed at the end."""
    try:
        await asyncio.to_thread(file.seek, start)
        left = stop - start
        while left > 0 and (piece := await asyncio.to_thread(file.read, min(PIECE, left))):
            left -= len(piece)
            yield piece
    finally:
        file.close()
