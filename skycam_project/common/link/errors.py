"""How a call over the link can fail. The code travels, the caller's end makes the class from it."""

from collections.abc import Mapping

from skycam_project.common.errors import SkycamError


class CallError(SkycamError):
    """The device session refused a call, or the host could not carry it out.

    Attributes:
        code: `invalid_value` and other words of the device session: refused, not carried out. `expired`: the
            host found the call after its caller had given up, not carried out. `unknown_call`: no such name.
            `internal`: a bug at the host, perhaps carried out.
        field: the argument that is not allowed, when the code is `invalid_value`.
    """

    code = "refused"
    field: str | None = None


class NotConnected(CallError):  # noqa: N818 - named after the state that people know
    """The host cannot be reached; the call was *not* carried out and nothing is queued."""

    code = "not_connected"


class OutcomeUnknown(CallError):  # noqa: N818
    """The host vanished, fell silent or took too long with the call in its hands: perhaps carried out.

    What to do: read the state.
    """

    code = "outcome_unknown"


class OwnedElsewhere(SkycamError):  # noqa: N818
    """Another process is the host of this device."""

    code = "owned_elsewhere"


class LinkSetupError(SkycamError):
    """The link cannot be set up like this: a wrong name, too long a path, a folder of somebody else."""

    code = "link_setup"


class MessageTooLongError(SkycamError, ValueError):
    """A state or a call does not fit into a line; pictures travel as files."""

    code = "too_long"


def from_wire(error: Mapping[str, str]) -> CallError:
    """The exception that an answer's `error` stands for."""
    code = error["code"]
    kind = {NotConnected.code: NotConnected, OutcomeUnknown.code: OutcomeUnknown}.get(code, CallError)
    refusal = kind(error["text"], code=code)
    refusal.field = error.get("field")
    return refusal
