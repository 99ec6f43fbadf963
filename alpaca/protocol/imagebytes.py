"""Images on the wire: the ImageBytes header and the JSON form.

Both describe the same pixels, laid out as the interface orders them: first index x (left to right), second y
(top first), third the colour plane, the last index fastest. `skycam_project.common.pixels` writes files in
that order, so that an answer is a fresh header and the file as it is.

Source: Alpaca API reference, chapter "Alpaca ImageBytes".
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from alpaca.protocol.errors import AlpacaError

MEDIA_TYPE = "application/imagebytes"
METADATA_VERSION = 1
_HEADER = struct.Struct("<iiIIiiiiiii")
HEADER_BYTES = _HEADER.size
JSON_BLOCK = 1 << 18
"""Elements turned into JSON at a time: some 2 ms, during which no other thread of the process runs."""


class ElementType(IntEnum):
    """Type of an array's elements, as the interface declares it or as they travel."""

    UNKNOWN = 0
    INT16 = 1
    INT32 = 2
    DOUBLE = 3
    SINGLE = 4
    UINT64 = 5
    BYTE = 6
    INT64 = 7
    UINT16 = 8
    UINT32 = 9


TRANSMISSION = {
    "uint8": ElementType.BYTE,
    "int16": ElementType.INT16,
    "uint16": ElementType.UINT16,
    "int32": ElementType.INT32,
}
"""NumPy dtype to the type on the wire. Every client library widens these to Int32 and no others."""


@dataclass(frozen=True, slots=True)
class Header:
    """The 44 bytes in front of the pixels, without the constants."""

    error_number: int
    client_transaction: int
    server_transaction: int
    data_start: int
    image_type: int
    transmission_type: int
    shape: tuple[int, ...]
    """(NumX, NumY) or (NumX, NumY, planes); () beside an error."""


def pack_header(dtype: str, shape: Sequence[int], client_transaction: int, server_transaction: int) -> bytes:
    """The header for pixels of a NumPy `dtype` and `shape` (x, y) or (x, y, planes).

    ImageElementType is always Int32, whatever travels: a client checks the array type of the interface.
    """
    if dtype not in TRANSMISSION or len(shape) not in (2, 3) or min(shape) < 1:
        raise AlpacaError(f"An image of {dtype} and shape {tuple(shape)} cannot travel as ImageBytes.")
    return _HEADER.pack(
        METADATA_VERSION,
        0,
        client_transaction,
        server_transaction,
        HEADER_BYTES,
        ElementType.INT32,
        TRANSMISSION[dtype],
        len(shape),
        *shape,
        *(0,) * (3 - len(shape)),
    )


def unpack_header(data: bytes) -> Header:
    """Read a header: what a client does. Raises `ValueError` when it is not one."""
    if len(data) < HEADER_BYTES:
        raise ValueError(f"{len(data)} bytes are too few for a header of {HEADER_BYTES}")
    version, error, client, server, start, image, transmission, rank, *sizes = _HEADER.unpack_from(data)
    if version != METADATA_VERSION or not 0 <= rank <= 3 or start < HEADER_BYTES:
        raise ValueError(
            f"metadata version {version}, rank {rank}, data at {start}: not an ImageBytes header"
        )
    return Header(error, client, server, start, image, transmission, tuple(sizes[:rank]))


def json_pieces(
    pixels: bytes | memoryview,
    dtype: str,
    shape: Sequence[int],
    client_transaction: int,
    server_transaction: int,
) -> Iterator[bytes]:
    """The JSON answer in pieces: `Type` and `Rank` first, no spaces, as the interface promises to clients.

    Takes some 0.1 s per 8 million elements: call it in a thread. Between two pieces other threads get their
    turn.
    """
    import numpy as np  # only this form needs it: a web process that serves ImageBytes alone stays small
    import orjson

    array = np.frombuffer(pixels, dtype).reshape(shape)
    columns = max(1, JSON_BLOCK // (array.size // len(array)))
    yield b'{"Type":2,"Rank":%d,"Value":[' % len(shape)
    for first in range(0, len(array), columns):
        block = orjson.dumps(array[first : first + columns], option=orjson.OPT_SERIALIZE_NUMPY)
        yield (b"," if first else b"") + block[1:-1]
    yield (
        b'],"ClientTransactionID":%d,"ServerTransactionID":%d,"ErrorNumber":0,"ErrorMessage":""}'
        % (client_transaction, server_transaction)
    )
