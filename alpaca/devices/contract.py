"""What the adapters expect of a device's host: names in its state, and its calls.

State of every host:

    clients         by logical device: {"holding": [ids], "known": [ids]}, see `skycam_project.common.holders`
    connection      connected, connecting, problem: of the hardware

and of a telescope's, as `telescope.dwarf.session.state` says: `mount`, `camera`, `filters`, `focus`. None
means "not known". `camera.image` is a `PixelFile` (among other things), there before `image_ready`. A single
camera's host has `still` and `capabilities` instead (`camera.stills`).

Calls; each returns when the command is accepted and the state shows it (slewing, exposing, moving, position
-1), or raises an error with a code of `alpaca.devices.errors`:

    connect(device, client, patient)    hold it; returns when the hardware is connected, or raises
    `not_connected`
                                        within 3.5 s; `patient` keeps the hold, and trying, all the same
    disconnect(device, client)          give this client's hold back; the last one disconnects
    heard(clients)                      {device: [ids]} that have spoken; sent about once a minute per client
    slew(ra_hours, dec_deg)  abort_slew()  track(on)  move_axis(axis, rate_deg_s)  park()  unpark()
    expose(exposure_s, gain, light)  abort_exposure()
    focus_move(position)  focus_halt()  set_filter(position)
"""
