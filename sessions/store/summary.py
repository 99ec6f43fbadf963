"""What the catalogue asks of a session, counted while it is put together, so that nobody reads its blocks for it."""

from dataclasses import dataclass, field
from typing import Any

from sessions.store import metadata

LIMIT = 1e30
"""Larger readings are nonsense, and would make the mean infinite."""


@dataclass(slots=True)
class Readings:
    """Least, mean and greatest of a series, degrees Celsius for temperatures."""

    count: int = 0
    total: float = 0.0
    least: float = LIMIT
    most: float = -LIMIT

    def add(self, value: Any) -> None:
        """Count one reading; what is no number is left out."""
        if isinstance(value, int | float) and not isinstance(value, bool) and -LIMIT < value < LIMIT:
            self.count += 1
            self.total += value
            self.least, self.most = min(self.least, value), max(self.most, value)

    def summary(self) -> dict[str, float] | None:
        """`min`, `mean`, `max`; `None` without a reading."""
        if not self.count:
            return None
        found = {"min": self.least, "mean": self.total / self.count, "max": self.most}
        return {name: round(float(value), 3) for name, value in found.items()}


@dataclass(slots=True)
class Taken:
    """What one camera took, by the times of its frames (microseconds UTC)."""

    frames: int = 0
    first: int | None = None
    last: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def add(self, record: dict[str, Any]) -> None:
        """Count one kept frame."""
        at, found = int(record["at"]), record["v"]
        self.frames += 1
        self.first = at if self.first is None else min(self.first, at)
        if self.last is None or at >= self.last:
            self.last = at
            self.settings = {name: found[name] for name in ("exposure_us", "gain") if name in found}

    def summary(self, info: dict[str, Any]) -> dict[str, Any]:
        """`model`, `frames`, `first`, `last` (ISO 8601), and the last frame's `exposure_us` and `gain`."""
        times = {"first": self.first, "last": self.last}
        return {
            "model": str(info.get("model") or ""),
            "frames": self.frames,
            **{name: None if time is None else metadata.iso(time) for name, time in times.items()},
            **self.settings,
        }
