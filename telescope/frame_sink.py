"""What a telescope's host needs of whoever keeps its frames."""

from collections.abc import Mapping
from typing import Any, Protocol

from skycam_project.common.clock import iso_utc
from telescope.dwarf.frame import Frame


class FrameSink(Protocol):
    """Where frames go: the session of this telescope."""

    async def frame(self, frame: Frame) -> str:
        """Store a frame; its id, once it is on disk. Raises: it is offered again."""
        ...

    async def image(self, frame: Frame, number: str) -> Mapping[str, Any]:
        """Lay a stored frame out for those who want its pixels; what it says goes into the state."""
        ...

    async def begin_calibration(self, purpose: str) -> None:
        """Flats follow; each purpose has a session."""
        ...

    async def end_calibration(self) -> None:
        """No more flats are wanted; harmless when there were none."""
        ...

    def event(self, name: str, **details: Any) -> None:
        """Something a reader of the session wants to know."""
        ...


def described(frame: Frame) -> dict[str, Any]:
    """What the state says of a frame."""
    return {
        "exposure_s": frame.exposure.duration_s,
        "gain": frame.exposure.gain,
        "started_at": iso_utc(frame.start),
        "middle_at": iso_utc(frame.middle),
        "temperature_c": frame.temperature_c,
        "rejected": frame.rejected,
        "warnings": list(frame.warnings),
    }
