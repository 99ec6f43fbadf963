"""The whole session against the simulator, which is a process of its own and faster than time."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from dwarfclient_harness import HEAVENS, high_place, session, simulator, truth_solver

from skycam_project.common.errors import InvalidValueError
from telescope.dwarf.fits import read_pixels
from telescope.dwarf.heavens import Equatorial, Horizontal, separation
from telescope.dwarf.session import Exposure
from telescope.dwarf.session.state import Role
from telescope.errors import (
    BelowHorizonError,
    CaptureError,
    DwarfCommandError,
    InvalidStateError,
    NearZenithError,
    NotHostError,
    ParkedError,
)


async def slewed(one, azimuth=150.0, altitude=50.0, name="M 31"):
    """Slew to a place that is up, wait, and return it."""
    place = high_place(one.clock, azimuth, altitude)
    await one.motion.slew(place, name)
    await one.motion.settled()
    return place


async def true_place(one) -> Equatorial:
    tele = (await one.device.truth())["tele"]
    return Equatorial(tele["ra_deg"] / 15, tele["dec_deg"])


async def test_connecting_reads_everything_and_takes_the_lock(device, tmp_path):
    async with session(device, tmp_path) as one:
        board = one.board
        assert board.connection.role is Role.HOST
        assert (board.focus.position, board.focus.infinity) == (
            (await device.truth())["focus"]["position"],
            9800,
        )
        assert board.telemetry.battery_percent == (await device.truth())["battery_percent"]
        assert board.telemetry.storage_total_gb == 64
        assert board.filters.names == ("VIS", "Astro", "Duo-Band")
        assert board.filters.position == 1
        assert (board.camera.exposure_min_s, board.camera.exposure_max_s) == (0.0001, 120)
        assert (board.camera.gain_min, board.camera.gain_max) == (0, 240)
        assert (await device.truth())["host"] is not None
    assert one.board.connection.connected is False
    assert one.board.connection.problem == "disconnected"


async def test_a_slew_calibrates_when_needed_and_the_loop_ends_within_thirty_arcseconds(tmp_path):
    with simulator("--darks", "--seed=7") as fresh:
        async with session(fresh, tmp_path, solver=truth_solver) as one:
            assert one.board.mount.position_known is False
            place = await slewed(one)
            mount = one.board.mount
            assert mount.problem == ""
            assert (mount.calibrated, mount.tracking, mount.tracking_active) == (True, True, True)
            assert mount.residual_arcsec <= 30
            assert mount.pointing_tries >= 2  # the device alone is off by more
            assert separation(place, await true_place(one)) <= 32
            assert separation(place, Equatorial(mount.ra_hours, mount.dec_deg)) <= 1
            slewing = [state["mount"]["slewing"] for state in one.states]
            assert slewing[-1] is False
            assert any(state["mount"]["calibrating"] for state in one.states)


async def test_without_the_loop_the_telescopes_own_goto_is_good_to_three_arcminutes(device, tmp_path):
    async with session(device, tmp_path, solver=truth_solver) as one:
        one.motion.set_pointing_loop(False)
        place = await slewed(one, azimuth=120.0)
        assert one.board.mount.residual_arcsec is None
        assert 5 < separation(place, await true_place(one)) <= 180


async def test_clouds_end_the_loop_with_a_reason_and_the_telescope_tracks(device, tmp_path):
    async def cloudy(frame, hint, radius_deg):
        raise CaptureError("too few stars")

    async with session(device, tmp_path, solver=cloudy) as one:
        await slewed(one)
        assert one.board.mount.tracking_active is True
        assert "too few stars" in one.board.mount.problem
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_what_cannot_be_slewed_to_is_refused_before_anything_moves(device, tmp_path):
    async with session(device, tmp_path) as one:
        now = one.clock.now()
        low = HEAVENS.equatorial(Horizontal(-20.0, 100.0), now)
        with pytest.raises(BelowHorizonError, match=r"below the limit of 0\.0°"):
            await one.motion.slew(low, "Rigel")
        with pytest.raises(NearZenithError, match="zenith"):
            await one.motion.slew(HEAVENS.equatorial(Horizontal(89.0, 10.0), now), "Cygnus")
        with pytest.raises(InvalidValueError):
            await one.motion.slew(Equatorial(24.5, 10.0), "nowhere")
        with pytest.raises(InvalidValueError):
            await one.motion.slew(Equatorial(1.0, float("nan")), "nowhere")
        assert one.board.mount.slewing is False
        assert one.board.mount.target_name == ""


async def test_an_aborted_slew_stops_and_does_not_track(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await one.motion.slew(high_place(one.clock, 260.0, 30.0), "elsewhere")
        assert one.board.mount.slewing is True
        await asyncio.sleep(0.05)
        await one.motion.abort()
        await one.motion.settled()
        mount = one.board.mount
        assert (mount.slewing, mount.tracking, mount.tracking_active) == (False, False, False)
        assert (await device.truth())["target"] is None
        await one.motion.abort()  # idle: nothing happens


async def test_a_new_slew_takes_the_place_of_the_one_before(device, tmp_path):
    async with session(device, tmp_path) as one:
        await one.motion.slew(high_place(one.clock, 260.0, 30.0), "first")
        await asyncio.sleep(0.05)
        place = await slewed(one, 100.0, 55.0, "second")
        assert one.board.mount.target_name == "second"
        assert (await device.truth())["target"]["name"] == "second"
        assert separation(place, await true_place(one)) < 180


async def test_tracking_is_a_wish_off_stops_and_on_returns_to_the_same_place(device, tmp_path):
    async with session(device, tmp_path) as one:
        place = await slewed(one)
        await one.motion.track(False)
        assert one.board.mount.tracking is False
        await one.motion.settled()
        assert (await device.truth())["target"] is None
        before = one.board.mount
        await one.clock.sleep(60)
        assert abs(one.board.mount.altitude_deg - before.altitude_deg) < 0.001
        moved = separation(Equatorial(one.board.mount.ra_hours, one.board.mount.dec_deg), place)
        assert moved > 10 * 60  # the sky goes on: a minute of time is 15 minutes of arc
        await one.motion.track(True)
        assert one.board.mount.tracking is True
        await one.motion.settled()
        assert (await device.truth())["target"] is not None
        assert one.board.mount.problem == ""


async def test_tracking_wished_before_the_first_goto_is_only_noted(tmp_path):
    with simulator() as fresh:
        async with session(fresh, tmp_path) as one:
            await one.motion.track(True)
            await one.motion.settled()
            assert one.board.mount.tracking is True
            assert one.board.mount.problem == ""
            assert (await fresh.truth())["target"] is None


async def test_parking_closes_the_barrel_and_refuses_movements_until_unpark(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await one.motion.park()
        await one.motion.settled()
        assert (await device.truth())["open"] is False
        assert (one.board.mount.parked, one.board.mount.tracking) == (True, False)
        for forbidden in (
            one.motion.slew(high_place(one.clock), "M 31"),
            one.motion.move_axis(0, 1.0),
            one.motion.track(True),
            one.motion.abort(),
            one.motion.calibrate(),
        ):
            with pytest.raises(ParkedError):
                await forbidden
        await one.motion.park()
        await one.motion.track(False)
        await one.motion.unpark()
        await slewed(one)
        assert (await device.truth())["open"] is True
        assert one.board.mount.tracking_active is True


async def test_axes_move_in_the_direction_of_their_rates_until_stopped(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await one.motion.track(False)
        await one.motion.settled()
        before = HEAVENS.horizontal(await true_place(one), one.clock.now())
        await one.motion.move_axis(0, 0.2)
        await one.motion.move_axis(1, -0.1)
        assert one.board.mount.slewing is True
        await one.clock.sleep(20)
        await one.motion.move_axis(0, 0.0)
        await one.motion.move_axis(1, 0.0)
        await one.motion.settled()
        after = one.board.mount
        assert (after.slewing, after.moving, after.tracking) == (False, False, False)
        truth = HEAVENS.horizontal(await true_place(one), one.clock.now())
        assert (truth.azimuth_deg - before.azimuth_deg + 180) % 360 - 180 > 1
        assert truth.altitude_deg < before.altitude_deg - 0.5
        standing = await true_place(one)
        await one.clock.sleep(5)
        moved = HEAVENS.horizontal(await true_place(one), one.clock.now())
        assert abs(moved.altitude_deg - truth.altitude_deg) < 0.1, standing


async def test_after_a_movement_by_hand_tracking_goes_on_where_it_led(device, tmp_path):
    async with session(device, tmp_path, solver=truth_solver) as one:
        place = await slewed(one)
        await one.motion.move_axis(1, 0.5)
        await one.clock.sleep(4)
        await one.motion.move_axis(1, 0.0)
        await one.motion.settled()
        assert (one.board.mount.tracking, one.board.mount.tracking_active) == (True, True)
        here = Equatorial(one.board.mount.ra_hours, one.board.mount.dec_deg)
        assert separation(here, place) > 1800
        assert separation(here, await true_place(one)) < 180


async def test_a_joystick_that_falls_silent_stops(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await one.motion.joystick(0.0, 0.2)
        await one.connection.until(lambda: one.board.mount.moving, 5, "moving")
        async with asyncio.timeout(10):
            await one.motion.settled()
        assert one.board.mount.moving is False
        with pytest.raises(InvalidValueError):
            await one.motion.joystick(0.0, 1.5)


async def test_rates_that_the_mount_cannot_do_are_refused(device, tmp_path):
    async with session(device, tmp_path) as one:
        for axis, rate in ((0, 11.0), (1, float("nan")), (2, 1.0)):
            with pytest.raises(InvalidValueError):
                await one.motion.move_axis(axis, rate)
        assert one.board.mount.slewing is False


async def test_frames_of_equal_settings_come_from_one_run(device, tmp_path):
    async with session(device, tmp_path, solver=truth_solver) as one:
        place = await slewed(one)
        before = {folder.name for folder in await one._files.runs()}
        frames = [await one.expose(Exposure(15.0, 60)) for _ in range(5)]
        new = {folder.name for folder in await one._files.runs()} - before
        assert len(new) == 1
        for one_frame, next_frame in pairwise(frames):
            periods = (next_frame.start - one_frame.start).total_seconds() / 15
            assert periods >= 1
            assert periods == pytest.approx(round(periods), abs=0.01)  # no dead time within a run
        frame = frames[3]
        pixels = read_pixels(frame.path)
        assert pixels.shape == (64, 96)
        np.testing.assert_array_equal(pixels[2:4, 0:2], [[300, 600], [600, 900]])
        assert separation(await truth_solver(frame, place, 2.0), place) < 60
        assert (frame.cards["BAYERPAT"], frame.cards["OBJECT"]) == ("RGGB", "M 31")
        assert frame.temperature_c == frame.cards["DET-TEMP"]
        assert frame.end - frame.start == timedelta(seconds=15)
        assert abs((frame.end - one.clock.now()).total_seconds()) < 300


async def test_other_settings_or_another_filter_begin_another_run(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        first = await one.expose(Exposure(5.0, 60))
        longer = await one.expose(Exposure(10.0, 60))
        brighter = await one.expose(Exposure(10.0, 100))
        await one.turn_filter(2)
        assert one.board.filters.position == 2
        other = await one.expose(Exposure(10.0, 100))
        facts = [
            (f.cards["EXPTIME"], f.cards["GAIN"], f.cards["FILTER"]) for f in (first, longer, brighter, other)
        ]
        assert facts == [(5, 60, "Astro"), (10, 60, "Astro"), (10, 100, "Astro"), (10, 100, "Duo-Band")]
        with pytest.raises(InvalidValueError, match="VIS"):
            await one.turn_filter(3)
        await one.turn_filter(1)


async def test_rejected_frames_are_delivered_and_marked(device, tmp_path):
    await device.control("/faults", failed_frames=1.0)
    async with session(device, tmp_path) as one:
        await slewed(one)
        frame = await one.expose(Exposure(5.0, 60))
        assert frame.rejected is True
        assert "left this frame out" in frame.warnings[0]
        assert frame.path.name.startswith("failed_")


async def test_a_run_that_nobody_uses_ends(device, tmp_path):
    async with session(device, tmp_path, linger_s=20.0) as one:
        await slewed(one)
        await one.expose(Exposure(5.0, 60))
        assert one.board.camera.run_active is True
        await one.connection.until(lambda: not one.board.camera.run_active, 10, "the end of the run")


async def test_frames_that_saw_the_focus_move_are_not_delivered(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await one.expose(Exposure(10.0, 60))
        await one.move_focus(one.board.focus.position + 20)
        moved = one.clock.now()
        frame = await one.expose(Exposure(10.0, 60))
        assert frame.start >= moved


async def test_a_flat_begins_after_it_was_asked_for(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await one.expose(Exposure(5.0, 60, flat=True))
        runs = len(await one._files.runs())
        for _ in range(3):
            asked = one.clock.now()  # the panel is set now
            frame = await one.expose(Exposure(5.0, 60, flat=True))
            assert frame.start >= asked - timedelta(seconds=1)
        assert len(await one._files.runs()) == runs, "the run goes on"


async def test_an_abort_ends_the_run_and_the_next_exposure_works(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        task = asyncio.create_task(one.expose(Exposure(60.0, 60)))
        await one.connection.until(lambda: one.board.camera.run_active, 10, "the run")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await one.abort_exposure()
        assert one.board.camera.run_active is False
        frame = await one.expose(Exposure(5.0, 60))
        assert frame.cards["EXPTIME"] == 5


async def test_a_slew_during_an_exposure_ends_it_with_the_reason(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        task = asyncio.create_task(one.expose(Exposure(60.0, 60)))
        await one.connection.until(lambda: one.board.camera.run_active, 10, "the run")
        await slewed(one, 100.0, 55.0, "elsewhere")
        with pytest.raises(CaptureError, match="was moved"):
            await task
        assert one.board.mount.tracking_active is True


async def test_without_tracking_a_short_exposure_is_a_photo(tmp_path):
    with simulator() as fresh:
        async with session(fresh, tmp_path) as one:
            frame = await one.expose(Exposure(2.0, 60, light=False))
            assert (frame.cards["EXPTIME"], frame.cards["GAIN"]) == (2, 60)
            assert frame.path.name.startswith("DWARF3_TELE_")
            with pytest.raises(InvalidStateError, match="where the telescope points is not known"):
                await one.expose(Exposure(30.0, 60))


async def test_a_long_exposure_without_tracking_first_goes_to_the_present_place(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await one.motion.track(False)
        await one.motion.settled()
        frame = await one.expose(Exposure(30.0, 60))
        assert frame.cards["EXPTIME"] == 30
        assert one.board.mount.tracking_active is True


async def test_exposures_outside_the_tables_name_their_neighbours(device, tmp_path):
    async with session(device, tmp_path) as one:
        with pytest.raises(InvalidValueError, match="15 or 30 s"):
            await one.expose(Exposure(20.0, 60))
        with pytest.raises(InvalidValueError, match=r"0 … 240"):
            await one.expose(Exposure(15.0, 300))


async def test_an_exposure_that_needs_equatorial_mode_says_so(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        with pytest.raises(DwarfCommandError, match="equatorial mode"):
            await one.expose(Exposure(120.0, 60))


async def test_parameters_that_the_telescope_reloads_are_set_again(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await one.expose(Exposure(5.0, 80))
        await device.control("/faults", stale_parameters=True)
        frame = await one.expose(Exposure(10.0, 60))
        assert (frame.cards["EXPTIME"], frame.cards["GAIN"]) == (10, 60)


async def test_a_full_card_is_said_in_plain_words(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await device.control("/faults", sd_full=True)
        with pytest.raises(DwarfCommandError, match="SD card is full"):
            await one.expose(Exposure(5.0, 60))


async def test_a_missing_dark_is_told_and_the_exposure_goes_on(tmp_path):
    with simulator() as fresh:
        async with session(fresh, tmp_path) as one:
            await slewed(one)
            await one.expose(Exposure(5.0, 60))
            assert "no dark frame for 5 s at gain 60" in one.board.camera.dark_missing
            assert await one.darks.fits(Exposure(5.0, 60)) is False
            await one.take_darks(Exposure(5.0, 60), 3)
            assert await one.darks.fits(Exposure(5.0, 60)) is True
            assert one.board.mount.position_known is False
            await slewed(one)
            await one.expose(Exposure(5.0, 60))
            assert one.board.camera.dark_missing == ""


@pytest.mark.full
async def test_required_darks_refuse_the_exposure(tmp_path):
    with simulator() as fresh:
        async with session(fresh, tmp_path, require_darks=True) as one:
            await slewed(one)
            with pytest.raises(CaptureError, match="Take darks first") as caught:
                await one.expose(Exposure(5.0, 60))
            assert caught.value.code == "dark_missing"


async def test_the_focuser_goes_exactly_where_it_is_sent(device, tmp_path):
    async with session(device, tmp_path) as one:
        start = one.board.focus.position
        for goal in (start - 20, start + 150):
            await one.move_focus(goal)
            assert one.board.focus.position == goal
            assert (await device.truth())["focus"]["position"] == goal
            assert one.board.focus.moving is False


async def test_a_halted_focus_movement_stands(device, tmp_path):
    async with session(device, tmp_path) as one:
        start = one.board.focus.position
        task = asyncio.create_task(one.move_focus(0))
        await one.connection.until(lambda: one.board.focus.position < start, 10, "movement")
        await one.focus.halt()
        await task
        assert one.board.focus.moving is False
        standing = (await device.truth())["focus"]["position"]
        await one.clock.sleep(5)
        assert (await device.truth())["focus"]["position"] == standing


async def test_autofocus_finds_the_best_position_and_its_failure_is_told(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        found = await one.autofocus(fast=True)
        truth = (await device.truth())["focus"]
        assert abs(found - truth["best"]) < 12
        await device.control("/faults", focus_failure=True)
        with pytest.raises(Exception, match="autofocus failed"):
            await one.autofocus()
        assert "autofocus failed" in one.board.focus.problem


async def test_a_slave_looks_on_and_does_not_command(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await device.control("/actions", do="take_lock")
        await one.connection.until(lambda: one.board.connection.role is Role.SLAVE, 5, "losing the lock")
        assert one.board.connection.connected is True
        with pytest.raises(NotHostError, match="another app"):
            await one.motion.slew(high_place(one.clock), "M 31")
        with pytest.raises(NotHostError):
            await one.focus.move(9000)
        await one.connection.read_state()
        with pytest.raises(NotHostError):
            await one.connection.take_control()
        await device.control("/faults", slave=False)
        await one.connection.until(lambda: one.board.connection.role is Role.HOST, 5, "getting it back")
        await slewed(one)
        assert one.board.mount.problem == ""


async def test_connecting_as_slave_works_and_commands_follow_when_the_host_leaves(device, tmp_path):
    await device.control("/faults", slave=True)
    async with session(device, tmp_path) as one:
        assert one.board.connection.role is Role.SLAVE
        assert one.board.focus.position is not None
        await device.control("/faults", slave=False)
        await one.connection.until(lambda: one.board.filters.position == 1, 10, "preparing as host")
        await slewed(one)
        assert one.board.mount.tracking_active is True
