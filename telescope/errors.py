"""What the telescope app raises on purpose.

`code` is what travels over the link and what the Alpaca and REST edges translate: `below_horizon` and
`near_sun` become 0x401 (invalid value), `parked` 0x408, `not_connected` 0x407, most others 0x40B (invalid
operation) or a driver error.
"""

from skycam_project.common.errors import SkycamError
from skycam_project.common.units import Degrees


class TelescopeError(SkycamError):
    """Base of every error of this app."""

    code = "telescope"


class NotConnectedError(TelescopeError):
    """Nothing was sent: there is no connection to the telescope. The text says since when or why."""

    code = "not_connected"


class ConnectionLostError(TelescopeError):
    """The connection ended while an answer was awaited: the command may or may not have been carried out."""

    code = "outcome_unknown"


class NoAnswerError(TelescopeError):
    """The telescope did not answer within the deadline of this command."""

    code = "no_answer"


class NotHostError(TelescopeError):
    """Another client holds the master lock; the telescope ignores our commands."""

    code = "not_host"

    def __init__(self, device: str) -> None:
        super().__init__(
            f"{device} is controlled by another app, which holds the master lock. "
            "Close that app, or take control from the telescope page."
        )


class DeviceDataError(TelescopeError):
    """The telescope sent something that no correct telescope sends; it was thrown away."""

    code = "bad_device_data"


class DwarfCommandError(TelescopeError):
    """The telescope answered a command with a result code other than 0.

    Attributes:
        command: name of the command, e.g. `START_GOTO_DSO`.
        device_code: the result code, negative.
        name: the vendor's name of that code, e.g. `ASTRO_NEED_CALIBRATION`; empty when unknown.
    """

    code = "device_refused"

    def __init__(self, command: str, device_code: int, name: str, meaning: str) -> None:
        super().__init__(
            f"the telescope refused {command}: {meaning} (code {device_code}{f', {name}' if name else ''})"
        )
        self.command, self.device_code, self.name, self.meaning = command, device_code, name, meaning


class InvalidStateError(TelescopeError):
    """The request is fine, but not now; the text says what has to end or be done first."""

    code = "invalid_operation"


class ParkedError(TelescopeError):
    """The telescope is parked and moves only after unpark."""

    code = "parked"

    def __init__(self, device: str) -> None:
        super().__init__(f"{device} is parked; unpark it first")


class BelowHorizonError(TelescopeError):
    """The target is not above the horizon limit now."""

    code = "below_horizon"

    def __init__(self, name: str, altitude: Degrees, limit: Degrees) -> None:
        super().__init__(
            f"{name} is at altitude {altitude:.1f}°, below the limit of {limit:.1f}°; "
            "choose a target that is up, or wait until it rises"
        )


class NearSunError(TelescopeError):
    """The target, or the way to it, comes too close to the sun."""

    code = "near_sun"


class NearZenithError(TelescopeError):
    """An alt-azimuth mount cannot follow a target this close to the zenith."""

    code = "near_zenith"


class CalibrationError(TelescopeError):
    """The telescope could not calibrate itself on the stars."""

    code = "calibration_failed"


class GotoError(TelescopeError):
    """A goto ended without the telescope tracking the target."""

    code = "goto_failed"


class CaptureError(TelescopeError):
    """An exposure ended without a frame."""

    code = "capture_failed"


class DarkMissingError(CaptureError):
    """The telescope has no dark frame for these settings and darks are required."""

    code = "dark_missing"


class FocusError(TelescopeError):
    """A focuser movement or an autofocus run did not end where it should."""

    code = "focus_failed"


class MotorError(TelescopeError):
    """An axis did not move as asked, e.g. because it reached its stop."""

    code = "motor"
