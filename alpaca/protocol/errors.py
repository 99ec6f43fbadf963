"""The errors of the Alpaca protocol: ASCOM error numbers, and the one error that is an HTTP status.

An ASCOM error travels in a good answer (HTTP 200, `ErrorNumber` 0x400 to 0xFFF). A request that is not valid
in itself, before any device is asked, is HTTP 400 with plain text (Alpaca API reference, "HTTP status
codes").
"""

from skycam_project.common.errors import SkycamError


class BadRequestError(SkycamError):
    """The URL, an ID or a parameter is not valid: HTTP 400 and a sentence; nothing was attempted.

    Attributes:
        status: the HTTP status of the answer, 400 or 405.
    """

    code = "bad_request"

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class AlpacaError(SkycamError):
    """An error that the interface defines; base class and the driver's own errors (0x500 to 0xFFF).

    Attributes:
        number: the ASCOM error number.
    """

    code = "driver"
    number = 0x500

    def __init__(self, text: str, number: int | None = None) -> None:
        super().__init__(text or type(self).__name__)  # clients take an empty message for success
        if number is not None:
            if not 0x400 <= number <= 0xFFF:
                raise ValueError(f"{number:#x} is not an ASCOM error number (0x400 to 0xFFF)")
            self.number = number


class NotImplementedByDeviceError(AlpacaError):
    """The member exists in the interface but this device does not offer it."""

    code, number = "not_implemented", 0x400


class InvalidAlpacaValueError(AlpacaError):
    """An argument that was understood lies outside its range."""

    code, number = "invalid_value", 0x401


class ValueNotSetError(AlpacaError):
    """A value was read before anyone wrote it."""

    code, number = "value_not_set", 0x402


class DeviceNotConnectedError(AlpacaError):
    """The client has not connected the device, or the device cannot be reached."""

    code, number = "not_connected", 0x407


class InvalidWhileParkedError(AlpacaError):
    """A motion was asked of a parked device."""

    code, number = "parked", 0x408


class InvalidWhileSlavedError(AlpacaError):
    """A motion was asked of a dome that follows the telescope."""

    code, number = "slaved", 0x409


class InvalidOperationError(AlpacaError):
    """Not possible in the present state."""

    code, number = "invalid_operation", 0x40B


class ActionNotImplementedError(AlpacaError):
    """`Action` was called with a name that is not in `SupportedActions`."""

    code, number = "unknown_action", 0x40C


class OperationCancelledError(AlpacaError):
    """An asynchronous operation was cancelled (Platform 7)."""

    code, number = "cancelled", 0x40E
