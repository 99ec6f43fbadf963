"""A source whose disk or network goes away: none of its frames is called broken for that."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from test_timelapse_job import write_frames

from timelapse.pipeline import analysis, folders
from timelapse.pipeline.errors import AwayError
from timelapse.pipeline.frames import open_source


def test_gone_in_the_middle_of_the_analysis_no_frame_is_left_out(tmp_path):
    place = tmp_path / "in"
    write_frames(place, 30)
    source = open_source(place)

    def unmount(done: int) -> None:
        if done == 10:
            place.rename(tmp_path / "held")

    with pytest.raises(AwayError, match="cannot be read just now"):
        analysis.analyse(source, list(range(30)), tmp_path / "rows", step=unmount)
    (tmp_path / "held").rename(place)
    again = analysis.analyse(open_source(place), list(range(30)), tmp_path / "rows")
    assert [row.reason for row in again] == [""] * 30


@pytest.mark.parametrize("gone", [[0], [12], [29], [0, 12, 13, 14, 29]])
def test_frames_that_are_deleted_meanwhile_are_left_out(tmp_path, gone):
    write_frames(tmp_path / "in", 30)
    source = open_source(tmp_path / "in")
    for number in gone:
        (tmp_path / "in" / f"frame{number}.jpg").unlink()
    rows = analysis.analyse(source, list(range(30)), tmp_path / "rows", hold=None)
    assert [row.index for row in rows if row.reason] == gone
    assert all("No such file" in rows[number].reason for number in gone)


def test_gone_while_it_is_listed_it_is_not_a_shorter_sequence(tmp_path, monkeypatch):
    place = tmp_path / "in"
    write_frames(place, 30)
    looked = folders.describe

    def unmounted(file, name, *others):
        found = looked(file, name, *others)
        if name == "frame9.jpg":
            place.rename(tmp_path / "held")
        return found

    monkeypatch.setattr(folders, "describe", unmounted)
    with pytest.raises(AwayError, match="cannot be read just now"):
        open_source(place)


def test_a_folder_that_is_not_there_may_come_back(tmp_path):
    with pytest.raises(AwayError, match="neither a folder"):
        open_source(tmp_path / "away")


def test_a_missing_frame_among_those_that_set_the_scale_is_left_out(tmp_path):
    """Counts are developed by a few frames over the sequence, the first among them."""
    from astropy.io import fits

    random = np.random.default_rng(1)
    scene = cv2.GaussianBlur(random.uniform(300, 4000, (90, 120)).astype(np.float32), (0, 0), 2)
    for number in range(12):
        fits.writeto(tmp_path / f"frame{number:02d}.fits", scene.astype(np.uint16))
    source = open_source(tmp_path)
    Path(tmp_path / "frame00.fits").unlink()
    rows = analysis.analyse(source, list(range(12)), tmp_path / "rows", hold=None)
    source.close()
    assert [row.index for row in rows if row.reason] == [0]
