"""The fit of a rigid movement: exact without noise, and not led astray by what moves by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timelapse.pipeline import rigid

SIZE = (1920, 1080)


def points(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform((0, 0), SIZE, (count, 2))


def moved(before: np.ndarray, pose: np.ndarray) -> np.ndarray:
    matrix = rigid.movement(pose, SIZE)
    return before @ matrix[:, :2].T + matrix[:, 2]


@given(
    st.floats(-40, 40), st.floats(-40, 40), st.floats(-0.02, 0.02), st.integers(8, 700), st.integers(0, 1000)
)
def test_without_noise_it_is_exact(x, y, turn, count, seed):
    before, pose = points(seed, count), np.array([x, y, turn])
    matrix, trust, _ = rigid.fit(before, moved(before, pose))
    np.testing.assert_allclose(rigid.pose(matrix, SIZE), pose, atol=1e-6)
    assert (trust > 0.9).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.45])
@pytest.mark.parametrize("seed", range(8))
def test_clouds_that_drift_alike_do_not_lead_it_astray(share, seed):
    random = np.random.default_rng(seed)
    before = points(seed, 600)
    before = before[np.argsort(before[:, 1])]  # clouds are at the top
    pose = np.array([*random.uniform(-8, 8, 2), random.uniform(-1e-3, 1e-3)])
    after = moved(before, pose) + random.normal(0, 0.1, before.shape)
    clouds = int(share * len(before))
    way, far = random.uniform(0, 2 * np.pi), random.uniform(1.5, 9)
    drift = far * np.array([np.cos(way), np.sin(way)])
    after[:clouds] += drift + random.normal(0, 0.4, (clouds, 2))
    matrix, trust, sigma = rigid.fit(before, after)
    np.testing.assert_allclose(rigid.pose(matrix, SIZE)[:2], pose[:2], atol=0.05)
    assert rigid.pose(matrix, SIZE)[2] == pytest.approx(pose[2], abs=1e-4)
    assert (trust[clouds:] > 0.4).mean() > 0.8
    assert sigma < 0.3


def test_a_change_of_size_is_found_where_it_is_allowed():
    before = points(1, 200)
    after = (before - 500) * 1.012 + 500 + [3.0, -2.0]
    after[:60] += 15
    matrix, _, _ = rigid.fit(before, after, scale=True)
    assert np.hypot(*matrix[:, 0]) == pytest.approx(1.012, abs=1e-6)
    bound, _, _ = rigid.fit(before, after)
    assert np.hypot(*bound[:, 0]) == pytest.approx(1.0)
