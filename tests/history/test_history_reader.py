"""The reading process and the folder of pictures: what happens when they break, fill up, or nobody asks."""

import os
import signal
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.history import reader as module
from sessions.history.cache import FileCache
from sessions.history.reader import Reader, ReaderError
from skycam_project.common.files import OutsideRootError


@pytest.fixture
def reader(tmp_path):
    reader = Reader(tmp_path / "cache")
    yield reader
    reader.close()


def processes(reader):
    return [process.pid for process in reader._free]


def test_many_threads_get_their_own_answers_from_two_processes(nights, reader):
    path, answers = nights[1]["m-31"], {}

    def ask(index):
        answers[index] = reader.ask("frame", path, camera="main", index=index)["frame"]["index"]

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {index: index for index in range(24)}
    assert 1 <= len(processes(reader)) <= module.PROCESSES


@pytest.mark.parametrize(
    ("op", "more", "code"),
    [
        ("frame", {"camera": "main", "index": 99}, "not_found"),
        ("frame", {"camera": "nobody", "index": 0}, "not_found"),
        ("rubbish", {}, "damaged_file"),
        ("summary", {"wrong": 1}, "damaged_file"),
    ],
)
def test_refusals_come_with_their_code_and_the_process_goes_on(nights, reader, op, more, code):
    with pytest.raises(ReaderError) as refused:
        reader.ask(op, nights[1]["m-31"], **more)
    assert refused.value.code == code
    before = processes(reader)
    assert reader.ask("events", nights[1]["m-31"])["total"] == 2
    assert processes(reader) == before


def test_a_killed_process_is_replaced(nights, reader):
    reader.ask("events", nights[1]["m-31"])
    (first,) = processes(reader)
    os.kill(first, signal.SIGKILL)
    while os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT) is None:
        time.sleep(0.01)
    assert reader.ask("events", nights[1]["m-31"])["total"] == 2
    assert processes(reader) != [first]


def test_a_process_that_takes_too_long_is_ended(nights, reader, monkeypatch):
    reader.ask("events", nights[1]["m-31"])
    (first,) = processes(reader)
    os.kill(first, signal.SIGSTOP)
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with pytest.raises(ReaderError, match="longer than"):
        reader.ask("events", nights[1]["m-31"])
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_a_process_leaves_with_its_asker(nights, reader):
    reader.ask("events", nights[1]["m-31"])
    process = reader._free.pop()
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()


# -- the folder of pictures


def test_the_folder_stays_within_its_limit_and_keeps_what_was_asked_for(tmp_path):
    cache = FileCache(tmp_path, limit=1000)
    for number in range(9):
        cache.put(f"u/{number}.jpg", bytes(100))
        os.utime(tmp_path / f"u/{number}.jpg", (number, number))
    assert cache.find("u/0.jpg"), "asked for: now it is the newest"
    cache.put("u/new.jpg", bytes(400))
    cache.prune(tmp_path / "u/new.jpg")
    left = {path.name for path in tmp_path.rglob("*.jpg")}
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.jpg")) <= 1000
    assert {"0.jpg", "new.jpg"} <= left and "1.jpg" not in left and "8.jpg" in left


def test_an_emptied_folder_is_no_error(tmp_path):
    cache = FileCache(tmp_path / "cache")
    assert cache.find("u/a.jpg") is None
    path = cache.put("u/a.jpg", b"x")
    path.unlink()
    assert cache.find("u/a.jpg") is None


@given(st.lists(st.sampled_from(["..", "a", "/etc", ".", "~"]), min_size=1, max_size=6).map("/".join))
def test_no_name_leads_out_of_the_folder(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp() / "cache"
    try:
        found = FileCache(root).put(name, b"x")
    except (OutsideRootError, OSError):
        return
    assert found.resolve().is_relative_to(root.resolve())
