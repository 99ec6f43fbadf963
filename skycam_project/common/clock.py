"""Time as something a device is given, so that a simulation can run faster and a test can jump."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from skycam_project.common.units import MicrosecondsUtc, Seconds


class Clock(Protocol):
    """What a device loop needs to know of time."""

    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...

    def monotonic(self) -> Seconds:
        """Seconds that never step; only differences mean something."""
        ...

    async def sleep(self, duration: Seconds) -> None:
        """Return after `duration` seconds of this clock (at once when it is not positive)."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> Seconds:
        return time.monotonic()

    async def sleep(self, duration: Seconds) -> None:
        await asyncio.sleep(max(0.0, duration))


class FastClock:
    """Time that starts where it is told and runs `speed` times as fast as the machine's.

    Args:
        start: the moment shown at creation; the present by default.
        speed: seconds of this clock per real second, > 0.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed {speed} must be greater than 0")
        self.speed = speed
        self._start = (start or datetime.now(UTC)).astimezone(UTC)
        self._origin = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> Seconds:
        return (time.monotonic() - self._origin) * self.speed

    async def sleep(self, duration: Seconds) -> None:
        await asyncio.sleep(max(0.0, duration) / self.speed)


def microseconds_utc(moment: datetime) -> MicrosecondsUtc:
    """Microseconds since 1970-01-01T00:00:00 UTC. Raises `ValueError` for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_microseconds(value: MicrosecondsUtc) -> datetime:
    """The inverse of `microseconds_utc`."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)


def iso_utc(moment: datetime) -> str:
    """ISO 8601 with `Z`, milliseconds: the form of every interface."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
