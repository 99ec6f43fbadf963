"""The command as a person types it."""

import pytest

from skycam_project.cli.__main__ import main


@pytest.fixture
def command(monkeypatch, tmp_path):
    """Runs `timelapse make`; its exit code."""
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))

    def run(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["skycam", "timelapse", "make", *map(str, words)])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run
