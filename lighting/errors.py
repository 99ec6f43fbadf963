"""How the lights refuse; `code` is what REST, the socket and the link say."""

from typing import Any

from skycam_project.common.errors import SkycamError


class LightingError(SkycamError):
    """Base of the lights' own errors."""

    code = "lighting"


class BadCommandError(LightingError, ValueError):
    """A command that cannot be understood; nothing was done.

    Attributes:
        code: `bad_message`, or `bad_ulid` when only the cmdId is wrong.
        fields: one `{"loc": [...], "msg": "..."}` per fault.
    """

    code = "bad_message"

    def __init__(self, fields: list[dict[str, Any]], code: str = "bad_message") -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, field['loc']))}: {field['msg']}" for field in fields))
        self.fields, self.code = fields, code


class QueueFullError(LightingError):
    """So many commands wait that no more are taken; send it again later."""

    code = "queue_full"


class InterlockedError(LightingError):
    """Light is not allowed now, because a camera exposes or everything is blacked out."""

    code = "interlocked"


class MissingError(LightingError):
    """There is no such project, scene, fixture, version or device."""

    code = "not_found"


class DisabledError(LightingError):
    """That feature is turned off in the settings."""

    code = "disabled"


class NotActiveError(LightingError):
    """This can be done with the active project only."""

    code = "not_active"


class InvalidError(LightingError, ValueError):
    """A value from outside is not allowed; nothing was changed."""

    code = "invalid"


class DeviceError(LightingError):
    """A device or store outside did not do what it was asked."""

    code = "device"


class AbsentError(LightingError):
    """The device that is asked for is not part of the patch."""

    code = "not_connected"
