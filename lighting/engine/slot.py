"""Between the writer and everything slow: a place for the newest value, never a queue."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds one value. A value that is put before the last one was taken replaces it."""

    def __init__(self) -> None:
        self._filled = asyncio.Event()
        self._value: T | None = None

    def put(self, value: T) -> None:
        """Replace the value; never waits."""
        self._value = value
        self._filled.set()

    async def take(self) -> T:
        """The newest value, once there is one that was not taken."""
        await self._filled.wait()
        self._filled.clear()
        assert self._value is not None  # noqa: S101 - set together with the event
        return self._value

    @property
    def is_filled(self) -> bool:
        """Whether a value waits."""
        return self._filled.is_set()
