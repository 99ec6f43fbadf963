"""Calibration, gotos, tracking, joystick and focus over the socket, in the device's order of messages."""

from datetime import timedelta

import pytest
from dwarfsim_helpers import M31, NIGHT, Talker

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Astro, Focus, Motor, Task
from telescope.dwarf.notifications import Notify
from telescope.dwarf.values import AstroState, BodyStatus, OperationState
from telescope.simulator.control import Control
from telescope.simulator.mount import MountErrors


def order(talker, *numbers):
    """(cmd, type) of the packets with these numbers, in order."""
    return [(p.cmd, p.type) for p in talker.packets if p.cmd in numbers]


def off_target(simulator):
    """Arcseconds between the target and where the tele camera truly looks."""
    return Control(simulator.device).state()["target"]["off_arcsec"]


async def ready(talker):
    assert (await talker.ask(Astro.START_CALIBRATION, lon=8.0, lat=46.5)).code == 0


async def goto(talker, name="M 31", radec=M31):
    return await talker.ask(Astro.START_GOTO_DSO, ra=radec[0], dec=radec[1], target_name=name)


async def test_a_goto_needs_a_calibration(talker):
    assert (await goto(talker)).code == Code.ASTRO_NEED_CALIBRATION
    assert not talker.notes(Notify.STATE_ASTRO_GOTO)


async def test_calibration_tells_its_steps_and_replies_at_the_end(talker):
    await ready(talker)
    await talker.note(Notify.STATE_ASTRO_CALIBRATION, state=AstroState.IDLE)
    states = [note.state for note in talker.notes(Notify.STATE_ASTRO_CALIBRATION)]
    assert states == [AstroState.RUNNING, *[AstroState.PLATE_SOLVING] * 3, AstroState.IDLE]
    assert [n.plate_solving_times for n in talker.notes(Notify.STATE_ASTRO_CALIBRATION)] == [0, 1, 2, 3, 3]
    assert talker.notes(Notify.BODY_STATUS)[0].status == BodyStatus.AZIMUTHAL
    assert talker.notes(Notify.CALIBRATION_RESULT)[0].alt == pytest.approx(90, abs=1)
    reply = (Astro.START_CALIBRATION, 3)
    first = order(talker, Astro.START_CALIBRATION, Notify.STATE_ASTRO_CALIBRATION, Notify.CALIBRATION_RESULT)
    assert first.index((Notify.CALIBRATION_RESULT, 2)) < first.index(reply)
    state = await talker.ask(Task.GET_DEVICE_STATE_INFO)
    assert state.device.body_status.status == BodyStatus.AZIMUTHAL
    assert state.device.calibration_result.alt == pytest.approx(90, abs=1)


async def test_goto_and_tracking(talker, simulator):
    await ready(talker)
    talker.forget()
    assert (await goto(talker)).code == 0
    await talker.note(Notify.STATE_ASTRO_TRACKING, state=OperationState.RUNNING, target_name="M 31")
    states = [note.state for note in talker.notes(Notify.STATE_ASTRO_GOTO)]
    assert states[0] == AstroState.RUNNING
    assert states[-1] == AstroState.IDLE
    assert AstroState.PLATE_SOLVING in states
    assert {note.target_name for note in talker.notes(Notify.STATE_ASTRO_GOTO)} == {"M 31"}
    assert off_target(simulator) < 180
    state = await talker.ask(Task.GET_DEVICE_STATE_INFO)
    assert state.motion_motor.exclusive_state.tracking.target_name == "M 31"


@pytest.mark.parametrize("simulator", [{"seed": seed} for seed in range(2, 8)], indirect=True)
async def test_after_a_calibration_the_target_is_within_three_minutes_of_arc(talker, simulator):
    await ready(talker)
    for name, radec in {"M 31": M31, "Capella": (5.278, 46.0), "Deneb": (20.69, 45.28)}.items():
        await goto(talker, name, radec)
        assert off_target(simulator) < 180, name


@pytest.mark.parametrize("simulator", [{"errors": MountErrors(bias=5400, scale=0.05)}], indirect=True)
async def test_a_closed_loop_from_outside_converges(talker, simulator):
    """Start error 1.5°, 5 % axis scale error: three corrections by the solved error are enough for 30″."""
    await ready(talker)
    wanted = [M31[0] * 15, M31[1]]
    command = list(wanted)
    errors = []
    for _ in range(4):
        await goto(talker, "M 31", (command[0] / 15, command[1]))
        where = Control(simulator.device).state()["tele"]
        off = wanted[0] - where["ra_deg"], wanted[1] - where["dec_deg"]
        errors.append(max(abs(off[0]) * 0.75, abs(off[1])) * 3600)
        if errors[-1] < 30:
            break
        command = [command[0] + off[0], command[1] + off[1]]
    assert errors[0] > 3600
    assert errors[-1] < 30, errors


