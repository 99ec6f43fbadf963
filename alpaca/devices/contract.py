"""What the adapters expect of a telescope's host: names in its state, and its calls.

State, beside what `telescope.dwarf.session.state` says (`mount`, `camera`, `filters`, `focus`); None means
"not known":

    devices.<part>      one logical device, part = telescope, camera, focuser, filterwheel: a `Connection`
    site                latitude_deg, longitude_deg, elevation_m optics              width_px, height_px,
    pixel_um, focal_length_mm, aperture_mm, sensor, highest_adu, bayer camera.image        a `PixelFile`,
    written before `image_ready`

Calls. Each returns when the command is accepted and the state shows it (slewing, exposing, moving), or raises
an error with a code of `alpaca.devices.errors`:

    connect(device, client, wait)            client: ClientID, 0 for none. wait: return when connected, or
    raise,
                                             within 4 s; else at once
    disconnect(device, client)               releases this client's reference; the last one disconnects
    alive(device, client)                    the client has been heard; sent about once a minute
    slew(ra_hours, dec_deg, name)            refuses below the horizon and near the sun abort_slew()
    set_tracking(on)                         the wish: off stops the goto, on is a goto to the present
    position move_axis(axis, rate_deg_s)              axis 0 azimuth, 1 altitude; 0 stops it park()  unpark()
    expose(duration_s, gain, light) abort_exposure() move_focuser(position)  halt_focuser()
    select_filter(position)
"""

from typing import TypedDict


class Connection(TypedDict):
    """Of one logical device."""

    connected: bool
    """Somebody holds it and the hardware answers."""
    connecting: bool
    clients: dict[str, bool]
    """ClientID (as text) to whether it holds the device; clients that released it stay for 10 minutes."""
    error: str
    """Why the last attempt to connect failed, or the connection was lost; empty otherwise."""
