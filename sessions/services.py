"""The verbs of sessions for other apps."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from skycam_project.common.clock import iso_utc
from skycam_project.common.errors import SkycamError

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from sessions.store.manager import SessionManager
    from sessions.store.session import SessionStatus

SHOWN_ROWS = 12
"""Log rows in a live summary; the whole log is in the session."""


def sessions_root() -> Path:
    """The sessions' folder."""
    return settings.DATA / "sessions"


def open_sessions(instrument: str, **options: Any) -> "SessionManager":
    """The sessions of one instrument, owned by this process from now on; raises what `SessionManager` raises."""
    from sessions.store.manager import SessionManager  # numpy and blosc: only in the processes that record

    config = settings.CONFIG
    location = None
    if config.latitude is not None and config.longitude is not None:
        location = {"lat": config.latitude, "lon": config.longitude, "alt": config.elevation}
    return SessionManager(sessions_root(), location, instrument=instrument, **options)


def summary(status: "SessionStatus") -> dict[str, Any]:
    """A session as the link's states carry it: id, type, target, started_at, frames, bytes, warnings, errors, log."""
    return {
        "id": status.id,
        "type": status.type,
        "target": status.target,
        "started_at": iso_utc(status.started_at),
        "frames": status.frames,
        "bytes": status.bytes,
        "warnings": status.warnings,
        "errors": status.errors,
        "log": [row | {"time": iso_utc(row["time"])} for row in status.logs[-SHOWN_ROWS:]],
    }


def archive_due() -> None:
    """Copy every finished session to the archive that is not there yet; a failure is logged and tried again later."""
    from sessions.exchange import archive

    store = settings.CONFIG.archive_store()
    if store is None:
        return
    root = sessions_root()
    with archive.alone(root) as free:
        for path in archive.due(root) if free else ():
            try:
                logger.info(
                    "session archived: session=%s at=%s", path.stem, archive.archive(path, root, store)
                )
            except (SkycamError, OSError) as error:
                logger.error(
                    "session not archived, tried again later: session=%s reason=%s", path.stem, error
                )