@pytest.mark.parametrize("simulator", [{"errors": MountErrors(solve=False)}], indirect=True)
async def test_without_its_own_solving_a_goto_misses_by_the_scale_error(talker, simulator):
    await ready(talker)
    await goto(talker)
    assert off_target(simulator) > 600


async def test_targets_below_the_horizon_are_refused(talker):
    await ready(talker)
    reply = await goto(talker, "Antares", (16.49, -26.43))
    assert reply.code == Code.ASTRO_GOTO_FAILED
    assert not talker.notes(Notify.STATE_ASTRO_TRACKING)


async def test_a_target_that_sets_is_given_up(talker, simulator):
    await ready(talker)
    await goto(talker, "Biham", (22.17, 6.2))
    assert simulator.device.motion.target is not None
    simulator.device.clock._start += timedelta(hours=5)
    await talker.note(Notify.STATE_ASTRO_TRACKING, state=OperationState.IDLE, target_name="Biham")


async def test_plate_solve_failures(talker, simulator):
    simulator.device.faults.solve_failure = True
    reply = await talker.ask(Astro.START_CALIBRATION)
    assert reply.code == Code.ASTRO_CALIBRATION_PLATE_SOLVING_FAILED_TOO_MUCH
    await talker.note(Notify.STATE_ASTRO_CALIBRATION, state=AstroState.STOPPED)
    assert not talker.notes(Notify.CALIBRATION_RESULT)
    simulator.device.faults.solve_failure = False
    await ready(talker)
    simulator.device.faults.solve_failure = True
    assert (await goto(talker)).code == Code.ASTRO_PLATE_SOLVING_FAILED
    assert not talker.notes(Notify.STATE_ASTRO_TRACKING)


@pytest.mark.parametrize("simulator", [{"start": NIGHT.replace(hour=11)}], indirect=True)
async def test_by_day_no_star_is_seen_but_the_sun_is_found(talker, simulator):
    assert (await talker.ask(Astro.START_CALIBRATION)).code < 0
    mount = simulator.device.motion.mount
    mount.calibrate(simulator.device.now())
    reply = await talker.ask(Astro.START_GOTO_SOLAR_SYSTEM, index=9, lon=8, lat=46.5)
    assert (reply.code, reply.request.index) == (0, 9)
    await talker.note(Notify.STATE_ASTRO_TRACKING, state=OperationState.RUNNING, target_name="Sun")
    assert Control(simulator.device).state()["closest_sun_deg"] < 10


async def test_the_path_to_a_target_at_night_keeps_its_distance_to_the_sun(talker, simulator):
    await ready(talker)
    await goto(talker)
    assert Control(simulator.device).state()["closest_sun_deg"] > 60


async def test_stop_goto_while_slewing(talker, simulator):
    await ready(talker)
    talker.forget()
    await talker.send(Astro.START_GOTO_DSO, ra=M31[0], dec=M31[1], target_name="M 31")
    await talker.note(Notify.STATE_ASTRO_GOTO, state=AstroState.RUNNING)
    assert (await talker.ask(Astro.STOP_GOTO)).code == 0
    await talker.until(lambda: (Astro.START_GOTO_DSO, 3) in order(talker, Astro.START_GOTO_DSO))
    await talker.note(Notify.STATE_ASTRO_GOTO, state=AstroState.IDLE)
    assert not [n for n in talker.notes(Notify.STATE_ASTRO_TRACKING) if n.state]
    assert simulator.device.motion.target is None


async def test_stop_goto_ends_tracking(talker, simulator):
    await ready(talker)
    await goto(talker)
    await talker.ask(Astro.STOP_GOTO)
    await talker.note(Notify.STATE_ASTRO_TRACKING, state=OperationState.IDLE, target_name="M 31")
    before = simulator.device.motion.mount.path.axes(simulator.device.now())
    assert simulator.device.motion.mount.path.axes(simulator.device.now() + 60) == before


