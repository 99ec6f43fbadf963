"""The timelapse loop against a clock that jumps."""

import asyncio
import itertools
import json
from datetime import timedelta
from pathlib import Path

import pytest
from camera_fakes import START, FakeCamera, FakeSession, JumpingClock
from hypothesis import given, settings
from hypothesis import strategies as st

from camera.drivers.base import Frame, Settings
from camera.errors import CameraAbsentError, CameraBusyError, CameraHungError, CardFullError
from camera.loop import TimelapseLoop
from camera.plan import KEPT_GAPS, Plan, RunRecord, Wish
from skycam_project.common.errors import InvalidValueError


class Rig:
    """A loop and everything around it."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.clock = JumpingClock()
        self.camera, self.session = FakeCamera(self.clock, folder), FakeSession()
        self.camera.connected = True
        self.record = RunRecord(self.clock.now())
        self.errors: list[str] = []
        self.shown: list[str] = []
        self.loop = TimelapseLoop(
            self.camera,
            self.session,
            plan,
            self.record,
            self.clock,
            self._show,
            self.errors.append,
            lambda: None,
        )

    def _show(self, frame: Frame, number: str) -> None:
        self.shown.append(number)

    async def run(self, until: float) -> None:
        """Run the loop until the clock shows `until`, then stop it."""
        task = asyncio.create_task(self.loop.run())
        await self.clock.run(until)
        self.loop.stop()
        await self.clock.run(until)
        assert task.done(), "the loop did not stop at once"
        await task


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path, Plan(10.0, Settings(exposure_s=4.0)))


async def test_pictures_begin_every_interval(rig: Rig) -> None:
    await rig.run(45)
    assert rig.camera.exposed == [0, 10, 20, 30, 40]
    assert rig.record.frames == 5
    assert (rig.record.missed_slots, rig.record.gaps) == (0, [])
    assert rig.shown == ["000000", "000001", "000002", "000003", "000004"]
    assert [frame.token for frame in rig.camera.acknowledged] == [0, 1, 2, 3, 4]


async def test_late_frames_are_counted_and_never_bunched(rig: Rig) -> None:
    rig.camera.overhead = 21.0  # each picture takes 25 s of a 10 s interval
    await rig.run(101)
    assert rig.camera.exposed == [0, 25, 50, 75, 100]
    assert rig.record.missed_slots == 6  # at 100 s eleven pictures were due, five have begun


async def test_one_slow_frame_delays_the_next_but_does_not_make_up(rig: Rig) -> None:
    await_first = asyncio.create_task(rig.loop.run())
    rig.camera.overhead = 31.0
    await rig.clock.run(20)
    rig.camera.overhead = 0.0
    await rig.clock.run(70)
    rig.loop.stop()
    await await_first
    assert rig.camera.exposed == [0, 35, 45, 55, 65]
    assert rig.record.missed_slots == 2


async def test_overlong_exposure_without_interval_runs_back_to_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Plan(0.0, Settings(exposure_s=3.0)))
    await rig.run(10)
    assert rig.camera.exposed == [0, 3, 6, 9]
    assert rig.record.missed_slots == 0


async def test_stop_ends_a_running_exposure_at_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Plan(10.0, Settings(exposure_s=600.0)))
    await rig.run(5)  # asserts that the loop ended at 5 s
    assert rig.record.frames == 0
    assert rig.record.gaps == []


async def test_failure_becomes_a_gap_from_to_reason(rig: Rig) -> None:
    rig.camera.failures = {1: CardFullError("Allsky: the memory card is full"), 2: CameraBusyError("busy")}
    await rig.run(45)
    assert rig.camera.exposed == [0, 10, 20, 30, 40]
    (gap,) = rig.record.gaps
    assert gap.as_dict() == {
        "from": "2026-11-20T20:00:10.000Z",
        "to": "2026-11-20T20:00:30.000Z",
        "reason": "Allsky: the memory card is full",  # the first reason is the cause
    }
    assert rig.session.named("gap") == [gap.as_dict()]
    assert rig.errors == ["card_full", "camera_busy"]
    assert len(rig.session.named("capture_failed")) == 1
    assert rig.record.frames == 3


async def test_broken_connection_is_made_anew_and_leftovers_are_taken_in(rig: Rig) -> None:
    rig.camera.failures = {1: CameraHungError("no answer")}
    rig.camera.open_failures = [CameraAbsentError("not there")] * 3
    rig.camera.leftovers = [rig.camera.frame(99, Settings(exposure_s=4.0), 10.0, recovered=True)]
    taken = asyncio.create_task(rig.loop.run())
    await rig.clock.run(12)
    rig.camera.leftovers = [rig.camera.frame(98, Settings(exposure_s=4.0), 10.0, recovered=True)]
    await rig.clock.run(35)
    rig.loop.stop()
    await taken
    assert rig.camera.counters.restarts == 4
    numbers = [frame.token for _, _, frame in rig.session.frames]
    assert numbers == [99, 0, 98, 2, 3]
    assert [event["taken_at"] for event in rig.session.named("frame_recovered")] == [
        "2026-11-20T20:00:10.000Z"
    ] * 2
    assert rig.errors == ["camera_hung"] + ["camera_absent"] * 3


async def test_frame_that_cannot_be_stored_is_kept_and_offered_again(rig: Rig) -> None:
    rig.session.failures = [OSError(28, "No space left on device")] * 5
    await rig.run(45)
    assert [frame.token for _, _, frame in rig.session.frames] == [0, 1, 2, 3]
    assert rig.camera.exposed == [0, 14, 24, 34, 44]  # no new picture before the old one was safe
    assert len(rig.camera.acknowledged) == 4
    (gap,) = rig.record.gaps
    assert "No space left" in gap.reason
    assert gap.end == START


async def test_nothing_is_acknowledged_that_is_not_stored(rig: Rig) -> None:
    rig.session.failures = [OSError(28, "No space left on device")] * 1000
    await rig.run(45)
    assert rig.camera.acknowledged == []
    assert rig.record.frames == 0
    assert (rig.camera._folder / "000000-FAKE.JPG").exists()


async def test_a_bug_does_not_end_the_night(rig: Rig) -> None:
    rig.camera.failures = {1: TypeError("a bug")}  # type: ignore[dict-item]
    rig.camera.failures[1].reopen = False  # type: ignore[attr-defined]
    await rig.run(45)
    assert rig.record.frames == 4
    assert rig.record.gaps[0].reason == "TypeError: a bug"


async def test_new_plan_counts_from_the_next_frame(rig: Rig) -> None:
    task = asyncio.create_task(rig.loop.run())
    await rig.clock.run(12)
    rig.loop.plan = Plan(5.0, Settings(exposure_s=1.0))
    await rig.clock.run(32)
    rig.loop.stop()
    await task
    assert rig.camera.exposed == [0, 10, 15, 20, 25, 30]
    assert [s.exposure_s for s in rig.camera.settings] == [4, 4, 1, 1, 1, 1]


async def test_a_number_of_frames_ends_by_itself(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Plan(10.0, Settings(exposure_s=1.0), frames=1))
    task = asyncio.create_task(rig.loop.run())
    await rig.clock.run(2)
    assert task.done()
    assert rig.record.frames == 1


async def test_status_is_asked_for_only_when_there_is_time(tmp_path: Path) -> None:
    leisurely = Rig(tmp_path, Plan(10.0, Settings(exposure_s=4.0)))
    await leisurely.run(45)
    assert leisurely.camera.refreshed == 5
    hasty = Rig(tmp_path, Plan(4.5, Settings(exposure_s=4.0)))
    await hasty.run(45)
    assert hasty.camera.refreshed == 0


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.5, 30.0),
    st.lists(st.floats(0.0, 60.0), min_size=1, max_size=15),
)
def test_slots_add_up_whatever_the_durations(interval: float, durations: list[float]) -> None:
    """Frames and missed slots together are the slots that have passed, and no start comes early."""
    import tempfile

    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            rig = Rig(Path(folder), Plan(interval, Settings(exposure_s=None), frames=len(durations)))
            original = rig.camera.expose

            async def expose(wanted: Settings) -> Frame:
                rig.camera.overhead = durations[len(rig.camera.exposed)]
                return await original(wanted)

            rig.camera.expose = expose  # type: ignore[method-assign]
            task = asyncio.create_task(rig.loop.run())
            await rig.clock.run(10_000)
            await task
            starts = [*rig.camera.exposed, rig.loop.next_at]
            assert all(b - a >= interval - 1e-6 for a, b in itertools.pairwise(starts))
            slots = (starts[-1] - starts[0]) / interval
            assert len(durations) + rig.record.missed_slots == pytest.approx(slots, abs=1.0 + 1e-6)

    asyncio.run(check())


# ---- what survives a restart


def test_run_record_survives() -> None:
    record = RunRecord(START, 5, 2, 1.5, START + timedelta(seconds=50))
    for n in range(KEPT_GAPS + 5):
        assert record.open_gap(START + timedelta(minutes=n), f"reason {n}")
        assert not record.open_gap(START, "another reason")
        record.close_gap(START + timedelta(minutes=n, seconds=30))
    record.open_gap(START + timedelta(hours=1), "still on")
    assert len(record.gaps) == KEPT_GAPS
    again = RunRecord.from_dict(json.loads(json.dumps(record.as_dict())))
    assert again == record
    assert again.gaps[-1].end is None


@given(
    st.booleans(),
    st.booleans(),
    st.floats(0, 86_400),
    st.none() | st.floats(1e-5, 3600),
    st.none() | st.floats(1, 1e6),
    st.none() | st.floats(0.5, 64),
)
def test_wish_survives(
    connected: bool,
    running: bool,
    interval: float,
    exposure: float | None,
    gain: float | None,
    f: float | None,
) -> None:
    wish = Wish(connected, running, Plan(interval, Settings(exposure, gain, f)))
    assert Wish.from_dict(json.loads(json.dumps(wish.as_dict()))) == wish


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"interval_s": -1}, "interval_s: -1"),
        ({"exposure_s": 0}, "exposure_s: 0 "),
        ({"exposure_s": float("nan")}, "exposure_s: nan"),
        ({"gain": "high"}, "gain: 'high'"),
        ({"aperture_f": True}, "aperture_f: True"),
        ({"format": ""}, "format: ''"),
        ({"shutter": 1}, "setting: 'shutter'"),
    ],
)
def test_wrong_values_are_refused_by_name(changes: dict[str, object], text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Plan().changed(**changes)
    assert str(caught.value).startswith(text)
    assert "allowed" in str(caught.value)
