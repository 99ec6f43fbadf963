"""What goes wrong with cameras; every text says which camera, what happened, and what to do about it."""

from skycam_project.common.errors import SkycamError


class CameraError(SkycamError):
    """Base of everything this app raises on purpose.

    Attributes:
        reopen: the connection is not to be trusted any more; the camera has to be opened again.
        device_code: the library's own error number or word, where there is one.
    """

    code = "camera"
    reopen = False
    device_code: int | str | None = None


class NotConnectedError(CameraError):
    """The camera is not open. Nothing was done."""

    code = "not_connected"


class CameraAbsentError(CameraError):
    """No such camera: unplugged, switched off, asleep, another address, or a model nobody knows."""

    code = "camera_absent"


class CameraClaimedError(CameraError):
    """Another program holds the camera."""

    code = "camera_claimed"


class CameraBusyError(CameraError):
    """The camera answered "busy" longer than we were willing to wait. The connection stands."""

    code = "camera_busy"


class CardFullError(CameraError):
    """The memory card is full, missing or locked. The connection stands."""

    code = "card_full"


class CameraRefusedError(CameraError):
    """The camera understood and refused: a value or a function it does not have. The connection stands."""

    code = "camera_refused"


class CameraFaultError(CameraError):
    """The camera or the way to it failed."""

    code = "camera_fault"
    reopen = True


class CameraHungError(CameraFaultError):
    """Nothing came back in time; the watchdog ended the driver's process."""

    code = "camera_hung"


class DriverDiedError(CameraFaultError):
    """The driver's process ended by itself."""

    code = "driver_died"


class FrameLostError(CameraError):
    """The camera was asked for a picture and has none to show. The connection stands."""

    code = "frame_lost"


class ExposureAbortedError(CameraError):
    """The exposure was given up on request; there is no frame."""

    code = "exposure_aborted"