async def test_a_second_goto_while_one_runs_is_refused(simulator, talker):
    await ready(talker)
    await talker.send(Astro.START_GOTO_DSO, ra=M31[0], dec=M31[1], target_name="M 31")
    other = await Talker.connect(simulator.ports.websocket)
    await talker.note(Notify.STATE_ASTRO_GOTO, state=AstroState.RUNNING)
    assert (await talker.ask(Astro.START_CALIBRATION)).code == Code.ASTRO_GOTO_RUNNING
    await other.close()


@pytest.mark.parametrize("simulator", [{"ra_degrees": True}], indirect=True)
async def test_right_ascension_in_degrees_by_switch(talker, simulator):
    await ready(talker)
    await goto(talker, "M 31", (M31[0] * 15, M31[1]))
    assert off_target(simulator) < 180


async def test_one_click_goto_does_everything(talker, simulator):
    reply = await talker.ask(
        Astro.START_ONE_CLICK_GOTO_DSO, ra=M31[0], dec=M31[1], target_name="M 31", lon=8, lat=46.5,
        shooting_mode=2,
    )  # fmt: skip
    assert (reply.code, reply.all_end, reply.step) == (0, True, 40)
    notes = talker.notes(Notify.STATE_ASTRO_ONE_CLICK_GOTO)
    steps = [note.WhichOneof("step") for note in notes]
    assert steps == ["calibration", "calibration", "auto_focus", "auto_focus", "goto", "goto", "tracking"]
    assert (notes[-1].tracking.state, notes[-1].tracking.target_name) == (1, "M 31")
    assert abs(simulator.device.focuser.error()) < 10


async def test_one_click_goto_says_where_it_failed(talker, simulator):
    simulator.device.faults.focus_failure = True
    reply = await talker.ask(Astro.START_ONE_CLICK_GOTO_DSO, ra=M31[0], dec=M31[1], target_name="M 31")
    assert (reply.code, reply.step) == (Code.FOCUS_ASTRO_AUTO_FOCUS_SLOW_ERROR, 20)


@pytest.mark.parametrize("simulator", [{"wedge": True}], indirect=True)
async def test_polar_alignment_is_measured(talker, simulator):
    simulator.device.motion.mount.place(True, tilt=2.0, lean=0.0)
    reply = await talker.ask(Astro.START_EQ_SOLVING, lon=8, lat=46.5)
    assert (reply.code, reply.alt_err) == (0, pytest.approx(-2.0, abs=0.01))
    await talker.note(Notify.BODY_STATUS, status=BodyStatus.EQUATORIAL)
    assert (await goto(talker)).code == 0
    assert off_target(simulator) < 180


async def test_motors_run_stop_and_end_tracking(talker, simulator):
    await ready(talker)
    await goto(talker)
    before = (await talker.ask(Motor.GET_POSITION, id=1)).position
    assert (await talker.ask(Motor.RUN, id=1, speed=5.0, direction=True)).code == 0
    await talker.note(Notify.STATE_ASTRO_TRACKING, state=OperationState.IDLE)
    await simulator.device.clock.sleep(4)
    await talker.ask(Motor.STOP, id=1)
    after = (await talker.ask(Motor.GET_POSITION, id=1)).position
    assert 15 < (after - before) % 360 < 180
    assert (await talker.ask(Motor.GET_POSITION, id=1)).position == after


async def test_motor_limits(talker):
    reply = await talker.ask(Motor.RUN, id=2, speed=5, direction=True)
    assert reply.code == Code.STEP_MOTOR_LIMIT_POSITION_HIT
    reply = await talker.ask(Motor.RUN_TO, id=2, end_position=500, speed=10)
    assert reply.code == Code.STEP_MOTOR_LIMIT_POSITION_HIT
    assert (await talker.ask(Motor.RUN_TO, id=2, end_position=169, speed=10)).code == 0
    assert (await talker.ask(Motor.GET_POSITION, id=2)).position == pytest.approx(169)
    reply = await talker.ask(Motor.CHANGE_SPEED, id=2, speed=3)
    assert reply.code == Code.STEP_MOTOR_IS_STOPPED


async def test_joystick_right_and_up(talker, simulator):
    await talker.ask(Motor.RESET, id=2)
    motion = simulator.device.motion
    await talker.ask(Motor.SERVICE_JOYSTICK, vector_angle=90, vector_length=1)
    assert motion.rates() == (pytest.approx(0, abs=1e-9), pytest.approx(30.0))
    await talker.ask(Motor.SERVICE_JOYSTICK, vector_angle=0, vector_length=0.5)
    assert motion.rates() == (pytest.approx(3.8375), pytest.approx(0, abs=1e-9))
    await talker.ask(Motor.SERVICE_JOYSTICK_STOP)
    assert motion.rates() == (0.0, 0.0)


