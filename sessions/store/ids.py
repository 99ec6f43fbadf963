"""Names that become parts of paths: session ids, instruments, cameras, processes."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum

from skycam_project.common.errors import InvalidValueError

DEFAULT_INSTRUMENT = "default"
"""The instrument whose name does not show in session ids."""
SYSTEM_INSTRUMENT = "system"
"""The program itself: where a record goes that belongs to no instrument."""
RESERVED_CAMERA = "calibration"
"""Folder of calibration frames beside the cameras' folders."""

_INSTRUMENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_CAMERA = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class SessionType(StrEnum):
    """What a session is for (document 002)."""

    OBSERVATION = "observation"
    ALIGNMENT = "alignment"
    EXPERIMENT = "experiment"
    MAINTENANCE = "maintenance"
    IDLE = "idle"


def session_type(value: str) -> SessionType:
    """The session type named `value`. Raises `InvalidValueError` for any other word."""
    try:
        return SessionType(value)
    except ValueError:
        raise InvalidValueError("session type", value, ", ".join(SessionType)) from None


def slug(text: str | None, limit: int = 20) -> str:
    """`text` as a part of a file name: `[a-z0-9_-]` only, at most `limit` characters, possibly empty.

    Accents are dropped, everything else becomes single dashes; the true text is kept in `meta`.
    """
    ascii_text = unicodedata.normalize("NFKD", text or "").encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", ascii_text).strip("-_")[:limit].rstrip("-_")


def candidates(kind: SessionType, target: str | None, instrument: str, start: datetime) -> Iterator[str]:
    """Session ids in the order to try.

    The first is `{type}[_{target}][_{instrument}]_{YYYYMMDD}_{HHMMSS}`, then the same with `_2`, `_3`, …

    Args:
        kind: the type of session.
        target: free text, may hold anything.
        instrument: a valid instrument name; the default instrument is left out.
        start: aware; the id shows UTC.
    """
    words = [kind.value, slug(target), "" if instrument == DEFAULT_INSTRUMENT else instrument]
    stem = "_".join(word for word in words if word) + start.astimezone(UTC).strftime("_%Y%m%d_%H%M%S")
    yield from numbered(stem)


def numbered(stem: str) -> Iterator[str]:
    """The stem, then `stem_2`, `stem_3` and so on without end."""
    yield stem
    number = 2
    while True:
        yield f"{stem}_{number}"
        number += 1


def check_instrument(name: str) -> str:
    """Return `name`. Raises `InvalidValueError` when it cannot be an instrument's name."""
    if not _INSTRUMENT.fullmatch(name):
        raise InvalidValueError(
            "instrument", name, "1 to 32 of a-z 0-9 _ -, beginning with a letter or digit"
        )
    return name


def check_camera(name: str) -> str:
    """Return `name`. Raises `InvalidValueError` when it cannot be a camera's name."""
    if not _CAMERA.fullmatch(name) or name.lower() == RESERVED_CAMERA:
        raise InvalidValueError(
            "camera",
            name,
            f"1 to 64 of A-Z a-z 0-9 _ -, beginning with a letter or digit, not {RESERVED_CAMERA!r}",
        )
    return name
