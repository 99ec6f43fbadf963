"""Column tables: what goes in as rows comes out as rows."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.store import reading, tables
from sessions.store.manager import SessionManager


@pytest.fixture
def sessions(tmp_path):
    with SessionManager(tmp_path) as sessions:
        yield sessions


def series(sessions, rows):
    session = sessions.start_session("experiment")
    for row in rows:
        session.add_telemetry("s", time=5, **row)
    with reading.open_session(sessions.end_session()) as af:
        return [{k: v for k, v in row.items() if k != "time"} for row in af["telemetry"]["s"]]


scalar = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
)
cell = (
    scalar | st.lists(st.integers(0, 9), max_size=3) | st.dictionaries(st.text(max_size=3), st.integers(0, 9))
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from("abc"), cell, max_size=3), min_size=1, max_size=8))
def test_any_rows_come_back(sessions, rows):
    rows = [{k: (None if v in (float("inf"), float("-inf")) else v) for k, v in row.items()} for row in rows]
    for found, row in zip(series(sessions, rows), rows, strict=True):
        for name in "abc":
            wanted = row.get(name)
            assert found.get(name) == wanted
            if isinstance(wanted, bool | str | list):
                assert type(found[name]) is type(wanted)


@pytest.mark.parametrize("parts", [1, 3])
def test_rows_by_index_slice_and_column_across_parts(sessions, monkeypatch, parts):
    monkeypatch.setattr(tables, "PART_ROWS", 100)
    count = parts * 100 - 1
    session = sessions.start_session("experiment")
    for number in range(count):
        context = {"n": number} if number % 3 else {}
        session.log("WARNING" if number % 2 else "DEBUG", f"row {number}", source=f"s{number % 7}", **context)
    with reading.open_session(sessions.end_session()) as af:
        logs = af["observability"]["logs"]
        assert len(logs) == count
        assert logs[-1] == logs[count - 1] == logs[count - 2 :][1]
        assert [row["message"] for row in logs] == [f"row {number}" for number in range(count)]
        assert [logs[number]["level"] for number in (0, 1, count - 1)] == ["DEBUG", "WARNING", "DEBUG"]
        assert logs[4]["context"] == {"n": 4} and logs[3]["context"] is None
        assert logs.column("source") == [f"s{number % 7}" for number in range(count)]
        assert logs[10:20:5] == [logs[10], logs[15]]
        assert logs.units["time"] == tables.TIME_UNIT
        assert logs[0]["time"] <= logs[count - 1]["time"]
        with pytest.raises(IndexError):
            logs[count]
        with pytest.raises(KeyError):
            logs.column("nothing")


def test_an_empty_table_is_an_empty_sequence(sessions):
    sessions.start_session("experiment")
    with reading.open_session(sessions.end_session()) as af:
        assert list(af["observability"]["events"]) == [] and len(af["observability"]["logs"]) == 0
        assert af["telemetry"] == {} and af["cameras"] == {}


def test_many_calibration_results_become_a_table_with_the_same_access(sessions):
    session = sessions.start_session("alignment")
    for number in range(250):
        session.add_calibration("plate_solve", {"ra": number / 2, "ok": True})
    with reading.open_session(sessions.end_session()) as af:
        solved = af["calibration"]["plate_solve_results"]
        assert len(solved) == 250 and solved[249]["ra"] == 124.5 and solved[3]["ok"] is True


def test_a_session_with_tables_can_be_written_again_by_the_library(sessions, tmp_path):
    sessions.start_session("experiment")
    sessions.log("INFO", "copied")
    sessions.add_frame("main", np.eye(3, dtype=np.uint8))
    with reading.open_session(sessions.end_session()) as af:
        af.write_to(tmp_path / "copy.asdf")
    with reading.open_session(tmp_path / "copy.asdf") as af:
        assert af["observability"]["logs"][0]["message"] == "copied"
        assert np.array_equal(af["cameras"]["main"]["frames"][0], np.eye(3))
