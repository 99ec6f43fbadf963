"""Other processes and other threads in a session: no row lost, none doubled, every row where it belongs."""

import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from store_contents import nothing_left, read_all

from sessions.store import joining, logs
from sessions.store.errors import InstrumentOwnedError, WriteError
from sessions.store.joining import Joiner
from sessions.store.layout import SEAL
from sessions.store.manager import SessionManager

WRITER = """
import sys, time
from sessions.store.joining import Joiner
root, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
joiner = Joiner(root, name)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    joiner.log("default", "INFO", f"{name} {number}", "test", {"n": number})
    if number % 50 == 0:
        joiner.add_event("default", f"{name} event {number}")
        joiner.add_telemetry("default", name, {"value": float(number)})
joiner.close()
"""
PROJECT = Path(__file__).resolve().parents[2]


def writer(root: Path, name: str, count: int) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process: subprocess.Popen) -> None:
    process.communicate("\n", timeout=50)
    assert process.returncode == 0


def test_eight_threads_and_three_processes_log_while_sessions_rotate(tmp_path):
    per_process, rotations = 1500, 12
    sessions = SessionManager(tmp_path)
    processes = [writer(tmp_path, f"p{number}", per_process) for number in range(3)]
    stop, wanted = threading.Event(), Counter()
    counting = threading.Lock()

    def log(name):
        number = 0
        while not stop.is_set():
            sessions.log("INFO", f"{name} {number}")
            number += 1
            if number % 20 == 0:
                time.sleep(0.001)
        with counting:
            wanted.update(f"{name} {n}" for n in range(number))

    threads = [threading.Thread(target=log, args=(f"t{number}",)) for number in range(8)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for thread in threads:
        thread.start()
    rotated = 0
    while rotated < rotations or any(process.poll() is None for process in processes):
        sessions.start_session("observation" if rotated % 2 else "alignment", target=str(rotated))
        rotated += 1
    stop.set()
    for thread in threads:
        thread.join()
    for process in processes:
        finish(process)
    sessions.shutdown()
    found = read_all(tmp_path)
    assert wanted.total() > 8 * rotations
    assert found.messages == wanted + Counter(f"p{p} {n}" for p in range(3) for n in range(per_process))
    assert found.events == Counter(f"p{p} event {n}" for p in range(3) for n in range(0, per_process, 50))
    assert found.readings.total() == 3 * per_process / 50
    assert len(found.metas) == rotated + 1
    nothing_left(tmp_path)


def test_rows_of_other_processes_are_merged_in_the_order_they_happened(tmp_path):
    with SessionManager(tmp_path) as sessions:
        joiner = Joiner(tmp_path, "web")
        joining.disown(joiner._layout, "default")  # as if it were another process
        for number in range(20):
            if number % 2:
                sessions.log("INFO", str(number))
            else:
                joiner.log("default", "INFO", str(number))
        joiner.close()
        path = sessions.end_session()
        assert len(list(sessions.active_session.folder.glob("journal-*"))) == 0
    from sessions.store import reading

    with reading.open_session(path) as af:
        assert [row["message"] for row in af["observability"]["logs"]] == [str(n) for n in range(20)]


def test_a_joiner_in_the_owners_process_counts_in_the_live_status(tmp_path):
    with SessionManager(tmp_path) as sessions:
        joiner = Joiner(tmp_path, "camera")
        joiner.log("default", "ERROR", "shutter stuck")
        assert sessions.status().errors == 1
        assert sessions.status().logs[-1]["message"] == "shutter stuck"
        assert not list(sessions.active_session.folder.glob("journal-*"))
        joiner.close()


def test_without_a_session_of_its_own_a_row_goes_to_system_and_names_its_instrument(tmp_path):
    joiner = Joiner(tmp_path, "web")
    with SessionManager(tmp_path, instrument="system") as system:
        joiner.log("dwarf3", "WARNING", "nobody home", context={"a": 1})
        row_path = system.end_session()
    joiner.close()
    from sessions.store import reading

    with reading.open_session(row_path) as af:
        row = af["observability"]["logs"][0]
    assert (row["message"], row["context"]) == ("nobody home", {"a": 1, "instrument": "dwarf3"})


def test_rows_wait_on_disk_until_their_instrument_has_a_session(tmp_path):
    joiner = Joiner(tmp_path, "web")
    joiner.log("dwarf3", "INFO", "before anything ran")
    joiner.add_event("dwarf3", "door_open", {"by": "cat"})
    with SessionManager(tmp_path, instrument="dwarf3"):
        joiner.log("dwarf3", "INFO", "during")
    joiner.log("dwarf3", "INFO", "between")
    with SessionManager(tmp_path, instrument="dwarf3"):
        pass
    joiner.close()
    found = read_all(tmp_path)
    assert found.messages == Counter(["before anything ran", "during", "between"])
    assert found.events == Counter(["door_open"])
    assert len(found.metas) == 2
    nothing_left(tmp_path)


def test_rows_written_while_the_owner_is_dead_are_in_the_session_it_resumes(tmp_path):
    first = SessionManager(tmp_path)
    first.start_session("observation", "M31")
    first.suspend("test")
    joiner = Joiner(tmp_path, "web")
    joiner.log("default", "INFO", "the owner is away")
    with SessionManager(tmp_path, resume=True) as second:
        assert second.resumed
        path = second.end_session()
    joiner.close()
    from sessions.store import reading

    with reading.open_session(path) as af:
        assert af["observability"]["logs"][0]["message"] == "the owner is away"


def test_a_process_that_hangs_in_a_row_does_not_hold_up_the_end_and_repeats_the_row(tmp_path, caplog):
    folder = tmp_path / "x.partial"
    folder.mkdir()
    handle = os.open(folder / SEAL, os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_SH)  # in the middle of a row, and stopped
    assert os.fstat(handle).st_size == 0
    with caplog.at_level(logging.WARNING):
        joining.seal(folder, grace=0.05)
    assert joining.sealed(folder)
    assert os.fstat(handle).st_size == len(b"forced")  # what tells it to write the row again
    os.close(handle)
    assert "stopped in the middle" in caplog.text


def test_nobody_writes_to_a_sealed_session(tmp_path):
    with SessionManager(tmp_path) as sessions:
        joiner = Joiner(tmp_path, "web")
        joining.disown(joiner._layout, "default")
        joiner.log("default", "INFO", "in time")
        folder = sessions.active_session.folder
        journal = next(folder.glob("journal-web*"))
        before = journal.read_bytes()
        joining.seal(folder)
        joiner.log("default", "INFO", "too late")
        assert journal.read_bytes() == before
        joiner.close()
    assert read_all(tmp_path).messages == Counter(["in time"])
    waiting = list((tmp_path / ".live/waiting/default").glob("*.jsonl"))
    assert len(waiting) == 1 and b"too late" in waiting[0].read_bytes()


def test_an_instrument_has_one_owner(tmp_path):
    with SessionManager(tmp_path), pytest.raises(InstrumentOwnedError, match="default"):
        SessionManager(tmp_path)
    with SessionManager(tmp_path, instrument="a") as a, SessionManager(tmp_path, instrument="b") as b:
        assert a.active_session.id != b.active_session.id
        a.start_session("observation")
        assert b.active_session.type == "idle"


def test_a_forked_child_neither_owns_nor_blocks_the_instrument(tmp_path):
    sessions = SessionManager(tmp_path)
    reader, writer_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            Joiner(tmp_path, "child").log("default", "INFO", "from the child")
            try:
                sessions.log("INFO", "into the parent's journal")
            except WriteError:
                os.write(writer_end, b"k")
            time.sleep(0.5)
        finally:
            os._exit(0)
    os.close(writer_end)
    assert os.read(reader, 1) == b"k"
    assert len(list(sessions.active_session.folder.glob("journal-child-*"))) == 1
    sessions.shutdown()
    with SessionManager(tmp_path):  # while the child still lives
        pass
    os.waitpid(child, 0)
    os.close(reader)
    assert read_all(tmp_path).messages == Counter(["from the child"])


# -- the logging handler -------------------------------------------------------------------------------------


@pytest.fixture
def handler(tmp_path):
    logger = logging.getLogger("camera.host")
    logger.setLevel(logging.DEBUG)
    handler = logs.SessionHandler(tmp_path, "camera", logging.DEBUG)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    handler.close()


def rows(path):
    from sessions.store import reading

    with reading.open_session(path) as af:
        return list(af["observability"]["logs"])


def test_a_log_line_goes_to_the_instrument_of_its_context(tmp_path, handler):
    logger = logging.getLogger("camera.host")
    with (
        SessionManager(tmp_path, instrument="system") as system,
        SessionManager(tmp_path, instrument="dslr") as dslr,
    ):
        logger.info("no instrument", extra={"port": 3})
        with logs.instrument("dslr"):
            logger.warning("frame %d late", 7, extra={"seconds": 1.5})
        logger.info("explicit", extra={"instrument": "dslr"})
        try:
            raise ValueError("shutter")
        except ValueError:
            logger.exception("went wrong")
        system_rows, dslr_rows = rows(system.end_session()), rows(dslr.end_session())
    assert [row["message"] for row in system_rows] == ["no instrument", "went wrong"]
    assert system_rows[0]["context"] == {"port": 3}
    assert "ValueError: shutter" in system_rows[1]["context"]["exception"]
    assert [(row["level"], row["message"]) for row in dslr_rows] == [
        ("WARNING", "frame 7 late"),
        ("INFO", "explicit"),
    ]
    assert dslr_rows[0]["source"] == "camera.host"


def test_logging_inside_a_value_does_not_recurse(tmp_path, handler, monkeypatch):
    logger = logging.getLogger("camera.host")
    monkeypatch.setattr(logger, "propagate", False)  # the console would look at the value too

    class Chatty:
        def __repr__(self):
            logger.info("I am being looked at")
            return "chatty"

    with SessionManager(tmp_path, instrument="system") as system:
        logger.info("look", extra={"thing": Chatty()})
        logging.getLogger("sessions.store.manager").error("the store's own message")
        found = rows(system.end_session())
    assert [row["message"] for row in found] == ["look"]
    assert found[0]["context"] == {"thing": "chatty"}


def test_a_write_that_hangs_does_not_stop_other_threads_and_their_rows_follow(tmp_path, handler, monkeypatch):
    logger = logging.getLogger("camera.host")
    hanging, released = threading.Event(), threading.Event()
    joiner_log = Joiner.log

    def slow(self, instrument, level, message, *rest):
        if message == "slow":
            hanging.set()
            assert released.wait(20)
        joiner_log(self, instrument, level, message, *rest)

    monkeypatch.setattr(Joiner, "log", slow)
    with SessionManager(tmp_path, instrument="system") as system:
        stuck = threading.Thread(target=logger.info, args=("slow",))
        stuck.start()
        assert hanging.wait(20)
        logger.info("one")  # returns although the disk does not answer
        logger.info("two")
        released.set()
        stuck.join()
        handler.flush()
        assert [row["message"] for row in rows(system.end_session())] == ["slow", "one", "two"]


def test_a_killed_process_loses_no_line_that_was_logged(tmp_path):
    code = """
import logging, os, sys
from sessions.store.logs import SessionHandler
logging.basicConfig(level=logging.INFO, handlers=[SessionHandler(sys.argv[1], "victim")])
for number in range(200):
    logging.info("line %d", number)
os.kill(os.getpid(), 9)
"""
    with SessionManager(tmp_path, instrument="system"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT, check=False)
    assert read_all(tmp_path).messages == Counter(f"line {number}" for number in range(200))


def test_the_light_modules_do_not_load_numpy(tmp_path):
    code = "import sys, sessions.store.logs; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run(
        [sys.executable, "-c", "import json; " + code],
        cwd=PROJECT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert not {"numpy", "blosc", "asdf", "django"} & set(json.loads(out))
