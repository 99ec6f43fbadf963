"""A film is made at ordinary priority, whatever the encoder would like."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from timelapse.pipeline.encode import Encoder
from timelapse.pipeline.planes import Planes
from timelapse.pipeline.recipe import Output


def policies() -> set[int]:
    """Of all threads of this process, the encoder's too."""
    return {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").iterdir()}


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="no scheduling classes here")
@pytest.mark.parametrize("codec", ["av1", "h265", "h264"])
def test_no_thread_gets_real_time_priority(tmp_path, codec):
    before = policies()
    encoder = Encoder(
        tmp_path / "a.mp4",
        Output(codec=codec, preset="12" if codec == "av1" else None),
        (320, 240),
        Fraction(25),
        8,
        None,
    )
    try:
        grey = np.full((240, 320), 100, np.uint16)
        encoder.write(Planes(grey, grey[::2, ::2].copy(), grey[::2, ::2].copy()))
        assert len(list(Path("/proc/self/task").iterdir())) > 1, "the encoder's threads are there"
        assert policies() == before == {os.SCHED_OTHER}
    finally:
        encoder.abandon()
