"""The files server (port 80 of the device) and the live pictures (port 8092)."""

import asyncio
import mimetypes
import re
from collections.abc import AsyncIterator

from skycam_project.common.files import OutsideRootError
from telescope.dwarf.values import Camera, StreamType
from telescope.simulator.device import Dwarf
from telescope.simulator.http import FilePart, Reply, Request

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
BOUNDARY = "frame"
LIVE_WIDTH = 1280
LIVE_PERIOD = 0.5
"""Real seconds between two live pictures; painting them is work for the machine."""


class Files:
    """Serves the card by the paths of the album, in whole or in ranges."""

    def __init__(self, device: Dwarf) -> None:
        self._device = device

    async def __call__(self, request: Request) -> Reply:
        device = self._device
        if not device.powered:
            return Reply(503, b"powered off", "text/plain")
        if request.method not in ("GET", "HEAD"):
            return Reply(405, b"method not allowed", "text/plain", {"allow": "GET, HEAD"})
        if device.chance(device.faults.http_errors):
            return Reply(500, b"fault", "text/plain")
        try:
            path = device.card.from_public(request.path)
            size = path.stat().st_size if path.is_file() else None
        except (FileNotFoundError, OutsideRootError, OSError):
            size = path = None
        if size is None or path is None:
            return Reply(404, b"not found", "text/plain")
        kind = "application/fits" if path.suffix == ".fits" else mimetypes.guess_type(path.name)[0]
        start, length, status = 0, size, 200
        headers = {"accept-ranges": "bytes"}
        wanted = _RANGE.fullmatch(request.headers.get("range", ""))
        if wanted is not None and wanted.group(0) != "bytes=-":
            start, length = _span(wanted.group(1), wanted.group(2), size)
            if length <= 0:
                return Reply(416, b"", "text/plain", {"content-range": f"bytes */{size}"})
            status = 206
            headers["content-range"] = f"bytes {start}-{start + length - 1}/{size}"
        part = FilePart(path, start, length, broken=device.faults.truncate)
        return Reply(status, part, kind or "application/octet-stream", headers)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    """Start and length of a range; not positive when it cannot be satisfied."""
    if not first:
        length = min(int(last), size)
        return size - length, length
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return start, end - start + 1


class Live:
    """MJPEG of both cameras while the stream type is JPEG; nothing while it is RTSP, as V3 firmware does.

    Other paths serve the card: some clients fetch their JPEG files here.
    """

    def __init__(self, device: Dwarf) -> None:
        self._device = device
        self._files = Files(device)

    async def __call__(self, request: Request) -> Reply:
        camera = {"/mainstream": Camera.TELE, "/secondstream": Camera.WIDE}.get(request.path)
        if camera is None:
            return await self._files(request)
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        return Reply(200, self._pictures(camera), kind, {"cache-control": "no-store"})

    async def _pictures(self, camera: Camera) -> AsyncIterator[bytes]:
        while self._device.powered:
            if self._device.stream == StreamType.JPEG:
                picture = await self._picture(camera)
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                yield head.encode() + picture + b"\r\n"
            await asyncio.sleep(LIVE_PERIOD)

    async def _picture(self, camera: Camera) -> bytes:
        """The newest stack while one grows, else what the camera sees."""
        if camera == Camera.TELE and self._device.is_capturing() and self._device.preview is not None:
            return self._device.preview
        return await self._device.photos[camera].live(LIVE_WIDTH)
