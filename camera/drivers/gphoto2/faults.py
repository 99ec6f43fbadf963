"""libgphoto2's error numbers as errors of ours, each with what the reader can do."""

from camera.drivers.gphoto2.process import ChildError
from camera.errors import (
    CameraAbsentError,
    CameraBusyError,
    CameraClaimedError,
    CameraError,
    CameraFaultError,
    CameraRefusedError,
    CardFullError,
)

GENERIC, BAD_PARAMETERS, NO_MEMORY, UNSUPPORTED, IO, TIMEOUT = -1, -2, -3, -6, -7, -10
USB_NOT_FOUND, USB_CLAIM, UNKNOWN_MODEL, NO_SUCH_FILE, BUSY = -52, -53, -105, -108, -110

RESCUABLE = frozenset({GENERIC, IO, TIMEOUT, NO_SUCH_FILE, "cut", "no_file"})
"""After these the picture may be on the card and the camera may answer a new connection."""

_GVFS = (
    "another program holds the camera, on desktops usually gvfs-gphoto2-volume-monitor: close the file "
    "manager's view of the camera and stop it with `systemctl --user mask --now gvfs-gphoto2-volume-monitor`"
)
_ABSENT = "is it switched on, awake, connected and in PTP (not mass storage) mode?"

_MEANINGS: dict[int | str, tuple[type[CameraError], str]] = {
    BUSY: (CameraBusyError, "the camera stayed busy; it is writing, in a menu, or its battery is low"),
    USB_CLAIM: (CameraClaimedError, _GVFS),
    "locked": (CameraClaimedError, "another part of this program uses the camera; stop it there first"),
    USB_NOT_FOUND: (CameraAbsentError, f"no such device on USB: {_ABSENT}"),
    "absent": (CameraAbsentError, f"no camera found: {_ABSENT}"),
    UNKNOWN_MODEL: (
        CameraAbsentError,
        f"libgphoto2 knows no camera of this name or at this address: {_ABSENT}",
    ),
    NO_MEMORY: (CardFullError, "the camera is out of memory: its card is full"),
    "full": (CardFullError, "the memory card is full: change or empty it"),
    UNSUPPORTED: (CameraRefusedError, "this camera cannot do that"),
    BAD_PARAMETERS: (CameraRefusedError, "the camera does not take that value"),
    IO: (CameraFaultError, "the connection to the camera broke"),
    TIMEOUT: (CameraFaultError, "the camera does not answer any more"),
    NO_SUCH_FILE: (CameraFaultError, "the camera does not find the picture it announced"),
    "cut": (CameraFaultError, "the download was cut off"),
    "no_file": (CameraFaultError, "the camera delivered no picture"),
    "os": (CameraFaultError, "the picture could not be written; is the disk full?"),
}


def translate(camera: str, error: ChildError) -> CameraError:
    """The error to raise for an answer of the child; `camera` is how the message calls the camera."""
    kind, meaning = _MEANINGS.get(
        error.code, (CameraFaultError, "the camera reported a failure without a reason")
    )
    if error.op == "open" and error.code == GENERIC:
        meaning = "the camera refused the connection; is another program or a telephone connected to it?"
    translated = kind(f"{camera}: {meaning} ({error.op}: {error} [{error.code}])")
    translated.device_code = error.code
    return translated
