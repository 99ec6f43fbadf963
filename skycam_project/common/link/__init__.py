"""The link: one process owns a device (`Host`), every other process holds a copy of its state (`Mirror`).

A connection is a subscription: it begins with the complete state and carries every new snapshot; the only
message to a host is a call. The host writes the snapshot that a call caused before the call's answer, on the
same stream, so whoever has the answer has the state. docs/link.md tells the rest.
"""

from skycam_project.common.link.ask import Answer, ask, read
from skycam_project.common.link.errors import (
    CallError,
    LinkSetupError,
    MessageTooLongError,
    NotConnected,
    OutcomeUnknown,
    OwnedElsewhere,
)
from skycam_project.common.link.host import Host
from skycam_project.common.link.keep import keep
from skycam_project.common.link.mirror import Mirror, Snapshot

__all__ = [
    "Answer",
    "CallError",
    "Host",
    "LinkSetupError",
    "MessageTooLongError",
    "Mirror",
    "NotConnected",
    "OutcomeUnknown",
    "OwnedElsewhere",
    "Snapshot",
    "ask",
    "keep",
    "read",
]
