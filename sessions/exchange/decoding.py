"""Cameras' files become pixels in a child process with limits (security: hostile files).

A decoder of RAW, FITS or JPEG is large C code that reads bytes of unknown origin: what breaks it ends a child, not
the night.
"""

import math
import os
import select
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import orjson

from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Seconds

ROOT = Path(__file__).resolve().parents[2]
LARGEST_FILE = 2 << 30
"""Bytes of a file that is decoded."""
_DTYPES = frozenset({"uint8", "uint16", "uint32", "int16", "int32", "float32", "float64"})
_LONGEST_HEAD = 8 << 20
_EXTRA: dict[str, Any] = {"pattern": "", "cards": {}, "balance": [], "levels": [], "blacks": []}


class UndecodableError(SkycamError):
    """A file cannot be decoded, or is refused; it stays as it is."""

    code = "undecodable"


@dataclass(frozen=True, slots=True)
class Decoded:
    """An image.

    Attributes:
        pixels: `[h, w]` or `[h, w, 3]` (red, green, blue), as in the file's memory order.
        pattern: of its colour mosaic, such as `RGGB`; empty for none.
        cards: of a FITS header.
        balance: white balance of a RAW file as shot, four factors; empty when it says none.
        levels: counts of a dark and of a saturated pixel of a RAW file's mosaic; empty when nothing says so.
        blacks: of a RAW file's mosaic: counts of a dark pixel at each place of `pattern`.
    """

    pixels: np.ndarray
    pattern: str = ""
    cards: dict[str, Any] = field(default_factory=dict)
    balance: list[float] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    blacks: list[float] = field(default_factory=list)


class Decoder:
    """One child for many files, started with the first, started again after one that killed it.

    Args:
        patience: seconds for one file.
    """

    def __init__(self, patience: Seconds = 60.0) -> None:
        self._patience = patience
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child; the next file starts another."""
        self._stop()

    def decode(self, data: bytes, name: str) -> Decoded:
        """Decode a file.

        Args:
            data: its bytes.
            name: its name; the extension tells RAW files.

        Raises `UndecodableError`.
        """
        return self._ask(data, name, {}, _answer)

    def develop(
        self,
        data: bytes,
        name: str,
        balance: list[float] | None = None,
        *,
        daylight: bool = False,
        mosaic: np.ndarray | None = None,
    ) -> Decoded:
        """As `decode`, but a RAW file becomes linear colours `[h, w, 3]` uint16.

        Args:
            data: its bytes.
            name: its name.
            balance: four factors of white balance; None takes the camera's.
            daylight: take the maker's daylight balance.
            mosaic: of a RAW file, as `decode` gives it: takes the place of the file's counts.

        Raises `UndecodableError`.
        """
        more = b"" if mosaic is None else mosaic.tobytes()
        wish = {"balance": balance, "daylight": daylight, "mosaic": len(more)}
        return self._ask(data, name, {"develop": wish}, _answer, more)

    def facts(self, data: bytes, name: str) -> dict[str, Any]:
        """What a file says of itself: `cards` of its FITS header, or `exif` (times are the camera's local ones).

        A RAW file says the `size` of its picture, too. `data` may end behind the header, but for RAW files. Raises
        `UndecodableError`.
        """
        return self._ask(data, name, {"facts": True}, lambda head, pipe, deadline: head)

    def _ask(
        self,
        data: bytes,
        name: str,
        what: dict[str, Any],
        answer: Callable[[dict[str, Any], IO[bytes], float], Any],
        more: bytes = b"",
    ) -> Any:
        if len(data) > LARGEST_FILE:
            raise UndecodableError(f"{name}: {len(data)} bytes are more than is decoded ({LARGEST_FILE})")
        child = self._child or self._start()
        assert child.stdin is not None  # noqa: S101 - both are pipes
        assert child.stdout is not None  # noqa: S101
        deadline = monotonic() + self._patience
        try:
            child.stdin.write(orjson.dumps({"name": name, "size": len(data), **what}) + b"\n" + data + more)
            child.stdin.flush()
            head = _head(child.stdout, deadline)
            if "error" in head:
                raise UndecodableError(f"{name} cannot be decoded: {head['error']}")
            return answer(head, child.stdout, deadline)
        except (OSError, ValueError, TimeoutError) as error:
            self._stop()
            reason = error if isinstance(error, TimeoutError) else "its decoder died"
            raise UndecodableError(f"{name} cannot be decoded: {reason}") from None

    def _start(self) -> subprocess.Popen[bytes]:
        known = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        alone = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "sessions.exchange.decoder_child"], cwd=ROOT, env=known | alone,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self._child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()


def _head(pipe: IO[bytes], deadline: float) -> dict[str, Any]:
    size = int.from_bytes(_read(pipe, 4, deadline), "big")
    if size > _LONGEST_HEAD:
        raise ValueError("an answer without end")
    return orjson.loads(_read(pipe, size, deadline))


def _answer(head: dict[str, Any], pipe: IO[bytes], deadline: float) -> Decoded:
    if head["dtype"] not in _DTYPES:
        raise ValueError(head["dtype"])
    dtype, shape = np.dtype(head["dtype"]).newbyteorder("<"), tuple(head["shape"])
    body = _read(pipe, math.prod(shape) * dtype.itemsize, deadline)
    pixels = np.frombuffer(body, dtype).reshape(shape)
    return Decoded(pixels, *(head.get(name, empty) for name, empty in _EXTRA.items()))


def _read(pipe: IO[bytes], size: int, deadline: float) -> bytearray:
    body = bytearray(size)
    view, filled = memoryview(body), 0
    while filled < size:
        piece = _some(pipe, min(size - filled, 1 << 20), deadline)
        view[filled : filled + len(piece)] = piece
        filled += len(piece)
    return body


def _some(pipe: IO[bytes], most: int, deadline: float) -> bytes:
    if not select.select([pipe], [], [], max(0.0, deadline - monotonic()))[0]:
        raise TimeoutError("it took too long")
    piece = os.read(pipe.fileno(), most)
    if not piece:
        raise OSError("the child has gone")
    return piece
