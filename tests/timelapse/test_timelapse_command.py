"""`./skycam timelapse make` as a person types it."""

import json
import os
import signal
import subprocess
import sys
import time

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
    ("words", "wanted"),
    [((), "tripod"), (("--stars",), "stars"), (("--moving",), "moving"), (("--no-stabilise",), "off")],
)
def test_what_the_picture_is_held_by_is_the_recipe_s(command, tmp_path, capsys, words, wanted):
    write_frames(tmp_path / "frames", 3)
    assert command(tmp_path / "frames", "-o", tmp_path / "film.mp4", *words, "--output", "json") == 0
    assert json.loads(capsys.readouterr().out)["recipe"]["stabilise"] == wanted


def test_a_path_is_smoothed_or_the_sky_is_held(command, tmp_path, capsys):
    write_frames(tmp_path / "frames", 3)
    assert command(tmp_path / "frames", "-o", tmp_path / "film.mp4", "--moving", "--stars") == 2
    shown = capsys.readouterr()
    assert "--moving and --stars" in shown.err and shown.err.count("\n") == 1


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


def test_ctrl_c_keeps_what_is_made_and_the_same_command_goes_on(command, tmp_path):
    write_frames(tmp_path / "frames", 120)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("{chunk: 24, outputs: [{codec: h265, preset: ultrafast}]}")
    out = tmp_path / "film.mp4"
    words = [str(tmp_path / "frames"), "-o", str(out), "--recipe", str(recipe)]
    making = subprocess.Popen(
        [sys.executable, "-m", "skycam_project.cli", "timelapse", "make", *words],
        stderr=subprocess.PIPE, text=True, env=os.environ | {"SKYCAM_DATA": str(tmp_path / "data")},
    )  # fmt: skip
    parts = tmp_path / ".film.mp4.parts"
    while not list(parts.glob("chunks/*.part")) and making.poll() is None:
        time.sleep(0.01)
    making.send_signal(signal.SIGINT)
    said = making.communicate(timeout=60)[1]
    assert making.returncode == 130, said
    assert f"skycam: stopped. The same command goes on there; what is done so far is kept in {parts}" in said
    assert "Traceback" not in said and not out.exists()
    kept = {path.name: path.stat().st_mtime_ns for path in parts.glob("chunks/*.part")}
    assert kept
    assert command(*words, "--work", parts) == 0
    assert (
        kept.items() <= {path.name: path.stat().st_mtime_ns for path in parts.glob("chunks/*.part")}.items()
    )
    assert command(*words) == 0
    assert not parts.exists()


def test_a_failure_before_anything_is_made_leaves_nothing(command, tmp_path, capsys):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "1.jpg").write_bytes(b"no picture")
    assert command(tmp_path / "frames", "-o", tmp_path / "film.mp4") == 2
    assert "no usable frame" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.name != "data"] == ["frames"]
