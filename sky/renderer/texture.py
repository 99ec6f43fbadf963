"""Fractal noise that repeats at its edges: clouds, nebulae, rock."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sky.kernels import kernel

SIZE = 512


@lru_cache(maxsize=6)
def fractal(seed: int, slope: float = 1.7) -> NDArray[np.float32]:
    """Field (512, 512), mean 0, deviation 1; amplitudes fall as frequency to the power -`slope`."""
    noise = np.random.default_rng([seed, 7]).standard_normal((SIZE, SIZE))
    f = np.fft.fftfreq(SIZE)
    frequency = np.hypot(f[:, None], f[None, : SIZE // 2 + 1])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(noise) * frequency**-slope
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, (SIZE, SIZE))
    return (field / field.std()).astype(np.float32)


@lru_cache(maxsize=6)
def quantiles(seed: int, slope: float = 1.7) -> NDArray[np.float32]:
    """1001 quantiles of `fractal(seed, slope)`."""
    return np.quantile(fractal(seed, slope), np.linspace(0, 1, 1001)).astype(np.float32)


@kernel
def _sample(field, u, v, out):
    mask = field.shape[0] - 1
    for k in range(u.size):
        fu, fv = np.floor(u[k]), np.floor(v[k])
        a, b = u[k] - fu, v[k] - fv
        i, j = int(fu) & mask, int(fv) & mask
        i2, j2 = (i + 1) & mask, (j + 1) & mask
        top = field[j, i] * (1 - a) + field[j, i2] * a
        low = field[j2, i] * (1 - a) + field[j2, i2] * a
        out[k] = top * (1 - b) + low * b


def sample(field: NDArray[np.float32], u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float32]:
    """The field at (column u, row v), interpolated, repeated for ever; any shape."""
    out = np.empty(u.size, np.float32)
    _sample(
        field, np.ascontiguousarray(u, np.float64).ravel(), np.ascontiguousarray(v, np.float64).ravel(), out
    )
    return out.reshape(u.shape)
