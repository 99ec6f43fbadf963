"""`./skycam sessions …` on a data folder without a running server."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import asdf
import pytest
from catalogue_files import record, write_session
from click.testing import CliRunner

from sessions.store.manager import SessionManager
from skycam_project.cli.group import skycam


@pytest.fixture
def data(tmp_path):
    record(tmp_path / "sessions")
    return tmp_path


def ask(data, *words: str, code: int = 0):
    result = CliRunner().invoke(
        skycam, ["sessions", *words], env={"SKYCAM_DATA": str(data)}, terminal_width=200
    )
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def said(data, *words: str, code: int = 0):
    return json.loads(ask(data, *words, "--output", "json", code=code))


def test_list_and_its_filters(data):
    assert len(said(data, "list")) == 4
    assert [row["target"] for row in said(data, "list", "--type", "observation")] == ["M33", "M31"]
    assert [row["target"] for row in said(data, "list", "--target", "m31")] == ["M31"]
    assert [row["session_type"] for row in said(data, "list", "--errors")] == ["alignment"]
    assert len(said(data, "list", "-n", "1")) == 1
    assert said(data, "list", "--until", "2020-01-01") == []
    assert said(data, "list", "--instrument", "nobody") == []
    write_session(data / "sessions", 1)
    assert len(said(data, "list")) == 5, "a session that came since is there"
    text = ask(data, "list", "--type", "observation")
    assert "M31" in text
    assert "0:00:0" in text


def test_show(data):
    session_id = said(data, "list", "--target", "M31")[0]["session_id"]
    row = said(data, "show", session_id)
    assert row["captures"]["main"]["frames"] == 2
    assert said(data, "show", row["uuid"]) == row == said(data, "show", row["asdf_path"])
    assert said(data, "show", str(data / "sessions" / row["asdf_path"])) == row
    assert "ASI482MC" in ask(data, "show", session_id)


def test_query(data):
    found = said(
        data,
        "query",
        "SELECT target, SUM(frames) AS frames FROM sessions WHERE frames > 0 GROUP BY target ORDER BY target",
    )
    assert found == [{"target": "M31", "frames": 3}, {"target": "M33", "frames": 3}]
    assert "2 rows" in ask(data, "query", "SELECT target FROM sessions WHERE frames > 0")


def test_verify(data):
    assert all(one["ok"] for one in said(data, "verify", "--all"))
    row = said(data, "list", "--errors")[0]
    path = data / "sessions" / row["asdf_path"]
    broken = bytearray(path.read_bytes())
    broken[-300] ^= 1
    path.write_bytes(broken)
    assert "3 of 4 sessions are whole" in ask(data, "verify", "--all", code=1)
    (one,) = said(data, "verify", row["session_id"], code=1)
    assert one["problems"]


def test_rebuild(data):
    said(data, "list")
    (data / "sessions/catalog/catalog.parquet").unlink()
    assert said(data, "rebuild") == {"files": 4, "read": 0, "gone": 0, "problems": {}}
    assert said(data, "rebuild", "--again")["read"] == 4
    assert (data / "sessions/catalog/catalog.parquet").exists()


def test_recover_finishes_what_nobody_runs(data):
    crash = (
        "import sys, os; from sessions.store.manager import SessionManager\n"
        "m = SessionManager(sys.argv[1]); m.start_session('observation', 'M42'); m.log('INFO', 'x')\n"
        "m.wait_for_files(); os._exit(1)"  # else the idle session is left too, when it had its last line
    )
    environment = os.environ | {"PYTHONPATH": "."}
    subprocess.run([sys.executable, "-c", crash, str(data / "sessions")], check=False, env=environment)
    with SessionManager(data / "sessions", instrument="running") as running:
        running.log("INFO", "still there")
        (one,) = said(data, "recover")
        assert one["session_id"].startswith("observation_m42")
        assert "0 recovered, 1 are running" in ask(data, "recover")
    assert said(data, "list", "--target", "M42")[0]["status"] == "recovered"


def test_protect_and_retention(data):
    old = datetime.now(UTC) - timedelta(days=40)
    write_session(data / "sessions", 1, start=old, session_type="idle")
    write_session(data / "sessions", 2, start=old, session_type="idle")
    first, second = sorted(one["session_id"] for one in said(data, "retention"))
    assert "no longer" not in ask(data, "protect", first)
    assert [one["session_id"] for one in said(data, "retention", "--preview")] == [second]
    assert said(data, "show", first)["protected"]
    assert said(data, "retention", "--run")["sessions"] == {"remove": 1}
    assert not list((data / "sessions").glob(f"**/{second}.asdf"))
    assert said(data, "retention") == []
    assert "is no longer protected" in ask(data, "unprotect", first)
    assert "remove 1" in ask(data, "retention", "--run")


def test_migrate_writes_the_newest_schema_beside_the_old_file(data):
    old = {
        "meta": {
            "session_id": "obs_m31_20251214", "session_type": "observation", "target": "M31",
            "start_time": "2025-12-14T22:00:00Z", "end_time": "2025-12-14T23:45:00Z",
        },
        "observability": {
            "logs": [{"time": "2025-12-14T22:00:01Z", "level": "INFO", "message": "old"}],
            "metrics": {"frames_captured": 0, "errors": 0, "warnings": 0, "duration_seconds": 6300},
        },
    }  # fmt: skip
    path = data / "sessions/2025/12/14/obs_m31_20251214.asdf"
    path.parent.mkdir(parents=True)
    asdf.AsdfFile(old).write_to(path)
    before = path.read_bytes()
    (made,) = said(data, "migrate", "obs_m31_20251214")
    assert path.read_bytes() == before
    (row,) = said(data, "list", "--target", "M31", "--until", "2026-01-01")
    assert (str(data / "sessions" / row["asdf_path"]), row["schema_version"]) == (made["file"], "1.0.0")
    assert "1 of 1 sessions are whole" in ask(data, "verify", "obs_m31_20251214")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["show", "nothing"], "there is no session"),
        (["query", "SELECT"], "cannot be carried out"),
        (["list", "--since", "soon"], "is no date"),
        (["verify"], "name sessions"),
        (["retention", "--preview", "--run"], "say --preview or --run"),
    ],
)
def test_one_line_and_exit_code_2(data, words, text):
    environment = os.environ | {"SKYCAM_DATA": str(data), "PYTHONPATH": "."}
    command = [sys.executable, "-m", "skycam_project.cli", "sessions", *words]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert text in result.stderr


def test_what_the_system_refuses_is_one_line_too(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    environment = os.environ | {"SKYCAM_DATA": str(tmp_path / "file"), "PYTHONPATH": "."}
    command = [sys.executable, "-m", "skycam_project.cli", "sessions", "rebuild"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert f"{tmp_path}/file" in result.stderr and "Not a directory" in result.stderr


def test_no_sessions_yet(tmp_path):
    result = CliRunner().invoke(skycam, ["sessions", "list"], env={"SKYCAM_DATA": str(tmp_path / "empty")})
    assert result.exit_code != 0
    assert "there are no sessions" in result.output
