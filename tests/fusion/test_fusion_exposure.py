"""Exposure fusion, ghosts, radiance: against the light that was photographed."""

import numpy as np
import pytest
from fusion_scenes import EVS, bracket, detail, light, photograph

from skycam_project.common.errors import InvalidValueError
from timelapse.fusion.exposure import fuse
from timelapse.fusion.radiance import merge_radiance


@pytest.fixture(scope="module")
def scene():
    return light()


@pytest.fixture(scope="module")
def frames(scene):
    return bracket(scene)


def test_each_tone_shows_what_no_single_frame_shows(scene, frames):
    fused = detail(scene, fuse(frames))
    for frame in frames:
        assert min(fused) > min(detail(scene, frame))
    assert min(fused) > 0.93


def test_nothing_is_clipped_though_frames_are(frames):
    fused = fuse(frames)
    assert (frames[2] >= 254).any(axis=2).mean() > 0.2
    assert (fused >= 254).all(axis=2).mean() < 0.001


def test_order_does_not_matter(frames):
    again = fuse(frames[::-1])
    assert np.abs(again.astype(int) - fuse(frames)).max() <= 1


def test_sixteen_bits_are_kept(scene, frames):
    deep = fuse(bracket(scene, np.uint16))
    assert deep.dtype == np.uint16
    assert len(np.unique(deep)) > 5000
    assert np.abs(deep / 257 - fuse(frames)).mean() < 0.7


def test_equal_frames_stay_as_they_are(frames):
    same = fuse([frames[1], frames[1], frames[1]])
    luma = np.array([0.299, 0.587, 0.114])  # colour is mixed in half size, luma in full
    assert np.abs(same @ luma - frames[1] @ luma).mean() < 0.5
    assert np.abs(same.mean(axis=(0, 1)) - frames[1].mean(axis=(0, 1))).max() < 0.1


def test_what_moves_stays_where_the_middle_frame_has_it(scene, frames):
    empty = fuse(frames)
    walker = np.array([0.5, 0.2, 0.1], np.float32)
    moved = []
    for index, ev in enumerate(EVS):
        walked = scene.copy()
        walked[60:100, 60 + 100 * index : 100 + 100 * index] = walker
        moved.append(photograph(walked, ev, index))
    places = [np.s_[68:92, 68 + 100 * index : 92 + 100 * index] for index in range(3)]

    def colour_cast(picture):
        differences = [(picture[place].astype(int) - empty[place]).mean(axis=(0, 1)) for place in places]
        return [np.ptp(difference) for difference in differences]

    naive, clean = colour_cast(fuse(moved, ghosts=False)), colour_cast(fuse(moved))
    assert min(naive[0], naive[2]) > 15
    assert max(clean[0], clean[2]) < 6
    truth = fuse([photograph(np.broadcast_to(walker, scene.shape), ev, 7) for ev in EVS])[places[1]]
    assert np.abs(fuse(moved)[places[1]].astype(int) - truth).mean() < 12


def test_a_still_scene_has_no_ghosts(frames):
    assert np.abs(fuse(frames).astype(int) - fuse(frames, ghosts=False)).mean() < 1.0


def test_light_is_what_was_photographed(scene, frames):
    found, known = merge_radiance(frames, EVS)
    error = np.abs(np.log2(np.maximum(found, 1e-4) / np.maximum(scene, 1e-4)))[known]
    assert np.median(error) < 0.05
    assert np.quantile(error, 0.95) < 0.25


def test_light_beyond_all_frames_is_the_end_of_the_range(scene):
    burnt = [np.full((32, 32, 3), 255, np.uint8)] * 2
    found, known = merge_radiance(burnt, (0.0, -1.0))
    assert not known.any()
    assert found == pytest.approx(2.0)  # white of the frame of -1 EV, in units of the one of 0 EV


@pytest.mark.parametrize(
    ("pictures", "what"),
    [
        ([], "at least 2"),
        ([np.zeros((32, 32, 3), np.uint8)], "at least 2"),
        ([np.zeros((32, 32, 3), np.uint8), np.zeros((32, 40, 3), np.uint8)], "as the first"),
        ([np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32, 3), np.uint16)], "as the first"),
        ([np.zeros((32, 32), np.uint8)] * 2, "height"),
        ([np.zeros((32, 32, 3), np.float32)] * 2, "uint8"),
        ([np.zeros((8, 32, 3), np.uint8)] * 2, "16 × 16"),
    ],
)
def test_wrong_pictures_are_refused(pictures, what):
    with pytest.raises(InvalidValueError, match=what):
        fuse(pictures)


def test_exposures_and_responses_that_do_not_fit_are_refused(frames):
    with pytest.raises(InvalidValueError, match="one for each of 3"):
        merge_radiance(frames, (0.0, 1.0))
    with pytest.raises(InvalidValueError, match="256 values"):
        merge_radiance(frames, EVS, np.zeros(10, np.float32))
