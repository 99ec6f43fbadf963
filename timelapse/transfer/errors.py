"""How a transfer fails."""

from skycam_project.common.errors import SkycamError


class TransferError(SkycamError):
    """The node cannot be reached, or the connection was cut; the next try goes on from where this one ended."""

    code = "transfer"


class HostKeyError(TransferError):
    """Whoever answers is not the node: its host key is another than the settings pin."""

    code = "host_key"


class LoginError(TransferError):
    """The node does not let us in."""

    code = "login"


class NoRsyncError(TransferError):
    """One of the two sides has no rsync."""

    code = "no_rsync"


class GoneError(TransferError):
    """The node has no such file."""

    code = "gone"


class DigestError(TransferError):
    """A file came over whole and is another than the node says."""

    code = "digest"


class ManifestError(TransferError):
    """What the node offers cannot be used."""

    code = "manifest"


class FullError(TransferError):
    """There is no room for what comes; what came before is kept."""

    code = "disk_full"
