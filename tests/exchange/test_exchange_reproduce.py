"""Every kind of product has a maker, and pictures and films that commands made come out the same again."""

import sys
from importlib import import_module

import cv2
import numpy as np
import pytest

from sessions import provenance
from skycam_project.cli.__main__ import main
from skycam_project.cli.exchange import MAKERS
from timelapse.night.kinds import KINDS


@pytest.fixture
def skycam(tmp_path, monkeypatch, capsys):
    def run(*arguments: object, code: int = 0) -> str:
        monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))
        monkeypatch.setattr(sys, "argv", ["skycam", *map(str, arguments)])
        left = 0
        try:
            main()
        except SystemExit as leave:
            left = leave.code if isinstance(leave.code, int) else 0
        found = capsys.readouterr()
        assert left == code, found.out + found.err
        return found.out

    return run


@pytest.fixture
def pictures(tmp_path):
    """Six frames of a sky that drifts, with white pixels whose filter overshoots."""
    random = np.random.default_rng(4)
    scene = random.uniform(40, 160, (140, 200, 3)).astype(np.uint8)
    scene[random.random(scene.shape[:2]) < 0.02] = 255
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), np.roll(scene, number, axis=1)[:120, 20:180])
    return sorted(folder.iterdir())


def test_every_kind_has_a_maker():
    for module in MAKERS:
        import_module(module)
    assert {*KINDS, "timelapse", "film", "fused", "focused", "fits", "master"} <= set(provenance.kinds())


@pytest.mark.parametrize(("command", "name"), [("fuse", "out.png"), ("focus", "out.tif")])
def test_a_picture_of_several_comes_out_again(tmp_path, skycam, pictures, command, name):
    out = tmp_path / name
    skycam("timelapse", command, *pictures[:3], "-o", out)
    said = skycam("sessions", "reproduce", out)
    assert "identical" in said and said.endswith("reproduced\n")
    out.write_bytes(out.read_bytes()[:-1] + b"x")
    assert "changed after it was made" in " ".join(skycam("sessions", "reproduce", out, code=1).split())
    pictures[0].write_bytes(b"another picture")
    assert "input changed since" in skycam("sessions", "reproduce", out, code=1)


def test_a_film_of_the_command_comes_out_again(tmp_path, skycam, pictures):
    out = tmp_path / "film.mp4"
    skycam("timelapse", "make", pictures[0].parent, "-o", out, "--preset", "ultrafast", "--output", "json")
    said = skycam("sessions", "reproduce", out)
    assert said.count("identical") == 3 and said.endswith("reproduced\n"), said
