"""What a worker tells its child to do. A module of its own: the worker needs nothing else of what the child loads."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Work:
    """One job as the child gets it.

    Attributes:
        kind: timelapse or product.
        product: the night product's name.
        title: for people.
        source: what to read: a session's file, a running session's folder, a folder of images.
        folder: where the product is to be.
        work: where unfinished parts wait; shared with other workers of the same job.
        recipe: `{"draft": bool, "recipe": {…}}` of a timelapse, `{"options": {…}}` of a product.
        session, session_uuid, instrument, night: for the product's description.
    """

    kind: str
    product: str
    title: str
    source: str
    folder: str
    work: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    session: str = ""
    session_uuid: str = ""
    instrument: str = ""
    night: str = ""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Work":
        """From the worker's line."""
        return cls(**{each.name: values[each.name] for each in fields(cls)})
