"""Clouds are stars that vanish, two frames in a row; dawn, drift and other set-ups are none."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sky.clouds import CloudWatch

START = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def changes(counts, setups=None, step=timedelta(minutes=1)):
    watch = CloudWatch()
    found = []
    for number, stars in enumerate(counts):
        change = watch.see(START + number * step, stars, setups[number] if setups else "same")
        if change:
            found.append((number, change.name, change.stars, change.expected))
    return found


def test_clouds_come_and_go():
    counts = [400, 390, 410, 405, 100, 90, 80, 120, 300, 310, 400, 399]
    assert changes(counts) == [(5, "cloud_detected", 90, 402), (9, "cloud_cleared", 310, 402)]


def test_one_bad_frame_is_no_cloud():
    assert changes([400] * 5 + [20] + [400] * 5 + [30, 400]) == []


def test_few_stars_say_nothing():
    assert changes([9, 12, 11, 10, 0, 0, 0]) == []


def test_another_setup_or_a_long_pause_begins_anew():
    assert changes([400] * 5 + [50] * 5, ["a"] * 5 + ["b"] * 5) == []
    assert changes([400] * 5 + [50] * 5, step=timedelta(minutes=40)) == []


@given(st.lists(st.integers(70, 100), min_size=1, max_size=80))
def test_a_sky_that_hardly_changes_is_clear(counts):
    assert changes(counts) == []


@given(st.lists(st.integers(0, 500), max_size=80))
def test_clouds_come_before_they_go(counts):
    names = [name for _, name, _, _ in changes(counts)]
    assert names == ["cloud_detected", "cloud_cleared"] * (len(names) // 2) + ["cloud_detected"] * (
        len(names) % 2
    )
