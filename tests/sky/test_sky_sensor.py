"""The simulated sensor: noise, fixed patterns, compiled kernels."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sky_frames import CLEAR, DARK, SMALL, sized

from sky import kernels
from sky.instruments import DSLR_SMALL
from sky.renderer import AltAz, Equatorial, Fixed, render, render_rgb
from sky.renderer import sensor as chip
from sky.renderer.psf import PHASES, stamps


@pytest.mark.parametrize("electrons", [0.3, 1.0, 5.0, 15.0, 25.0, 100.0, 1000.0])
def test_photon_transfer(electrons):
    """Mean λ and variance λ + σ² + g²/12, whatever the level."""
    shape, gain, read = (400, 500), 0.5, 1.4
    zero = np.zeros((4, 2, 2), np.float32)
    out = np.empty(shape, np.uint16)
    chip.expose_mosaic(
        np.full((1, *shape), electrons, np.float32), 0, zero, zero, np.full((2, 2), 9.0, np.float32), False,
        499, np.full(shape, 245, np.uint8), np.zeros(shape, np.uint8), np.zeros(256, np.float32), read,
        1 / gain, 100.0, 4095, 11_000.0, np.uint64(5), chip.normal_table(), chip.poisson_table(), out,
    )  # fmt: skip
    adu = out.astype(np.float64)
    assert (adu.mean() - 100) * gain == pytest.approx(electrons, rel=0.004, abs=0.01)
    assert adu.var() * gain**2 == pytest.approx(electrons + read**2 + gain**2 / 12, rel=0.01)


def test_same_arguments_give_the_same_bytes_on_any_number_of_cores(monkeypatch):
    cloudy = replace(CLEAR, cloud_cover=0.4)

    def frame(seed=1):
        return render(
            SMALL, AltAz(83.82, -5.39), datetime(2026, 11, 10, 1, tzinfo=UTC), 8.0, 60, cloudy, seed=seed
        )

    def picture():
        return render_rgb(sized(DSLR_SMALL, 600, 400), Fixed(12, 200), DARK, 10.0, 800, cloudy)

    monkeypatch.setattr(kernels, "cores", lambda: 1)
    alone, alone_rgb = frame(), picture()
    monkeypatch.setattr(kernels, "cores", lambda: 3)
    assert (frame() == alone).all()
    assert (picture() == alone_rgb).all()
    other = frame(seed=2)
    assert (other != alone).mean() > 0.5
    assert abs(other.mean() - alone.mean()) < 0.5


def test_dark_frames_show_offset_dark_current_and_the_same_hot_pixels():
    def dark(temperature, second=0, exposure=60.0):
        start = DARK + timedelta(seconds=second)
        return render(
            SMALL,
            Equatorial(10, 40),
            start,
            exposure,
            0,
            CLEAR,
            filter_name="Dark",
            temperature_c=temperature,
        ).astype(np.float64)

    bias, cool, warm, again = dark(25, exposure=0.0), dark(25), dark(31), dark(25, 100)
    assert bias.mean() == pytest.approx(200, abs=0.05)
    unit = 2.7
    mean = np.clip(cool, 0, 1000).mean() - 200
    assert mean * unit == pytest.approx(0.02 * 60 * 1.055, rel=0.1)  # 5.5 % of the mean comes from hot pixels
    assert (np.clip(warm, 0, 1000).mean() - 200) / mean == pytest.approx(2.0, rel=0.1)
    hot = cool > 200 + 20
    assert 50 < hot.sum() < 600
    assert (again[hot] > 200 + 10).mean() > 0.97


def test_gain_changes_the_numbers_and_not_the_light():
    low, high = (
        render(SMALL, Equatorial(305, 40), DARK, 10.0, gain, CLEAR).astype(np.float64) - 200
        for gain in (60, 120)
    )
    assert np.median(high) / np.median(low) == pytest.approx(10 ** (60 / 200), rel=0.05)


def test_corners_are_darker_by_the_vignetting():
    flat = chip.maps(SMALL.sensor, SMALL.optics).flat.astype(np.float64) * chip.FLAT_STEP
    middle, corner = flat[300:340, 460:500].mean(), flat[:12, :12].mean()
    assert corner / middle == pytest.approx(1 - 0.18, abs=0.01)


@pytest.mark.parametrize(("fwhm", "defocus"), [(1.94, 0.0), (1.94, 3.0), (2.6, 12.0)])
def test_stamps_hold_the_whole_star_in_the_right_place(fwhm, defocus):
    bank = stamps(fwhm, defocus)
    half = int(bank.half[-1])
    size = 2 * half + 1
    stars = bank.data[bank.first[-1] :].reshape(PHASES, PHASES, size, size).astype(np.float64)
    axis = np.arange(size) - half
    for p, q in ((0, 0), (3, 6), (7, 7)):
        star = stars[p, q]
        assert star.sum() == pytest.approx(1, abs=2e-4)
        assert (star.sum(axis=0) @ axis) == pytest.approx(q / PHASES, abs=0.002)
        assert (star.sum(axis=1) @ axis) == pytest.approx(p / PHASES, abs=0.002)
    spread = (stars[0, 0].sum(axis=0) @ np.abs(axis)) > 0.3 * defocus
    assert spread


_WARM = """
import sys
from dataclasses import replace
from numba.core.dispatcher import Dispatcher
import sky
from sky.detection import detect
from sky.instruments import ALLSKY, DSLR_SMALL, DWARF3_TELE
from sky.photometry import sky_quality
from sky.renderer import AltAz, Equatorial, Fixed, render, render_rgb
from sky.solver import solve_detections
from sky_frames import CLEAR, DARK, SMALL, sized

def compiled():
    return {
        f"{name}.{key}": len(value.signatures)
        for name, module in list(sys.modules.items()) if name.startswith("sky.")
        for key, value in vars(module).items() if isinstance(value, Dispatcher)
    }

steps = []
sky.warm_up(lambda *step: steps.append(step))
assert steps[0][0] == 0 and steps[-1][0] == steps[-1][1], steps
known = compiled()
frame = render(DWARF3_TELE, Equatorial(305, 40), DARK.replace(hour=18), 5.0, 60, CLEAR)
found = detect(frame, top=4095)
plate = solve_detections(found, 3840, 2160, DWARF3_TELE.scale_arcsec, 305.2, 40.2)
sky_quality(frame, found, plate, 5.0, 1.1, dark_adu=200.0, top=4095)
render(SMALL, AltAz(10.68, 41.27), DARK, 30.0, 60, replace(CLEAR, cloud_cover=0.3), defocus_um=40.0)
render(sized(ALLSKY, 774, 520), Fixed(90, 180), DARK, 20.0, 0, CLEAR)
render_rgb(sized(DSLR_SMALL, 300, 201), Fixed(5, 180), DARK, 20.0, 1600, CLEAR)
new = {name: (count, known.get(name)) for name, count in compiled().items() if known.get(name) != count}
assert not new, new
"""


def test_warm_up_leaves_nothing_to_compile():
    """In a fresh process, where no other test has compiled anything before."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([p for p in sys.path if p])}
    subprocess.run([sys.executable, "-c", _WARM], check=True, env=environment)


def test_kernels_compile_where_nothing_can_be_cached(monkeypatch):
    import numba

    real = numba.njit

    def njit(*args, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(*args, **options)

    monkeypatch.setattr(numba, "njit", njit)

    @kernels.kernel
    def double(x):
        return 2 * x

    assert double(21) == 42
