"""What retention deletes, what it never deletes, and that it says so first."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from catalogue_files import record, write_session

from sessions.catalogue.catalogue import Catalogue
from sessions.catalogue.removal import Remover
from sessions.catalogue.rules import Action, Policy, Verb, due, emergency
from sessions.catalogue.sync import sync
from sessions.store import reading
from sessions.store.manager import SessionManager
from sessions.store.verify import verify

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def rows(root) -> list[dict]:
    sync(root)
    return Catalogue(root).scan().drop("year", "month").sort("start_time").collect().to_dicts()


def ids(root) -> set[str]:
    return {row["session_id"] for row in rows(root)}


def a_row(**changes) -> dict:
    base = {
        "session_id": "x", "uuid": "u", "session_type": "observation", "instrument": "default",
        "start_time": NOW - timedelta(days=100), "end_time": NOW - timedelta(days=100), "frames": 3, "cameras": "main",
        "bytes": 1000, "file_size": 1100, "storage": "embedded", "merged": 0, "error_count": 0, "warning_count": 0,
        "protected": False, "archived_at": None, "dropped_at": None, "asdf_path": "2026/08/23/x.asdf",
    }  # fmt: skip
    return base | {"uuid": str(changes)} | changes


def verbs(actions) -> list[tuple[str, str]]:
    return [(action.verb.value, action.rows[0]["uuid"]) for action in actions]


IDLE = {"session_type": "idle", "frames": 0, "cameras": "", "bytes": 0}


def test_ages_by_type():
    policy = Policy(merge_idle=False)

    def goes(days: float, **changes) -> bool:
        end = NOW - timedelta(days=days)
        return bool(due([a_row(start_time=end, end_time=end, **changes)], policy, NOW))

    assert not goes(29.9, **IDLE)
    assert goes(30.1, **IDLE)
    for trouble in ("warning_count", "error_count"):
        assert not goes(179, **IDLE | {trouble: 1})
        assert goes(181, **IDLE | {trouble: 1})
    assert not goes(181, **IDLE, protected=True)
    assert not goes(179, **IDLE | {"session_type": "maintenance"})
    assert goes(181, **IDLE | {"session_type": "maintenance"})
    for kind in ("observation", "alignment", "experiment"):
        assert not goes(9999, session_type=kind)


def test_frames_without_a_copy_never_go_by_age():
    policy = Policy(other_days=10, maintenance_days=10)
    for kind in ("observation", "maintenance"):
        assert due([a_row(session_type=kind)], policy, NOW) == []
        assert len(due([a_row(session_type=kind, archived_at=NOW)], policy, NOW)) == 1
        assert due([a_row(session_type=kind, archived_at=NOW, protected=True)], policy, NOW) == []


def test_the_buffer_of_a_capture_node():
    policy = Policy(buffer_hours=48, buffer_bytes=2500)
    young = {"start_time": NOW - timedelta(hours=3), "end_time": NOW - timedelta(hours=2)}
    old = a_row(uuid="old", archived_at=NOW)
    assert verbs(
        due([old, a_row(uuid="no copy"), a_row(uuid="young", archived_at=NOW, **young)], policy, NOW)
    ) == [("drop", "old")]
    full = [a_row(uuid=f"{n}", archived_at=NOW if n else None, **young) for n in range(4)]
    assert verbs(due(full, policy, NOW)) == [("drop", "1"), ("drop", "2")]
    unarchived = [a_row(uuid=f"{n}", **young) for n in range(9)]
    assert due(unarchived, policy, NOW) == []


def test_the_archive_quota_takes_archived_frames_only():
    some = [
        a_row(uuid="a"),
        a_row(uuid="b", archived_at=NOW),
        a_row(uuid="c", archived_at=NOW, protected=True),
    ]
    assert due(some, Policy(archive_bytes=4000), NOW) == []
    assert verbs(due(some, Policy(archive_bytes=1000), NOW)) == [("drop", "b")]


def test_emergency_order():
    old, older = NOW - timedelta(days=2), NOW - timedelta(days=3)
    some = [
        a_row(uuid="no copy, old", start_time=old),
        a_row(uuid="no copy, older", start_time=older),
        a_row(uuid="archived, old", start_time=old, archived_at=NOW),
        a_row(uuid="archived, older", start_time=older, archived_at=NOW),
        a_row(uuid="protected", start_time=older, protected=True),
        a_row(uuid="dropped", start_time=older, dropped_at=NOW, bytes=0),
    ]
    order = ["archived, older", "archived, old", "no copy, older", "no copy, old"]
    for count in range(5):
        assert verbs(emergency(some, count * 1000, False)) == [("drop", uuid) for uuid in order[:count]]
    assert verbs(emergency(some, 10**9, True)) == [("drop", uuid) for uuid in order[:2]]


def remove(root, row, reason="old") -> object:
    return Remover(root).carry_out([Action(Verb.REMOVE, (row,), reason)])


def test_deleting_says_so_first(tmp_path):
    record(tmp_path)
    idle = next(row for row in rows(tmp_path) if row["session_type"] == "idle")
    done = remove(tmp_path, idle)
    assert (done.freed, done.sessions, done.refused) == (idle["file_size"], {"remove": 1}, {})
    assert not (tmp_path / idle["asdf_path"]).exists()
    tombstone = Remover(tmp_path).ledger.tombstones()[idle["uuid"]]
    assert tombstone.done
    assert tombstone.row["removed_reason"] == "old"
    assert idle["session_id"] not in ids(tmp_path)


def test_refused(tmp_path):
    record(tmp_path)
    found = {row["session_id"].split("_2")[0]: row for row in rows(tmp_path)}
    ledger = Remover(tmp_path).ledger
    ledger.protect(found["idle"]["uuid"], True, "anna")
    damaged = tmp_path / found["alignment"]["asdf_path"]
    data = bytearray(damaged.read_bytes())
    data[-300] ^= 1
    damaged.write_bytes(data)
    for name, why in (("idle", "protected"), ("alignment", "damaged"), ("observation_m31", "no copy")):
        done = remove(tmp_path, found[name])
        assert why in next(iter(done.refused.values()))
        assert (tmp_path / found[name]["asdf_path"]).exists()
    hostile = found["idle"] | {"asdf_path": "../../etc/passwd"}
    with pytest.raises(Exception, match="not inside"):
        Remover(tmp_path).carry_out([Action(Verb.REMOVE, (hostile,), "x")])


def test_a_begun_deletion_is_finished_unless_it_was_protected_meanwhile(tmp_path):
    record(tmp_path)
    idle, *_ = (row for row in rows(tmp_path) if row["session_type"] == "idle")
    remover = Remover(tmp_path)
    remover.ledger.remove(idle, "old")  # killed here
    remover.ledger.protect(idle["uuid"], True, "anna")
    remover.carry_out([])
    assert idle["session_id"] in ids(tmp_path)
    remover.ledger.protect(idle["uuid"], False, "anna")
    remover.carry_out([])
    assert idle["session_id"] not in ids(tmp_path)


def test_a_session_that_came_back_is_not_deleted_again(tmp_path):
    record(tmp_path)
    idle, *_ = (row for row in rows(tmp_path) if row["session_type"] == "idle")
    path = tmp_path / idle["asdf_path"]
    data = path.read_bytes()
    remove(tmp_path, idle)
    path.write_bytes(data)
    Remover(tmp_path).carry_out([])
    assert idle["session_id"] in ids(tmp_path)


@pytest.mark.parametrize("storage", ["embedded", "external"])
def test_dropping_frames_keeps_everything_else(tmp_path, storage):
    with SessionManager(tmp_path, storage=storage) as sessions:
        night = sessions.start_session("observation", target='M31 !core/ndarray-1.1.0 {source: 3, "x')
        for number in range(3):
            night.add_frame("main", np.full((400, 300), number, np.uint16), gain=number)
        original = night.add_original("dslr", b"abc" * 9000, file_name="x.jpg")
        night.add_calibration("dark", np.full((8, 8), 7, np.uint16))
        night.add_event("cloud_detected")
        path = sessions.end_session()
    before = next(row for row in rows(tmp_path) if row["frames"])
    size = sum(one.stat().st_size for one in path.parent.rglob("*") if one.is_file())
    done = Remover(tmp_path).carry_out([Action(Verb.DROP, (before,), "the disk is nearly full")])
    assert done.freed == size - sum(one.stat().st_size for one in path.parent.rglob("*") if one.is_file()) > 0
    assert verify(path).problems == []
    with reading.open_session(path, validate_checksums=True) as af:
        assert af["meta"]["dropped"]["reason"] == "the disk is nearly full"
        assert af["cameras"]["main"]["frames"] == af["cameras"]["dslr"]["originals"] == []
        table = list(af["cameras"]["main"]["frame_table"])
        assert [(row["dropped"], row["position"], row["gain"]) for row in table] == [
            (1, -1, n) for n in range(3)
        ]
        assert af["cameras"]["dslr"]["frame_table"][0]["sha256"] == original.sha256
        assert (np.array(af["calibration"]["dark_frames"][0]) == 7).all()
        assert af["observability"]["events"][0]["event"] == "cloud_detected"
        assert af["meta"]["target"].startswith("M31 !core")
    row = next(row for row in rows(tmp_path) if row["frames"])
    assert (row["frames"], row["bytes"], row["storage"]) == (4, 0, "none")
    assert (row["dropped_reason"], row["dropped_at"] is not None) == ("the disk is nearly full", True)
    assert row["uuid"] == before["uuid"]


def idle_hours(root, count: int = 4) -> None:
    """Real idle sessions of one old day, each with rows of all kinds."""
    from skycam_project.common.clock import FastClock

    for hour in range(count):
        start = datetime(2026, 5, 4, 6 + hour, 0, 0, tzinfo=UTC)
        with SessionManager(root, clock=FastClock(start)) as sessions:
            sessions.log(
                "WARNING" if hour == 2 else "INFO", f"hour {hour}", source="test", context_value=hour
            )
            sessions.add_event("woke", {"hour": hour})
            sessions.add_telemetry("temperature", sensor="box", value=10.0 + hour)


def contents(paths) -> dict:
    found = {"logs": [], "events": [], "temperature": []}
    for path in paths:
        with reading.open_session(path) as af:
            found["logs"] += list(af["observability"]["logs"])
            found["events"] += list(af["observability"]["events"])
            found["temperature"] += list(af["telemetry"].get("temperature", []))
    return found


def test_idle_hours_become_one_file_with_the_same_rows(tmp_path):
    idle_hours(tmp_path)
    before = rows(tmp_path)
    wanted = contents(tmp_path / row["asdf_path"] for row in before)
    actions = due(before, Policy(idle_days=None, idle_warning_days=None), NOW)
    assert verbs(actions) == [("merge", before[0]["uuid"])]
    Remover(tmp_path).carry_out(actions)
    (row,) = rows(tmp_path)
    path = tmp_path / row["asdf_path"]
    assert contents([path]) == wanted
    assert verify(path).ok
    assert (row["merged"], row["warning_count"], row["event_count"]) == (4, 1, 4)
    assert (row["start_time"], row["end_time"]) == (before[0]["start_time"], before[-1]["end_time"])
    assert row["duration_s"] == pytest.approx(sum(one["duration_s"] for one in before), abs=0.01)
    assert (row["temp_min_c"], row["temp_max_c"]) == (10, 13)
    with reading.open_session(path) as af:
        assert [one["uuid"] for one in af["meta"]["merged_from"]] == [one["uuid"] for one in before]
    assert due(rows(tmp_path), Policy(idle_days=None, idle_warning_days=None), NOW) == []
    assert not list((tmp_path / ".live").glob("*.merging"))


def test_hours_of_another_program_stay_and_the_others_are_merged(tmp_path, caplog):
    idle_hours(tmp_path)
    for hour in range(3):  # their tables have no tag
        write_session(tmp_path, 3 * hour, datetime(2026, 5, 3, hour, tzinfo=UTC), session_type="idle")
    before = rows(tmp_path)
    done = Remover(tmp_path).carry_out(due(before, Policy(idle_days=None, idle_warning_days=None), NOW))
    assert done.sessions == {"merge": 1}
    assert "not laid out by this program" in done.refused[before[0]["session_id"]]
    after = rows(tmp_path)
    assert [row["uuid"] for row in after[:3]] == [row["uuid"] for row in before[:3]]
    assert after[3]["merged"] == 4 and len(after) == 4
    assert not list((tmp_path / ".live").glob("*.merging"))


def test_an_hour_that_comes_late_joins_and_nothing_doubles(tmp_path):
    idle_hours(tmp_path, 3)
    policy = Policy(idle_days=None, idle_warning_days=None)
    first, second, third = rows(tmp_path)
    wanted = contents(tmp_path / row["asdf_path"] for row in (first, second, third))
    keep = {row["asdf_path"]: (tmp_path / row["asdf_path"]).read_bytes() for row in (second, third)}
    (tmp_path / third["asdf_path"]).unlink()
    Remover(tmp_path).carry_out(due(rows(tmp_path), policy, NOW))
    for name, data in keep.items():  # the merge was killed before `second` went, `third` came late
        (tmp_path / name).write_bytes(data)
    Remover(tmp_path).carry_out(due(rows(tmp_path), policy, NOW))
    (row,) = rows(tmp_path)
    assert contents([tmp_path / row["asdf_path"]]) == wanted
    assert row["merged"] == 3


def test_tomorrow_is_told_today():
    end = NOW - timedelta(days=29.5)
    row = a_row(**IDLE, start_time=end, end_time=end)
    policy = Policy(merge_idle=False)
    assert due([row], policy, NOW) == []
    assert verbs(due([row], policy, NOW + timedelta(days=1))) == [("remove", row["uuid"])]


def test_many_expired_sessions_go_in_one_run(tmp_path):
    for number in range(40):
        write_session(tmp_path, number, session_type="idle", warnings=int(number == 5))
    sync(tmp_path)
    policy = Policy(merge_idle=False)
    done = Remover(tmp_path).carry_out(due(rows(tmp_path), policy, datetime(2026, 5, 1, tzinfo=UTC)))
    assert done.sessions == {"remove": 33}
    assert [row["uuid"][-2:] for row in rows(tmp_path)] == ["01", "06", "08", "0f", "16", "1d", "24"]
    assert len(pl.read_parquet(tmp_path / "catalog/catalog.parquet")) == 7
