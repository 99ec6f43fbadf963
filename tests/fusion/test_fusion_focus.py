"""Focus stacking and alignment: against the sharp picture, and against known shifts."""

import cv2
import numpy as np
import pytest
from fusion_scenes import EVS, focus_run, light, photograph, psnr

from skycam_project.common.errors import InvalidValueError
from timelapse.fusion.align import align
from timelapse.fusion.focus import focus_stack


@pytest.fixture(scope="module")
def run():
    return focus_run()


def test_the_stack_is_sharper_than_any_frame(run):
    sharp, frames = run
    best = max(psnr(frame, sharp) for frame in frames)
    assert psnr(focus_stack(frames), sharp) > best + 5


def test_the_stack_takes_any_iterable_and_keeps_sixteen_bits(run):
    _, frames = run
    deep = focus_stack(frame.astype(np.uint16) * 257 for frame in frames)
    assert deep.dtype == np.uint16
    assert psnr((deep / 257).round().astype(np.uint8), focus_stack(frames)) > 45


def test_one_frame_is_no_stack(run):
    with pytest.raises(InvalidValueError, match="at least 2"):
        focus_stack(run[1][:1])
    with pytest.raises(InvalidValueError, match="as the first"):
        focus_stack([run[1][0], run[1][0][:100]])


def test_shifted_exposures_are_laid_over_each_other():
    scene = light(360, 640)
    turn = cv2.getRotationMatrix2D((320, 180), 0.4, 1.0)
    turn[:, 2] += (5.3, -3.6)
    pushed = cv2.warpAffine(scene, turn, (640, 360), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    frames = [photograph(np.maximum(pushed, 0), EVS[0], 1), *(photograph(scene, ev, 2) for ev in EVS[1:])]
    aligned = align(frames)
    inner = np.s_[20:-20, 20:-20]
    truth = photograph(scene, EVS[0], 1)[inner]
    assert psnr(aligned[0][inner], truth) > psnr(frames[0][inner], truth) + 6
    assert np.array_equal(aligned[1], frames[1])
    assert psnr(aligned[2][inner], frames[2][inner]) > 38


def test_breathing_is_taken_out(run):
    sharp, frames = run
    height, width = sharp.shape[:2]
    breathed = []
    for index, frame in enumerate(frames):
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 0, 1 + 0.004 * (index - 2))
        breathed.append(
            cv2.warpAffine(
                frame, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
            )
        )
    inner = np.s_[12:-12, 12:-12]
    rigid = psnr(focus_stack(breathed)[inner], sharp[inner])
    assert psnr(focus_stack(align(breathed, breathing=True))[inner], sharp[inner]) > rigid + 3


def test_frames_without_anything_in_common_stay():
    black = [np.zeros((64, 64, 3), np.uint8) for _ in range(3)]
    assert all(np.array_equal(one, other) for one, other in zip(align(black), black, strict=True))
