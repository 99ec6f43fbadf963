"""What a session says of a frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """What a session says of a frame.

    Attributes:
        camera: its name in the session.
        info, settings: of the camera, as recorded.
        row: of the frame table, or of the journal, with `time`.
    """

    camera: str
    info: Mapping[str, Any]
    settings: Mapping[str, Any]
    row: Mapping[str, Any]

    @property
    def pointed(self) -> bool:
        """A telescope's: its frames say where they look, and follow the stars."""
        return all(isinstance(self.row.get(name), int | float) for name in ("ra_deg", "dec_deg"))
