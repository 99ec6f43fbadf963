"""What the session store raises on purpose."""

from pathlib import Path

from skycam_project.common.errors import SkycamError


class StoreError(SkycamError):
    """Base of all errors of the session store."""

    code = "store_error"


class SessionClosedError(StoreError):
    """The session has ended; nothing was recorded."""

    code = "session_closed"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session {session_id} has ended; use the instrument's running session")
        self.session_id = session_id


class SessionFullError(StoreError):
    """The session holds as many frames as one file can list; nothing was recorded."""

    code = "session_full"

    def __init__(self, session_id: str, frames: int) -> None:
        super().__init__(
            f"session {session_id} holds {frames} frames, the most for one file; start another session"
        )


class InstrumentOwnedError(StoreError):
    """Another process (or another manager of this one) owns the instrument's sessions."""

    code = "instrument_owned"

    def __init__(self, instrument: str, owner: str) -> None:
        super().__init__(
            f"instrument {instrument}: its sessions belong to {owner or 'another process'}; "
            "stop that one first, or append with a Joiner"
        )
        self.instrument = instrument


class DiskFullError(StoreError):
    """There is no room for another frame; logs and events still go through while the reserve lasts."""

    code = "disk_full"


class WriteError(StoreError):
    """The disk refused a write or a sync; the record is not acknowledged."""

    code = "write_error"


class DamagedFileError(StoreError):
    """A file is not what it was when it was written (or never was what it claims to be)."""

    code = "damaged_file"


class UntrustedFileError(DamagedFileError):
    """A file from outside holds what no session holds and what could harm its reader."""

    code = "untrusted_file"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name} is refused: {reason}")
