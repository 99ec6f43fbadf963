"""`./skycam timelapse make` as a person types it."""

import av
import pytest
from test_timelapse_job import write_frames

from skycam_project.cli.__main__ import main


@pytest.fixture
def make(monkeypatch, tmp_path):
    """Its exit code."""
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))

    def run(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["skycam", "timelapse", "make", *map(str, words)])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run


def test_h264_of_the_command_is_what_players_know(make, tmp_path):
    write_frames(tmp_path / "frames", 6)
    out = tmp_path / "film.mp4"
    assert make(tmp_path / "frames", "-o", out, "--codec", "h264", "--output", "json") == 0
    with av.open(str(out)) as film:
        assert film.streams.video[0].format.name == "yuv420p"


@pytest.mark.parametrize(
    ("out", "says"),
    [("", "is a folder"), ("nowhere/film.mp4", "does not exist")],
    ids=["a folder", "no folder"],
)
def test_where_nothing_can_be_written_is_said_before_the_work(make, tmp_path, capsys, out, says):
    write_frames(tmp_path / "frames", 3)
    if not out:
        (tmp_path / "film.mp4").mkdir()
    assert make(tmp_path / "frames", "-o", tmp_path / (out or "film.mp4")) == 2
    shown = capsys.readouterr()
    assert says in shown.err and shown.err.count("\n") == 1 and not shown.out
