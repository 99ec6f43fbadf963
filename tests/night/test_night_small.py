"""Small machines: frames are halved, and little of a frame stays when it is done with."""

import gc
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from night_fields import Field, frame_of, streaked

from skycam_project.common import machine
from timelapse.night.engine import NightProducts, Wishes
from timelapse.night.frames import Camera, halved
from timelapse.night.sightings import Watch

FIELD = Field(size=480, stars=260)


def test_a_halved_mosaic_is_a_mosaic():
    mosaic = np.zeros((103, 206), np.uint16)
    mosaic[0::2, 0::2], mosaic[1::2, 1::2], mosaic[0::2, 1::2], mosaic[1::2, 0::2] = 5000, 700, 1000, 1010
    half = halved(replace(frame_of(mosaic, 0), kind="mosaic"))
    assert half.image.shape == (50, 102)
    assert {int(v) for v in half.image[0::2, 0::2].ravel()} == {5000}
    assert {int(v) for v in half.image[1::2, 1::2].ravel()} == {700}
    assert (half.image[0, 1], half.image[1, 0]) == (1000, 1010)
    assert half.digest == "digest-0"


@pytest.mark.parametrize("shape", [(101, 203), (101, 203, 3)])
def test_halved_is_the_mean_of_four(shape):
    image = np.random.default_rng(1).integers(0, 60000, shape, np.uint16)
    half = halved(frame_of(image, 0)).image
    whole = image[:100, :202].astype(float).reshape(50, 2, 101, 2, *shape[2:]).mean(axis=(1, 3))
    assert np.abs(half - whole).max() <= 0.5


def test_a_night_of_halved_frames(tmp_path):
    """Products are half as wide, say so, and do not go on with what was remembered at another size."""

    def night(megapixels):
        wishes = Wishes(frozenset({"trails", "stack"}), megapixels=megapixels)
        products = NightProducts(tmp_path, Camera(scale_arcsec=10.0), wishes)
        for n in range(4):
            frame = frame_of(FIELD.pixels(FIELD.light(0.2 * n), n), n)
            if products.wants(frame.digest):
                products.append(frame)
        products.finish()
        return products

    small = night(0.06)
    assert small.found()["pixels_across"] == "1/2"
    assert small.trails.raw(clean=True).shape == (240, 240, 3)
    assert small.stack.used == 4
    # The stars are where they were, at half the pixels.
    at = np.stack(FIELD.places(), axis=1)
    bright = (FIELD.flux > 3e4) & (at > 20).all(axis=1) & (at < 460).all(axis=1)
    x, y = np.round((at[bright] - 0.5) / 2).astype(int).T
    assert np.median(small.stack.image()[y, x, 0]) > 6 * np.median(small.stack.image())
    whole = night(None)
    assert "pixels_across" not in whole.found()
    assert whole.trails.raw(clean=True).shape == (480, 480, 3)
    assert whole.stack.used == 4


def test_little_of_a_frame_stays(tmp_path):
    """What is remembered is the products and three frames, not each frame that a clip may need, in colour."""
    size = 1200
    noise = np.random.default_rng(1).normal(400, 12, (size, size))
    products = NightProducts(tmp_path, Camera(), Wishes(frozenset({"trails", "meteors"})))
    tracemalloc.start()
    try:
        for n in range(8):
            image = np.roll(noise, 37 * n, axis=0).astype(np.uint16)
            products.append(replace(frame_of(image, n), kind="mosaic"))
        del image
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] / (2 * size * size)
    finally:
        tracemalloc.stop()
    assert kept < 16, "frames' worth of memory; it was 50"


def test_a_satellite_goes_on_behind_the_pause():
    """On the next frame only a short piece of its way is in the picture, far behind the dim end of this one."""
    watch, kinds = Watch(), []
    lines = {
        2: [((60 + 14 * k, 110 + 5 * k), (74 + 14 * k, 115 + 5 * k), (40 - 1.6 * k) * 10) for k in range(22)]
    }
    lines[3] = [((440, 245.7), (478, 259.3), 300)]
    judged = []
    for n in range(6):
        image = FIELD.pixels(FIELD.light(), n)
        for a, b, peak in lines.get(n, []):
            image = streaked(image, a, b, peak)
        judged += watch.push(_look(image, n))
    judged += watch.flush()
    kinds = [(look.frame.name, s.kind) for look, sightings in judged for s in sightings]
    assert ("000002", "satellite") in kinds
    assert "meteor" not in {kind for _, kind in kinds}


def _look(image, n):
    from timelapse.night.frames import Look

    return Look(frame_of(image, n), Camera())


def test_a_containers_limit_is_the_memory(tmp_path, monkeypatch):
    whole = machine.memory_bytes()
    assert whole > 2e8
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "_LIMITS", (str(tmp_path / "none"), str(limit)))
    limit.write_text("max\n")
    assert machine.memory_bytes() >= whole
    limit.write_text("123456789\n")
    assert machine.memory_bytes() == 123456789
