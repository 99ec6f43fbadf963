"""`./skycam calibration …`."""

import json
import sys

import pytest
from test_calibration_library import session

from skycam_project.cli.__main__ import main


@pytest.fixture
def skycam(tmp_path, monkeypatch, capsys):
    def run(*arguments: object, ok: int = 0) -> str:
        monkeypatch.setenv("SKYCAM_DATA", str(tmp_path))
        monkeypatch.setattr(sys, "argv", ["skycam", "calibration", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 0
        found = capsys.readouterr()
        assert code == ok, found
        return found.out + found.err

    return run


def test_gaps_close_when_masters_are_made(tmp_path, skycam):
    path = session(tmp_path / "sessions", darks=(11, 3))
    before = json.loads(skycam("gaps", path.stem, "--output", "json"))
    assert {"gap": "no dark for 60 s, gain 60, 30 °C", "frames": 2} in before
    made = json.loads(skycam("make", path.stem, "--output", "json"))
    assert [one["frames"] for one in made["made"]] == [11] and "at least 10" in made["left"][0]["reason"]
    listed = json.loads(skycam("list", "--output", "json"))
    assert listed[0]["kind"] == "dark" and listed[0]["sha256"] == made["made"][0]["sha256"]
    after = json.loads(skycam("gaps", path, "--output", "json"))
    assert not [one for one in after if "60 s" in one["gap"]]
    assert "Calibration library" in skycam("list")
    assert "no finished session" in skycam("gaps", "nothing", ok=2)
    assert skycam("gaps", "--days", "30") == "no gaps\n", "the session is older"
