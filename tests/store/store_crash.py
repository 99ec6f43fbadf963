"""Works of the store that may be killed at any system call; see tests/crashing.py."""

import os
from pathlib import Path

from tests.crashing import Acks, serve


def capture_outside(root: Path, ack: Acks, seed: int) -> None:
    """The same with frames outside the file."""
    capture(root, ack, seed, storage="external")


def capture(root: Path, ack: Acks, seed: int, storage: str = "embedded") -> None:
    """Idle, an observation with everything in it, an alignment, idle."""
    import numpy as np

    from sessions.store.manager import SessionManager

    random = np.random.default_rng(seed)
    spool = root.parent / "spool"
    spool.mkdir(exist_ok=True)

    def image():
        return random.integers(0, 5000, (24, 32), dtype=np.uint16)

    def log(text):
        sessions.log("ERROR" if text.endswith("0") else "INFO", text)
        ack("log", text)

    sessions = SessionManager(root, resume=True, sync_interval=0.05, storage=storage)
    log(f"{seed} idle")
    session = sessions.start_session("observation", target="M31")
    for number in range(3):
        ack("frame", session.add_frame("main", image(), info={"model": "x"}, exposure_us=5).sha256)
        log(f"{seed} frame {number}")
        file = spool / f"{seed}-{number}.jpg"
        file.write_bytes(random.bytes(3000))
        ack("frame", session.add_original("dslr", file).sha256)
        value = float(random.random())
        session.add_telemetry("temperature", sensor="ccd", value=value)
        ack("reading", value)
    session.add_event(f"{seed} event")
    ack("event", f"{seed} event")
    session.add_calibration("dark", image())
    sessions.end_session()
    log(f"{seed} between")
    sessions.start_session("alignment")
    ack("frame", sessions.add_frame("main", image()).sha256)
    sessions.start_session("observation", target="M33")
    ack("frame", sessions.add_frame("main", image()).sha256)
    log(f"{seed} end")
    sessions.shutdown()


class Hours:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        from datetime import UTC, datetime

        self.time = datetime(2026, 11, 20, 22, 59, 58, tzinfo=UTC)

    def now(self):
        return self.time


def rotate(root: Path, ack: Acks, seed: int) -> None:
    """Three hours of an idle instrument, with two threads and a joiner that log through the rotations."""
    import threading
    from datetime import timedelta

    from sessions.store.joining import Joiner
    from sessions.store.manager import SessionManager

    clock = Hours()
    manager = SessionManager(root, clock=clock, sync_interval=0.05)
    joiner = Joiner(root, "neighbour")
    stop = threading.Event()

    def write(name: str, log) -> None:
        for number in range(60):
            log(f"{seed} {name} {number}")
            ack("log", f"{seed} {name} {number}")
            if stop.wait(0.001):
                return

    # What a joiner hands to an owner of its own process goes straight there: this one is to use its own file.
    from sessions.store import joining

    joining._owners.clear()
    threads = [
        threading.Thread(target=write, args=(name, log), daemon=True)
        for name, log in (
            ("one", lambda text: manager.log("INFO", text)),
            ("two", lambda text: manager.log("ERROR", text)),
            ("foreign", lambda text: joiner.log("default", "INFO", text)),
        )
    ]
    for thread in threads:
        thread.start()
    for _ in range(3):
        clock.time += timedelta(hours=1)
        manager.rotate_if_due()
        stop.wait(0.02)
    for thread in threads:
        thread.join()
    joiner.close()
    manager.shutdown()


def endless(root: Path, ack: Acks, seed: int) -> None:
    """Frames and rows as fast as they go, sessions of ten frames, until somebody kills it."""
    import numpy as np

    from sessions.store.manager import SessionManager

    random = np.random.default_rng(seed)
    sessions = SessionManager(root, resume=True)
    number = 0
    while True:
        if number % 10 == 0:
            sessions.start_session("observation", target=f"t{seed}")
        frame = random.integers(0, 60000, (64, 64), dtype=np.uint16)
        ack("frame", sessions.add_frame("main", frame).sha256)
        sessions.log("INFO", f"{seed} row {number}")
        ack("log", f"{seed} row {number}")
        number += 1


def recover(root: Path, ack: Acks, seed: int) -> None:
    """Finish everything."""
    from sessions.store.manager import SessionManager

    with SessionManager(root) as sessions:
        sessions.recover()


def resume(root: Path, ack: Acks, seed: int) -> None:
    """Come back, go on, stop on purpose."""
    import numpy as np

    from sessions.store.manager import SessionManager

    sessions = SessionManager(root, resume=True)
    sessions.log("INFO", f"{seed} back")
    ack("log", f"{seed} back")
    frame = np.full((8, 8), seed % 60000, np.uint16)
    frame[0, 0] = os.getpid() % 60000
    ack("frame", sessions.add_frame("main", frame).sha256)
    sessions.suspend()


WORKS = {work.__name__: work for work in (capture, capture_outside, rotate, endless, recover, resume)}

if __name__ == "__main__":
    from sessions.store import manager  # noqa: F401 - paid once, before the forks

    serve(WORKS)
