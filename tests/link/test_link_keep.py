"""Device sessions that fail, belong elsewhere and come back; fence numbers."""

import asyncio
import threading

import pytest

from skycam_project.common.fence import FileFences
from skycam_project.common.files import OutsideRootError
from skycam_project.common.link import OwnedElsewhere, keep


class Ends(Exception):  # noqa: N818
    pass


class ManualClock:
    """Time that only sleeping moves."""

    def __init__(self):
        self.time, self.pauses = 0.0, []

    def now(self):
        raise AssertionError("not needed")

    def monotonic(self):
        return self.time

    async def sleep(self, duration):
        self.pauses.append(duration)
        self.time += duration


async def run(outcomes):
    """Keep a session with these outcomes (an exception, None for a return); its pauses."""
    clock, left = ManualClock(), list(outcomes)

    async def session():
        outcome = left.pop(0)
        if isinstance(outcome, float):
            clock.time += outcome
            raise RuntimeError("later")
        if outcome is not None:
            raise outcome

    async def to_the_end():
        await keep(session, "telescope", clock)

    with pytest.raises(IndexError):
        # The session that finds no outcome left fails with IndexError: stop there.
        original = clock.sleep

        async def sleep(duration):
            await original(duration)
            if not left:
                raise IndexError

        clock.sleep = sleep
        await to_the_end()
    return clock.pauses


async def test_a_failing_session_is_started_again_after_growing_pauses(caplog):
    pauses = await run([RuntimeError("broken"), None, *(RuntimeError("still") for _ in range(5))])
    assert pauses == [1, 2, 4, 8, 15, 15, 15]
    assert "broken" in caplog.text
    assert "starts again in 1 s" in caplog.text


async def test_a_session_that_ran_for_long_starts_soon_again():
    assert await run([ValueError(), ValueError(), 61.0, ValueError()]) == [1, 2, 1, 2]


async def test_a_device_of_somebody_else_is_asked_for_and_said_once(caplog):
    first, second = (OwnedElsewhere(f"telescope belongs to process {n}") for n in (1, 2))
    group = ExceptionGroup("tasks", [ExceptionGroup("inner", [first])])
    assert await run([first, group, first, second, ValueError(), second]) == [0.5, 0.5, 0.5, 0.5, 1, 0.5]
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == [f"telescope belongs to process {n}; waiting for its end" for n in (1, 2, 2)]


async def test_another_failure_beside_it_is_not_hidden(caplog):
    mixed = ExceptionGroup("tasks", [OwnedElsewhere("camera belongs to process 1"), ValueError("a bug")])
    assert await run([mixed]) == [1]
    assert "a bug" in caplog.text


async def test_cancelling_ends_it_even_when_the_session_swallows_that():
    async def stubborn():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return

    task = asyncio.create_task(keep(stubborn, "telescope"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Database:
    def __init__(self, *answers):
        self.answers = list(answers)

    def next_fence(self, device):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            threading.Event().wait(60)
        return answer


def test_fences_grow_with_the_file_alone(folder):
    assert [FileFences(folder / "run").next_fence("telescope") for _ in range(3)] == [1, 2, 3]
    assert FileFences(folder / "run").next_fence("camera-0") == 1


def test_fences_grow_whatever_the_database_does(folder, caplog):
    """Ahead, gone, behind (rows restored from a copy), hung, back."""
    database = Database(10, OSError("gone"), 3, None, 500)
    fences = FileFences(folder, database, patience=0.2)
    assert [fences.next_fence("telescope") for _ in range(5)] == [10, 11, 12, 13, 500]
    assert caplog.text.count("the file's own is used") == 2


def test_a_damaged_file_does_not_make_them_shrink(folder, caplog):
    (folder / "fence-telescope").write_bytes(b"")
    first = FileFences(folder).next_fence("telescope")
    assert first > 1_700_000_000
    assert FileFences(folder).next_fence("telescope") == first + 1
    assert "damaged" in caplog.text


def test_a_device_name_stays_in_the_folder(folder):
    with pytest.raises(OutsideRootError):
        FileFences(folder).next_fence("/../../telescope")
