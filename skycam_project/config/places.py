"""Where a data folder keeps what: one function per place, so that no path is spelled twice."""

import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

from skycam_project.common.errors import SkycamError
from skycam_project.common.files import write_atomic

LONGEST_SOCKET = 30
"""Characters for the longest socket name in the runtime folder; a whole socket path has at most 103 bytes."""


class DataFolderError(SkycamError):
    """The data folder cannot be used."""

    code = "data_folder"


def prepare_data_folder(data: Path) -> None:
    """Make the data folder and its fixed parts, for this user only. Raises `DataFolderError`."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("sessions", "state", "logs", "broker", "cache", "spool", "previews"):
            (data / name).mkdir(exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(
            dir=data / "state"
        ) as probe:  # a name of its own: all processes do this at once
            probe.write(b"\0")
            probe.flush()
    except OSError as error:
        raise DataFolderError(
            f"the data folder {data} cannot be used: {error.strerror}; set SKYCAM_DATA"
        ) from None


def runtime_folder(data: Path) -> Path:
    """The folder of sockets and locks, mode 0700: `run` in the data folder.

    When that path is too long for a socket, a folder of the user's runtime or temporary folder, bound to this
    data folder by a digest.
    """
    folder = data / "run"
    if len(os.fsencode(folder)) + 1 + LONGEST_SOCKET > 103:
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        folder = base / f"skycam-{os.getuid()}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:10]}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
        raise DataFolderError(f"the runtime folder {folder} belongs to somebody else")
    folder.chmod(0o700)
    return folder


def secret_key(data: Path) -> str:
    """The key that signs sessions and tokens; made at the first start, readable by this user only."""
    path = data / "secret_key"
    if not path.exists():
        write_atomic(path, secrets.token_urlsafe(48).encode(), mode=0o600)
    return path.read_text()


def setup_token_file(data: Path) -> Path:
    """Holds the single-use token of the first run while there is no owner; mode 0600."""
    return data / "setup-token"


def images_folder(data: Path) -> Path:
    """Pixel files that hosts lay out for clients: on the disk, whatever the runtime folder is on."""
    return data / "run" / "images"


def alpaca_devices_file(data: Path) -> Path:
    """The Alpaca devices on offer, as the web process last said; `up` answers discovery with it."""
    return data / "state" / "alpaca-devices.json"


def wish_file(data: Path, camera: str) -> Path:
    """The last wish for a camera, so that it is known when the database is not there."""
    return data / "state" / f"wish-{camera}.json"
