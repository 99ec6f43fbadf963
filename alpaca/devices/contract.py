"""What the adapters expect of a telescope's host: the shape of its state, and its calls.

The state of the link `telescope-…` is a `TelescopeState`. Angles are J2000 (ICRS), times ISO 8601 UTC with
`Z`.

Calls; each returns when the command is accepted and the state shows it (slewing, exposing, moving), and
raises an error with a code of `alpaca.devices.errors`:

    connect(device, client, wait)            device: a key of `devices`; client: ClientID, 0 for none.
                                             wait: return when connected, or raise within 4 s; else at once
    disconnect(device, client)               releases this client's reference; the last one disconnects
    alive(device, client)                    the client has been heard; sent at most once a minute
    slew(ra_hours, dec_deg, name)            asynchronous; refuses below the horizon and near the sun
    set_target(ra_hours, dec_deg)            None leaves a coordinate as it is
    abort_slew()
    set_tracking(on)
    move_axis(axis, rate_deg_s)              axis 0 azimuth, 1 altitude; 0 stops it
    park()  unpark()
    expose(camera, duration_s, light, gain, subframe)
                                             subframe: [start_x, start_y, num_x, num_y] pixels, or None for
                                                 all
    abort_exposure(camera)
    move_focuser(position)  halt_focuser()
    select_filter(position)
"""

from typing import TypedDict

from skycam_project.common.pixels import PixelFile
from skycam_project.common.units import Celsius, Degrees, Hours, Metres, Micrometres, Seconds


class Connection(TypedDict):
    """Of one logical device."""

    connected: bool
    """Somebody holds it and the hardware answers."""
    connecting: bool
    clients: dict[str, bool]
    """ClientID (as text) to whether it holds the device; clients that released it stay for 10 minutes."""
    error: str
    """Why the last attempt to connect failed, or the connection was lost; empty otherwise."""


class Target(TypedDict):
    """What a client set or slewed to; None before."""

    ra_hours: Hours | None
    dec_deg: Degrees | None


class Mount(TypedDict):
    """Pointing and motion."""

    ra_hours: Hours
    dec_deg: Degrees
    altitude_deg: Degrees
    azimuth_deg: Degrees
    slewing: bool
    """Also while parking, and while an axis is moved by hand."""
    tracking: bool
    """The wish: off stops the goto, on is a goto to the present position."""
    parked: bool
    target: Target
    can_park: bool
    axis_rate_max_deg_s: float
    """Of both axes; 0 when they cannot be moved by hand."""


class Site(TypedDict):
    """Where the telescope stands."""

    latitude_deg: Degrees
    longitude_deg: Degrees
    elevation_m: Metres


class Optics(TypedDict):
    """Of the camera that the mount points."""

    focal_length_m: Metres
    aperture_m: Metres


class LastExposure(TypedDict):
    """The exposure that the image belongs to, or that runs."""

    started_at: str
    duration_s: Seconds


class Camera(TypedDict):
    """One of the telescope's cameras."""

    width: int
    height: int
    """Of the frames, as the model's profile says, whatever a single file has."""
    pixel_um: Micrometres
    sensor: str
    bayer: str
    """Colours of the first row and second row from the top left: `RGGB` and its shifts; empty: monochrome."""
    max_adu: int
    exposures_s: list[Seconds]
    """All that the firmware offers, ascending."""
    gain: int
    gain_min: int
    gain_max: int
    temperature_c: Celsius | None
    state: str
    """idle, waiting, exposing, reading, download, error."""
    percent: int
    """0 to 100 of the running exposure; 100 when idle."""
    image: PixelFile | None
    """None from the start of an exposure until its image is ready."""
    last: LastExposure | None
    error: str
    """Why the last exposure gave no image; empty otherwise."""


class Focuser(TypedDict):
    """Positions in steps."""

    position: int
    max_step: int
    moving: bool


class FilterWheel(TypedDict):
    """Filters by position."""

    names: list[str]
    position: int
    moving: bool


class TelescopeState(TypedDict):
    """All of it."""

    devices: dict[str, Connection]
    mount: Mount
    site: Site
    optics: Optics
    cameras: dict[str, Camera]
    focuser: Focuser
    filterwheel: FilterWheel
