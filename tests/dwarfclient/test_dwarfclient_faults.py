"""What goes wrong between the client and the telescope, provoked at the simulator."""

import asyncio

import pytest
from dwarfclient_harness import DAY, HEAVENS, high_place, session, simulator, truth_solver

from skycam_project.common.clock import FastClock
from telescope.dwarf.heavens import Equatorial, Horizontal, separation
from telescope.dwarf.session import Exposure
from telescope.dwarf.session.goto import BUSY
from telescope.dwarf.session.state import Role
from telescope.errors import CalibrationError, CaptureError, NearSunError, NotConnectedError, TelescopeError


async def slewed(one, azimuth=150.0, altitude=50.0, name="M 31"):
    place = high_place(one.clock, azimuth, altitude)
    await one.motion.slew(place, name)
    await one.motion.settled()
    return place


async def crash(one):
    """What kill -9 leaves of a session: nothing is said, nothing is released."""
    one._capture._stop_lingering()
    one.connection._client._socket.transport.abort()
    one.connection._task.cancel()
    await asyncio.gather(one.connection._task, return_exceptions=True)
    one.connection._task = None
    one.board.set("connection", connected=False)


async def test_a_dropped_socket_is_opened_again_and_the_state_is_read_anew(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await device.control("/actions", do="drop_sockets")
        await one.connection.until(lambda: not one.connection.connected, 10, "the loss")
        assert one.board.connection.problem
        with pytest.raises(NotConnectedError):
            await one.motion.slew(high_place(one.clock), "M 31")
        await one.connection.ready(10)
        assert one.board.connection.role is Role.HOST
        assert (one.board.mount.tracking, one.board.mount.tracking_active) == (True, True)
        assert len((await device.truth())["clients"]) == 1
        await slewed(one, 100.0, 55.0, "M 33")
        assert one.board.mount.problem == ""


@pytest.mark.parametrize("moment", ["at once", "while it moves"])
async def test_a_goto_survives_a_lost_connection(device, tmp_path, moment):
    async with session(device, tmp_path) as one:
        await slewed(one)
        place = high_place(one.clock, 250.0, 35.0)
        await one.motion.slew(place, "M 57")
        if moment == "while it moves":
            await one.connection.until(lambda: one.motion._goto._goto_state in BUSY, 10, "the goto")
        await device.control("/actions", do="drop_sockets")
        await one.motion.settled()
        assert one.board.mount.problem == ""
        assert one.board.mount.tracking_active is True
        assert (await device.truth())["target"]["name"] == "M 57"
        here = Equatorial(one.board.mount.ra_hours, one.board.mount.dec_deg)
        assert separation(here, place) < 2


async def test_an_exposure_survives_a_lost_connection(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        task = asyncio.create_task(one.expose(Exposure(30.0, 60)))
        await one.connection.until(lambda: one.board.camera.run_active, 10, "the run")
        await one.clock.sleep(10)
        await device.control("/actions", do="drop_sockets")
        frame = await task
        assert frame.cards["EXPTIME"] == 30
        assert one.board.camera.run_active is True


async def test_a_telescope_that_does_not_pong_is_given_up_and_tried_again(device, tmp_path):
    async with session(device, tmp_path) as one:
        await device.control("/faults", no_pong=True)
        await one.connection.until(lambda: not one.connection.connected, 15, "the loss")
        assert "no sign of life" in one.board.connection.problem
        await device.control("/faults", no_pong=False)
        await one.connection.ready(15)


async def test_an_occupied_telescope_says_so(device, tmp_path):
    async with session(device, tmp_path):
        await device.control("/faults", occupied=True)
        try:
            async with session(device, tmp_path / "second", connect=False) as second:
                second.connection.start()
                with pytest.raises(NotConnectedError, match="another app"):
                    await second.connection.ready(1)
        finally:
            await device.control("/faults", occupied=False)


@pytest.mark.full
async def test_nobody_there_is_told_with_the_address_and_tried_on(tmp_path, unused_tcp_port):
    with simulator() as device:
        ports = dict(device.ports)
        device.kill()
        device.clock = lambda: FastClock(speed=100)
        async with session(device, tmp_path, connect=False) as one:
            one.connection.start()
            with pytest.raises(NotConnectedError, match=f"127.0.0.1:{ports['ws']}"):
                await one.connection.ready(1)
            assert one.board.connection.connecting is True
            ports.pop("control")
            with simulator(ports=ports):
                await one.connection.ready(20)
                assert one.board.connection.connected is True


@pytest.mark.full
async def test_a_telescope_that_restarts_during_an_exposure_ends_it_with_a_reason(tmp_path):
    with simulator("--darks") as device:
        async with session(device, tmp_path) as one:
            await slewed(one)
            await one.expose(Exposure(10.0, 60))
            task = asyncio.create_task(one.expose(Exposure(60.0, 60)))
            await one.clock.sleep(12)
            ports = {name: port for name, port in device.ports.items() if name != "control"}
            device.kill()
            await one.connection.until(lambda: not one.connection.connected, 10, "the loss")
            with simulator("--darks", ports=ports):
                with pytest.raises(TelescopeError):
                    await task
                await one.connection.ready(20)
                assert one.board.mount.tracking_active is False
                await slewed(one)
                frame = await one.expose(Exposure(10.0, 60))
                assert frame.cards["EXPTIME"] == 10


async def test_frames_come_by_http_when_ftp_refuses(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await device.control("/faults", ftp_refuse=True)
        frame = await one.expose(Exposure(5.0, 60))
        assert frame.cards["EXPTIME"] == 5


async def test_frames_come_by_ftp_when_http_fails(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await device.control("/faults", http_errors=1.0)
        frame = await one.expose(Exposure(5.0, 60))
        assert frame.cards["EXPTIME"] == 5


async def test_downloads_that_break_off_are_finished_later(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await device.control("/faults", truncate=True)
        task = asyncio.create_task(one.expose(Exposure(5.0, 60)))
        await asyncio.sleep(1.5)
        await device.control("/faults", truncate=False)
        frame = await task
        assert frame.cards["EXPTIME"] == 5


@pytest.mark.full
async def test_switching_off_is_noticed_and_the_way_back_too(tmp_path):
    with simulator("--darks") as device:
        async with session(device, tmp_path) as one:
            await one.power(reboot=True)
            await one.connection.until(lambda: not one.connection.connected, 10, "the loss")
            await one.connection.ready(30)
            assert one.board.connection.role is Role.HOST


async def test_the_order_of_the_first_commands_does_not_switch_the_telescope_off(tmp_path):
    with simulator("--fault=strict-order") as device:
        async with session(device, tmp_path) as one:
            await one.clock.sleep(20)
            assert one.board.connection.connected is True
            assert (await device.truth())["powered"] is True


async def test_a_goto_without_stars_ends_with_the_reason(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await device.control("/faults", solve_failure=True)
        await slewed(one, 100.0, 55.0, "M 33")
        mount = one.board.mount
        assert "M 33" in mount.problem
        assert (mount.slewing, mount.tracking_active) == (False, False)


async def test_a_calibration_without_stars_ends_with_advice(tmp_path):
    with simulator("--fault=solve-failure") as device:
        async with session(device, tmp_path) as one:
            await one.motion.calibrate()
            await one.motion.settled()
            assert "could not calibrate" in one.board.mount.problem
            assert one.board.mount.calibrated is False


async def test_by_day_calibration_waits_for_the_night_and_the_sun_is_kept_away(tmp_path):
    with simulator(begin=DAY) as device:
        async with session(device, tmp_path) as one:
            with pytest.raises(CalibrationError, match="the sun is at altitude"):
                await one.motion.calibrate()
            sun = HEAVENS.sun(one.clock.now())
            near = HEAVENS.equatorial(Horizontal(sun.altitude_deg, sun.azimuth_deg + 8), one.clock.now())
            with pytest.raises(NearSunError, match="from the sun"):
                await one.motion.slew(near, "Venus")
            far = HEAVENS.equatorial(Horizontal(50.0, (sun.azimuth_deg + 180) % 360), one.clock.now())
            with pytest.raises(NearSunError, match="does not know where it points"):
                await one.motion.slew(far, "Moon")
            with pytest.raises(NearSunError):
                await one.motion.move_axis(0, 1.0)
            with pytest.raises(NearSunError):
                await one.motion.joystick(0.0, 0.5)
            assert (await device.truth())["closest_sun_deg"] > 15
            one.motion.set_solar_mode(True)
            await one.motion.move_axis(1, -0.1)
            await one.motion.move_axis(1, 0.0)
            await one.motion.settled()
            assert one.board.mount.solar_mode is True


async def test_a_restarted_process_takes_up_run_and_position(device, tmp_path):
    async with session(device, tmp_path, solver=truth_solver) as one:
        place = await slewed(one)
        await one.expose(Exposure(30.0, 60))
        folder = one._capture._run.folder.name
        await crash(one)
    assert (await device.truth())["target"] is not None
    async with session(device, tmp_path, solver=truth_solver) as again:
        assert again.board.camera.run_active is True
        assert again.board.mount.target_name == "M 31"
        assert again.board.mount.position_known is True
        here = Equatorial(again.board.mount.ra_hours, again.board.mount.dec_deg)
        assert separation(here, place) < 2
        await again.expose(Exposure(30.0, 60))
        assert again._capture._run.folder.name == folder


async def test_frames_that_another_app_takes_are_not_ended_by_an_exposure(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        await one.expose(Exposure(30.0, 60))
        await crash(one)
    async with session(device, tmp_path / "other") as other:
        assert other.board.camera.run_active is True
        with pytest.raises(TelescopeError, match="for another app"):
            await other.expose(Exposure(30.0, 60))
        assert other.board.camera.run_active is True
        await other.abort_exposure()
        assert other.board.camera.run_active is False
        frame = await other.expose(Exposure(5.0, 60))
        assert frame.cards["EXPTIME"] == 5


async def test_tracking_that_ends_in_the_telescope_is_noticed(device, tmp_path):
    async with session(device, tmp_path) as one:
        await slewed(one)
        task = asyncio.create_task(one.expose(Exposure(60.0, 60)))
        await one.connection.until(lambda: one.board.camera.run_active, 10, "the run")
        await device.control("/mount", tilt=0.4)  # somebody takes the telescope into the hand
        await one.connection.until(lambda: not one.board.mount.tracking, 10, "noticing")
        await one.abort_exposure()
        with pytest.raises(CaptureError):
            await task
