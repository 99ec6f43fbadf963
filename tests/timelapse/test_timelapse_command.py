"""`./skycam timelapse make` as a person types it."""

import av
import pytest
from test_timelapse_job import write_frames


def test_h264_of_the_command_is_what_players_know(command, tmp_path):
    write_frames(tmp_path / "frames", 6)
    out = tmp_path / "film.mp4"
    assert command(tmp_path / "frames", "-o", out, "--codec", "h264", "--output", "json") == 0
    with av.open(str(out)) as film:
        assert film.streams.video[0].format.name == "yuv420p"


@pytest.mark.parametrize(
    ("out", "says"),
    [("", "is a folder"), ("nowhere/film.mp4", "does not exist")],
    ids=["a folder", "no folder"],
)
def test_where_nothing_can_be_written_is_said_before_the_work(command, tmp_path, capsys, out, says):
    write_frames(tmp_path / "frames", 3)
    if not out:
        (tmp_path / "film.mp4").mkdir()
    assert command(tmp_path / "frames", "-o", tmp_path / (out or "film.mp4")) == 2
    shown = capsys.readouterr()
    assert says in shown.err and shown.err.count("\n") == 1 and not shown.out
