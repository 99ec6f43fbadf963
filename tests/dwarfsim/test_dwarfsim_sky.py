"""The simulator before the real sky: what is painted is where the mount truly looks."""

import numpy as np
import pytest
from astropy.io import fits
from dwarfsim_helpers import M31, NIGHT, SITE, Talker, small_options

from sky.angles import separation_deg, unit_vector
from sky.detection import detect
from sky.instruments import DWARF3_TELE, DWARF3_WIDE
from sky.renderer import Conditions, render_with_truth
from sky.solver import solve_detections
from telescope.dwarf.commands import Astro, Param
from telescope.dwarf.notifications import Notify
from telescope.dwarf.values import Filter, ParamId
from telescope.simulator.geometry import Horizon
from telescope.simulator.mount import Mount, MountErrors
from telescope.simulator.paths import Still, Track
from telescope.simulator.profile import TELE, WIDE, CameraProfile
from telescope.simulator.renderer import Shot, Sight
from telescope.simulator.server import Simulator
from telescope.simulator.sky_renderer import FILTERS, SkyRenderer

START = NIGHT.timestamp()


def shot(camera=TELE, light=True, focus_error=0.0, filter_=Filter.ASTRO):
    mount = Mount(Horizon(SITE), MountErrors(), 3, START)
    mount.follow(Still(START - 10, (0.0, 50.0), (0.0, 0.0)))
    mount.calibrate(START - 5)
    model, radec = mount.model, (M31[0] * 15, M31[1])
    mount.follow(Track(START - 1, lambda at: mount.axes_for(radec, at, model), lambda _at: (0.01, -0.02)))
    return Shot(
        camera, SITE, NIGHT, 15.0, 60, filter_, Sight(mount, (0.0, 0.0), START), focus_error, 12.0, light, 7
    )


def test_a_frame_of_the_sky_is_centred_on_the_true_pointing():
    taken = shot()
    painted = SkyRenderer(1)(taken)
    frame, truth = render_with_truth(
        DWARF3_TELE, taken.sight, NIGHT, 15.0, 60, Conditions(SITE, seed=1), filter_name="Astro",
        temperature_c=12.0, seed=7,
    )  # fmt: skip
    assert np.array_equal(painted, frame)
    assert (painted.dtype, painted.shape) == (np.uint16, (TELE.height, TELE.width))
    assert painted.max() <= 4095
    place = taken.sight.place(7.5)
    off = separation_deg(unit_vector(truth.ra_deg, truth.dec_deg), unit_vector(place.ra, place.dec)) * 3600
    assert off < 0.1
    assert truth.position_angle_deg == pytest.approx(place.roll, abs=0.01)


def test_a_closed_barrel_gives_a_dark_and_defocus_spreads_the_stars():
    renderer = SkyRenderer(1)
    dark, sharp, blurred = renderer(shot(light=False)), renderer(shot()), renderer(shot(focus_error=300))
    assert np.median(dark) < np.median(sharp)
    bright = np.percentile(sharp, 99.99)
    assert (blurred > bright).sum() < (sharp > bright).sum() / 4


@pytest.mark.parametrize(("profile", "instrument"), [(TELE, DWARF3_TELE), (WIDE, DWARF3_WIDE)])
def test_both_descriptions_of_a_camera_agree(profile: CameraProfile, instrument):
    sensor, optics = instrument.sensor, instrument.optics
    assert (profile.width, profile.height, profile.pixel) == (sensor.width, sensor.height, sensor.pixel_um)
    assert profile.focal_length == optics.focal_length_mm
    assert {f.name for f in DWARF3_TELE.filters} >= set(FILTERS.values())


def test_the_wide_camera_has_its_own_picture():
    renderer = SkyRenderer(1)
    frame = renderer(shot(camera=WIDE, filter_=Filter.NONE))
    dark = renderer(shot(camera=WIDE, filter_=Filter.NONE, light=False))
    assert frame.shape == dark.shape == (WIDE.height, WIDE.width)
    assert np.median(frame) > np.median(dark) + 10


async def test_a_solver_finds_the_true_pointing_in_the_file_of_a_whole_run():
    """Over the sockets: calibrate, go, expose, read the FITS file, recognise the field."""
    shots = []
    sky = SkyRenderer(1)

    def painter(shot):
        shots.append(shot)
        return sky(shot)

    async with Simulator(small_options(speed=200.0), painter) as simulator:
        talker = await Talker.connect(simulator.ports.websocket)
        await talker.ask(Astro.START_CALIBRATION)
        await talker.ask(Astro.START_GOTO_DSO, ra=M31[0], dec=M31[1], target_name="M 31")
        await talker.ask(Param.SET_EXPOSURE, param_id=ParamId(2, 1, 0, 1).pack(), mode=1, value=150)
        await talker.ask(Param.SET_GENERAL_INT_PARAM, param_id=ParamId(2, 2, 0, 16).pack(), value=1)
        await talker.ask(Astro.START_CAPTURE_RAW_LIVE_STACKING, ir_index=0)
        await talker.note(Notify.PROGRASS_CAPTURE_RAW_LIVE_STACKING, stacked_count=1)
        (path,) = (simulator.device.card.root / "Astronomy").glob("DWARF_RAW_*/M 31_10s60_VIS_*.fits")
        with fits.open(path) as hdus:
            mosaic, header = hdus[0].data, hdus[0].header
        await talker.close()
    found = solve_detections(
        detect(mosaic.astype(np.uint16)),
        TELE.width,
        TELE.height,
        TELE.scale * 3600,
        header["RA"],
        header["DEC"],
    )
    true = shots[0].sight.place(5.0)
    here = unit_vector(true.ra, true.dec)
    assert separation_deg(unit_vector(found.ra_deg, found.dec_deg), here) * 3600 < 3
    assert separation_deg(unit_vector(header["RA"], header["DEC"]), here) * 3600 < 180
    assert (found.position_angle_deg - true.roll + 180) % 360 - 180 == pytest.approx(0, abs=0.05)
