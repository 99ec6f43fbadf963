"""Folders as people have them: large files, cameras held upright, RAW beside JPEG, films beside frames, no times."""

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from PIL import Image
from test_timelapse_job import write_frames

from camera.simulator.dng import dng
from skycam_project.common.errors import InvalidValueError
from timelapse import sources
from timelapse.pipeline import decode
from timelapse.pipeline.errors import SourceError
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import make
from timelapse.pipeline.recipe import Recipe

SMALL = {"preset": "ultrafast"}
START = datetime(2026, 11, 10, 20, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["png", "tif", "webp"])
def test_files_larger_than_any_header_are_frames(tmp_path, kind):
    noise = np.random.default_rng(1).integers(0, 256, (600, 800, 3), np.uint8)
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.{kind}"), noise)
    assert (tmp_path / f"0.{kind}").stat().st_size > 1 << 20
    source = open_source(tmp_path)
    assert (len(source), source.size, source.problems) == (2, (800, 600), [])


def held(path, pixels, orientation):
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)


@pytest.mark.parametrize(("orientation", "quarters"), [(1, 0), (6, 3), (3, 2), (8, 1)])
def test_frames_are_turned_as_most_of_them_say(tmp_path, orientation, quarters):
    pixels = np.random.default_rng(2).integers(0, 256, (40, 60, 3), np.uint8)
    for number, said in enumerate([orientation] * 3 + [1, 5]):
        held(tmp_path / f"{number}.png", pixels, said)
    source = open_source(tmp_path)
    stored, digest = source.read_luma(3), source.digest
    source.turn(None)
    upright = np.rot90(stored, quarters)
    assert source.size == upright.shape[::-1]
    for number in range(5):
        np.testing.assert_array_equal(source.read_luma(number), upright)
    assert (source.digest == digest) == (orientation == 1)
    source.turn(180)
    np.testing.assert_array_equal(source.read_luma(0), stored[::-1, ::-1])
    source.turn(0)
    assert (source.size, source.digest) == ((60, 40), digest)


def test_a_film_stands_upright(tmp_path):
    write_frames(tmp_path / "in", 6, (160, 96))
    for path in (tmp_path / "in").iterdir():
        held(path, np.asarray(Image.open(path)), 6)
    made = make(
        open_source(tmp_path / "in"),
        Recipe.from_json({"outputs": [SMALL]}),
        tmp_path / "a.mp4",
        tmp_path / "w",
    )
    assert (made.outputs[0]["width"], made.outputs[0]["height"]) == (96, 160)
    lying = Recipe.from_json({"outputs": [SMALL], "turn": 0})
    made = make(open_source(tmp_path / "in"), lying, tmp_path / "b.mp4", tmp_path / "w")
    assert (made.outputs[0]["width"], made.outputs[0]["height"]) == (160, 96)


def test_a_picture_of_raw_and_jpeg_is_one_frame(tmp_path):
    write_frames(tmp_path, 3, (96, 64))
    for number in range(2):
        raw = dng(
            np.full((64, 96), 9000, np.uint16), (tmp_path / "frame0.jpg").read_bytes(), (96, 64), make="Skycam",
            model="Simulated", taken=START, exposure_s=2.0, f_number=2.8, iso=800,
        )  # fmt: skip
        (tmp_path / f"FRAME{number}.DNG").write_bytes(raw)
    source = open_source(tmp_path)
    assert [frame.name for frame in source.frames] == ["FRAME0.DNG", "FRAME1.DNG", "frame2.jpg"]
    assert any(note.startswith("2 JPEG files") for note in source.notes)
    source.close()


def test_what_was_made_of_a_folder_is_no_frame_of_it(tmp_path, command):
    folder = tmp_path / "night"
    write_frames(folder, 6)
    for _ in range(2):
        assert command(folder, "-o", folder / "film.mp4", "--preset", "ultrafast", "--sheet") == 0
        assert (folder / "film-poster.jpg").exists()
        assert len(open_source(folder)) == 6
    (folder / "film-poster.jpg").rename(folder / "picture.jpg")
    assert len(open_source(folder)) == 7


def test_what_frames_cannot_do_is_said_before_and_in_the_report(tmp_path, command, capsys):
    write_frames(tmp_path / "in", 4)
    words = (tmp_path / "in", "-o", tmp_path / "o.mp4", "--preset", "ultrafast", "--even")
    assert command(*words, "--text", "%H:%M") == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    assert len(said) == 2
    assert "the text" in said[0]
    assert "evenly" in said[1]
    assert command(*words, "--text", "Roof", "--output", "json") == 0
    shown = capsys.readouterr()
    assert "evenly" in shown.out
    assert "the text" not in shown.out + shown.err


def test_why_a_folder_has_no_frames_is_said(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"1 \.heic"):
        open_source(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"a\.jpg: not a picture"):
        open_source(tmp_path)


def test_a_recipe_that_begins_behind_the_end_is_refused(tmp_path):
    write_frames(tmp_path / "in", 3)
    recipe = Recipe.from_json({"outputs": [SMALL], "first": 3})
    with pytest.raises(InvalidValueError, match="0 to 2"):
        make(open_source(tmp_path / "in"), recipe, tmp_path / "o.mp4", tmp_path / "w")


def test_a_recipes_own_files_are_made_unless_others_are_asked_for(tmp_path, command):
    write_frames(tmp_path / "in", 4)
    (tmp_path / "recipe.yaml").write_text(
        "outputs: [draft, webp]\ncontact_sheet: true\noverlay: {text: Roof}\n"
    )
    words = (tmp_path / "in", "-o", tmp_path / "o.mp4", "--recipe", tmp_path / "recipe.yaml")
    assert command(*words) == 0
    assert {path.name for path in tmp_path.glob("o*")} >= {
        "o.mp4",
        "o-webp.webp",
        "o-sheet.jpg",
        "o-poster.jpg",
    }
    assert command(tmp_path / "in", "-o", tmp_path / "p.mov", *words[3:]) == 2
    assert (
        command(tmp_path / "in", "-o", tmp_path / "q.mkv", *words[3:], "--codec", "ffv1", "--no-sheet") == 0
    )
    assert not list(tmp_path.glob("q-webp*")) + list(tmp_path.glob("q-sheet*"))


def test_the_chooser_knows_every_kind_of_frame():
    assert sources.PICTURES == decode.FILES
