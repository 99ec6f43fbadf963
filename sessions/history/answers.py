"""Questions by name: what the reading process does for pages and the control API."""

from pathlib import Path
from typing import Any

from sessions.history.cache import FileCache
from sessions.history.contents import Contents, FrameQuery, LogQuery, NoSessionError, Pixels
from sessions.store import verify
from sessions.store.layout import PARTIAL


class Answers:
    """Answers about any session.

    Args:
        cache: folder for pictures.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = FileCache(cache)

    def ask(self, op: str, path: str, **more: Any) -> Any:
        """Do `op` on the session at `path` (an `.asdf` file, or a running session's folder)."""
        session = open_contents(Path(path))
        match op:
            case "logs":
                return session.logs(LogQuery(**more))
            case "frames":
                return session.frames(FrameQuery(**more))
            case "summary" | "events" | "telemetry" | "frame":
                return getattr(session, op)(**more)
            case "verify":
                return _verified(Path(path))
            case "picture":
                return self._picture(session, **more)
            case "original":
                return self._original(session, **more)
        raise ValueError(op)

    def _picture(
        self, session: Contents, camera: str, index: int, name: str, size: str, stretch: str, form: str
    ) -> str:
        """Put a picture into the cache as `name`."""
        from sessions.history import pictures

        made = pictures.picture(session.pixels(camera, index), size, stretch, form)
        self._cache.put(name, made)
        return name

    def _original(self, session: Contents, camera: str, index: int, name: str) -> dict[str, Any]:
        """Put a camera's own file, byte for byte, into the cache as `name`; of an array, its frame file."""
        found = session.pixels(camera, index)
        self._cache.put(name, _bytes_of(found))
        return {"name": found.name, "media_type": found.media_type}


def _verified(path: Path) -> dict[str, Any]:
    """Every byte read, every checksum compared: `ok`, `blocks`, `external`, `problems`."""
    report = verify.verify(path)
    return {name: getattr(report, name) for name in ("ok", "blocks", "external", "problems")}


def _bytes_of(pixels: Pixels) -> bytes:
    if pixels.file is not None:
        return pixels.file.read_bytes()
    if isinstance(pixels.data, bytes):
        return pixels.data
    raise NoSessionError(f"{pixels.name} is an array, not a file that a camera made; take it as FITS")


def open_contents(path: Path) -> Contents:
    """The session at `path`. Raises `NoSessionError`, `DamagedFileError`, `OSError`."""
    if path.name.endswith(PARTIAL):
        from sessions.history.running import Running

        return Running(path)
    from sessions.history.finished import Finished

    if not path.is_file():
        raise NoSessionError(f"{path.name} is not there any more")
    return Finished(path)
