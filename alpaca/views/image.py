"""Images: ImageBytes for clients that ask for it, JSON for the others; pixels from the host's file."""

import asyncio
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from alpaca.devices.camera import Image
from alpaca.protocol import imagebytes
from alpaca.protocol.errors import InvalidOperationError
from skycam_project.common.errors import SkycamError
from skycam_project.common.pixels import crop_pixels, open_pixels, read_pixels

_json_turn = asyncio.Semaphore(1)
"""A JSON image takes four times the memory of its pixels and a core for 0.1 s: one at a time."""


class PiecesResponse(HttpResponseBase):
    """A body of a few large pieces, sent without joining them; then the whole of an open file, if one is given."""

    streaming = True
    outcome = "ok"

    def __init__(
        self, pieces: tuple[bytes, ...], content_type: str, file: tuple[FileIO, int] | None = None
    ) -> None:
        super().__init__(content_type=content_type)
        self.pieces, self.file = pieces, file

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)


def _is_whole(image: Image) -> bool:
    file, part = image
    return part is None or [part.num_x, part.num_y] == file["shape"][:2]


def _read(folder: Path, image: Image) -> tuple[list[int], bytes]:
    """Shape and bytes of an image; of its subframe only when that is less than the whole."""
    file, part = image
    pixels, shape = read_pixels(folder, file), file["shape"]
    if part is not None and not _is_whole(image):
        pixels, shape = crop_pixels(pixels, file, part.start_x, part.start_y, part.num_x, part.num_y)
    return shape, pixels


async def _answer(
    image: Image, folder: Path, as_bytes: bool, client_transaction: int, transaction: int
) -> PiecesResponse:
    dtype = image[0]["dtype"]
    if as_bytes and _is_whole(image):
        header = imagebytes.pack_header(dtype, image[0]["shape"], client_transaction, transaction)
        file = await asyncio.to_thread(open_pixels, folder, image[0])
        return PiecesResponse((header,), imagebytes.MEDIA_TYPE, file)
    shape, pixels = await asyncio.to_thread(_read, folder, image)
    if as_bytes:
        header = imagebytes.pack_header(dtype, shape, client_transaction, transaction)
        return PiecesResponse((header, pixels), imagebytes.MEDIA_TYPE)
    pieces = imagebytes.json_pieces(pixels, dtype, shape, client_transaction, transaction)
    async with _json_turn:
        return PiecesResponse((await asyncio.to_thread(b"".join, pieces),), "application/json")


async def image_answer(
    request: Request, folder: Path, newest: Callable[[], Image], client_transaction: int, transaction: int
) -> PiecesResponse:
    """Answer with the newest image, in the form that `Accept` asks for.

    `newest` is asked again when the file is gone: the host has replaced it since. Raises `AlpacaError`.
    """
    as_bytes = imagebytes.MEDIA_TYPE in request.META.get("HTTP_ACCEPT", "").lower()
    try:
        return await _answer(newest(), folder, as_bytes, client_transaction, transaction)
    except (OSError, SkycamError):
        image = newest()
    try:
        return await _answer(image, folder, as_bytes, client_transaction, transaction)
    except (OSError, SkycamError) as error:
        raise InvalidOperationError(f"The image file cannot be read: {error}.") from error
