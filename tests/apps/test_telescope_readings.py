"""What a telescope says of itself stands in its session: position, temperatures, focus, lost tracking."""

from types import SimpleNamespace

import pytest

from sessions.store.errors import WriteError
from sessions.store.manager import SessionManager
from sessions.store.reading import open_session
from telescope.dwarf.session.state import Board
from telescope.readings import AT_LEAST, LOST_AFTER, TelescopeReadings


class Hands:
    """A clock that somebody moves."""

    def __init__(self):
        self.time = 100.0

    def monotonic(self):
        return self.time


@pytest.fixture
def rig(tmp_path):
    manager = SessionManager(tmp_path, instrument="telescope-0")
    board = Board()
    board.set("connection", connected=True)
    clock = Hands()
    readings = TelescopeReadings(manager, board, clock, lambda place: (place.dec_deg, 180.0))

    def later(seconds, **mount):
        board.set("mount", **mount)
        for _ in range(round(seconds)):
            clock.time += 1.0
            readings.look()

    yield SimpleNamespace(board=board, clock=clock, later=later, readings=readings, sessions=manager)
    manager.shutdown()


def content(rig):
    with open_session(rig.sessions.end_session()) as af:
        telemetry = {name: list(table) for name, table in af["telemetry"].items()}
        return telemetry, [(row["event"], row["details"]) for row in af["observability"]["events"]]


def test_position_temperatures_and_focus_arrive(rig):
    rig.board.set("camera", sensor_temperature_c=14.0)
    rig.board.set("telemetry", temperature_c=21.0, battery_percent=80)
    rig.board.set("focus", position=9000)
    rig.later(3, position_known=True, ra_hours=1.0, dec_deg=41.0)
    rig.board.set("focus", position=9010)
    rig.later(3, dec_deg=41.5)
    telemetry, events = content(rig)
    assert [(row["ra"], row["dec"], row["alt"], row["az"]) for row in telemetry["mount_position"]] == [
        (15.0, 41.0, 41.0, 180.0),
        (15.0, 41.5, 41.5, 180.0),
    ]
    assert [(row["sensor"], row["value"]) for row in telemetry["temperature"]] == [
        ("ccd", 14.0),
        ("telescope", 21.0),
    ]
    assert [row["value"] for row in telemetry["focus_position"]] == [9000, 9010]
    assert [row["value_percent"] for row in telemetry["battery"]] == [80]
    assert events == []


def test_what_does_not_change_is_written_now_and_then(rig):
    rig.board.set("telemetry", temperature_c=5.0)
    rig.later(3 * AT_LEAST, position_known=True)
    telemetry, _ = content(rig)
    assert len(telemetry["temperature"]) == 3
    assert len(telemetry["mount_position"]) == 18


def test_nothing_is_written_while_it_is_not_connected_or_knows_no_place(rig):
    rig.later(20, position_known=False)
    rig.board.set("connection", connected=False)
    rig.board.set("telemetry", temperature_c=5.0)
    rig.later(20, position_known=True)
    telemetry, _ = content(rig)
    assert telemetry == {}


def test_tracking_that_stops_by_itself_is_lost_and_found(rig):
    rig.later(10, tracking=True, tracking_active=True, target_name="M 31")
    rig.later(LOST_AFTER + 3, tracking_active=False)
    rig.later(20)
    rig.later(5, tracking_active=True)
    _, events = content(rig)
    assert [name for name, _ in events] == ["tracking_lost", "tracking_regained"]
    assert events[0][1]["target"] == "M 31"
    assert events[1][1]["lost_for_s"] == pytest.approx(LOST_AFTER + 23, abs=1.5)


@pytest.mark.parametrize(
    "meanwhile",
    [{"tracking": False}, {"slewing": True}, {"parked": True}, {"calibrating": True}, {"moving": True}],
)
def test_tracking_that_is_stopped_is_not_lost(rig, meanwhile):
    rig.later(10, tracking=True, tracking_active=True)
    rig.later(30, tracking_active=False, **meanwhile)
    _, events = content(rig)
    assert events == []


def test_a_short_stop_is_not_lost(rig):
    rig.later(10, tracking=True, tracking_active=True)
    rig.later(LOST_AFTER - 2, tracking_active=False)
    rig.later(10, tracking_active=True)
    assert content(rig)[1] == []


async def test_a_full_disk_does_not_end_the_host(rig, monkeypatch, caplog):
    looks = []

    def look():
        looks.append(len(looks))
        if len(looks) < 4:
            raise WriteError("the journal cannot be written: no space left")

    async def sleep(_):
        if len(looks) == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(rig.readings, "look", look)
    monkeypatch.setattr(rig.clock, "sleep", sleep, raising=False)
    with pytest.raises(KeyboardInterrupt):
        await rig.readings.run()
    assert len(looks) == 6
    assert caplog.text.count("readings are not written down") == 1
