"""Single pieces without a telescope: names, tables, clocks, the sun, positions, reckoning."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from astropy.io import fits
from dwarfclient_fakes import JumpingClock, RecordingConnection
from dwarfclient_harness import HEAVENS, SITE
from hypothesis import given, settings
from hypothesis import strategies as st

from skycam_project.common.errors import InvalidValueError
from telescope.dwarf.captures import photo, session_folder, sub_exposure, target_name
from telescope.dwarf.commands import Focus, Motor
from telescope.dwarf.device_clock import DeviceClock
from telescope.dwarf.exposure import ExposureResolver
from telescope.dwarf.frame import Exposure, Frame, mosaic
from telescope.dwarf.heavens import Equatorial, Horizontal, displaced, offset, separation
from telescope.dwarf.notifications import Notify
from telescope.dwarf.proto import common_pb2, notify_pb2
from telescope.dwarf.session.focus import Focuser
from telescope.dwarf.session.hand import HandMovement
from telescope.dwarf.session.position import Position
from telescope.dwarf.session.settings import DwarfSettings
from telescope.dwarf.session.state import Board
from telescope.dwarf.sun import Axes, SunGuard
from telescope.dwarf.values import FocusDirection, Parameter
from telescope.errors import DeviceDataError, FocusError, NearSunError

NIGHT = datetime(2026, 11, 20, 22, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 11, tzinfo=UTC)


# ---- names on the card


def test_names_seen_on_real_cards_are_understood():
    folder = session_folder("DWARF_RAW_TELE_M 31_EXP_15_GAIN_60_2026-03-24-20-37-17-172")
    assert (folder.target, folder.gain) == ("M 31", 60)
    assert folder.stamp == datetime(2026, 3, 24, 20, 37, 17, 172000)
    assert folder.path == "/Astronomy/DWARF_RAW_TELE_M 31_EXP_15_GAIN_60_2026-03-24-20-37-17-172"
    good = sub_exposure("M 31_15s60_Astro_20260324-203732172_36C.fits")
    assert (good.stamp, good.rejected) == (datetime(2026, 3, 24, 20, 37, 32, 172000), False)
    assert sub_exposure("failed_M 31_0.5s60_Duo-Band_20260324-203732172_-3C.fits").rejected is True
    assert photo("DWARF3_TELE_2026-03-24-20-37-17-172.fits").stamp == datetime(
        2026, 3, 24, 20, 37, 17, 172000
    )


def test_a_target_that_looks_like_the_rest_of_the_name_is_read_from_the_right():
    name = "A_EXP_1_GAIN_2_5s10_VIS_20260101-000000000_1C_15s60_Astro_20260324-203732172_36C.fits"
    assert sub_exposure(name).stamp == datetime(2026, 3, 24, 20, 37, 32, 172000)


@pytest.mark.parametrize(
    "name",
    [
        "stacked-16_M 31_15s60_Astro_20260324-203732172_36C.fits",
        "M 31_15s60_Astro_20260324-203732172.fits",
        "M 31_15s60_Astro_20261324-203732172_36C.fits",
        "shotsInfo.json",
        "../../etc/passwd",
        "",
    ],
)
def test_other_files_are_not_sub_exposures(name):
    assert sub_exposure(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "DWARF_RAW_WIDE_M 31_EXP_15_GAIN_60_2026-03-24-20-37-17-172",
        "RESTACKED_DWARF_RAW_TELE_M 31_EXP_15_GAIN_60_2026-03-24-20-37-17-172",
        "CALI_FRAME",
        "DWARF_RAW_TELE_M 31_EXP_15_GAIN_60_2026-03-24-25-37-17-172",
    ],
)
def test_other_folders_are_not_tele_runs(name):
    assert session_folder(name) is None


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_name_is_read_or_refused(name):
    for read in (sub_exposure, session_folder, photo):
        found = read(name)
        assert found is None or found.stamp


@settings(deadline=None)
@given(st.text(max_size=100))
def test_a_target_name_can_be_a_folder(text):
    name = target_name(text)
    assert 1 <= len(name) <= 40
    assert not set(name) & set('/\\:*?"<>|\0\n') and name == name.strip()


# ---- exposure and gain


def test_durations_become_the_firmwares_indices():
    resolver = ExposureResolver()
    pairs = [(1 / 30, 75), (15, 156), (15.2, 156), (0.4, 108), (120, 165), (45, 160), (1 / 10000, 0)]
    assert [resolver.exposure(seconds).index for seconds, _ in pairs] == [index for _, index in pairs]
    with pytest.raises(InvalidValueError, match="15 or 30 s"):
        resolver.exposure(20)
    for wrong in (-1, 0, 1000, float("nan"), float("inf")):
        with pytest.raises(InvalidValueError):
            resolver.exposure(wrong)


def test_gains_are_snapped_to_what_is_offered():
    resolver = ExposureResolver()
    assert [resolver.gain(value) for value in (0, 1, 63, 65, 240)] == [0, 0, 60, 60, 240]
    for wrong in (-1, 241):
        with pytest.raises(InvalidValueError):
            resolver.gain(wrong)


def test_parameter_ids_are_the_documented_numbers_or_the_telescopes_own():
    resolver = ExposureResolver()
    assert resolver.param_id(Parameter.EXPOSURE) == 144396663052566529
    assert resolver.param_id(Parameter.FILTER) == 144396663052566541
    assert resolver.param_id(Parameter.FRAME_COUNT) == 144678138029277200
    data = {
        "cameraParams": [
            {
                "cameraId": 0,
                "specialParams": {
                    "exp": {
                        "paramId": 42,
                        "values": [{"name": "1/2", "value": 7}, {"name": "2", "value": 9}],
                    },
                    "gain": {"paramId": 43, "values": [10, 20]},
                },
            }
        ]
    }
    told = ExposureResolver.from_params(data)
    assert (told.param_id(Parameter.EXPOSURE), told.param_id(Parameter.GAIN)) == (42, 43)
    assert [(step.index, step.seconds) for step in told.steps] == [(7, 0.5), (9, 2.0)]
    assert told.gains == [10, 20]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["cameraParams", "cameraId", "specialParams", "exp", "gain", "values",
                                       "name", "value", "paramId"]), inner, max_size=5),
)  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(st.just("cameraParams"), json_like))
def test_whatever_the_telescope_serves_as_tables_a_resolver_comes_of_it(data):
    resolver = ExposureResolver.from_params(data)
    assert 0 < resolver.shortest <= resolver.longest
    assert resolver.gains


# ---- the telescope's clock


def test_stamps_in_utc_are_taken_as_they_are():
    clock = DeviceClock()
    stamp = datetime(2026, 11, 20, 22, 0, 15, 500000)
    assert clock.utc(stamp, stamp.replace(tzinfo=UTC) + timedelta(seconds=4)) == stamp.replace(tzinfo=UTC)


@pytest.mark.parametrize("hours", [-9.5, -5, 1, 2, 5.75, 13])
def test_a_telescope_that_keeps_local_time_is_found_out(hours):
    clock = DeviceClock()
    end = datetime(2026, 11, 20, 22, 0, 15, tzinfo=UTC)
    stamp = (end + timedelta(hours=hours)).replace(tzinfo=None)
    assert clock.utc(stamp, end + timedelta(seconds=4)) == end
    later = end + timedelta(minutes=40)  # once the zone is known, a frame may be seen late
    stamp = (later + timedelta(hours=hours)).replace(tzinfo=None)
    assert clock.utc(stamp, later + timedelta(minutes=30)) == later


def test_a_wrong_clock_is_not_believed():
    stamp = datetime(2020, 1, 1)
    assert DeviceClock().utc(stamp, datetime(2026, 11, 20, tzinfo=UTC)) is None


# ---- directions


places = st.builds(Equatorial, st.floats(0, 24, exclude_max=True), st.floats(-89, 89, allow_nan=False))


@settings(deadline=None)
@given(places, st.floats(-0.05, 0.05), st.floats(-0.05, 0.05))
def test_displacing_and_measuring_are_inverse(origin, east, north):
    there = displaced(origin, east, north)
    assert 0 <= there.ra_hours < 24
    assert offset(origin, there) == pytest.approx((east, north), abs=1e-9)
    expected = np.degrees(np.arctan(np.hypot(east, north))) * 3600
    assert separation(origin, there) == pytest.approx(expected, abs=1e-3)


def test_the_site_sees_the_sun_at_noon_and_not_at_night():
    assert HEAVENS.sun(NOON).altitude_deg > 20
    assert HEAVENS.sun(NIGHT).altitude_deg < -40
    direction = Horizontal(40.0, 200.0)
    back = HEAVENS.horizontal(HEAVENS.equatorial(direction, NIGHT), NIGHT)
    assert (back.altitude_deg, back.azimuth_deg) == pytest.approx((40.0, 200.0), abs=1e-4)


# ---- the sun


def test_targets_near_the_sun_are_refused_unless_solar_mode_is_on():
    guard, sun = SunGuard(HEAVENS), HEAVENS.sun(NOON)
    near = Horizontal(sun.altitude_deg + 14.0, sun.azimuth_deg)
    with pytest.raises(NearSunError, match=r"14\.0° from the sun"):
        guard.check_target("Venus", near, NOON)
    guard.check_target("M 31", Horizontal(sun.altitude_deg + 16.0, sun.azimuth_deg), NOON)
    guard.check_target("M 31", near, NIGHT)
    guard.solar_mode = True
    guard.check_target("Sun", sun, NOON)


def test_a_way_across_the_sun_is_refused_in_both_directions_and_round_it_allowed():
    guard, sun = SunGuard(HEAVENS), HEAVENS.sun(NOON)
    left = Axes(sun.azimuth_deg - 40, sun.altitude_deg)
    right = Axes(sun.azimuth_deg + 40, sun.altitude_deg)
    for start, end in ((left, right), (right, left)):
        with pytest.raises(NearSunError, match="the way to"):
            guard.check_way("the moon", start, end, NOON)
        guard.check_way("the moon", start, end, NIGHT)
    above = Axes(left.azimuth_deg, sun.altitude_deg + 20)
    guard.check_way("over it", above, Axes(right.azimuth_deg, sun.altitude_deg + 20), NOON)
    guard.check_way("the same side", left, Axes(left.azimuth_deg - 30, 10.0), NOON)


def test_folding_the_barrel_looks_backwards_over_the_zenith():
    class Summer:
        def sun(self, moment):
            return Horizontal(60.0, 180.0)

    guard = SunGuard(Summer())
    with pytest.raises(NearSunError):  # between 90° and 130° of pitch it looks to the side of the sun
        guard.check_way("parking", Axes(0.0, 30.0), Axes(0.0, 148.0), NOON)
    guard.check_way("parking", Axes(90.0, 30.0), Axes(90.0, 60.0), NOON)
    assert Axes(10.0, 120.0).direction == Horizontal(60.0, 190.0)
    assert Axes(10.0, 148.0).closed
    guard.check_way("closed", Axes(10.0, 148.0), Axes(90.0, 148.0), NOON)


def test_while_the_sun_is_up_an_unknown_position_allows_no_way():
    guard = SunGuard(HEAVENS)
    with pytest.raises(NearSunError, match="does not know where it points"):
        guard.check_way("the moon", None, Axes(0.0, 30.0), NOON)
    guard.check_way("M 31", None, Axes(0.0, 30.0), NIGHT)


@settings(deadline=None)
@given(
    st.floats(0, 359.9),
    st.floats(0, 89),
    st.floats(0, 359.9),
    st.floats(0, 89),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_an_allowed_way_keeps_its_distance_at_every_speed_of_the_axes(az1, alt1, az2, alt2, share, bend):
    guard = SunGuard(HEAVENS)
    start, end = Axes(az1, alt1), Axes(az2, alt2)
    try:
        guard.check_way("somewhere", start, end, NOON)
    except NearSunError:
        return
    turn = (az2 - az1 + 180) % 360 - 180
    point = Axes((az1 + turn * share) % 360, alt1 + (alt2 - alt1) * bend)
    assert guard.distance(point, NOON) >= 15.0


# ---- where it points


def position(tmp_path, clock):
    settings = DwarfSettings(host="x", client_id="x", site=SITE, spool=tmp_path)
    board = Board()
    return Position(settings, board, clock, HEAVENS), board


def test_a_tracked_place_stays_and_a_standing_telescope_sees_the_sky_pass(tmp_path):
    clock = JumpingClock()
    where, board = position(tmp_path, clock)
    where.publish()
    assert board.mount.position_known is False
    target = HEAVENS.equatorial(Horizontal(50.0, 150.0), clock.now())
    where.track(target, "M 31")
    clock.jump(600)
    where.publish()
    assert board.mount.ra_hours == pytest.approx(target.ra_hours, abs=1e-6)
    assert abs(board.mount.azimuth_deg - 150) > 1
    where.stand()
    altitude, azimuth = board.mount.altitude_deg, board.mount.azimuth_deg
    clock.jump(3600)
    where.publish()
    assert (board.mount.altitude_deg, board.mount.azimuth_deg) == pytest.approx((altitude, azimuth), abs=1e-3)
    assert board.mount.ra_hours - target.ra_hours == pytest.approx(1.0, abs=0.01)


def test_drift_between_solutions_is_added_to_the_target(tmp_path):
    clock = JumpingClock()
    where, board = position(tmp_path, clock)
    target = Equatorial(5.0, 20.0)
    where.track(target, "M 1")
    first = displaced(target, 1e-4, 0.0)  # a constant error of the mount is no drift
    where.solved(first, clock.now())
    assert separation(target, Equatorial(board.mount.ra_hours, board.mount.dec_deg)) < 0.1
    clock.jump(100)
    where.solved(displaced(first, 0.0, 5e-5), clock.now())
    clock.jump(100)
    where.publish()
    expected = displaced(target, 0.0, 1e-4)
    assert separation(expected, Equatorial(board.mount.ra_hours, board.mount.dec_deg)) < 0.2


def test_the_last_place_outlives_the_process_under_its_name(tmp_path):
    clock = JumpingClock()
    where, _ = position(tmp_path, clock)
    where.track(Equatorial(5.5, -5.4), "M 42")
    later, _ = position(tmp_path, clock)
    assert later.recall("M 42") == Equatorial(5.5, -5.4)
    assert later.recall("M 31") is None
    clock.jump(13 * 3600)
    assert later.recall("M 42") is None
    (tmp_path / "position.json").write_bytes(b"\xff nonsense")
    assert later.recall("M 42") is None


# ---- movements by hand


async def test_rates_and_times_are_reckoned_into_the_position(tmp_path):
    clock = JumpingClock()
    connection = RecordingConnection(tmp_path, clock=clock)
    where, board = position(tmp_path, clock)
    where.track(HEAVENS.equatorial(Horizontal(40.0, 100.0), clock.now()), "M 31")
    hand = HandMovement(connection, where, SunGuard(HEAVENS), clock)
    await hand.run(0, 2.0)
    clock.jump(10)
    await hand.run(1, -1.0)
    clock.jump(5)
    await hand.run(0, 0.0)
    clock.jump(5)
    await hand.run(1, 0.0)
    assert hand.moving is False
    assert (board.mount.azimuth_deg, board.mount.altitude_deg) == pytest.approx((130.0, 30.0), abs=1.5)
    runs = [(c, m.id, m.speed, m.direction) for c, m in connection.sent if c == Motor.RUN]
    assert runs == [(Motor.RUN, 1, 2.0, True), (Motor.RUN, 2, 1.0, False)]
    assert [m.id for c, m in connection.sent if c == Motor.STOP] == [1, 2]


async def test_by_day_an_axis_stops_before_the_sun(tmp_path):
    clock = JumpingClock(NOON)
    connection = RecordingConnection(tmp_path, clock=clock)
    where, _ = position(tmp_path, clock)
    guard, sun = SunGuard(HEAVENS), HEAVENS.sun(NOON)
    hand = HandMovement(connection, where, guard, clock)
    with pytest.raises(NearSunError, match="does not know where it points"):
        await hand.run(0, 1.0)
    start = Horizontal(sun.altitude_deg, sun.azimuth_deg - 40)
    where.track(HEAVENS.equatorial(start, clock.now()), "x")
    stopped = []
    hand.stopped = lambda: stopped.append(True)
    await hand.run(0, 2.0)
    watch = hand._watch
    await watch
    assert stopped == [True]
    assert hand.moving is False
    assert 15 <= guard.distance(where.axes_now(), clock.now()) < 22
    with pytest.raises(NearSunError):
        await hand.run(0, 10.0)
    await hand.run(0, -1.0)  # away from it is always allowed
    await hand.run(0, 0.0)


async def test_a_joystick_is_a_vector_with_the_apps_speeds(tmp_path):
    connection = RecordingConnection(tmp_path)
    where, _ = position(tmp_path, connection.clock)
    hand = HandMovement(connection, where, SunGuard(HEAVENS), connection.clock)
    await hand.joystick(90.0, 0.5)
    command, message = connection.sent[-1]
    assert (command, message.vector_angle, message.vector_length) == (Motor.SERVICE_JOYSTICK, 90.0, 0.5)
    assert hand.rates == pytest.approx((0.0, 29.9 * 0.125 + 0.1), abs=1e-9)
    await hand.joystick(0.0, 1.0)
    assert hand.rates[0] == pytest.approx(10.0)  # the fastest that is allowed
    await hand.joystick(0.0, 0.0)
    assert hand.moving is False
    for angle, length in ((float("nan"), 0.5), (0.0, 1.1), (0.0, -0.1)):
        with pytest.raises(InvalidValueError):
            await hand.joystick(angle, length)


# ---- the focuser


def focus_motor(connection, start, overshoot=30):
    """A motor that steps, and overshoots after a continuous movement."""
    at = [start]

    def answer(command, message):
        if command == Focus.MANUAL_SINGLE_STEP_FOCUS:
            at[0] += 1 if message.direction == FocusDirection.FAR else -1
            connection.notify(Notify.FOCUS_POSITION, notify_pb2.ResNotifyFocus(pos=at[0]))
        elif command == Focus.START_MANUAL_CONTINU_FOCUS:
            sign = 1 if message.direction == FocusDirection.FAR else -1
            at[0] += sign * (abs(connection.goal - at[0]) - 60 + overshoot)
            connection.notify(Notify.FOCUS_POSITION, notify_pb2.ResNotifyFocus(pos=at[0]))
        return common_pb2.ComResponse()

    connection.answer = answer
    connection.notify(Notify.FOCUS_POSITION, notify_pb2.ResNotifyFocus(pos=start))
    return at


@pytest.mark.parametrize(
    ("goal", "reached", "overshoot"),
    [
        (9000, 9000, 30),
        (9000, 9000, 100),
        (9790, 9790, 0),
        (-40, 0, 20),
        (30_000, 20_000, 20),
        (9800, 9800, 0),
    ],
)
async def test_the_focuser_counts_by_what_the_telescope_says(tmp_path, goal, reached, overshoot):
    connection = RecordingConnection(tmp_path)
    focuser = Focuser(connection, connection.clock)
    connection.goal = reached
    at = focus_motor(connection, 9800, overshoot)
    await focuser.move(goal)
    assert at[0] == reached == connection.board.focus.position
    commands = [command for command, _ in connection.sent]
    assert (Focus.START_MANUAL_CONTINU_FOCUS in commands) is (abs(reached - 9800) >= 100)
    assert commands.count(Focus.START_MANUAL_CONTINU_FOCUS) == commands.count(Focus.STOP_MANUAL_CONTINU_FOCUS)


async def test_a_focus_motor_that_does_not_move_is_an_error(tmp_path):
    connection = RecordingConnection(tmp_path)
    focuser = Focuser(connection, connection.clock)
    connection.notify(Notify.FOCUS_POSITION, notify_pb2.ResNotifyFocus(pos=100))
    with pytest.raises(FocusError, match="stands at 100"):
        await focuser.move(105)
    assert connection.board.focus.moving is False
    assert "does not move" in connection.board.focus.problem


# ---- frames


@pytest.mark.parametrize(("rows", "columns"), [(2180, 3856), (2176, 3856), (2160, 3840), (2164, 3842)])
def test_larger_frames_are_cropped_about_the_centre_and_keep_their_pattern(tmp_path, rows, columns):
    pixels = np.zeros((rows, columns), np.uint16)
    pixels[0::2, 0::2] = 1
    pixels[1::2, 1::2] = 3
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    frame = Frame(tmp_path / "a.fits", Exposure(1, 60), NIGHT, NIGHT)
    cropped, changed = mosaic(frame, 3840, 2160)
    assert cropped.shape == (2160, 3840)
    assert changed is ((rows, columns) != (2160, 3840))
    assert (cropped[0::2, 0::2] == 1).all() and (cropped[1::2, 1::2] == 3).all()
    with pytest.raises(DeviceDataError, match="has"):
        mosaic(frame, 4000, 2160)
