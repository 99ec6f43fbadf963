"""A folder of JPEGs becomes videos; read back with another decoder's eyes."""

import json

import av
import cv2
import numpy as np
import pytest

from skycam_project.common.errors import InvalidValueError
from skycam_project.common.files import claimed
from timelapse.pipeline import job
from timelapse.pipeline.errors import CancelledError, SourceError
from timelapse.pipeline.frames import open_source
from timelapse.pipeline.job import make
from timelapse.pipeline.recipe import Recipe

SMALL = {"preset": "ultrafast"}


def write_frames(folder, count, size=(320, 180)):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(3)
    scene = cv2.GaussianBlur(random.uniform(40, 200, (size[1], size[0], 3)).astype(np.float32), (0, 0), 2)
    scene = (scene - scene.mean()) * 3 + 120
    for number in range(count):
        frame = scene * (1 + 0.1 * (-1) ** number) + random.normal(0, 1, scene.shape)
        cv2.imwrite(str(folder / f"frame{number}.jpg"), np.clip(frame, 0, 255).astype(np.uint8))


def decoded(path):
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]


def test_folder_becomes_a_steady_video_in_several_chunks(tmp_path):
    write_frames(tmp_path / "in", 60)
    source = open_source(tmp_path / "in")
    assert [frame.name for frame in source.frames[8:12]] == [f"frame{n}.jpg" for n in (8, 9, 10, 11)]
    recipe = Recipe.from_json({"chunk": 24, "outputs": [SMALL, "preview"], "contact_sheet": True})
    seen = []
    report = make(source, recipe, tmp_path / "out.mp4", tmp_path / "work", seen.append)
    means = [frame.mean() for frame in decoded(tmp_path / "out.mp4")]
    assert len(means) == len(decoded(tmp_path / "out-preview.mp4")) == report.frames == 60
    assert np.std(np.diff(means)) < 0.3 < 5 < np.std(np.diff([source.read_luma(n).mean() for n in range(60)]))
    assert {progress.stage for progress in seen} == {"analyse", "render", "join"}
    assert seen[-2].done == seen[-2].total == 60
    json.dumps(report.to_json())
    for name in ("out-poster.jpg", "out-sheet.jpg"):
        assert cv2.imread(str(tmp_path / name)) is not None


def test_broken_and_odd_frames_are_reported_and_left_out(tmp_path):
    folder = tmp_path / "in"
    write_frames(folder, 30)
    whole = (folder / "frame5.jpg").read_bytes()
    (folder / "frame5.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "frame9.jpg").write_bytes(b"not a picture")
    (folder / "frame11.jpg").write_bytes(b"")
    junk = np.random.default_rng(1).bytes(2000)
    (folder / "frame12.jpg").write_bytes(whole[:3000] + junk + whole[5000:])
    cv2.imwrite(str(folder / "frame20.jpg"), np.zeros((90, 160, 3), np.uint8))
    (folder / "notes.txt").write_text("not a frame")
    report = make(
        open_source(folder), Recipe.from_json({"outputs": [SMALL]}), tmp_path / "o.mp4", tmp_path / "w"
    )
    assert {problem.name for problem in report.left_out} == {f"frame{n}.jpg" for n in (5, 9, 11, 12, 20)}
    assert all(problem.reason for problem in report.left_out)
    assert len(decoded(tmp_path / "o.mp4")) == report.frames == 25


def test_nothing_usable_is_an_error_that_says_so(tmp_path):
    with pytest.raises(SourceError, match="neither"):
        open_source(tmp_path / "none")
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(SourceError, match="no usable frame"):
        open_source(tmp_path)


def test_cancelled_job_goes_on_where_it_was(tmp_path):
    write_frames(tmp_path / "in", 60)
    source, recipe = open_source(tmp_path / "in"), Recipe.from_json({"chunk": 24, "outputs": [SMALL]})
    asked = []

    def cancel():
        asked.append(1)
        return len(asked) > 60 + 35  # in the second chunk

    with pytest.raises(CancelledError):
        make(source, recipe, tmp_path / "o.mp4", tmp_path / "w", cancelled=cancel)
    assert not (tmp_path / "o.mp4").exists()
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "w" / "chunks").glob("*.part")}
    assert len(done) == 1
    make(source, recipe, tmp_path / "o.mp4", tmp_path / "w")
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    make(source, recipe, tmp_path / "p.mp4", tmp_path / "w2")
    for one, two in zip(decoded(tmp_path / "o.mp4"), decoded(tmp_path / "p.mp4"), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"fps": 0}, "fps"),
        ({"fps": "fast"}, "fps"),
        ({"stabilise": "yes"}, "stabilise"),
        ({"chunk": 12.5}, "chunk"),
        ({"denoise": True}, "denoise"),
        ({"outputs": []}, "outputs"),
        ({"outputs": "h265"}, "outputs"),
        ({"outputs": [{"codec": "theora"}]}, "codec"),
        ({"outputs": [{"size": [1921, 1080]}]}, "size"),
        ({"outputs": [{"codec": "h264", "transfer": "hdr10"}]}, "transfer"),
        ({"outputs": [{"preset": "warp"}]}, "preset"),
        ({"colour": 1}, "colour"),
    ],
)
def test_wrong_recipes_are_refused_with_the_field(data, field):
    with pytest.raises(InvalidValueError) as refused:
        Recipe.from_json(data)
    assert refused.value.field == field


def test_recipes_survive_json():
    recipe = Recipe.from_json({"fps": 30, "outputs": ["hdr10", {"codec": "av1", "size": [1280, 720]}]})
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_frames_that_another_worker_makes_count_at_once(tmp_path, monkeypatch):
    """Four chunks, of which another worker makes the second while we make the third."""
    write_frames(tmp_path / "in", 96)
    recipe = Recipe.from_json({"chunk": 24, "outputs": [SMALL]})
    make(open_source(tmp_path / "in"), recipe, tmp_path / "first.mp4", tmp_path / "work")
    parts = sorted((tmp_path / "work" / "chunks").glob("*.part"))
    held = tmp_path / "held"
    for part in parts:
        part.rename(held if part == parts[1] else part.with_suffix(".gone"))
    counts = []

    class Meter(job._Meter):
        def __call__(self, done):
            super().__call__(done)
            if self._stage == "render":
                counts.append(done)
            if self._stage == "render" and done == 36:
                held.rename(parts[1])

    monkeypatch.setattr(job, "_Meter", Meter)
    with claimed(tmp_path / "work" / "chunks" / f"chunk-{parts[1].stem}.lock"):
        make(open_source(tmp_path / "in"), recipe, tmp_path / "out.mp4", tmp_path / "work")
    assert counts == sorted(counts) and set(range(73, 97)) <= set(counts), counts
    assert [one.tobytes() for one in decoded(tmp_path / "out.mp4")] == [
        one.tobytes() for one in decoded(tmp_path / "first.mp4")
    ]
