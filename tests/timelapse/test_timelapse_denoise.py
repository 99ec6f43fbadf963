"""Noise goes, the scene stays: where it stands still, where it moves, at its edges."""

import numpy as np
import pytest

from timelapse.pipeline import deflicker
from timelapse.pipeline.denoise import Denoiser, Light
from timelapse.pipeline.planes import Planes

NOISE = 300.0


def noisy(luma, random):
    grey = np.full((luma.shape[0] // 2, luma.shape[1] // 2), 32768.0)
    parts = (luma, grey, grey)
    return Planes(
        *((part + random.normal(0, NOISE, part.shape)).clip(0, 65535).astype(np.uint16) for part in parts)
    )


def test_still_picture_becomes_clean_and_keeps_its_edges():
    random = np.random.default_rng(1)
    scene = np.where(np.arange(320) < 160, 12000.0, 40000.0) * np.ones((180, 1))
    denoiser = Denoiser(0.8)
    for _ in range(20):
        out = denoiser(noisy(scene, random))
    assert np.std(out.y - scene) < NOISE / 2.5
    assert abs((out.y - scene).mean()) < 10
    assert np.std(out.u - 32768.0) < NOISE / 2.5


def test_moving_edge_leaves_no_ghost():
    random = np.random.default_rng(2)
    denoiser = Denoiser(0.8)
    for number in range(16):
        scene = np.where(np.arange(320) < 60 + 12 * number, 12000.0, 40000.0) * np.ones((180, 1))
        out = denoiser(noisy(scene, random))
    off = np.abs(out.y - scene).mean(0)
    assert off.max() < 2 * NOISE  # nowhere is a trace of the 28,000 that the edge had been


def test_what_moves_is_smoothed_over_its_neighbours():
    random = np.random.default_rng(3)
    denoiser = Denoiser(0.8)
    denoiser(noisy(np.full((180, 320), 12000.0), random))
    denoiser(noisy(np.full((180, 320), 12000.0), random))
    bright = denoiser(noisy(np.full((180, 320), 40000.0), random))
    assert np.std(bright.y - 40000.0) < 0.7 * NOISE


def test_shadow_that_creeps_is_not_left_behind():
    """Each step is far below the noise of a pixel; only a mean over many shows it."""
    random = np.random.default_rng(5)
    denoiser = Denoiser(0.9)
    for number in range(40):
        scene = np.full((180, 320), 20000.0)
        scene[:, 160:] += 60 * number
        out = denoiser(noisy(scene, random))
    assert abs((out.y - scene)[:, 180:300].mean()) < NOISE
    assert abs((out.y - scene)[:, 20:140].mean()) < 10


def test_light_of_the_scene_is_followed():
    """A dusk that the deflicker knows of costs nothing: neither lag nor noise."""
    random = np.random.default_rng(6)
    response, step = np.tile(deflicker.prior_response(), (3, 1)), np.full(3, -0.05)
    table, factor = deflicker.tables(response, step)
    code = (np.arange(256) + 0.5 - 16) * 255 / 219
    luma = np.interp(code, np.linspace(0, 256, 4096, endpoint=False), table) - code.clip(0, 255)
    light = Light(np.rint(luma * 219 * 256 / 255).astype(np.int32), float(factor[2048]))
    scene = np.linspace(12000.0, 45000.0, 320) * np.ones((180, 1))
    denoiser = Denoiser(0.9)
    out = denoiser(noisy(scene, random))
    for _ in range(25):
        scene = scene + np.interp(scene / 256 - 0.5, np.arange(256), light.luma)
        out = denoiser(noisy(scene, random), light)
    inside = (out.y - scene)[:, 10:-10]
    assert abs(inside.mean()) < 15
    assert np.std(inside) < NOISE / 3.5


@pytest.mark.parametrize("size", [(97, 121), (98, 120)])
@pytest.mark.parametrize("cores", [1, 3])
def test_result_does_not_depend_on_the_cores(monkeypatch, cores, size):
    results = []
    for number in (cores, 2):
        monkeypatch.setattr("sky.kernels.cores", lambda number=number: number)
        random = np.random.default_rng(4)
        denoiser = Denoiser(0.5)
        for _ in range(3):
            out = denoiser(noisy(np.full(size, 20000.0), random))
        results.append(out)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
