"""What a camera is wanted to do, and what a run has done: the values that survive a restart."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from camera.drivers.base import Settings
from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import InvalidValueError
from skycam_project.common.units import Seconds

SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.0, 86_400.0
LONGEST_EXPOSURE = 3600.0
KEPT_GAPS = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """A timelapse: a picture every `interval_s` seconds, `frames` of them or without end."""

    interval_s: Seconds = 15.0
    settings: Settings = field(default_factory=Settings)
    frames: int | None = None

    def changed(self, **changes: Any) -> "Plan":
        """A plan with the given values changed; `None` values change nothing.

        Args:
            **changes: `interval_s` and the fields of `Settings`.

        Raises:
            InvalidValueError: naming the field, its value and what is allowed.
        """
        wanted = {name: value for name, value in changes.items() if value is not None}
        numbers = {
            "interval_s": (SHORTEST_INTERVAL, LONGEST_INTERVAL),
            "exposure_s": (1e-5, LONGEST_EXPOSURE),
            "gain": (1e-3, 10_000_000.0),
            "aperture_f": (0.5, 128.0),
        }
        for name, value in wanted.items():
            if name in numbers:
                wanted[name] = _number(name, value, *numbers[name])
            elif name != "format":
                raise InvalidValueError("setting", name, ", ".join((*numbers, "format")))
            elif not isinstance(value, str) or not 0 < len(value) <= 100:
                raise InvalidValueError(name, value, "the name of one of the camera's formats")
        interval = wanted.pop("interval_s", self.interval_s)
        return replace(self, interval_s=interval, settings=replace(self.settings, **wanted))


def _number(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidValueError(name, value, f"a number from {low:g} to {high:g}")
    return float(value)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants of a camera, until told otherwise."""

    connected: bool = False
    running: bool = False
    plan: Plan = field(default_factory=Plan)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: `connected`, `running`, `interval_s`, `exposure_s`, `gain`, `aperture_f`, `format`."""
        settings = asdict(self.plan.settings)
        return {
            "connected": self.connected,
            "running": self.running,
            "interval_s": self.plan.interval_s,
            **settings,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Wish":
        """The inverse of `as_dict`. Raises `InvalidValueError`."""
        values = {name: value for name, value in data.items() if name not in ("connected", "running")}
        return cls(bool(data.get("connected")), bool(data.get("running")), Plan().changed(**values))


class WishStore(Protocol):
    """Where the wish is kept. Both calls may block; they are made in a thread."""

    def load(self) -> Wish:
        """The wish as last saved; the default one at first."""
        ...

    def save(self, wish: Wish) -> None:
        """Keep the wish; on return it survives a power cut."""
        ...


@dataclass(slots=True)
class Gap:
    """A time without frames, UTC; `end` is `None` while it lasts."""

    start: datetime
    reason: str
    end: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "from": iso_utc(self.start),
            "to": iso_utc(self.end) if self.end else None,
            "reason": self.reason,
        }


@dataclass(slots=True)
class RunRecord:
    """What a run has done so far.

    Attributes:
        started_at: UTC.
        frames: acknowledged.
        missed_slots: pictures that the interval asked for and nobody took.
        late_s: seconds by which frames have been late, all together.
        last_frame_at: start of the newest frame, UTC.
        gaps: the newest ones, oldest first.
    """

    started_at: datetime
    frames: int = 0
    missed_slots: int = 0
    late_s: Seconds = 0.0
    last_frame_at: datetime | None = None
    gaps: list[Gap] = field(default_factory=list)

    def open_gap(self, start: datetime, reason: str) -> bool:
        """Begin a gap, unless one is open; its first reason stays. Returns whether it is a new one."""
        if self.gaps and self.gaps[-1].end is None:
            return False
        self.gaps = [*self.gaps[1 - KEPT_GAPS :], Gap(start, reason)]
        return True

    def close_gap(self, end: datetime) -> Gap | None:
        """A frame began: the open gap, if there is one, ends there and is returned."""
        if not self.gaps or self.gaps[-1].end is not None:
            return None
        self.gaps[-1].end = max(end, self.gaps[-1].start)
        return self.gaps[-1]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "started_at": iso_utc(self.started_at),
            "frames": self.frames,
            "missed_slots": self.missed_slots,
            "late_s": self.late_s,
            "last_frame_at": iso_utc(self.last_frame_at) if self.last_frame_at else None,
            "gaps": [gap.as_dict() for gap in self.gaps],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "RunRecord":
        """The inverse of `as_dict`. Raises `ValueError`, `KeyError` or `TypeError`."""
        gaps = [Gap(_time(gap["from"]), str(gap["reason"]), _time_or_none(gap["to"])) for gap in data["gaps"]]
        return cls(
            _time(data["started_at"]),
            int(data["frames"]),
            int(data["missed_slots"]),
            float(data["late_s"]),
            _time_or_none(data["last_frame_at"]),
            gaps,
        )


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment


def _time_or_none(text: str | None) -> datetime | None:
    return None if text is None else _time(text)
