"""What a telescope's host needs of whoever keeps its frames."""

from collections.abc import Mapping
from typing import Any, Protocol

from telescope.dwarf.frame import Frame


class FrameSink(Protocol):
    """Where frames go: the session of this telescope."""

    async def frame(self, frame: Frame) -> str:
        """Store a frame; its id, once it is on disk. Raises: it is offered again."""
        ...

    async def image(self, frame: Frame, number: str) -> Mapping[str, Any]:
        """Lay a stored frame out for those who want its pixels; what it says goes into the state."""
        ...

    def event(self, name: str, **details: Any) -> None:
        """Something a reader of the session wants to know."""
        ...
