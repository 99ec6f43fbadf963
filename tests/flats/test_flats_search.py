"""The search against panels and cameras that are only arithmetic: gamma, flicker, offsets, saturation, limits."""

import math
import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from observatory.errors import UnreachableError, UnseenError
from observatory.flats.search import Limits, Search


class Bench:
    """A panel in front of a camera.

    `light` is the level per second at full brightness; `dark` the share of it that the room adds.
    """

    def __init__(self, maximum, gamma, light, *, flicker=0.0, floor=0.0, dark=0.0, seed=0) -> None:
        self.maximum, self.gamma, self.light = maximum, gamma, light
        self.flicker, self.floor, self.dark = flicker, floor, dark
        self.random = random.Random(seed)

    def level(self, probe) -> float:
        setting = 1.0 if probe.brightness is None else probe.brightness / self.maximum
        usable = max(0.0, setting - self.floor) / (1 - self.floor)
        flicker = 1 + self.flicker * math.sin(self.random.uniform(0, 2 * math.pi))
        light = self.light * (usable**self.gamma * flicker + self.dark)
        noise = 1 + self.random.gauss(0, 0.003)
        return min(1.0, light * probe.exposure_s * noise)


def run(bench, limits, start_s=1.0, **options) -> Search:
    search = Search(limits, start_s, **options)
    while not search.found:
        assert 0 < (search.probe.brightness or 1) <= (limits.maximum or 1)
        assert limits.shortest_s <= search.probe.exposure_s <= limits.longest_s
        search.tell(bench.level(search.probe))
    return search


@settings(max_examples=1000, deadline=None)
@given(
    bits=st.sampled_from([8, 16]),
    gamma=st.floats(1.0, 2.8),
    light=st.floats(-1.2, 2.2).map(lambda power: 10**power),
    flicker=st.sampled_from([0.0, 0.02]),
    floor=st.sampled_from([0.0, 0.03]),
    seed=st.integers(0, 1 << 30),
)
def test_the_target_is_reached_within_8_pictures(bits, gamma, light, flicker, floor, seed):
    """From a panel that needs 30 s at full brightness to one that is 300 times too bright at the shortest exposure."""
    maximum = 255 if bits == 8 else 65535
    assume(not floor or light <= 30)  # beyond, the whole range lies in a few steps above the threshold
    assume(bits == 16 or light * 0.1 * (60 / 255) ** gamma <= 0.5)  # below, a step of 8 bits is too coarse
    bench = Bench(maximum, gamma, light, flicker=flicker, floor=floor, seed=seed)
    search = run(bench, Limits(maximum, 0.1, 30.0))
    assert len(search.taken) <= 8
    assert abs(search.taken[-1][1] - 0.5) <= 0.025
    # without flicker and noise the found setting is right too, not only the lucky picture
    bench.flicker = 0.0
    assert abs(bench.level(search.probe) - 0.5) <= 0.025 + 0.5 * flicker + 0.012


@settings(max_examples=300, deadline=None)
@given(light=st.floats(-1.2, 0.7).map(lambda power: 10**power), seed=st.integers(0, 1 << 30))
def test_the_cameras_own_exposure_times_are_enough(light, seed):
    table = [0.1 * 2 ** (n / 3) for n in range(25)]
    nearest = lambda wished: min(table, key=lambda offered: abs(math.log(offered / wished)))  # noqa: E731
    bench = Bench(255, 2.2, light, flicker=0.02, seed=seed)
    search = run(bench, Limits(255, 0.1, 30.0, nearest))
    assert len(search.taken) <= 8 and search.probe.exposure_s in table


@settings(max_examples=300, deadline=None)
@given(light=st.floats(-1.5, 2.0).map(lambda power: 10**power), seed=st.integers(0, 1 << 30))
def test_without_a_panel_the_exposure_is_searched(light, seed):
    bench = Bench(1, 1.0, light, flicker=0.02, seed=seed)
    search = run(bench, Limits(None, 0.001, 60.0))
    assert len(search.taken) <= 5 and search.probe.brightness is None


@pytest.mark.parametrize(("light", "word"), [(0.001, "too dark"), (1e9, "too bright")])
def test_what_cannot_be_reached_is_said(light, word):
    with pytest.raises(UnreachableError, match=word):
        run(Bench(255, 2.2, light), Limits(255, 0.1, 10.0), most=12)
    with pytest.raises(UnreachableError, match=word):
        run(Bench(1, 1.0, light), Limits(None, 0.1, 10.0), most=12)


def test_a_panel_that_makes_no_difference_is_said():
    with pytest.raises(UnseenError, match="does not see it"):
        run(Bench(65535, 2.0, 1e-9, dark=1e8, seed=1), Limits(65535, 0.1, 30.0))


def test_another_target_and_tolerance():
    search = run(Bench(65535, 2.2, 1.7), Limits(65535, 0.1, 10.0), target=0.3, tolerance=0.01)
    assert abs(search.taken[-1][1] / 0.3 - 1) <= 0.01
