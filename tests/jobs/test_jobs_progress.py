"""What a job says of the time that is left, begun anew and gone on with."""

import pytest

from timelapse import making
from timelapse.pipeline.job import Progress


class Clock:
    def __init__(self, monkeypatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(making.time, "monotonic", lambda: self.now)


def told(said: list, **options) -> making._Teller:
    tell = making._Teller(lambda message: said.append(dict(message)), 100, 0, (), lambda: False)
    for name, value in options.items():
        setattr(tell, name, value)
    return tell


@pytest.mark.parametrize("kept", [0, 100, 300])
def test_what_an_earlier_try_made_costs_no_time_now(monkeypatch, kept):
    """1,000 frames, looked at before, at one a second: what is left is what has not been rendered."""
    clock, said = Clock(monkeypatch), []
    tell = told(said)
    tell(Progress("analyse", 1000, 1000, 0.0, None, 1000))
    for done in range(kept, 601):
        tell(Progress("render", done, 1000, 1.0, None, kept))
        clock.now += 1.0
    # the last ten of its hundred parts of work are joining and checking, at the speed so far
    assert said[-1]["percent"] == pytest.approx(35 + 55 * 0.6)
    assert said[-1]["remaining_s"] == pytest.approx(400 + 10 * 1000 / 55, rel=0.01)


def test_a_draft_that_an_earlier_try_showed_is_not_waited_for(monkeypatch):
    clock, said = Clock(monkeypatch), []
    tell = told(said)
    for done in range(0, 501):
        tell(Progress("analyse", done, 1000, 1.0, None))
        clock.now += 1.0
    assert said[-1]["remaining_s"] == pytest.approx((25 * 0.5 + 55 + 10) * 1000 / 25, rel=0.01)


def test_begun_anew_all_of_it_counts(monkeypatch):
    clock, said = Clock(monkeypatch), []
    tell = told(said, draft=True)
    for done in range(0, 501):
        tell(Progress("analyse", done, 1000, 1.0, None))
        clock.now += 1.0
    assert said[-1]["remaining_s"] == pytest.approx(87.5 * 1000 / 25, rel=0.01)
