"""What a session is told once: addresses, site, habits."""

from dataclasses import dataclass, field
from pathlib import Path

from skycam_project.common.units import Arcseconds, Degrees, Seconds
from telescope.dwarf.heavens import Site
from telescope.dwarf.http11 import Address


@dataclass(frozen=True, slots=True)
class Optics:
    """What does not change: the tele camera of the DWARF 3.

    Attributes:
        width_px, height_px: frames are cropped to this size about their centre.
        pixel_um: micrometres.
        focal_length_mm, aperture_mm: millimetres.
        highest_adu: largest raw value (12 bit).
    """

    width_px: int = 3840
    height_px: int = 2160
    pixel_um: float = 2.0
    focal_length_mm: float = 150.0
    aperture_mm: float = 35.0
    sensor: str = "IMX678"
    highest_adu: int = 4095


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for the telescope, real seconds.

    Attributes:
        command: for the answer of an ordinary command, and for connecting.
        lock: for the notification that says who is host; firmware that knows no host sends none.
        goto: for a goto, its own plate solving included.
        calibration: for a calibration.
        stop: for a stacking run to end after it was told to.
        start: from the start of a run to its first exposure.
        file: for the file of a frame once its exposure has ended, and for a lost connection to come back.
        ping: between keep-alives.
    """

    command: Seconds = 10.0
    lock: Seconds = 2.0
    goto: Seconds = 180.0
    calibration: Seconds = 300.0
    stop: Seconds = 10.0
    start: Seconds = 45.0
    file: Seconds = 90.0
    ping: Seconds = 5.0


@dataclass(frozen=True, slots=True)
class DwarfSettings:
    """One telescope.

    Attributes:
        host: address in the network; 192.168.88.1 when the telescope makes its own.
        client_id: free text that stays the same for one installation.
        site: where it stands.
        spool: folder for frames on their way; made when missing.
        name: what messages call it.
        ws_port, http_port, files_port, ftp_port: ports of its services.
        horizon_deg: gotos below this altitude are refused.
        tolerance_arcsec: the closed loop is content with this distance from the target.
        tries: gotos of the closed loop at most.
        settle_s: seconds of rest between a goto and its picture.
        pointing_exposure_s, pointing_gain: of the pictures of the closed loop.
        linger_s: a stacking run is kept alive this long after a frame, waiting for the next exposure.
        require_darks: an exposure without a matching dark frame fails instead of going on without.
        frames_per_run: frames asked of one stacking run, 1 … 999.
    """

    host: str
    client_id: str
    site: Site
    spool: Path
    name: str = "DWARF 3"
    ws_port: int = 9900
    http_port: int = 8082
    files_port: int = 80
    ftp_port: int = 21
    horizon_deg: Degrees = 0.0
    tolerance_arcsec: Arcseconds = 30.0
    tries: int = 5
    settle_s: Seconds = 2.0
    pointing_exposure_s: Seconds = 2.0
    pointing_gain: int = 60
    linger_s: Seconds = 30.0
    require_darks: bool = False
    frames_per_run: int = 999
    optics: Optics = field(default_factory=Optics)
    patience: Patience = field(default_factory=Patience)

    def address(self, port: int) -> Address:
        """An address on this telescope."""
        return Address(self.host, port)
