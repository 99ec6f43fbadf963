"""`product.json`: what a product's folder is, for people and for the database, which can be made again from it.

Where it came from stands beside it in `provenance.json` (`sessions.provenance`). Pure Python.
"""

import mimetypes
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from skycam_project.common.errors import SkycamError
from skycam_project.common.files import write_atomic

NAME = "product.json"
SCHEMA = "skycam-product-facts-1"
PROVENANCE = "provenance.json"
TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".mkv": "video/x-matroska", ".webp": "image/webp"}
ROLES = {
    "preview": "preview",
    "draft": "draft",
    "poster": "poster",
    "sheet": "contact_sheet",
    "curves": "curves",
    "strip": "strip",
}
"""What a file is for, by the word its name ends with."""
THUMBS = "thumbs"
"""Folder of small pictures, each by the name of the picture or film it shows."""
HIDDEN = frozenset({NAME, PROVENANCE, "archived.json"})


class SidecarError(SkycamError):
    """A product's folder does not say what it is."""

    code = "sidecar"


@dataclass(frozen=True, slots=True)
class Facts:
    """What `product.json` says.

    Attributes:
        kind: `timelapse`, or the night product's own name.
        title: for people.
        uuid: kept when the product is made again.
        night: date of the evening, ISO 8601; empty when nobody knows.
        instrument: whose frames; empty for a folder of images.
        session, session_uuid: what it was made from; empty for a folder of images.
        duration_s: of a video, seconds.
        scores: quality, 0 to 1 each.
        files: name, role, bytes, media type of each.
    """

    kind: str
    title: str
    uuid: str = field(default_factory=lambda: str(uuid4()))
    night: str = ""
    instrument: str = ""
    session: str = ""
    session_uuid: str = ""
    duration_s: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    files: tuple[Mapping[str, Any], ...] = ()
    schema: str = SCHEMA


def files_of(folder: Path, made: Iterable[Path] | None = None) -> tuple[dict[str, Any], ...]:
    """The files that a product offers, by name relative to its folder.

    Args:
        folder: the product's.
        made: its files, what people look for first in front; by default all but hidden and temporary ones, by name.
    """
    paths = list(made) if made is not None else sorted(path for path in folder.iterdir() if _offered(path))
    return tuple(
        {
            "name": path.relative_to(folder).as_posix(),
            "role": role(path),
            "bytes": path.stat().st_size,
            "type": media_type(path),
        }
        for path in paths
    )


def _offered(path: Path) -> bool:
    return (
        path.is_file()
        and path.name[0] != "."
        and path.name not in HIDDEN
        and path.suffix not in (".tmp", ".part")
    )


def media_type(path: Path) -> str:
    """As HTTP names it."""
    return TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def role(path: Path) -> str:
    """What a file is for: preview, draft, poster, contact_sheet, curves, strip, thumbnail, video, picture, archive, data."""
    if path.parent.name == THUMBS:
        return "thumbnail"
    word = path.stem.rpartition("-")[2]
    kind = media_type(path).partition("/")[0]
    if word in ROLES and path.suffix != ".parquet" and (word != "curves" or kind != "image"):
        return ROLES[word]
    if path.suffix == ".webp":
        return "animation"
    return {"video": "video", "image": "picture"}.get(kind, "archive" if path.suffix == ".zip" else "data")


def write(folder: Path, facts: Facts) -> None:
    """Describe a folder; on disk when this returns. Raises `OSError`."""
    write_atomic(folder / NAME, orjson.dumps(asdict(facts), option=orjson.OPT_INDENT_2))


def read(folder: Path) -> Facts:
    """What a folder is. Raises `SidecarError`."""
    try:
        found = orjson.loads((folder / NAME).read_bytes())
        if found.get("schema") != SCHEMA:
            raise SidecarError(
                f"{folder / NAME} has the schema {found.get('schema')!r}; this program reads {SCHEMA}"
            )
        return Facts(**found | {"files": tuple(found["files"])})
    except FileNotFoundError:
        raise SidecarError(f"{folder} is not a finished product: {NAME} is missing") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SidecarError(f"{folder / NAME} cannot be used: {error}") from None
