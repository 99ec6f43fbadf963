"""From instruments to Alpaca devices: which adapter, which number."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from alpaca.devices.base import Device, MirrorLike
from alpaca.devices.cover_calibrator import CoverCalibrator
from alpaca.devices.facts import Optics, Site
from alpaca.devices.filterwheel import FilterWheel
from alpaca.devices.focuser import Focuser
from alpaca.devices.registry import Bindings
from alpaca.devices.still_camera import StillCamera
from alpaca.devices.switch import LightSwitch, TelescopeSwitch
from alpaca.devices.telescope import Telescope
from alpaca.devices.telescope_camera import TelescopeCamera

FIRST_STILL_CAMERA = 2
"""Camera 0 and 1 are the telescope's main and wide camera."""
LIGHTS_SWITCH = 1
"""Switch 0 is the telescope's."""


@dataclass(frozen=True, slots=True)
class TelescopeInstrument:
    """A smart telescope.

    Attributes:
        key: what it is in this installation, for ever: model and serial number, or its id in the settings.
        name: that people see.
        mirror: of its host.
        site: where it stands; None as long as nobody has said.
        optics: of its main camera.
    """

    key: str
    name: str
    mirror: MirrorLike
    site: Site | None = None
    optics: Optics = field(default_factory=Optics)


@dataclass(frozen=True, slots=True)
class CameraInstrument:
    """A camera of its own; attributes as of `TelescopeInstrument`."""

    key: str
    name: str
    mirror: MirrorLike


def build_devices(
    bindings: Bindings,
    telescopes: Iterable[TelescopeInstrument] = (),
    cameras: Iterable[CameraInstrument] = (),
    lights: MirrorLike | None = None,
) -> list[Device]:
    """The Alpaca devices of some instruments and of the lights, in the order in which clients list them."""
    devices: list[Device] = []
    for telescope in telescopes:
        for kind, part, name, facts in (
            (Telescope, "telescope", "", {"site": telescope.site, "optics": telescope.optics}),
            (TelescopeCamera, "camera", " camera", {"optics": telescope.optics}),
            (Focuser, "focuser", " focuser", {}),
            (FilterWheel, "filterwheel", " filters", {}),
            (TelescopeSwitch, "switch", " switches", {}),
        ):
            bound = bindings.bind(kind.device_type, telescope.key, 0)
            devices.append(
                kind(
                    telescope.mirror,
                    part=part,
                    number=bound.number,
                    unique_id=bound.unique_id,
                    name=telescope.name + name,
                    **facts,
                )
            )
    for camera in cameras:
        bound = bindings.bind(StillCamera.device_type, camera.key, FIRST_STILL_CAMERA)
        devices.append(
            StillCamera(
                camera.mirror, part="camera", number=bound.number, unique_id=bound.unique_id, name=camera.name
            )
        )
    if lights is not None:
        for kind, part, name, wish in (
            (CoverCalibrator, "covercalibrator", "Flat panel", 0),
            (LightSwitch, "switch", "Lights", LIGHTS_SWITCH),
        ):
            bound = bindings.bind(kind.device_type, "lighting", wish)
            devices.append(kind(lights, part=part, number=bound.number, unique_id=bound.unique_id, name=name))
    return devices
