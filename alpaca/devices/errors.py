"""The one place where an error of a device host becomes an ASCOM error: by its stable code."""

from alpaca.protocol import errors
from alpaca.protocol.errors import AlpacaError
from skycam_project.common.errors import SkycamError

_BY_CODE: dict[str, type[AlpacaError]] = {
    "not_connected": errors.DeviceNotConnectedError,
    "expired": errors.DeviceNotConnectedError,
    "not_implemented": errors.NotImplementedByDeviceError,
    "unknown_call": errors.NotImplementedByDeviceError,
    "invalid_value": errors.InvalidAlpacaValueError,
    "below_horizon": errors.InvalidAlpacaValueError,
    "near_sun": errors.InvalidAlpacaValueError,
    "near_zenith": errors.InvalidAlpacaValueError,
    "value_not_set": errors.ValueNotSetError,
    "parked": errors.InvalidWhileParkedError,
    "cancelled": errors.OperationCancelledError,
    "invalid_operation": errors.InvalidOperationError,
    "not_host": errors.InvalidOperationError,
    "camera_busy": errors.InvalidOperationError,
    "camera_refused": errors.InvalidOperationError,
    "card_full": errors.InvalidOperationError,
    "dark_missing": errors.InvalidOperationError,
    "interlocked": errors.InvalidOperationError,
    "not_found": errors.InvalidOperationError,
    "invalid": errors.InvalidAlpacaValueError,
}
_DRIVER = {"outcome_unknown": 0x501, "no_answer": 0x502, "device_refused": 0x503, "internal": 0x5FF}
"""Numbers of the driver's own errors; every other code is 0x500."""


def ascom_error(error: SkycamError) -> AlpacaError:
    """The ASCOM error for `error`, with its sentence."""
    if isinstance(error, AlpacaError):
        return error
    kind = _BY_CODE.get(error.code)
    return kind(str(error)) if kind else AlpacaError(str(error), _DRIVER.get(error.code))
