"""How much of the time the program ran."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from skycam_project.common.uptime import Uptime

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def run(path, begin: datetime, minutes: int, step: int = 1) -> float:
    """One process that runs for so long and is killed."""
    uptime, percent = Uptime(path, begin), 0.0
    for minute in range(step, minutes + 1, step):
        percent = uptime.ran(60.0 * step, begin + timedelta(minutes=minute))
    return percent


def test_a_first_start_is_whole(tmp_path):
    assert run(tmp_path / "uptime.json", NOON, 5) == 100.0


def test_time_between_two_runs_counts_as_down(tmp_path):
    run(tmp_path / "uptime.json", NOON, 90)
    assert run(tmp_path / "uptime.json", NOON + timedelta(minutes=100), 90) == pytest.approx(180 / 190 * 100)


def test_what_is_older_than_thirty_days_is_forgotten(tmp_path):
    path = tmp_path / "uptime.json"
    run(path, NOON, 60)
    run(path, NOON + timedelta(hours=5), 60)
    later = NOON + timedelta(hours=6)
    assert run(path, later, 45 * 1440, step=60) == 100.0
    assert len(orjson.loads(path.read_bytes())["days"]) == 30


def test_a_clock_that_is_set_while_it_runs_changes_nothing(tmp_path):
    uptime = Uptime(tmp_path / "uptime.json", datetime(2020, 1, 1, tzinfo=UTC))
    uptime.ran(60.0, datetime(2020, 1, 1, 0, 1, tzinfo=UTC))
    assert uptime.ran(60.0, NOON) == 100.0


@pytest.mark.parametrize("kept", [b"", b"[]", b'{"days": {"x": [1, 2]}}', b'{"days": {}, "until": "then"}'])
def test_a_file_that_cannot_be_read_begins_anew(tmp_path, kept):
    (tmp_path / "uptime.json").write_bytes(kept)
    assert run(tmp_path / "uptime.json", NOON, 5) == 100.0
