"""`./skycam timelapse fuse`, `focus`, and `make` with a recipe: files in, files out, one line for a mistake."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    command = [sys.executable, "-m", "skycam_project.cli", "timelapse", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def bracket(tmp_path):
    leaves = cv2.resize(np.random.default_rng(3).uniform(0.5, 1, (20, 32)), (320, 200))
    glow = (np.linspace(0.02, 3.5, 320) * leaves)[..., None] * np.ones(3)
    paths = []
    for ev in (2, -2, 0):
        code = 255 * np.clip(glow * 2.0**ev, 0, 1) ** (1 / 2.2)
        path = tmp_path / f"ev{ev}.png"
        cv2.imwrite(str(path), code.astype(np.uint8))
        paths.append(path)
    return paths


def test_a_bracket_becomes_one_picture(bracket, tmp_path):
    done = run("fuse", *bracket, "-o", tmp_path / "out.png")
    assert done.returncode == 0, done.stderr
    fused = cv2.imread(str(tmp_path / "out.png"))
    burnt = cv2.imread(str(bracket[2]))
    assert (fused >= 250).mean() < 0.05 < (burnt >= 250).mean()


def test_a_focus_run_becomes_one_picture(tmp_path):
    rng = np.random.default_rng(1)
    sharp = cv2.GaussianBlur(rng.uniform(0, 255, (200, 320, 3)).astype(np.float32), (0, 0), 1)
    sharp = np.clip((sharp - 127) * 2 + 127, 0, 255)
    soft = cv2.GaussianBlur(sharp, (0, 0), 5)
    for name, left in (("a", True), ("b", False)):
        mixed = soft.copy()
        mixed[:, : 160 if left else 0] = sharp[:, : 160 if left else 0]
        mixed[:, 160 if not left else 320 :] = sharp[:, 160 if not left else 320 :]
        cv2.imwrite(str(tmp_path / f"{name}.tif"), mixed.astype(np.uint8))
    done = run("focus", tmp_path / "a.tif", tmp_path / "b.tif", "-o", tmp_path / "out.tif")
    assert done.returncode == 0, done.stderr
    error = np.abs(cv2.imread(str(tmp_path / "out.tif")).astype(float) - sharp)
    assert error[20:-20, 20:-20].mean() < 0.5 * np.abs(soft - sharp).mean()


def test_a_recipe_file_says_what_options_do_not(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    scene = np.random.default_rng(2).uniform(60, 180, (120, 160, 3)).astype(np.uint8)
    for number in range(26):
        cv2.imwrite(str(folder / f"{number:03d}.png"), scene)
    wanted = tmp_path / "recipe.yaml"
    wanted.write_text("profile: golden\nkey_frames: [{at: 0, zoom: 1}, {at: 1, zoom: 2}]\nfps: 12\n")
    done = run(
        "make", folder, "-o", tmp_path / "out.mp4", "--recipe", wanted, "--fps", 30, "--no-stabilise",
        "--preset", "ultrafast", "--text", "%H:%M", "--output", "json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    recipe = json.loads(done.stdout)["recipe"]
    assert (recipe["fps"], recipe["profile"], recipe["look"]["lights"]) == (30, "golden", 0.3)
    assert [frame["zoom"] for frame in recipe["key_frames"]] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fuse", "{0}", "-o", "out.png"), "at least 2"),
        (("fuse", "{0}", "{1}", "-o", "out.xyz"), "ends in"),
        (("fuse", __file__, "{1}", "-o", "out.png"), "JPEG"),
        (("make", "{folder}", "-o", "{folder}/o.mp4", "--profile", "disco"), "golden"),
        (("make", "{folder}", "-o", "{folder}/o.mp4", "--recipe", "{0}"), "neither YAML nor JSON"),
    ],
)
def test_a_mistake_is_one_line_and_two(bracket, tmp_path, arguments, words):
    filled = [str(part).format(*bracket, folder=tmp_path) for part in arguments]
    done = run(*filled)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
