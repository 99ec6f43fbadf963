"""Child processes that decode RAW and FITS files, as many as threads ask at once; ended with their owner."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue

from sessions.exchange.decoding import Decoder


class Decoders:
    """A pool; safe to use from several threads."""

    def __init__(self) -> None:
        self._idle: Queue[Decoder] = Queue()
        weakref.finalize(self, _end, self._idle)

    @contextmanager
    def one(self) -> Iterator[Decoder]:
        """A decoder of one's own for a moment."""
        try:
            decoder = self._idle.get_nowait()
        except Empty:
            decoder = Decoder()
        try:
            yield decoder
        finally:
            self._idle.put(decoder)

    def close(self) -> None:
        """End the processes; they start again when they are needed."""
        _end(self._idle)


def _end(idle: Queue[Decoder]) -> None:
    while True:
        try:
            idle.get_nowait().close()
        except Empty:
            return