async def test_linkage_puts_a_point_of_the_wide_picture_into_the_tele_camera(talker, simulator):
    await talker.ask(Motor.RUN_TO, id=2, end_position=169 + 40, speed=10)
    device = simulator.device
    wide = device.pointing(1, device.clock.now())
    assert (await talker.ask(Motor.SERVICE_DUAL_CAMERA_LINKAGE, x=960, y=540)).code == 0
    await talker.note(Notify.DUAL_CAMERA_LINKAGE_STATE, state=0)
    tele = device.pointing(0, device.clock.now())
    # The sky turned meanwhile by some seconds of simulated time, and the axes have their scale error.
    assert abs(tele.dec - wide.dec) < 0.3
    box = (await talker.ask(Task.GET_DEVICE_STATE_INFO)).device.picture_matching
    assert 0 < box.x < 1920
    assert 0 < box.y < 1080


async def test_attitude_is_told_while_wanted(talker, simulator):
    await talker.ask(Motor.START_ATTITUDE_NOTIFY)
    await talker.note(Notify.DEVICE_ATTITUDE)
    await talker.ask(Motor.STOP_ATTITUDE_NOTIFY)
    assert not simulator.device.attitude_wanted


async def test_focus_steps_and_continuous_movement(talker, simulator):
    start = simulator.device.focuser.position
    await talker.ask(Focus.MANUAL_SINGLE_STEP_FOCUS, direction=0)
    await talker.note(Notify.FOCUS_POSITION, pos=start + 1)
    await talker.ask(Focus.MANUAL_SINGLE_STEP_FOCUS, direction=1)
    await talker.note(Notify.FOCUS_POSITION, pos=start)
    await talker.ask(Focus.START_MANUAL_CONTINU_FOCUS, direction=1)
    await talker.until(lambda: len(talker.notes(Notify.FOCUS_POSITION)) > 5)
    await talker.ask(Focus.STOP_MANUAL_CONTINU_FOCUS)
    assert simulator.device.focuser.position < start
    assert talker.notes(Notify.FOCUS_POSITION)[-1].pos == simulator.device.focuser.position


async def test_continuous_movement_ends_at_the_end_of_the_range(talker, simulator):
    simulator.device.focuser.position = 40
    await talker.ask(Focus.START_MANUAL_CONTINU_FOCUS, direction=1)
    await talker.note(Notify.FOCUS_POSITION, pos=0)


async def test_auto_focus_finds_the_best_position(talker, simulator):
    await talker.ask(Motor.RUN_TO, id=2, end_position=169 + 60, speed=10)
    reply = await talker.ask(Focus.START_ASTRO_AUTO_FOCUS, mode=1)
    assert reply.code == Code.FOCUS_ASTRO_AUTO_FOCUS_FAST_ERROR
    assert (await talker.ask(Focus.START_ASTRO_AUTO_FOCUS, mode=0)).code == 0
    await talker.note(Notify.ASTRO_AUTO_FOCUS_STATE, state=3)
    assert abs(simulator.device.focuser.error()) < 10
    assert (await talker.ask(Focus.START_ASTRO_AUTO_FOCUS, mode=1)).code == 0
    simulator.device.faults.focus_failure = True
    before = simulator.device.focuser.position
    reply = await talker.ask(Focus.START_ASTRO_AUTO_FOCUS, mode=0)
    assert reply.code == Code.FOCUS_ASTRO_AUTO_FOCUS_SLOW_ERROR
    assert simulator.device.focuser.position == before


async def test_the_best_focus_moves_with_the_temperature(simulator):
    before = simulator.device.focuser.best()
    simulator.device.environment.set(air=simulator.device.environment.air() - 10)
    assert simulator.device.focuser.best() - before == pytest.approx(17.5, abs=0.1)


async def test_user_infinity(talker):
    await talker.ask(Focus.SET_USER_INFINITY_POS, pos=9000)
    assert (await talker.ask(Focus.GET_USER_INFINITY_POS)).pos == 9000
    await talker.ask(Focus.AUTO_INFINITY_FOCUS)
    await talker.note(Notify.FOCUS_POSITION, pos=9000)
